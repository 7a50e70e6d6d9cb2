"""The last resort against driver code that never returns.

A DPC that passes preemption points is stopped by its CPU. One that spins in
plain Python passes none; it is found by the CPU time of the process: a timer
signal every second looks whether the kernel has moved on, and after some
seconds without progress raises `DriverSpins` inside the spinning code, so
that the report shows the driver's own line.

Only the main thread can receive signals; elsewhere there is no such guard.
The virtual world never sees this clock unless a driver is stuck for good.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Final, Self

from ndisemu.kernel.kernel import Kernel

# CPU seconds without progress before a driver is stopped.
LIMIT: Final = 3


class DriverSpins(BaseException):
    """Raised inside driver code that has kept the CPU for too long.

    Not an `Exception`: a driver's own `except Exception` must not swallow it.
    """


class Watchdog:
    """Guards `kernel` while the `with` block runs."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._seen = -1
        self._strikes = 0
        self._active = False
        self._over = False
        self._before: Callable[[int, FrameType | None], object] | int | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
            self._before = signal.signal(signal.SIGVTALRM, self._tick)
            signal.setitimer(signal.ITIMER_VIRTUAL, 1.0, 1.0)
            self._active = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._active:
            return
        self._active = False
        self._over = True
        # Another guard may have come on top of this one: it passes ticks on, and stops the timer when it is the last.
        if signal.getsignal(signal.SIGVTALRM) == self._tick:
            before = self._before
            while isinstance(guard := getattr(before, "__self__", None), Watchdog) and guard._over:
                before = guard._before
            signal.signal(signal.SIGVTALRM, before)
            if not callable(before):
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def _tick(self, _signal: int, _frame: FrameType | None) -> None:
        if callable(self._before):
            self._before(_signal, _frame)
        kernel = self._kernel
        if self._over or kernel.current is None or kernel.progress != self._seen:
            self._seen = kernel.progress
            self._strikes = 0
            return
        self._strikes += 1
        if self._strikes >= LIMIT:
            self._strikes = 0
            raise DriverSpins(f"driver code has kept {kernel.current.name} for {LIMIT} CPU seconds without returning")
