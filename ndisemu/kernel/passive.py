"""PASSIVE_LEVEL code that may wait for anything: driver code hosted in an asyncio task.

Initialize, halt, bind and work items run here. Each step of the coroutine
runs on its virtual CPU at PASSIVE_LEVEL; between steps the task waits, for a
kernel trap or for an asyncio future alike.

Nobody waits for ever for the routines that NDIS calls here: `run_in_time`.
"""

import asyncio
import functools
import types
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any, Final, NoReturn

from ndisemu.errors import InternalError, RuleViolation, Unfinished, raised_by
from ndisemu.kernel.blame import DRIVER_ERRORS, driver_errors, is_heard_in_order
from ndisemu.kernel.cpu import Cpu
from ndisemu.kernel.irql import PASSIVE, irql_name
from ndisemu.kernel.traps import DriverCoroutine, Trap, routine_name

# For how many seconds of the run's own time a driver's routine may be waited for.
IN_TIME: Final = 60
_CANCELS: Final = "has cancelled the task of asyncio's in which NDIS runs it, and not only it"


class _Parked:
    """An asyncio task that waits for a kernel trap."""

    __slots__ = ("future",)

    def __init__(self) -> None:
        self.future: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    def wake(self, value: object) -> None:
        if not self.future.done():
            self.future.set_result(value)


@types.coroutine
def hosted(coroutine: DriverCoroutine, cpu: Cpu) -> Generator[Any, Any, Any]:
    """Await `coroutine` from an asyncio task, each of its steps on `cpu` at PASSIVE_LEVEL."""
    value: object = None
    error: BaseException | None = None
    while True:
        before = _cancellations()
        try:
            waited = _step(coroutine, cpu, value, error)
        except BaseException as ended:
            if _cancellations() > before and is_heard_in_order():
                yield from _spare()
                if isinstance(ended, StopIteration):
                    raise Unfinished("bugcheck", _CANCELS) from None
            if isinstance(ended, StopIteration):
                return ended.value
            raise
        value, error = None, None
        try:
            if isinstance(waited, Trap):
                parked = _Parked()
                waited.park(parked)
                value = yield from parked.future
            else:
                value = yield waited
        except BaseException as raised:  # noqa: BLE001 - a cancellation or failure belongs to the coroutine
            error = raised


def _cancellations() -> int:
    """Return how often the running task has been asked to end."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


@types.coroutine
def _spare() -> Generator[Any, Any, None]:
    """Let the running task go on, which driver code in it has cancelled: others wait for it too."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
    with suppress(asyncio.CancelledError):
        yield


def _step(coroutine: DriverCoroutine, cpu: Cpu, value: object, error: BaseException | None) -> object:
    kernel = cpu.kernel
    if kernel.current is not None:
        raise InternalError(f"PASSIVE_LEVEL code was stepped while {kernel.current!r} was running")
    if kernel.catch_up is not None:
        kernel.catch_up()
    kernel.current = cpu
    kernel.progress += 1
    before = _cancellations()
    try:
        waited: object = coroutine.send(value) if error is None else coroutine.throw(error)
        if cpu.locks:
            _refuse(coroutine, "irql-await", f"suspended while holding {cpu.locks[-1].name}; release it before")
        if cpu.irql != PASSIVE:
            _refuse(coroutine, "irql-await", f"suspended at {irql_name(cpu.irql)}; lower to PASSIVE_LEVEL before")
        if _cancellations() > before and is_heard_in_order():
            _refuse(coroutine, "bugcheck", _CANCELS)
    except DRIVER_ERRORS:
        raise
    except driver_errors() as raised:
        if raised is error or isinstance(raised, asyncio.CancelledError):
            # It came from outside, or may have: see `run_in_time`.
            raise
        raise Unfinished("bugcheck", raised_by(raised)) from raised
    finally:
        if cpu.locks or cpu.irql != PASSIVE:
            cpu.mend(PASSIVE)
        kernel.current = None
        if kernel.poke is not None:
            kernel.poke()
    return waited


def _refuse(coroutine: DriverCoroutine, rule: str, text: str) -> NoReturn:
    """Raise a violation inside the coroutine, where it suspended; its own clean-up runs on its CPU."""
    name = routine_name(coroutine)
    coroutine.throw(RuleViolation(rule, f"{name} {text}"))
    coroutine.close()
    raise RuleViolation(rule, f"{name} {text}, and went on after being told")


async def run_passive(routine: Callable[[], object], cpu: Cpu) -> object:
    """Call `routine` on `cpu` at PASSIVE_LEVEL, in this asyncio task; a coroutine it returns is awaited."""

    # An error names the driver's routine, not this wrapper.
    @functools.wraps(routine)
    async def body() -> object:
        result = routine()
        return await result if asyncio.iscoroutine(result) else result

    result: object = await hosted(body(), cpu)
    return result


async def run_in_time(routine: Callable[[], object], cpu: Cpu, rule: str) -> object:
    """As `run_passive`, for a routine of a driver that has to come to an end: after `IN_TIME` it is cancelled.

    Raises `Unfinished`, with `rule` if it was, and as a bug check if it has raised `CancelledError` by itself; the cause is
    what the routine itself has seen of that, at the place where it waited.
    """
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    deadline = asyncio.timeout(IN_TIME)
    waited: BaseException | None = None
    try:
        async with deadline:
            result = await run_passive(routine, cpu)
        if not deadline.expired():
            return result
    except TimeoutError as late:
        if not deadline.expired():
            raise
        waited = late.__cause__
    except asyncio.CancelledError as error:
        if task is None or task.cancelling() > before:
            raise
        raise Unfinished("bugcheck", "raised CancelledError, and nobody has cancelled it") from error
    raise Unfinished(rule, f"has not returned within {IN_TIME} s") from waited
