"""Driving a run from the command line: the loop, the end that is asked for from outside, the exit code."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

import click

from ndisemu.errors import InternalError
from ndisemu.kernel import DriverBlocks, Ending, VirtualLoop
from ndisemu.kernel.ending import LIMITED
from ndisemu.kernel.loop import LOOP_ENDED
from ndisemu.scenario.result import Result

PASSED: Final = 0
FAILED: Final = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result and the exit code it means."""

    result: Result
    exit_code: int


def drive(main: Coroutine[Any, Any, Result], *, clock: str, ending: Ending) -> Outcome:
    """Run `main` under the loop for its clock; Ctrl-C or a limit, where `ending` has one, end it with a partial result."""

    async def guarded() -> Result:
        ending.cancels(asyncio.current_task())
        return await main

    with ending, asyncio.Runner(loop_factory=_loop_factory(clock)) as runner:
        try:
            result = _to_its_end(runner.get_loop(), guarded())
        except (asyncio.CancelledError, DriverBlocks) as error:
            if ending.exit_code is None:
                raise InternalError("the run was cancelled, and nobody had asked for it") from None
            # It was ending already, or had not begun.
            click.echo(f"the run was ended before the result was complete{_said(error)}", err=True)
            raise SystemExit(ending.exit_code) from None
    if ending.exit_code == LIMITED and result["ended"] == "interrupted":
        result["ended"] = "limited"
    if ending.exit_code is not None and (ending.exit_code == LIMITED or result["ended"] == "interrupted"):
        return Outcome(result, ending.exit_code)
    if ending.exit_code is None and result["ended"] == "interrupted":
        click.echo(
            "the run was cancelled by code of its own: tasks of asyncio's are not a driver's to cancel", err=True
        )
    return Outcome(result, PASSED if result["passed"] else FAILED)


def _to_its_end(loop: asyncio.AbstractEventLoop, main: Coroutine[Any, Any, Result]) -> Result:
    """Run until the result is there; where driver code has ended the loop, the loop's handler is told, and it goes on."""
    task = loop.create_task(main)
    while True:
        try:
            return loop.run_until_complete(task)
        except (RuntimeError, SystemExit) as error:
            # All that tells a stopped loop from other errors is what it says.
            if task.done() or not (isinstance(error, SystemExit) or str(error).startswith("Event loop stopped")):
                raise
            loop.call_exception_handler({"message": LOOP_ENDED, "exception": error})


def _said(error: BaseException) -> str:
    return f": {error}" if isinstance(error, DriverBlocks) else ""


def _loop_factory(clock: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return the virtual loop, or for the real clock uvloop where it is installed and asyncio's own elsewhere."""
    if clock == "virtual":
        return VirtualLoop
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
