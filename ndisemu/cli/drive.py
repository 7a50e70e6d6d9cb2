"""Driving a run from the command line: the loop, the signals, the time limit, the exit code."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

import click

from ndisemu.errors import InternalError
from ndisemu.kernel import VirtualLoop
from ndisemu.scenario.result import Result

PASSED: Final = 0
FAILED: Final = 1
LIMITED: Final = 124
INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result and the exit code it means."""

    result: Result
    exit_code: int


def drive(main: Coroutine[Any, Any, Result], *, clock: str, limit: int | None) -> Outcome:
    """Run `main` under the loop for its clock; `limit` is real nanoseconds. Ctrl-C ends it with a partial result."""
    limited = False

    async def guarded() -> Result:
        nonlocal limited
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()

        def expired(*_: object) -> None:
            nonlocal limited
            limited = True
            if task is not None:
                loop.call_soon_threadsafe(task.cancel)

        if limit is not None and hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, expired)
            signal.setitimer(signal.ITIMER_REAL, limit / 1e9)
        try:
            return await main
        finally:
            if limit is not None and hasattr(signal, "setitimer"):
                signal.setitimer(signal.ITIMER_REAL, 0)

    with asyncio.Runner(loop_factory=_loop_factory(clock)) as runner:
        try:
            result = runner.run(guarded())
        except asyncio.CancelledError:
            if not limited:
                raise InternalError("the run was cancelled, and nobody had asked for it") from None
            # The limit was reached while the run was ending already.
            click.echo("the wall-clock limit was reached before the result was complete", err=True)
            raise SystemExit(LIMITED) from None
    if limited:
        return Outcome(result, LIMITED)
    if result["ended"] == "interrupted":
        return Outcome(result, INTERRUPTED)
    return Outcome(result, PASSED if result["passed"] else FAILED)


def _loop_factory(clock: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return the virtual loop, or for the real clock uvloop where it is installed and asyncio's own elsewhere."""
    if clock == "virtual":
        return VirtualLoop
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
