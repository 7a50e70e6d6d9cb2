"""The rules of timers, work items, events and IRPs: what outlives whoever has started it."""

from collections.abc import Awaitable
from typing import Any, Final

from ndisemu.kernel import Timer
from ndisemu.ndis import Status
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, EVERY, Refused, Rule, after, before, ended
from ndisemu.verifier.watch import Watch

_IRPS: Final = "DDK: Handling IRPs; seed 003 (WDM lower edge)"


class TimerHalt(Refused):
    """No timer is set when a halt returns, a start that fails or a protocol's unbind, and none is set afterwards."""

    id = "timer-halt"
    models = ANY
    source = "DDK: NdisCancelTimerObject, MiniportHaltEx"
    why = "It expires in memory that is freed."
    microsoft = "NdisTimer"

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._timers: list[tuple[Any, Timer]] = []

    @after("NdisInitializeTimer", "NdisAllocateTimerObject")
    def made(self, call: Call) -> None:
        """Note a protocol's timer; those of the miniport NDIS looks after itself."""
        if call.who is not self.watch.adapter and isinstance(call.result, Timer):
            self._timers.append((call.who, call.result))

    @ended("ProtocolUnbindAdapter", "ProtocolUnbindAdapterEx")
    def unbound(self, call: Call) -> None:
        """The unbind is over, if it does not pend."""
        if call.error is None and call.result is not Status.PENDING and not isinstance(call.result, Awaitable):
            self._look(call.who)

    @before("NdisCompleteUnbindAdapter")
    def completing(self, call: Call) -> None:
        """The unbind is over."""
        self._look(call.who)

    def _look(self, binding: Any) -> None:
        """Look at the timers of a binding that is gone; where its protocol has raised they do nothing any more."""
        for owner, timer in self._timers:
            if owner is binding and timer.is_set and not binding.failed:
                text = f"{binding} was unbound with {timer!r} still set; cancel it before the close"
                self.broken(text, by=binding.name)
        self._timers = [noted for noted in self._timers if noted[0] is not binding]


class WorkItemAtHalt(Refused):
    """Every work item has ended when a halt returns."""

    id = "wi-outstanding-at-halt"
    models = ANY
    source = "DDK: NdisQueueIoWorkItem, MiniportHaltEx"
    why = "Its routine runs on in a driver that is being unloaded."


class TimerCpu(Refused):
    """A timer is given a processor that its host has."""

    id = "timer-cpu"
    models = EVERY
    source = "ndisemu: KeSetTargetProcessorDpc"
    why = "Its DPC would have no queue to wait in."


class EntryAsync(Refused):
    """An entry point that returns at once is a plain function, and no coroutine."""

    id = "entry-async"
    models = EVERY
    source = "ndisemu: an ISR, a DPC or a timer has no thread that could wait"
    why = "NDIS goes on when it returns, and nobody would step the coroutine."


class SignalSetTwice(Refused):
    """A signal is set once."""

    id = "signal-set-twice"
    models = EVERY
    source = "ndisemu: what a coroutine awaits happens once"
    why = "Whoever has awaited it has gone on, with the value of the first time."


class SignalTwoWaiters(Refused):
    """A signal has one coroutine waiting for it."""

    id = "signal-two-waiters"
    models = EVERY
    source = "ndisemu: a signal wakes one coroutine"
    why = "The second one would never be woken."


class IrpDoubleComplete(Refused):
    """An IRP is completed once."""

    id = "irp-double-complete"
    models = ANY
    source = _IRPS
    why = "After the first completion it belongs to whoever sent it, and may be freed."


class IrpState(Refused):
    """An IRP is sent once, and pended and completed by the driver that has it."""

    id = "irp-state"
    models = ANY
    source = _IRPS
    why = "Two drivers would write into one request."


class IrpCompletePending(Refused):
    """An IRP is completed with a final status."""

    id = "irp-complete-pending"
    models = ANY
    source = _IRPS
    why = "STATUS_PENDING says that the end is still to come."


class IrpNotPended(Refused):
    """A driver that is given an IRP completes it, or marks it pending, before it returns."""

    id = "irp-not-pended"
    of_ndis = True
    models = ANY
    source = _IRPS
    why = "Nobody knows any more whose request it is."


class IrpAwaitUnsent(Refused):
    """An IRP is awaited after it has been sent."""

    id = "irp-await-unsent"
    models = ANY
    source = "ndisemu: awaiting an IRP is waiting for its completion"
    why = "Nobody has it who could complete it, and the wait would never end."


class IrpNoTarget(Refused):
    """IRPs are sent by miniports with a driver below them."""

    id = "irp-no-target"
    models = ANY
    source = "seed 003 (WDM lower edge)"
    why = "A card takes no IRPs."


class IrpAtHalt(Refused):
    """Every IRP that a miniport has sent is completed when its halt returns."""

    id = "irp-outstanding-at-halt"
    models = ANY
    source = "seed 003 (WDM lower edge); DDK: Canceling IRPs"
    why = "Its completion routine would be called in a driver that is gone."


RULES: Final[tuple[type[Rule], ...]] = (
    TimerHalt, WorkItemAtHalt, TimerCpu, EntryAsync, SignalSetTwice, SignalTwoWaiters, IrpDoubleComplete, IrpState,
    IrpCompletePending, IrpNotPended, IrpAwaitUnsent, IrpNoTarget, IrpAtHalt,
)  # fmt: skip
