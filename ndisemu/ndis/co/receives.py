"""The packets received on one virtual circuit: they go to its user, and to nobody else.

There is no filter and no lookahead: the circuit says whose the data is. The
user answers how many references it keeps of each packet, and none of one
that is marked NDIS_STATUS_RESOURCES. NDIS has a hold of its own meanwhile,
so a packet that is returned early waits for the answer.

Source: NDIS reference 6.4 and 5.5.2.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from ndisemu.errors import RuleViolation
from ndisemu.ndis.co.books import VcReceives
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.receivebook import WALK
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.co.adapter import CoAdapter
    from ndisemu.ndis.co.vc import VirtualCircuit


class VcPacketReceives(VcReceives[Packet]):
    """The packets of one circuit that are lent to its user."""

    __slots__ = ("_miniport",)

    def __init__(self, vc: "VirtualCircuit", adapter: "CoAdapter") -> None:
        super().__init__(vc, "MiniportReturnPacket")
        self._miniport = adapter

    def indicate(self, packets: Sequence[Packet], flags: int = 0) -> None:
        """Offer an array to the circuit's user (`NdisMCoIndicateReceivePacket`), in its order."""
        self.look_whether_active(len(packets))
        for starved, run in groupby(packets, key=_is_starved):
            self._offer(list(run), starved=starved)

    def release(self, packets: Sequence[Packet], flags: int = 0) -> None:
        """Drop one reference of each packet; those without any go back to the miniport (`NdisReturnPackets`)."""
        free = []
        for place, packet in enumerate(packets):
            if packet.owner is not self or packet.references < 1:
                for undone in packets[:place]:
                    undone.references += 1
                raise RuleViolation(
                    "co-rx-return",
                    f"a protocol returned {packet!r} of {self._vc.name}, but it is owned by {packet.owner}; "
                    "return each packet as often as ProtocolCoReceivePacket has promised",
                )
            packet.references -= 1
            if not packet.references:
                free.append(packet)
        self._give(free)

    def _offer(self, packets: Sequence[Packet], *, starved: bool) -> None:
        """Offer packets that are all short of resources, and back at once, or all not."""
        self.lend(packets)
        if (note := self._probe.event) is not None:
            note("indicate", self._vc.name, len(packets), "NDIS_STATUS_RESOURCES" if starved else "")
        counts = self._tell(packets, 0)
        if starved:
            self.count_starved(len(packets))
            if counts:
                self._wrong_count(counts, packets, "0, as these are short of resources")
            self._let_go(packets)
            self.take_back(packets)
            self._vc.came_back()
            return
        if counts:
            self._count(packets, counts)
        self._give(self._let_go(packets))

    def _let_go(self, packets: Sequence[Packet]) -> list[Packet]:
        """Give up NDIS's own hold of packets; returns those that nobody holds any more."""
        free, surplus = [], 0
        for packet in packets:
            packet.references -= WALK
            if packet.references < 0:
                surplus -= packet.references
                packet.references = 0
            if not packet.references:
                free.append(packet)
        if surplus:
            binding = self._vc.user.binding
            binding.receives_held += surplus
            binding.report(
                "co-rx-return",
                f"{binding.name} returned packets of {self._vc.name} {surplus} times more, inside of "
                "ProtocolCoReceivePacket, than that has promised; return from it how many references it keeps",
            )
        return free

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
            self._miniport.return_packets(free)
            self._vc.came_back()


def _is_starved(packet: Packet) -> bool:
    return packet.status is Status.RESOURCES
