"""The 5.1 deserialized send path: submit, hand to the miniport, complete, reclaim.

NDIS keeps no queue: an array goes to MiniportSendPackets at once, at the
caller's IRQL, after all of its packets have been mapped for the card. Each
packet comes back through NdisMSendComplete, exactly once and possibly before
MiniportSendPackets returns. Ownership moves in two places, `submit` and
`complete`; a call that finds a packet in other hands is refused and changes
nothing.

Source: NDIS reference 5.3 and seed 001 (multipacket sends).
"""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from types import CoroutineType
from typing import TYPE_CHECKING

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DRIVER_ERRORS, Fiber
from ndisemu.kernel.traps import DriverCoroutine
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter
    from ndisemu.ndis.binding import Binding

_SUCCESS = Status.SUCCESS


class SendCall(Fiber):
    """One call of MiniportSendPackets that is a coroutine, and the packets it was given."""

    __slots__ = ("_path", "packets", "serial")

    def __init__(self, path: "SendPath", coroutine: DriverCoroutine, packets: Sequence[Packet], serial: int) -> None:
        super().__init__(coroutine, path.adapter.running_cpu("MiniportSendPackets"))
        self._path = path
        self.packets = packets
        self.serial = serial

    @property
    def actor(self) -> str:
        """The adapter."""
        return self._path.adapter.name

    def returned(self, value: object) -> None:
        """What it returns completes the packets it has left."""
        suspended = self._path.adapter.forget(self)
        self._path.returned(self.packets, self.serial, value, suspended=suspended)

    def raised(self, error: BaseException) -> None:
        """It fails its own packets, and then its adapter."""
        self._path.adapter.forget(self)
        self._path.raised(self.packets, self.serial, error)


class SendPath:
    """The sends of one adapter; it is the owner of the packets that are on their way.

    `submitted` = `completed` + `failed` + `cancelled` + what is in flight.
    """

    __slots__ = ("_dma", "_probe", "_serial", "adapter", "cancelled", "completed", "failed", "failures", "submitted")

    def __init__(self, adapter: "Adapter") -> None:
        self.adapter = adapter
        self._dma = adapter.device.dma
        self._probe = adapter.kernel.probe
        self._serial = 0
        self.submitted = 0
        self.completed = 0
        self.failed = 0
        self.cancelled = 0
        self.failures: dict[Status, int] = {}

    def __repr__(self) -> str:
        return f"{self.adapter.name} (sending)"

    @property
    def in_flight(self) -> int:
        """How many packets the miniport has."""
        return self.submitted - self.completed - self.failed - self.cancelled

    def submit(self, binding: "Binding", packets: Sequence[Packet]) -> None:
        """Take an array from a protocol and give it to the miniport (`NdisSendPackets`, IRQL <= DISPATCH)."""
        adapter = self.adapter
        # The caller's array is its own again when this returns; the packets are not.
        packets = tuple(packets)
        serial = self._take_over(binding, packets)
        if (note := self._probe.event) is not None:
            note("send", adapter.name, len(packets), "")
        if adapter.refuses_sends is not None:
            self._finish(packets, adapter.refuses_sends)
            return
        self._map(packets)
        try:
            result = adapter.miniport.send_packets(packets)
        except DRIVER_ERRORS as error:
            self.raised(packets, serial, error)
            return
        if type(result) is CoroutineType:
            call = SendCall(self, result, packets, serial)
            if not call.step():
                adapter.remember(call)
        elif result is not None:
            self.returned(packets, serial, result, suspended=False)

    def refuse(self, binding: "Binding", packets: Sequence[Packet]) -> None:
        """Complete an array that a closing binding sends; the miniport never sees it."""
        self._take_over(binding, packets)
        self._finish(packets, Status.CLOSING)

    def complete(self, packets: Sequence[Packet], status: Status) -> None:
        """Give packets back to the protocols that sent them (`NdisMSendComplete`)."""
        if type(status) is not Status:
            raise RuleViolation(
                "send-complete-argument",
                f"{self.adapter.name} called NdisMSendComplete with the status {status!r}; "
                "pass a member of Status, such as Status.SUCCESS",
            )
        if status is Status.PENDING:
            raise RuleViolation(
                "send-complete-pending",
                f"{self.adapter.name} completed {packets[0]!r} with NDIS_STATUS_PENDING; a completion is final",
            )
        self._give_back(packets)
        if status is Status.RESOURCES:
            self.adapter.report(
                "send-resources-final",
                f"{packets[0]!r} was completed with NDIS_STATUS_RESOURCES, which fails the send; "
                "a deserialized miniport queues what it cannot transmit yet",
            )
        self._unmap(packets)
        self._announce(packets, status)

    def returned(self, packets: Sequence[Packet], serial: int, value: object, *, suspended: bool) -> None:
        """MiniportSendPackets ended with `value`: None completes nothing, a status what is left of the call."""
        if value is None or (value is Status.PENDING and not suspended):
            return
        left = self._left(packets, serial)
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
        left = self._left(packets, serial)
        # First, so that what a protocol does about the failure does not reach the miniport.
        self.adapter.bug_check("MiniportSendPackets", error)
        if left:
            self.complete(left, Status.FAILURE)

    def reclaim(self, status: Status) -> int:
        """Take everything in flight from a dead miniport, in submission order; returns how many packets."""
        packets = sorted(
            (packet for pool in self.adapter.library.packet_pools for packet in pool if packet.owner is self),
            key=attrgetter("serial"),
        )
        if packets:
            self._give_back(packets)
            self._unmap(packets)
            self._announce(packets, status)
        return len(packets)

    def _left(self, packets: Sequence[Packet], serial: int) -> list[Packet]:
        """Return the packets of the call that began at `serial` which are not completed yet."""
        return [
            packet for place, packet in enumerate(packets) if packet.owner is self and packet.serial == serial + place
        ]

    def _take_over(self, binding: "Binding", packets: Sequence[Packet]) -> int:
        """Make the packets ours, or refuse the call; returns the serial number of the first."""
        first = serial = self._serial
        for packet in packets:
            if packet.owner is not binding:
                self._refuse(packets, serial - first, binding, "submitted")
            packet.owner = self
            packet.binding = binding
            packet.serial = serial
            serial += 1
        self._serial = serial
        self.submitted += serial - first
        binding.sends_pending += serial - first
        return first

    def _give_back(self, packets: Sequence[Packet]) -> None:
        """Make the packets their bindings' again, or refuse the call."""
        place = 0
        try:
            for place, packet in enumerate(packets):
                if packet.owner is not self:
                    self._refuse(packets, place, self, "completed")
                packet.owner = packet.binding
        except AttributeError:
            for undone in packets[:place]:
                undone.owner = self
            raise RuleViolation(
                "send-complete-argument",
                f"{self.adapter.name} called NdisMSendComplete with {packets[place]!r}, which is no packet; "
                "pass the packets that MiniportSendPackets was given",
            ) from None

    def _refuse(self, packets: Sequence[Packet], place: int, owner: object, verb: str) -> None:
        """Undo the hand-over of the packets before `place`, and say what was wrong with that one."""
        packet = packets[place]
        # A packet that stands twice in the array is in other hands at its second place.
        who, name = packet.owner, self.adapter.name
        for undone in packets[:place]:
            undone.owner = owner
        if verb == "submitted":
            rule = "proto-send-not-owned"
            text = f"a protocol submitted {packet!r} to {name}, but it is owned by {who}; send only what is yours"
        elif packet.binding is not None and who is packet.binding:
            rule = "send-double-complete"
            text = f"{name} completed {packet!r} twice; NDIS gave it back to {who} at the first completion"
        else:
            rule = "send-complete-not-owned"
            text = f"{name} completed {packet!r}, which was not submitted to it and is owned by {who}"
        raise self.adapter.kernel.refusal(rule, str(owner) if verb == "submitted" else name, text)

    def _map(self, packets: Sequence[Packet]) -> None:
        let = self._dma.map
        for packet in packets:
            let(packet.segments)

    def _unmap(self, packets: Sequence[Packet]) -> None:
        take = self._dma.unmap
        for packet in packets:
            take(packet.segments)

    def _finish(self, packets: Sequence[Packet], status: Status) -> None:
        """Complete packets that never reached the miniport."""
        self._give_back(packets)
        self._announce(packets, status)

    def _announce(self, packets: Sequence[Packet], status: Status) -> None:
        """Count the end of these sends and call ProtocolSendComplete, at DISPATCH_LEVEL."""
        count = len(packets)
        if (note := self._probe.event) is not None:
            note("send complete", self.adapter.name, count, status.name)
        if status is _SUCCESS:
            self.completed += count
        elif status is Status.REQUEST_ABORTED:
            self.cancelled += count
        else:
            self.failed += count
            self.failures[status] = self.failures.get(status, 0) + count
        if len(self.adapter.bindings) == 1:
            self.adapter.bindings[0].sends_completed(packets, status)
        else:
            for binding, group in groupby(packets, key=attrgetter("binding")):
                binding.sends_completed(list(group), status)
