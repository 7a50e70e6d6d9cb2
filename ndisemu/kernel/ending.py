"""The end of a run that is asked for from outside: Ctrl-C, or a limit in real time.

Whoever asks cancels the run's task, which then ends in order. A driver that
waits for something real (`time.sleep`, a socket, a lock of another thread)
keeps the loop from hearing that. So a timer looks every second whether the
loop has answered, and if neither that nor the kernel has moved on raises
`DriverBlocks` inside the code that waits: a driver's is reported with its
line, and the run ends in order after all. Who swallows even that, again and
again, is ended with the process; and so is everything at the second Ctrl-C,
for a run that is broken off anywhere cannot even be tidied up.

Only the main thread can receive signals; elsewhere nothing can be asked for.
"""

import asyncio
import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Final, NoReturn, Self

from ndisemu.kernel.finding import driver_stack
from ndisemu.kernel.kernel import Kernel

LIMITED: Final = 124
INTERRUPTED: Final = 130
# For how many seconds of real time an answer is waited for.
GRACE: Final = 1
# How often code that does not answer is told before the process ends.
PATIENCE: Final = 5


class DriverBlocks(BaseException):
    """Raised inside driver code that keeps a run from ending. Not an `Exception`, so that few handlers swallow it."""


class Abandoned(KeyboardInterrupt):
    """Ctrl-C before there is a run that could end in order."""


class Ending:
    """Ends the run for which it is entered, after `limit` ns of real time or at Ctrl-C; `exit_code` says which it was."""

    def __init__(self, limit: int | None) -> None:
        self.exit_code: int | None = None
        self._limit = limit
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._kernel: Kernel | None = None
        self._seen = -1
        self._heard = True
        self._told = 0
        self._before: Any = None
        self._active = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
            self._active = True
            self._before = signal.signal(signal.SIGINT, self._interrupt), signal.signal(signal.SIGALRM, self._tick)
            if self._limit is not None:
                signal.setitimer(signal.ITIMER_REAL, self._limit / 1e9)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._active:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, before in zip((signal.SIGINT, signal.SIGALRM), self._before, strict=True):
                signal.signal(number, before)

    def cancels(self, task: asyncio.Task[Any] | None) -> None:
        """This is the task to cancel, in the loop that runs now: at once, if the end has been asked for already."""
        self._task = task
        self._loop = asyncio.get_running_loop()
        if self.exit_code is not None and task is not None:
            task.cancel()

    def watch(self, kernel: Kernel) -> None:
        """Whether this kernel moves on tells code that blocks from code that takes its time."""
        self._kernel = kernel

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        if self._task is None:
            raise Abandoned
        if self.exit_code == INTERRUPTED:
            _leave(INTERRUPTED, "interrupted again: the run was not ended in order")
        self._ask(INTERRUPTED)

    def _tick(self, _signal: int, _frame: FrameType | None) -> None:
        if self.exit_code is None:
            self._ask(LIMITED)
        elif self._heard or self._moves_on():
            self._told = 0
            self._ping()
        else:
            self._tell()

    def _ask(self, exit_code: int) -> None:
        """Cancel the task, and look from now on whether it is heard."""
        self.exit_code = exit_code
        if self._loop is not None and self._task is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._moves_on()
        self._ping()
        signal.setitimer(signal.ITIMER_REAL, GRACE, GRACE)

    def _ping(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._heard = False
            self._loop.call_soon_threadsafe(self._hear)

    def _hear(self) -> None:
        self._heard = True

    def _moves_on(self) -> bool:
        """Whether the kernel has done something since the last look."""
        if self._kernel is None or self._kernel.progress == self._seen:
            return False
        self._seen = self._kernel.progress
        return True

    def _tell(self) -> None:
        """Stop what blocks, on its own line."""
        self._told += 1
        stack = driver_stack()
        place = f" at {stack[0]}" if stack else ""
        if self._told > PATIENCE:
            _leave(
                self.exit_code or LIMITED, f"the run cannot be ended: code{place} has swallowed that {PATIENCE} times"
            )
        cpu = None if self._kernel is None else self._kernel.current
        raise DriverBlocks(
            f"driver code has kept {'the process' if cpu is None else cpu.name}{place} without returning or awaiting, "
            f"and the run that was to end has waited for {GRACE} s; wait with what ndis gives, in virtual time"
        )


def _leave(exit_code: int, text: str) -> NoReturn:
    """End the process where it is."""
    os.write(2, f"{text}\n".encode())
    os._exit(exit_code)
