"""Driver coroutines stepped by the kernel: where they suspend, where they resume, and what they may await."""

from functools import partial

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, PASSIVE, Cpu, Delay, Dpc, Fiber, Irql, Kernel, Signal, Trap, Waiter, sleep
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


def test_coroutine_that_does_not_wait_ends_in_its_first_step(cpu: Cpu) -> None:
    """A coroutine without a suspension is over when its first step returns, with its value."""

    async def query() -> int:
        return 7

    driver = start(cpu, query(), DISPATCH)

    assert (driver.done, driver.end, driver.ended_at) == (True, 7, DISPATCH)
    assert "query done>" in repr(driver)


@pytest.mark.parametrize("level", [PASSIVE, DISPATCH])
def test_coroutine_resumes_where_it_suspended(kernel: Kernel, cpu: Cpu, level: int) -> None:
    """It resumes on its CPU and at its level, whichever CPU at whichever level woke it, with what it was woken with."""
    signal, other = Signal(), Cpu(kernel, "cpu1")
    seen: list[tuple[object, object, int]] = []

    async def send() -> str:
        seen.append((await signal, kernel.current, cpu.irql))
        return "sent"

    driver = start(cpu, send(), level)
    assert driver.suspended
    Dpc(lambda: signal.set("done"), cpu=other).queue(other)
    kernel.run(END, PLENTY)

    assert seen == [("done", cpu, level)]
    assert (driver.end, driver.ended_at) == ("sent", level)


@pytest.mark.parametrize("level", [PASSIVE, DISPATCH])
def test_coroutine_never_runs_inside_whoever_wakes_it(kernel: Kernel, cpu: Cpu, level: int) -> None:
    """The code that wakes a coroutine of its own CPU, passing preemption points, is through before that resumes."""
    signal = Signal()
    log: list[str] = []

    async def send() -> None:
        await signal
        log.append("resumed")

    def routine() -> None:
        signal.set()
        cpu.preempt()
        log.append("woken")

    start(cpu, send(), level)
    Dpc(routine).queue(cpu)
    kernel.run(END, PLENTY)

    assert log == ["woken", "resumed"]


def test_coroutine_woken_by_an_isr_resumes_at_dispatch(kernel: Kernel, cpu: Cpu) -> None:
    """Woken from a device level, a coroutine waits in the DPC queue until the level drops."""
    signal = Signal()
    levels: list[int] = []

    async def send() -> None:
        await signal
        levels.append(cpu.irql)

    def thread() -> None:
        before = cpu.raise_irql(Irql.DEVICE)
        signal.set()
        cpu.preempt()
        levels.append(cpu.irql)
        cpu.lower_irql(before)

    start(cpu, send(), DISPATCH)
    cpu.queue_thread(thread)
    kernel.run(END, PLENTY)

    assert levels == [Irql.DEVICE, DISPATCH]


@given(st.lists(st.lists(st.integers(0, 30), max_size=4), max_size=5))
def test_delays_are_exact(plans: list[list[int]]) -> None:
    """However many coroutines wait, each goes on exactly when the sum of its delays has passed."""
    kernel = Kernel()
    cpu = Cpu(kernel, "cpu0")

    async def wait(plan: list[int]) -> int:
        for ns in plan:
            await Delay(kernel, ns)
        return kernel.now

    drivers = [start(cpu, wait(plan), DISPATCH) for plan in plans]
    kernel.run(END, PLENTY)

    assert [driver.end for driver in drivers] == [sum(plan) for plan in plans]


def test_delay_counts_from_the_local_time(kernel: Kernel, cpu: Cpu) -> None:
    """A delay of 10 ns after 50 ns of modelled time is over at 60 ns."""

    async def wait() -> int:
        cpu.charge(50)
        await Delay(kernel, 10)
        return kernel.now

    driver = start(cpu, wait())
    kernel.run(END, PLENTY)

    assert driver.end == 60


def test_sleeping_needs_a_level_below_dispatch(kernel: Kernel, cpu: Cpu) -> None:
    """A thread may sleep; at DISPATCH_LEVEL the same call is refused, at the call."""

    async def wait() -> int:
        await sleep(kernel, 30)
        return kernel.now

    allowed, refused = start(cpu, wait()), start(cpu, wait(), DISPATCH)
    kernel.run(END, PLENTY)

    assert allowed.end == 30
    assert isinstance(refused.end, RuleViolation)
    assert refused.end.rule == "irql-msleep"


def test_signal_set_before_it_is_awaited_suspends_nobody(cpu: Cpu) -> None:
    """A value that is there already is the result of the await, again and again."""
    signal = Signal()
    signal.set(5)

    async def wait() -> list[object]:
        return [await signal, await signal]

    assert start(cpu, wait()).end == [5, 5]
    assert repr(signal) == "<Signal set>"


def test_signal_is_set_once(cpu: Cpu) -> None:
    """A second value is refused, and the first one stands."""
    signal = Signal()
    assert repr(signal) == "<Signal idle>"
    signal.set(1)

    with pytest.raises(RuleViolation, match="signal-set-twice"):
        signal.set(2)

    async def wait() -> object:
        return await signal

    assert start(cpu, wait()).end == 1


def test_signal_takes_one_waiter(kernel: Kernel, cpu: Cpu) -> None:
    """The second coroutine that awaits a signal ends with a violation; the first one still gets its value."""
    signal = Signal()

    async def wait() -> object:
        return await signal

    first, second = start(cpu, wait()), start(cpu, wait())
    assert repr(signal) == "<Signal awaited>"
    signal.set("value")
    kernel.run(END, PLENTY)

    assert first.end == "value"
    assert isinstance(second.end, RuleViolation)
    assert second.end.rule == "signal-two-waiters"


def test_own_trap_parks_and_wakes(kernel: Kernel, cpu: Cpu) -> None:
    """A new kind of wait is a class with a `park`: it keeps the waiter, and wakes it with a value."""
    parked: list[Waiter] = []

    class Doorbell(Trap):
        __slots__ = ()

        def park(self, waiter: Waiter) -> None:
            parked.append(waiter)

    async def card() -> list[object]:
        return [await Doorbell(), await Doorbell()]

    driver = start(cpu, card())
    for number in range(2):
        kernel.call_soon(partial(parked[-1].wake, number))
        kernel.run(END, PLENTY)

    assert driver.end == [0, 1]
