"""The receives of one virtual circuit: they go to its user, and to nobody else.

There is no filter and no lookahead: the circuit says whose the data is. The
user answers how many references it keeps of each packet, and none of one
that is marked NDIS_STATUS_RESOURCES. NDIS has a hold of its own meanwhile,
so a packet that is returned early waits for the answer.

Source: NDIS reference 6.4 and 5.5.2.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from ndisemu.errors import RuleViolation
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.receivebook import ReceiveBook, Received
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.co.vc import VirtualCircuit

# NDIS's own hold of a packet while it is offered: more than a protocol could return early.
_OFFER: Final = 1 << 32


class VcReceives(ReceiveBook):
    """The packets of one circuit that are lent to its user; its adapter's book counts them as well."""

    __slots__ = ("_total", "_vc")

    def __init__(self, vc: "VirtualCircuit") -> None:
        super().__init__(vc.adapter, "MiniportReturnPacket")
        self._vc = vc
        self._total = vc.adapter.receives

    def __repr__(self) -> str:
        return f"{self._vc.name} (lent to protocols)"

    def indicate(self, packets: Sequence[Packet]) -> None:
        """Offer an array to the circuit's user (`NdisMCoIndicateReceivePacket`), in its order."""
        vc = self._vc
        if not vc.carries:
            rule = "co-no-data-after-deactivate" if vc.used else "co-activate-before-data"
            text = (
                f"{vc.adapter.name} indicated {len(packets)} packets on {vc.name}, which is {vc.state.current.value}; "
                "data moves on an active circuit only"
            )
            raise vc.adapter.kernel.refusal(rule, vc.adapter.name, text)
        for starved, run in groupby(packets, key=_is_starved):
            self._offer(list(run), starved=starved)

    def release(self, packets: Sequence[Packet]) -> None:
        """Drop one reference of each packet; those without any go back to the miniport (`NdisReturnPackets`)."""
        free = []
        for place, packet in enumerate(packets):
            if packet.owner is not self or packet.references < 1:
                for undone in packets[:place]:
                    undone.references += 1
                raise RuleViolation(
                    "proto-return-not-held",
                    f"a protocol returned {packet!r} of {self._vc.name}, but it is owned by {packet.owner}; "
                    "return each packet as often as ProtocolCoReceivePacket has promised",
                )
            packet.references -= 1
            if not packet.references:
                free.append(packet)
        self._give(free)

    def lend(self, items: Sequence[Received]) -> None:
        """Make the miniport's items ours, here and in the adapter's book."""
        super().lend(items)
        self._total.indicated += len(items)

    def take_back(self, items: Sequence[Received]) -> None:
        """Make the items the miniport's again, here and in the adapter's book."""
        super().take_back(items)
        self._total.returned += len(items)

    def _offer(self, packets: Sequence[Packet], *, starved: bool) -> None:
        """Offer packets that are all short of resources, and back at once, or all not."""
        self.lend(packets)
        if (note := self._probe.event) is not None:
            note("indicate", self._vc.name, len(packets), "NDIS_STATUS_RESOURCES" if starved else "")
        for packet in packets:
            packet.references = _OFFER
        counts = self._vc.user.received(packets)
        if starved:
            self.starved += len(packets)
            self._total.starved += len(packets)
            if counts:
                self._wrong_count(counts, packets, "0, as these are short of resources")
            self.take_back(packets)
            self._vc.came_back()
            return
        if counts:
            self._count(packets, counts)
        free = []
        for packet in packets:
            packet.references -= _OFFER
            if packet.references <= 0:
                free.append(packet)
        self._give(free)

    def _count(self, packets: Sequence[Packet], counts: object) -> None:
        """Add the references that ProtocolCoReceivePacket promised to return."""
        each: Sequence[object]
        if isinstance(counts, int):
            each = [counts] * len(packets)
        else:
            each = counts if isinstance(counts, Sequence) else ()
        kept = [count for count in each if isinstance(count, int) and count >= 0]
        if len(kept) != len(packets):
            self._wrong_count(counts, packets, "how many references it keeps of each")
            return
        for packet, count in zip(packets, kept, strict=True):
            packet.references += count
        self._vc.user.binding.receives_held += sum(kept)

    def _wrong_count(self, counts: object, packets: Sequence[Packet], right: str) -> None:
        self._vc.user.binding.report(
            "co-rx-return",
            f"ProtocolCoReceivePacket of {self._vc.user.binding.name} returned {counts!r} for {len(packets)} packets; "
            f"it returns {right}, and none were counted",
        )

    def _give(self, free: Sequence[Packet]) -> None:
        """Hand packets that nobody holds back to the miniport."""
        if free:
            self.take_back(free)
            self._vc.adapter.return_packets(free)
            self._vc.came_back()


def _is_starved(packet: Packet) -> bool:
    return packet.status is Status.RESOURCES
