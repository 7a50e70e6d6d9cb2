"""What drivers leave to asyncio, to threads and to Python's collector, and what of that fails where nobody waits for it.

A miniport has NDIS's own means for what it does beside its entry points:
timers, work items, coroutines that are awaited. One that makes tasks of its
own, or puts callbacks into the loop, is not refused that; but what they raise
would end as a message of asyncio's, and the run as if all were well. While an
emulation is entered, this takes what nobody has caught of its own drivers'
code and reports it (`stray-error`); everything else goes to whoever was told
before. Whose code it is tells its module: where two machines of one program
run drivers of one module, the one that was entered last reports it.
"""

import asyncio
import inspect
import sys
import threading
from collections.abc import Coroutine, Generator, Iterator
from functools import partial
from types import FrameType, TracebackType
from typing import Any, Final, NamedTuple, TypeVar

from ndisemu.errors import raised_by
from ndisemu.kernel import Kernel, driver_errors
from ndisemu.kernel.loop import LOOP_ENDED
from ndisemu.units import format_time

T = TypeVar("T")

RULE: Final = "stray-error"


class _Failure(NamedTuple):
    """What has failed, when (virtual ns), and the task that it has ended if it was one."""

    what: str
    error: BaseException
    time: int
    task: "asyncio.Task[Any] | None" = None


class Strays:
    """Reports, for one kernel, what its drivers' own tasks, callbacks, threads and finalizers raise."""

    def __init__(self, kernel: Kernel, loop: asyncio.AbstractEventLoop) -> None:
        self._kernel = kernel
        self._loop = loop
        self._late: list[_Failure] = []
        self._listens = True
        self._told, self._makes = loop.get_exception_handler(), loop.get_task_factory()
        self._unraisable, self._thread = sys.unraisablehook, threading.excepthook
        loop.set_exception_handler(self._failed)
        loop.set_task_factory(self._make)
        sys.unraisablehook = self._lost
        threading.excepthook = self._broke

    def close(self) -> None:
        """Report what has failed in tasks and threads by now, and listen no more; who has come since goes on, through this."""
        self._listens = False
        for failure in self._late:
            # As asyncio itself remembers it: whether anybody has taken the error.
            if failure.task is None or getattr(failure.task, "_log_traceback", True):
                self._report(failure)
            if failure.task is not None and failure.task.done() and not failure.task.cancelled():
                failure.task.exception()
        self._late.clear()
        if self._loop.get_exception_handler() == self._failed:
            self._loop.set_exception_handler(self._told)
        if self._loop.get_task_factory() == self._make:
            self._loop.set_task_factory(self._makes)
        if sys.unraisablehook == self._lost:
            sys.unraisablehook = self._unraisable
        if threading.excepthook == self._broke:
            threading.excepthook = self._thread

    def _make(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, T] | Generator[Any, None, T],
        /,
        **named: Any,  # noqa: ANN401 - whatever this Python's loop gives a factory
    ) -> asyncio.Future[T]:
        """Make a task, and note how one of a driver's ends."""
        inner = None
        # Of this machine's driver code, which runs on a processor; an embedding program's own does not.
        if self._listens and self._kernel.current is not None and inspect.iscoroutine(coroutine):
            frame = coroutine.cr_frame
            if frame is not None and self._owners(frame):
                inner, coroutine = coroutine, self._followed(coroutine)
        task: asyncio.Future[T]
        if self._makes is not None:
            task = self._makes(loop, coroutine, **named)
        else:
            task = asyncio.Task(coroutine, loop=loop, **named)
        if inner is not None:
            # One that is cancelled before its first step has not begun it.
            task.add_done_callback(lambda _: inner.close())
        return task

    async def _followed(self, coroutine: Coroutine[Any, Any, T]) -> T:
        try:
            return await coroutine
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except driver_errors() as error:
            self._late.append(_Failure("a task of its own", error, self._kernel.local_time(), asyncio.current_task()))
            if isinstance(error, Exception):
                raise
            # It would end the loop, and with it everybody.
            raise RuntimeError(raised_by(error)) from error

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The loop has caught an error."""
        error, what = context.get("exception"), "a callback of its own in the loop"
        if self._listens and error is not None and context.get("message") == LOOP_ENDED:
            self._report(_Failure(f"{what}, which has ended that,", error, self._kernel.local_time()))
        elif not self._takes(what, error):
            tell = loop.default_exception_handler if self._told is None else partial(self._told, loop)
            tell(context)

    def _lost(self, unraisable: "sys.UnraisableHookArgs") -> None:
        """Python cannot raise an error, as in a finalizer."""
        if not self._takes("a finalizer of its own", unraisable.exc_value):
            self._unraisable(unraisable)

    def _broke(self, failure: "threading.ExceptHookArgs") -> None:
        """A thread has ended, which is not this one: it is reported at the end."""
        error = failure.exc_value
        if self._listens and error is not None and any(map(self._owners, _frames(error))):
            self._late.append(_Failure("a thread of its own", error, self._kernel.now))
        else:
            self._thread(failure)

    def _takes(self, what: str, error: BaseException | None) -> bool:
        """Report an error that has come through a driver's code; whether it has."""
        if not self._listens or error is None or not any(map(self._owners, _frames(error))):
            return False
        self._report(_Failure(what, error, self._kernel.local_time()))
        return True

    def _report(self, failure: _Failure) -> None:
        owners = next(filter(None, map(self._owners, _frames(failure.error))), {})
        drivers = dict.fromkeys(owners.values())
        actor, by = " or ".join(owners) or "driver code", " or ".join(drivers)
        self._kernel.report(
            RULE,
            actor,
            f"{failure.what} {raised_by(failure.error)} at {format_time(failure.time)}, where nobody waits for it; use what "
            "ndis gives (a timer, a work item, a coroutine that is awaited), or catch it there",
            failure.error,
            watched=True,
            by=by,
        )

    def _owners(self, frame: FrameType) -> dict[str, str]:
        """Return the adapters and bindings, and their drivers, to which code of this module can belong; by its class if that tells."""
        module = f"{frame.f_globals.get('__name__')}:"
        known = {actor: driver for actor, driver in self._kernel.drivers.items() if driver.startswith(module)}
        name = frame.f_code.co_qualname
        closer = {actor: driver for actor, driver in known.items() if name.startswith(f"{driver[len(module) :]}.")}
        return closer or known


def _frames(error: BaseException) -> Iterator[FrameType]:
    """Give the frames that an error has come through, outermost first."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next
