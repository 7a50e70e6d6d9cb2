"""The 5.1 receive path: packet arrays go up, references come back down.

A miniport indicates an array; every binding whose filter wants a packet is
offered it and answers how many references it keeps. NDIS has a hold of its
own during the walk, so a packet that a protocol returns early waits for the
end of the walk. When the last reference is gone the packet goes to
MiniportReturnPacket, in bursts. Packets marked NDIS_STATUS_RESOURCES are the
miniport's again when the call returns: protocols copy them and keep none.
A serialized miniport gets those that nobody has kept back that way too, and
sees which they are.

Source: NDIS reference 5.5.2. Not here yet: lookahead indications, and
ProtocolReceive for bindings without ProtocolReceivePacket.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from ndisemu.errors import RuleViolation
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.receivebook import ReceiveBook
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.edges import PacketUpper

if TYPE_CHECKING:
    from ndisemu.ndis.v5.adapter import PacketAdapter

_RESOURCES = Status.RESOURCES
# NDIS's own hold of a packet during the walk: more than all protocols could return early.
_WALK: Final = 1 << 32


class ReceivePath(ReceiveBook):
    """The receives of one 5.x adapter; it is the owner of the packets that are lent to protocols."""

    __slots__ = ("_owner",)

    def __init__(self, adapter: "PacketAdapter") -> None:
        super().__init__(adapter, "MiniportReturnPacket")
        self._owner = adapter

    def indicate(self, packets: Sequence[Packet]) -> None:
        """Offer an array to all bindings (`NdisMIndicateReceivePacket`, IRQL <= DISPATCH), in its order."""
        if not any(packet.status is _RESOURCES for packet in packets):
            self._indicate_run(packets, starved=False)
            return
        for starved, run in groupby(packets, key=_is_starved):
            self._indicate_run(list(run), starved=starved)

    def _indicate_run(self, packets: Sequence[Packet], *, starved: bool) -> None:
        """Offer packets that are all short of resources, and back at once, or all not."""
        self.lend(packets)
        if starved:
            self.starved += len(packets)
            self._walk(packets, keep=False)
            self.take_back(packets)
            return
        free = self._let_go(packets) if self._walk(packets, keep=True) else packets
        if free:
            self.take_back(free)
        if self._owner.lock is not None:
            self._say_who_has(packets, free)
        elif free:
            self._owner.return_packets(free)

    def release(self, packets: Sequence[Packet]) -> None:
        """Drop one reference of each packet; those without any go back to the miniport (`NdisReturnPackets`)."""
        free = []
        for place, packet in enumerate(packets):
            if packet.owner is not self or packet.references < 1:
                for undone in packets[:place]:
                    undone.references += 1
                raise RuleViolation(
                    "proto-return-not-held",
                    f"a protocol returned {packet!r} to {self.adapter.name}, but it is owned by {packet.owner}; "
                    "return each packet as often as ProtocolReceivePacket has promised",
                )
            packet.references -= 1
            if not packet.references:
                free.append(packet)
        if free:
            self.take_back(free)
            self._owner.return_packets(free)

    def _walk(self, packets: Sequence[Packet], *, keep: bool) -> bool:
        """Offer `packets` to each binding; returns whether any reference was kept, besides NDIS's own hold."""
        if (note := self._probe.event) is not None:
            note("indicate", self.adapter.name, len(packets), "" if keep else "NDIS_STATUS_RESOURCES")
        kept = False
        whole = False
        reached: dict[Packet, None] = {}
        for packet in packets:
            packet.references = _WALK
        for upper in tuple(self._owner.uppers):
            wanted = upper.filter.accepts(packets)
            if wanted:
                if wanted is packets:
                    whole = True
                else:
                    reached.update(dict.fromkeys(wanted))
                counts = upper.received(wanted)
                if counts and keep:
                    self._count(upper, wanted, counts)
                    kept = True
                if upper.receives_held < 0:
                    upper.returned_too_much()
        if not whole:
            self.unwanted += len(packets) - len(reached)
        return kept

    def _count(self, upper: PacketUpper, packets: Sequence[Packet], counts: object) -> None:
        """Add the references that ProtocolReceivePacket promised to return."""
        if isinstance(counts, int) and counts > 0:
            for packet in packets:
                packet.references += counts
            upper.receives_held += counts * len(packets)
        elif (
            isinstance(counts, Sequence)
            and len(counts) == len(packets)
            and all(isinstance(count, int) and count >= 0 for count in counts)
        ):
            for packet, count in zip(packets, counts, strict=True):
                packet.references += count
            upper.receives_held += sum(counts)
        else:
            self.adapter.report(
                "rx5-refcount",
                f"ProtocolReceivePacket of {upper.name} returned {counts!r} for {len(packets)} packets; "
                "it returns how many references it keeps of each, and none were counted",
            )

    def _say_who_has(self, packets: Sequence[Packet], free: Sequence[Packet]) -> None:
        """Tell a serialized miniport by the packets' statuses: PENDING, still held; SUCCESS, its own again."""
        for packet in packets:
            packet.status = Status.PENDING
        for packet in free:
            packet.status = Status.SUCCESS

    def _let_go(self, packets: Sequence[Packet]) -> Sequence[Packet]:
        """End NDIS's hold of each packet; returns those that nobody else holds."""
        free = []
        for packet in packets:
            packet.references -= _WALK
            if packet.references <= 0:
                free.append(packet)
        return free


def _is_starved(packet: Packet) -> bool:
    return packet.status is _RESOURCES
