"""The rules of waiting: where code may wait at all, and for how long it may keep a processor from everybody else."""

from typing import Final

from ndisemu.kernel import DISPATCH
from ndisemu.units import format_time
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import EVERY, Refused, Rule, after
from ndisemu.verifier.watch import Watch

# How long one call of a driver may stall in all, at DISPATCH_LEVEL or above, in ns.
STALLS: Final = 1_000_000


class IrqlWait(Refused):
    """Driver code waits for events at PASSIVE_LEVEL only."""

    id = "irql-wait"
    models = EVERY
    source = "DDK: NdisWaitEvent"
    why = "Above it, nothing else runs on the processor, and what would set the event may be among it."
    microsoft = "IrqlNdisWaitEvent"


class IrqlAwait(Refused):
    """Code at DISPATCH_LEVEL, or with a spin lock, awaits only what NDIS gives it, and never while the lock is held."""

    id = "irql-await"
    models = EVERY
    source = "ndisemu: a coroutine that suspends gives the processor away, as a wait does"
    why = "The next code on the processor would run with the lock, and the lock's owner might never come back."


class IrqlSleep(Refused):
    """NdisMSleep is called below DISPATCH_LEVEL."""

    id = "irql-msleep"
    models = EVERY
    source = "DDK: NdisMSleep"
    why = "A thread can sleep; a DPC has no thread, and stops everything on its processor."
    microsoft = "NdisMSleep"


class IrqlStall(Refused):
    """NdisStallExecution keeps a processor for 50 microseconds at most."""

    id = "irql-stall"
    models = EVERY
    source = "DDK: NdisStallExecution"
    why = "A stall is a busy loop: nothing of that level or below runs meanwhile. What takes longer is for a timer."
    microsoft = "NdisStallExecution_Delay"


class IrqlStallLoop(Rule):
    """What takes longer than a millisecond is waited for by a timer, and not by many short stalls."""

    id = "irql-stall-loop"
    models = EVERY
    source = "DDK: MiniportReset, NdisStallExecution"
    why = "Twenty stalls of 50 microseconds keep the processor just as one of a millisecond does, which is not allowed."
    advisory = True

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._stretch: tuple[int, Call | None] = (0, None)
        self._stalled = 0

    @after("NdisStallExecution")
    def stalled(self, call: Call) -> None:
        """Add up the stalls of one stretch of code: of one entry, or of one resumption of a coroutine."""
        if call.error is not None or call.irql is None or call.irql < DISPATCH:
            return
        stretch = (self.watch.kernel.progress, self.watch.calls[0] if self.watch.calls else None)
        if stretch != self._stretch:
            self._stretch, self._stalled = stretch, 0
        before, self._stalled = self._stalled, self._stalled + call.argument("ns")
        if before <= STALLS < self._stalled:
            self.broken(
                f"{self.watch.adapter.name} has stalled for {format_time(self._stalled)} in one go, by many calls of "
                "NdisStallExecution; set a timer and look again"
            )


RULES: Final[tuple[type[Rule], ...]] = (IrqlWait, IrqlAwait, IrqlSleep, IrqlStall, IrqlStallLoop)
