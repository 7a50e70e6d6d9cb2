"""The 5.1 deserialized send path: submit, hand to the miniport, complete, reclaim.

NDIS keeps no queue: an array goes to MiniportSendPackets at once, at the
caller's IRQL, after all of its packets have been mapped for the card. Each
packet comes back through NdisMSendComplete, exactly once and possibly before
MiniportSendPackets returns.

A driver that has MiniportSend only gets one packet a call, whose status
should be PENDING. Another final status is taken as its completion, as NDIS
does, and not reported: every finding here is a broken rule, and this is
tolerated. RESOURCES is not: nobody would send the packet again.

Not here: serialized miniports, whose packets NDIS queues; see `serialized`.

Source: NDIS reference 5.3 and seed 001 (multipacket sends).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from ndisemu.errors import RuleViolation
from ndisemu.kernel import driver_errors
from ndisemu.ndis.call import enter
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.sendbook import SendBook
from ndisemu.ndis.sendcall import follow_send
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.edges import PacketUpper

if TYPE_CHECKING:
    from ndisemu.ndis.v5.adapter import PacketAdapter

# Looked up once: on a class of Python 3.11 a member costs 70 ns, and this is asked with each completion.
_SUCCESS, _RESOURCES = Status.SUCCESS, Status.RESOURCES


class PacketSends(SendBook, ABC):
    """What every 5.x send path does with packets: map them for the card, announce their end, cancel, reclaim.

    `_awaited` has the submissions whose status NdisSend returns if they end
    inside it, by their serial numbers.
    """

    __slots__ = ("_awaited", "_miniport", "_owner", "dma")

    def __init__(self, adapter: "PacketAdapter") -> None:
        super().__init__(adapter, adapter.name, "NdisMSendComplete")
        self._owner = adapter
        self._miniport = adapter.miniport
        # The card may read packets while they are in flight.
        self.dma = adapter.device.dma
        self._awaited: dict[int, Status] = {}

    @abstractmethod
    def submit(self, upper: PacketUpper, packets: Sequence[Packet]) -> None:
        """Take an array from a protocol and give it to the miniport (`NdisSendPackets`, IRQL <= DISPATCH)."""

    @abstractmethod
    def complete(self, packets: Sequence[Packet], status: Status) -> None:
        """Give packets back to the protocols that sent them (`NdisMSendComplete`)."""

    @abstractmethod
    def resources_available(self) -> None:
        """The miniport takes its NDIS_STATUS_RESOURCES back (`NdisMSendResourcesAvailable`)."""

    def send(self, upper: PacketUpper, packet: Packet) -> Status:
        """Take one packet (`NdisSend`, IRQL <= DISPATCH); a final status means that no ProtocolSendComplete follows."""
        serial = self._serial
        self._awaited[serial] = Status.PENDING
        try:
            self.submit(upper, (packet,))
        finally:
            status = self._awaited.pop(serial)
        if status is not Status.PENDING:
            upper.sends_pending -= 1
        return status

    def cancel(self, upper: PacketUpper, cancel_id: int) -> None:
        """Ask the miniport to give up what it has not transmitted (`NdisCancelSendPackets`)."""
        adapter = self._owner
        if adapter.alive:
            adapter.call("MiniportCancelSendPackets", partial(self._miniport.cancel_send_packets, cancel_id))

    def withdraw(self, status: Status) -> None:
        """Complete what NDIS has kept, which here is nothing."""

    def refuse(self, upper: PacketUpper, packets: Sequence[Packet]) -> None:
        """Complete an array that a closing binding sends; the miniport never sees it."""
        self.take_over(upper, packets)
        self.finish(packets, Status.CLOSING)

    def finish(self, packets: Sequence[Packet], status: Status) -> None:
        """Complete packets that are not with the miniport; a lone one that NdisSend waits for, by its return."""
        self.give_back(packets)
        if len(packets) == 1 and packets[0].serial in self._awaited:
            self._awaited[packets[0].serial] = status
            self.count_end(1, status)
        else:
            self.announce(packets, status)

    def reclaim(self, status: Status) -> int:
        """Take everything in flight from the miniport, in submission order; returns how many packets."""
        packets = self.in_hand(self.adapter.library.packet_pools)
        if packets:
            self.give_back(packets)
            self.dma.unmap(packets)
            self.announce(packets, status)
        return len(packets)

    def oldest(self) -> int | None:
        """Return the number of the oldest send that has not ended; None if there is none."""
        packets = self.in_hand(self.adapter.library.packet_pools)
        return packets[0].serial if packets else None

    def resume(self) -> None:
        """Go on with what waited for the adapter to be ready again; here nothing waits."""

    def announce(self, packets: Sequence[Packet], status: Status) -> None:
        """Count the end of these sends and call ProtocolSendComplete, at DISPATCH_LEVEL."""
        if status is _SUCCESS and self._probe.event is None:
            # What `count_end` does, without a call for each single send.
            self.completed += len(packets)
        else:
            self.count_end(len(packets), status)
        uppers = self._owner.uppers
        if len(uppers) == 1:
            uppers[0].sends_completed(packets, status)
        else:
            for upper, group in groupby(packets, key=attrgetter("binding")):
                upper.sends_completed(list(group), status)


class SendPath(PacketSends):
    """The sends of one deserialized adapter; it is the owner of the packets that are on their way."""

    __slots__ = ()

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
        self.dma.map(packets)
        if (costs := self._costs) is not None:
            self.charge(costs.submission(len(packets)) + costs.send(len(packets)))
        try:
            result = self._miniport.send_packets(packets)
        except driver_errors() as error:
            self.raised(packets, serial, error)
        else:
            follow_send(self, result, packets, serial)

    def complete(self, packets: Sequence[Packet], status: Status) -> None:
        """Give packets back to the protocols that sent them (`NdisMSendComplete`)."""
        if status is not _SUCCESS:
            self.check_final(status, packets[0])
        self.give_back(packets)
        if (costs := self._costs) is not None:
            self.charge(costs.completion(len(packets)))
        if status is _RESOURCES:
            self.adapter.report(
                "send-complete-resources-5d",
                f"{packets[0]!r} was completed with NDIS_STATUS_RESOURCES, which fails the send; "
                "a deserialized miniport queues what it cannot transmit yet",
            )
        self.dma.unmap(packets)
        self.announce(packets, status)

    def resources_available(self) -> None:
        """Refuse `NdisMSendResourcesAvailable`, which is for serialized miniports (seed 001)."""
        raise RuleViolation(
            "send-resources-available-deserialized",
            f"{self.name} is deserialized and cannot call NdisMSendResourcesAvailable; it queues sends itself",
        )

    def returned(
        self, packets: Sequence[Packet], serial: int, value: object, *, suspended: bool, plain: bool = False
    ) -> None:
        """MiniportSendPackets ended with `value`: None completes nothing, a coroutine's status what is left of the call."""
        if value is None or (value is Status.PENDING and not suspended):
            return
        left = self.left(packets, serial)
        if isinstance(value, Status) and value is not Status.PENDING and not plain:
            if left:
                self.complete(left, value)
            return
        self.adapter.report(
            "send-return",
            f"MiniportSendPackets returned {value!r}; it returns None, "
            "or as a coroutine the status that completes the packets it has left",
        )
        if left:
            self.complete(left, Status.FAILURE)

    def raised(self, packets: Sequence[Packet], serial: int, error: BaseException) -> None:
        """MiniportSendPackets raised: stop the adapter, and fail what is left of the call before all else it had."""
        self.make_whole(packets)
        left = self.left(packets, serial)
        # First, so that what a protocol does about the failure does not reach the miniport.
        self.adapter.bug_check("MiniportSendPackets", error)
        if left:
            self.complete(left, Status.FAILURE)


class SingleSends(SendPath):
    """The sends of a deserialized adapter whose miniport has MiniportSend only."""

    __slots__ = ()

    def submit(self, upper: PacketUpper, packets: Sequence[Packet]) -> None:
        """Take an array from a protocol and give it to the miniport, packet by packet.

        A miniport that resets over one of them does not get the others; a dead one's are given back with all it had.
        """
        packets = tuple(packets)
        serial = self.take_over(upper, packets)
        if (note := self._probe.event) is not None:
            note("send", self.name, len(packets), "")
        for place, packet in enumerate(packets):
            refused = self.adapter.refuses_sends
            if refused is not None:
                if place and not self.adapter.alive:
                    return
                self.finish(packets[place:], refused)
                return
            self.dma.map((packet,))
            if (costs := self._costs) is not None:
                self.charge(costs.submission(1) + costs.send(1))
            enter(
                self.adapter,
                partial(self._miniport.send, packet, packet.flags),
                partial(self.answered, packet, serial + place),
                partial(self.raised_over, packet, serial + place),
            )

    def answered(self, packet: Packet, serial: int, value: object, *, suspended: bool) -> None:
        """MiniportSend ended with `value`: PENDING, or a final status, which is the completion."""
        if value is Status.PENDING and not suspended:
            return
        if not self.left((packet,), serial):
            # It was completed before MiniportSend returned, and the completion is what counts.
            return
        status = Status.FAILURE
        if type(value) is not Status or value is Status.PENDING:
            self.adapter.report(
                "send-sync-status-valid", f"MiniportSend ended with {value!r}, which is no final status"
            )
        else:
            status = value
        if status is Status.RESOURCES:
            self.adapter.report(
                "send-resources-sync-deserialized",
                f"MiniportSend returned NDIS_STATUS_RESOURCES for {packet!r}, which fails the send; "
                "a deserialized miniport queues what it cannot transmit yet",
            )
        self.dma.unmap((packet,))
        self.finish((packet,), status)

    def raised_over(self, packet: Packet, serial: int, error: BaseException) -> None:
        """MiniportSend raised: stop the adapter, and fail the packet before all else it had."""
        self.adapter.bug_check("MiniportSend", error)
        if self.left((packet,), serial):
            self.complete((packet,), Status.FAILURE)
