"""The 5.x receive path of packets: arrays go up, references come back down.

A miniport indicates an array; every binding whose filter wants a packet is
offered it and answers how many references it keeps. NDIS has a hold of its
own during the walk, so a packet that a protocol returns early waits for the
end of the walk. When the last reference is gone the packet goes to
MiniportReturnPacket, in bursts. Packets marked NDIS_STATUS_RESOURCES are the
miniport's again when the call returns: protocols copy them and keep none.

A serialized miniport reads in each packet's status, when the call returns,
whether a protocol has kept it: PENDING, and it comes back through
MiniportReturnPacket; or SUCCESS, and it is back already.

Not here: frames that the miniport keeps (`v5.lookahead`).

Source: NDIS reference 5.5.2, and 10.4 for `resources_sticky`.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from ndisemu.errors import RuleViolation
from ndisemu.kernel import Costs
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.receivebook import WALK, ReceiveBook
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.edges import PacketUpper

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter

_SUCCESS = Status.SUCCESS
_RESOURCES = Status.RESOURCES

Uppers = dict[PacketUpper, None]


class Lender(Protocol):
    """Whose packets they are: an adapter, or the translator above one of another generation."""

    uppers: list[PacketUpper]

    def return_packets(self, packets: Sequence[Packet]) -> None:
        """Take packets back that no protocol holds any more."""
        ...


class ReceivePath(ReceiveBook):
    """The receives of one 5.x adapter; it is the owner of the packets that are lent to protocols.

    `resources_sticky` is the rule of older texts: from the first packet with
    NDIS_STATUS_RESOURCES on, all later ones of an array are treated so. It is
    off, and may be set on an adapter's `receives` at any time.
    """

    __slots__ = ("_lender", "_serialized", "resources_sticky")

    def __init__(self, adapter: "Adapter", lender: Lender, *, serialized: bool, costs: Costs | None = None) -> None:
        super().__init__(adapter, "MiniportReturnPacket", costs)
        self._lender = lender
        self._serialized = serialized
        self.resources_sticky = False

    def indicate(self, packets: Sequence[Packet]) -> None:
        """Offer an array to all bindings (`NdisMIndicateReceivePacket`, IRQL <= DISPATCH), in its order."""
        # Nobody who is shown it can take anything out of it.
        packets = tuple(packets)
        if (costs := self._costs) is not None:
            self.charge(len(packets), costs)
        if not self.lend(packets):
            self._indicate_mixed(packets)
            return
        shown_to: Uppers = {}
        kept = self._walk(packets, shown_to, starved=False)
        _complete(shown_to)
        self._end_walk(packets, kept=kept)

    def release(self, packets: Sequence[Packet]) -> None:
        """Drop one reference of each packet; those without any go back to the miniport (`NdisReturnPackets`)."""
        free = []
        for place, packet in enumerate(packets):
            if packet.owner is not self or packet.references < 1:
                for undone in packets[:place]:
                    undone.references += 1
                raise RuleViolation(
                    "rx5-refcount",
                    f"a protocol returned {packet!r} to {self.adapter.name}, but it is owned by {packet.owner}; "
                    "return each packet as often as ProtocolReceivePacket has promised",
                    about=packet,
                )
            packet.references -= 1
            if not packet.references:
                free.append(packet)
        if free:
            self.take_back(free)
            self._lender.return_packets(free)

    def _in_use(self, owner: object) -> str:
        """A serialized miniport was told by the packet's status that a protocol has kept it."""
        return "rx-oob-status-check-serialized" if self._serialized and owner is self else super()._in_use(owner)

    def _indicate_mixed(self, packets: Sequence[Packet]) -> None:
        """Offer an array that has been lent, in which some packets, or all, are short of resources."""
        try:
            runs = self._split(packets)
        except RuleViolation:
            for packet in packets:
                packet.owner = self.adapter
            self.indicated -= len(packets)
            raise
        shown_to: Uppers = {}
        kept = [self._walk(run, shown_to, starved=starved) for starved, run in runs]
        _complete(shown_to)
        for (starved, run), some in zip(runs, kept, strict=True):
            if starved:
                self.starved += len(run)
                self.take_back(run)
            else:
                self._end_walk(run, kept=some)

    def _split(self, packets: Sequence[Packet]) -> list[tuple[bool, Sequence[Packet]]]:
        """Cut a mixed array into runs that are short of resources, and runs that are not; or refuse the call."""
        for packet in packets:
            if packet.status is not _SUCCESS and packet.status is not _RESOURCES:
                raise RuleViolation(
                    "rx-oob-status-initialised",
                    f"{self.adapter.name} indicated {packet!r} with {packet.status}; "
                    "set its status to SUCCESS or RESOURCES before each indication",
                )
        if self.resources_sticky:
            first = next(place for place, packet in enumerate(packets) if _is_starved(packet))
            for packet in packets[first:]:
                packet.status = _RESOURCES
        return [(starved, list(run)) for starved, run in groupby(packets, key=_is_starved)]

    def _walk(self, packets: Sequence[Packet], shown_to: Uppers, *, starved: bool) -> bool:
        """Offer `packets` to each binding; returns whether any reference was kept, besides NDIS's own hold."""
        if (note := self._probe.event) is not None:
            note("indicate", self.adapter.name, len(packets), "NDIS_STATUS_RESOURCES" if starved else "")
        kept = False
        whole = False
        reached: dict[Packet, None] = {}
        for upper in tuple(self._lender.uppers):
            wanted = upper.filter.accepts(packets)
            if not wanted:
                continue
            shown_to[upper] = None
            if wanted is packets:
                whole = True
            else:
                reached.update(dict.fromkeys(wanted))
            if starved:
                upper.copied(wanted)
            elif counts := upper.received(wanted):
                self._count(upper, wanted, counts)
                kept = True
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
                by=upper.name,
            )

    def _end_walk(self, packets: Sequence[Packet], *, kept: bool) -> None:
        """End NDIS's hold of each packet; those that nobody else holds are the miniport's again."""
        free = self._let_go(packets) if kept else packets
        if self._serialized and kept:
            for packet in packets:
                packet.status = Status.PENDING if packet.references > 0 else _SUCCESS
        if free:
            self.take_back(free)
            if not self._serialized:
                self._lender.return_packets(free)

    def _let_go(self, packets: Sequence[Packet]) -> Sequence[Packet]:
        """End NDIS's hold of each packet; returns those that nobody else holds."""
        free = []
        for packet in packets:
            packet.references -= WALK
            if packet.references <= 0:
                free.append(packet)
        return free


def _complete(shown_to: Uppers) -> None:
    """Say that this was all; what was returned by now must have been promised."""
    for upper in shown_to:
        upper.receive_completed()
        if upper.receives_held < 0:
            upper.returned_too_much()


def _is_starved(packet: Packet) -> bool:
    return packet.status is _RESOURCES
