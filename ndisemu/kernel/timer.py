"""One-shot and periodic timers, whose routine runs as a DPC.

Setting a timer that is set moves it. Cancelling returns whether it was still
set: False means that it never was, or that it has expired and its routine
has run, runs now, or waits in the DPC queue (`KeCancelTimer`).
"""

from collections.abc import Callable
from operator import index

from ndisemu.errors import RuleViolation, UsageError
from ndisemu.kernel.cpu import Cpu
from ndisemu.kernel.dpc import Dpc


class Timer:
    """`KTIMER` with its DPC, on the CPU it was made for."""

    __slots__ = ("_alarm", "_cpu", "_dpc", "_period")

    def __init__(self, cpu: Cpu, routine: Callable[[], None], *, name: str = "timer") -> None:
        self._cpu = cpu
        self._dpc = Dpc(routine, name=name, cpu=cpu)
        self._alarm = cpu.kernel.alarm(self._expire)
        self._period = 0

    def __repr__(self) -> str:
        state = "idle" if self._alarm.when is None else f"due at {self._alarm.when} ns"
        return f"<Timer {self._dpc.name} {state}>"

    @property
    def is_set(self) -> bool:
        """Whether it is in the timer queue."""
        return self._alarm.when is not None

    def set(self, due: int, *, period: int = 0) -> bool:
        """Expire in `due` ns (0: now), then every `period` ns (0: once); returns whether it was set before."""
        try:
            due, period = index(due), index(period)
        except TypeError:
            raise RuleViolation(
                "call-argument", f"{self!r} was set to {due!r} with the period {period!r}; times are whole nanoseconds"
            ) from None
        if due < 0 or period < 0:
            raise UsageError(f"a timer is due in the future, not in {due} ns with a period of {period} ns")
        self._period = period
        if due or period:
            return self._alarm.set(self._cpu.kernel.local_time() + due)
        was_set = self._alarm.cancel()
        self._dpc.queue(self._cpu)
        return was_set

    def cancel(self) -> bool:
        """Take it out of the timer queue; True if it was in it."""
        self._period = 0
        return self._alarm.cancel()

    def silence(self) -> None:
        """Cancel it, and take its routine out of the DPC queue too."""
        self.cancel()
        self._dpc.remove()

    def _expire(self) -> None:
        if self._period:
            self._alarm.set(self._cpu.kernel.now + self._period)
        self._dpc.queue(self._cpu)
