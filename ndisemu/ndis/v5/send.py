"""The 5.1 deserialized send path: submit, hand to the miniport, complete, reclaim.

NDIS keeps no queue: an array goes to MiniportSendPackets at once, at the
caller's IRQL, after all of its packets have been mapped for the card. Each
packet comes back through NdisMSendComplete, exactly once and possibly before
MiniportSendPackets returns.

A driver that has MiniportSend only gets one packet a call, whose status
should be PENDING; another one is taken as its completion.

Source: NDIS reference 5.3 and seed 001 (multipacket sends).
"""

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from ndisemu.errors import RuleViolation
from ndisemu.ndis.call import enter
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.sendbook import SendBook
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.edges import PacketUpper

if TYPE_CHECKING:
    from ndisemu.ndis.v5.adapter import PacketAdapter


class PacketSends(SendBook):
    """What every 5.x send path does with packets: map them for the card, announce their end, cancel, reclaim."""

    __slots__ = ("_dma", "_owner")

    def __init__(self, adapter: "PacketAdapter") -> None:
        super().__init__(adapter, adapter.name, "NdisMSendComplete")
        self._owner = adapter
        self._dma = adapter.device.dma

    def refuse(self, upper: PacketUpper, packets: Sequence[Packet]) -> None:
        """Complete an array that a closing binding sends; the miniport never sees it."""
        self.take_over(upper, packets)
        self.finish(packets, Status.CLOSING)

    def finish(self, packets: Sequence[Packet], status: Status) -> None:
        """Complete packets that are not with the miniport."""
        self.give_back(packets)
        self.announce(packets, status)

    def reclaim(self, status: Status) -> int:
        """Take everything in flight from the miniport, in submission order; returns how many packets."""
        packets = self.in_hand(self.adapter.library.packet_pools)
        if packets:
            self.give_back(packets)
            self.unmap(packets)
            self.announce(packets, status)
        return len(packets)

    def map(self, packets: Sequence[Packet]) -> None:
        """Let the card read the packets' buffers."""
        let = self._dma.map
        for packet in packets:
            let(packet.segments)

    def unmap(self, packets: Sequence[Packet]) -> None:
        """Take the packets' buffers from the card."""
        take = self._dma.unmap
        for packet in packets:
            take(packet.segments)

    def announce(self, packets: Sequence[Packet], status: Status) -> None:
        """Count the end of these sends and call ProtocolSendComplete, at DISPATCH_LEVEL."""
        self.count_end(len(packets), status)
        uppers = self._owner.uppers
        if len(uppers) == 1:
            uppers[0].sends_completed(packets, status)
        else:
            for upper, group in groupby(packets, key=attrgetter("binding")):
                upper.sends_completed(list(group), status)


class SendPath(PacketSends):
    """The sends of one deserialized adapter; it is the owner of the packets that are on their way."""

    __slots__ = ("_entry",)

    def __init__(self, adapter: "PacketAdapter") -> None:
        super().__init__(adapter)
        self._entry = adapter.miniport.send_packets

    def submit(self, upper: PacketUpper, packets: Sequence[Packet]) -> None:
        """Take an array from a protocol and give it to the miniport (`NdisSendPackets`, IRQL <= DISPATCH)."""
        adapter = self.adapter
        # The caller's array is its own again when this returns; the packets are not.
        packets = tuple(packets)
        serial = self.take_over(upper, packets)
        if (note := self._probe.event) is not None:
            note("send", self.name, len(packets), "")
        if adapter.refuses_sends is not None:
            self.finish(packets, adapter.refuses_sends)
            return
        self.map(packets)
        enter(
            adapter,
            partial(self._entry, packets),
            partial(self.returned, packets, serial),
            partial(self.raised, packets, serial),
        )

    def complete(self, packets: Sequence[Packet], status: Status) -> None:
        """Give packets back to the protocols that sent them (`NdisMSendComplete`)."""
        self.check_final(status, packets[0])
        self.give_back(packets)
        if status is Status.RESOURCES:
            self.adapter.report(
                "send-resources-final",
                f"{packets[0]!r} was completed with NDIS_STATUS_RESOURCES, which fails the send; "
                "a deserialized miniport queues what it cannot transmit yet",
            )
        self.unmap(packets)
        self.announce(packets, status)

    def resources_available(self) -> None:
        """Refuse `NdisMSendResourcesAvailable` (seed 001)."""
        raise RuleViolation(
            "send-resources-available",
            f"{self.name} is deserialized and cannot call NdisMSendResourcesAvailable; it queues sends itself",
        )

    def returned(self, packets: Sequence[Packet], serial: int, value: object, *, suspended: bool) -> None:
        """MiniportSendPackets ended with `value`: None completes nothing, a status what is left of the call."""
        if value is None or (value is Status.PENDING and not suspended):
            return
        left = self.left(packets, serial)
        if isinstance(value, Status) and value is not Status.PENDING:
            if left:
                self.complete(left, value)
            return
        self.adapter.report(
            "send-return",
            f"MiniportSendPackets returned {value!r}; it returns None, "
            "or after suspending the status that completes the packets it has left",
        )
        if left:
            self.complete(left, Status.FAILURE)

    def raised(self, packets: Sequence[Packet], serial: int, error: BaseException) -> None:
        """MiniportSendPackets raised: stop the adapter, and fail what is left of the call before all else it had."""
        left = self.left(packets, serial)
        # First, so that what a protocol does about the failure does not reach the miniport.
        self.adapter.bug_check("MiniportSendPackets", error)
        if left:
            self.complete(left, Status.FAILURE)
