"""How a driver coroutine ends: by what it awaits wrongly, by what it raises, or closed where it waits."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import pytest

from ndisemu.errors import InternalError, RuleViolation
from ndisemu.kernel import DISPATCH, PASSIVE, Cpu, Fiber, Kernel, Signal, Trap
from ndisemu.kernel.traps import DriverCoroutine

END = 1 << 40
PLENTY = 1 << 30


class Driver(Fiber):
    """A coroutine that keeps how it ended, and where."""

    __slots__ = ("end", "ended_at")

    def __init__(self, coroutine: DriverCoroutine, cpu: Cpu) -> None:
        super().__init__(coroutine, cpu)
        self.end: object = None
        self.ended_at = -1

    def returned(self, value: object) -> None:
        self.end, self.ended_at = value, self._cpu.irql

    def raised(self, error: BaseException) -> None:
        self.end, self.ended_at = error, self._cpu.irql


class ForeignAwaitable:
    """What asyncio's futures do: hand themselves to whoever steps the coroutine."""

    def __await__(self) -> Generator[object, None, None]:
        yield self


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def cpu(kernel: Kernel) -> Cpu:
    return Cpu(kernel, "cpu0")


def start(cpu: Cpu, coroutine: DriverCoroutine, level: int = PASSIVE) -> Driver:
    """Take the first step of `coroutine` at `level`, as NDIS does when it calls an entry point."""
    cpu.kernel.current = cpu
    before = cpu.raise_irql(level)
    driver = Driver(coroutine, cpu)
    driver.step()
    cpu.irql = before
    cpu.kernel.current = None
    return driver


def foreign_future() -> Awaitable[Any]:
    return ForeignAwaitable()


def asyncio_sleep() -> Awaitable[Any]:
    return asyncio.sleep(0)


@pytest.mark.parametrize("foreign", [foreign_future, asyncio_sleep])
def test_foreign_await_is_a_violation_inside_the_coroutine(cpu: Cpu, foreign: Callable[[], Awaitable[Any]]) -> None:
    """Awaiting what only asyncio resumes raises at the await, where the driver's own clean-up runs."""
    log: list[str] = []

    async def send() -> None:
        try:
            await foreign()
        finally:
            log.append("cleaned up")

    driver = start(cpu, send(), DISPATCH)

    assert isinstance(driver.end, RuleViolation)
    assert driver.end.rule == "irql-await"
    assert "which only asyncio can resume" in str(driver.end)
    assert log == ["cleaned up"]
    assert driver.done


def test_coroutine_that_catches_the_violation_may_end(cpu: Cpu) -> None:
    """A coroutine that is told and then returns has ended with what it returned."""

    async def send() -> str:
        try:
            await ForeignAwaitable()
        except RuleViolation as violation:
            return violation.rule
        return "not told"

    assert start(cpu, send()).end == "irql-await"


def test_coroutine_that_goes_on_after_being_told_is_ended(cpu: Cpu) -> None:
    """A coroutine that swallows the violation and waits again is ended there, its clean-up run on its CPU."""
    log: list[object] = []

    async def send() -> None:
        try:
            while True:
                try:
                    await ForeignAwaitable()
                except RuleViolation:
                    log.append("told")
        finally:
            log.append(cpu.kernel.current)

    driver = start(cpu, send())

    assert isinstance(driver.end, RuleViolation)
    assert "went on after being told" in str(driver.end)
    assert log == ["told", cpu]


@pytest.mark.parametrize("error", [LookupError("no such card"), GeneratorExit(), SystemExit(1)])
def test_whatever_a_coroutine_raises_is_its_end(cpu: Cpu, error: BaseException) -> None:
    """An exception of any kind ends the coroutine and reaches nobody but `raised`."""

    async def send() -> None:
        raise error

    assert start(cpu, send()).end is error


def test_interrupting_the_user_is_not_the_drivers_end(cpu: Cpu) -> None:
    """Control-C inside driver code is the user's, and goes through."""

    async def send() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(cpu, send())


def test_closed_coroutine_is_never_resumed(kernel: Kernel, cpu: Cpu) -> None:
    """A coroutine closed while it waits, or while it is queued to resume, runs its clean-up and nothing more."""
    log: list[str] = []
    signals = [Signal(), Signal()]

    async def wait(signal: Signal) -> None:
        try:
            await signal
            log.append("resumed")
        finally:
            log.append("closed")

    waiting, queued = (start(cpu, wait(signal), DISPATCH) for signal in signals)
    signals[1].set()
    waiting.close()
    queued.close()
    signals[0].set()
    kernel.run(END, PLENTY)

    assert log == ["closed", "closed"]
    assert (waiting.done, waiting.end, queued.end) == (True, None, None)


def test_suspended_coroutine_says_where(cpu: Cpu) -> None:
    """A suspended coroutine can be found: file, line and routine; an ended one says that it has ended."""

    async def send() -> None:
        await Signal()

    driver = start(cpu, send(), DISPATCH)
    line = send.__code__.co_firstlineno + 1

    assert driver.where() == f"{__file__}:{line} in {driver.name}"
    assert driver.name.endswith("send")
    assert repr(driver).endswith("send suspended at DISPATCH_LEVEL>")
    driver.close()
    assert driver.where() == f"{driver.name} (ended)"


def test_thread_is_not_resumed_above_passive(kernel: Kernel, cpu: Cpu) -> None:
    """A coroutine of PASSIVE_LEVEL that would resume at a raised level is a defect of ours."""
    signal = Signal()

    async def wait() -> None:
        await signal

    driver = start(cpu, wait())
    signal.set()
    cpu.irql = DISPATCH

    with pytest.raises(InternalError, match="resumed as a thread above PASSIVE_LEVEL"):
        kernel.run(END, PLENTY)
    driver.close()


def test_fiber_that_means_nothing_by_its_end_is_unfinished(cpu: Cpu) -> None:
    """A subclass must say what a return and an exception mean, and a trap what waiting is."""

    async def query() -> None:
        """Do nothing."""

    fiber = Fiber(query(), cpu)
    calls: list[Callable[[], None]] = [
        lambda: fiber.returned(None),
        lambda: fiber.raised(LookupError()),
        lambda: Trap().park(fiber),
    ]

    for call in calls:
        with pytest.raises(NotImplementedError):
            call()
    fiber.close()
