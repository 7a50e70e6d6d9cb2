"""The 5.1 serialized send path: NDIS queues, the miniport may say RESOURCES, and a gate keeps the order.

A packet waits in NDIS's queue until its turn comes; then the miniport lock
is taken and MiniportSend or MiniportSendPackets is called, at exactly
DISPATCH_LEVEL. What the miniport answers, packet by packet, is: PENDING, it
will complete it; RESOURCES, it cannot take it and all behind it now; or a
final status. RESOURCES puts the packets back to the head of the queue and
closes the gate. A completion or NdisMSendResourcesAvailable opens it, also
one that comes during the call, which `_gate_event` remembers. The queue then
goes on when the lock is next free, never inside the call that opened the
gate. No timer does: a miniport that says RESOURCES with nothing outstanding
stalls until it is reset.

A packet in the queue is owned by the queue, one with the miniport by the
path; so a miniport that completes what it has given back is refused.

Where the entry is a coroutine that suspends, NDIS sees PENDING for each
packet whose status it has not set by then; what the coroutine returns later
completes those it has left.

Source: NDIS reference 5.2.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from ndisemu.errors import RuleViolation
from ndisemu.kernel import Dpc
from ndisemu.ndis.call import enter
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.sendbook import Sent
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.edges import PacketUpper
from ndisemu.ndis.v5.miniportlock import MiniportLock
from ndisemu.ndis.v5.send import PacketSends
from ndisemu.ndis.v5.sendqueue import Handover, SendQueue

if TYPE_CHECKING:
    from ndisemu.ndis.v5.adapter import PacketAdapter

_PENDING, _RESOURCES = Status.PENDING, Status.RESOURCES


class SerializedSends(PacketSends):
    """The sends of one serialized adapter; it is the owner of what is with the miniport, `queue` of what waits."""

    __slots__ = ("_arrays", "_dpc", "_gate_event", "_lock", "_scheduled", "gate_open", "queue")

    def __init__(self, adapter: "PacketAdapter", lock: MiniportLock) -> None:
        super().__init__(adapter)
        self.queue = SendQueue(adapter.name)
        self.gate_open = True
        self._gate_event = False
        self._lock = lock
        self._arrays = adapter.supplies("send_packets")
        self._scheduled = False
        self._dpc = Dpc(self._run, name=f"{adapter.name} send queue")

    # What protocols and the miniport call.

    def submit(self, upper: PacketUpper, packets: Sequence[Packet]) -> None:
        """Queue an array, and give the miniport what it may have now (`NdisSendPackets`, IRQL <= DISPATCH)."""
        packets = tuple(packets)
        self.take_over(upper, packets)
        if (note := self._probe.event) is not None:
            note("send", self.name, len(packets), "")
        if self.adapter.refuses_sends is not None:
            self.finish(packets, self.adapter.refuses_sends)
            return
        if (costs := self._costs) is not None:
            self.charge(costs.submission(len(packets)))
        self.queue.append(packets)
        if self._may_run():
            self._run()

    def complete(self, packets: Sequence[Packet], status: Status) -> None:
        """Give packets back to the protocols that sent them (`NdisMSendComplete`), which opens the gate."""
        self.check_final(status, packets[0])
        if status is _RESOURCES:
            raise self.adapter.kernel.refusal(
                "send-complete-resources",
                self.name,
                f"{self.name} completed {packets[0]!r} with NDIS_STATUS_RESOURCES; a serialized miniport answers so "
                "when it is given the packet, and completes what it has taken with how it ended",
            )
        self.give_back(packets)
        if (costs := self._costs) is not None:
            self.charge(costs.completion(len(packets)))
        self.dma.unmap(packets)
        self.gate_open = self._gate_event = True
        self.announce(packets, status)
        self._schedule()

    def resources_available(self) -> None:
        """The miniport can take packets again (`NdisMSendResourcesAvailable`); harmless where the gate is open."""
        self.gate_open = self._gate_event = True
        self._schedule()

    def cancel(self, upper: PacketUpper, cancel_id: int) -> None:
        """Complete with REQUEST_ABORTED what waits in the queue, then ask the miniport for the rest."""
        picked = self.queue.pick(upper, cancel_id, self)
        if picked:
            self.finish(picked, Status.REQUEST_ABORTED)
        super().cancel(upper, cancel_id)

    def oldest(self) -> int | None:
        """Return the number of the oldest send, with the miniport or in the queue."""
        serials = [packet.serial for packet in self.queue.packets]
        if (outstanding := super().oldest()) is not None:
            serials.append(outstanding)
        return min(serials, default=None)

    def resume(self) -> None:
        """Go on with the queue after a sleep; a reset has emptied it."""
        self._schedule()

    def reclaim(self, status: Status) -> int:
        """Take everything from miniport and queue, in submission order, and open the gate; returns how many packets."""
        queued = len(self.queue.packets)
        count = super().reclaim(status) + queued
        self.withdraw(status)
        self.gate_open = True
        return count

    def withdraw(self, status: Status) -> None:
        """Complete the queue."""
        queued = self.queue.take(len(self.queue.packets), self)
        if queued:
            self.finish(queued, status)

    # The queue, under the lock.

    def _may_run(self) -> bool:
        return self.gate_open and bool(self.queue.packets) and not self._scheduled

    def _schedule(self) -> None:
        """Let the queue go on when the lock is next free, not inside the running call."""
        if not self._may_run():
            return
        if self._lock.held:
            self._run()
        else:
            self._scheduled = True
            self._dpc.queue(self.adapter.kernel.current or self.adapter.cpu)

    def _run(self) -> None:
        if not self._lock.run(self._pass_down):
            self._scheduled = True

    def _pass_down(self) -> None:
        """Give the miniport one batch; the next waits behind whoever else wants the lock."""
        self._scheduled = False
        if not self._may_run() or self.adapter.refuses_sends is not None:
            return
        call = Handover(self.queue.take(self._most(), self))
        self.dma.map(call.packets)
        if (costs := self._costs) is not None:
            self.charge(costs.send(len(call.packets)))
        self._gate_event = False
        enter(self.adapter, self._entry(call), partial(self._returned, call), partial(self._raised, call))
        if not call.answered:
            # It has suspended: what it has not set is PENDING.
            self._answer(call, _PENDING)
        if self._miniport.strict_one_outstanding and call.left(self):
            self.gate_open = self._gate_event
        self._schedule()

    def _most(self) -> int:
        """How many packets one call may have."""
        if self._miniport.strict_one_outstanding or not self._arrays:
            return 1
        return max(self._owner.maximum_send_packets, 1)

    def _entry(self, call: Handover) -> Callable[[], object]:
        """Return the entry point with its arguments; no packet has an answer yet."""
        for packet in call.packets:
            packet.status = None
        if not self._arrays:
            return partial(self._miniport.send, call.packets[0], call.packets[0].flags)
        return partial(self._miniport.send_packets, tuple(call.packets))

    # What the miniport answers.

    def _returned(self, call: Handover, value: object, *, suspended: bool) -> None:
        """The entry has ended with `value`."""
        if suspended:
            self._returned_late(call, value)
        elif self._arrays:
            # PENDING is what the explicit style may say where the DDK has void; the packets say the rest.
            self._answer(call, value if type(value) is Status and value is not _PENDING else None)
        else:
            if type(value) is Status and value is not _PENDING and not call.left(self):
                self.adapter.report(
                    "send-sync-status-then-complete",
                    f"MiniportSend returned {value!r} for {call.packets[0]!r}, which it had completed with "
                    "NdisMSendComplete; what it completes is PENDING",
                )
            self._answer(call, value if type(value) is Status else None)

    def _answer(self, call: Handover, default: Status | None) -> None:
        """Do with each packet of the call what its status says, or `default` where it has none."""
        call.answered = True
        answers = {
            packet: packet.status if self._arrays and packet.status is not None else default
            for packet in call.left(self)
        }
        for place, packet in enumerate(call.packets):
            if answers.get(packet) is _RESOURCES:
                self._requeue(call.cut(place))
                break
        for answer, run in groupby(call.left(self), key=answers.__getitem__):
            packets = list(run)
            for packet in packets:
                packet.status = Status.FAILURE if answer is None else answer
            if answer is not _PENDING:
                self._end(packets, answer)

    def _requeue(self, rest: Sequence[Packet]) -> None:
        """Put the first packet answered with RESOURCES, and all behind it in the array, back to the head of the queue."""
        back = [packet for packet in rest if packet.owner is self]
        touched = [packet for packet in rest[1:] if packet.owner is not self or packet.status not in {None, _RESOURCES}]
        if touched:
            self.adapter.report(
                "send-resources-tail-untouched",
                f"{self.name} answered {rest[0]!r} with NDIS_STATUS_RESOURCES and took {touched[0]!r} behind it; "
                "RESOURCES gives the rest of the array back too",
            )
        self.dma.unmap(back)
        for packet in back:
            packet.status = _PENDING
        self.queue.put_back(back)
        self.requeued += len(back)
        self.gate_open = self._gate_event

    def _end(self, packets: Sequence[Packet], answer: Status | None) -> None:
        """Complete packets that the miniport has answered at once, or has failed to answer."""
        if answer is None:
            rule, what = "send-sync-status-valid", "MiniportSend returned no status for"
            if self._arrays:
                rule, what = "send-oob-status-set-before-return", "MiniportSendPackets returned and set no status for"
            self.adapter.report(
                rule, f"{what} {packets[0]!r}; it is PENDING, RESOURCES or how the send ended, and failed now"
            )
        status = Status.FAILURE if answer is None else answer
        self.dma.unmap(packets)
        if self._arrays:
            # What MiniportSendPackets ends is a callback, also for NdisSend.
            self.give_back(packets)
            self.announce(packets, status)
        else:
            self.finish(packets, status)

    def _returned_late(self, call: Handover, value: object) -> None:
        """The entry was a coroutine and has ended after suspending: a status completes what it has left."""
        left = call.left(self)
        if not left or (value is None and self._arrays):
            return
        if type(value) is Status and value not in {_PENDING, _RESOURCES}:
            self.complete(left, value)
            return
        self.adapter.report(
            "send-return",
            f"the send of {left[0]!r} ended with {value!r} after suspending; NDIS has seen PENDING, "
            "so it ends with how the send ended",
        )
        self.complete(left, Status.FAILURE)

    def _raised(self, call: Handover, error: BaseException) -> None:
        """The entry raised: stop the adapter, and fail what is left of the call before all else it had."""
        call.answered = True
        entry = "MiniportSendPackets" if self._arrays else "MiniportSend"
        self.adapter.bug_check(entry, error)
        left = call.left(self)
        if left:
            self.complete(left, Status.FAILURE)

    def _not_in_flight(self, items: Sequence[Sent], place: int) -> RuleViolation:
        item = items[place]
        if item.owner is not self.queue:
            return self._ended_already(items, place) or super()._not_in_flight(items, place)
        self._undo(items, place, self)
        return self.adapter.kernel.refusal(
            "send-resources-relinquish",
            self.name,
            f"{self.name} completed {item!r}, which NDIS has in its queue; a packet answered with NDIS_STATUS_RESOURCES "
            "is the miniport's again when it is given it again",
        )

    def _ended_already(self, items: Sequence[Sent], place: int) -> RuleViolation | None:
        """Refuse the completion of what the entry has ended by its status; None for anything else."""
        item = items[place]
        answer = getattr(item, "status", None)
        if item.owner is None or item.owner is not item.binding or answer in {None, _PENDING}:
            return None
        self._undo(items, place, self)
        return self.adapter.kernel.refusal(
            "send-sync-status-then-complete",
            self.name,
            f"{self.name} completed {item!r}, which it had answered with {answer} when it was given it; "
            "what it completes later it answers with NDIS_STATUS_PENDING",
            item,
        )
