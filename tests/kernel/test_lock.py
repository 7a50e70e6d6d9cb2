"""Spin locks with their rules and their modelled waits, and the turn that may be held across awaits."""

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, PASSIVE, Cpu, Delay, Dpc, Fiber, Irql, Kernel, Signal, SpinLock, Turn

END = 1 << 40
PLENTY = 1 << 30


class Stepped(Fiber):
    """A coroutine of a test, stepped by the kernel; how it ended is kept."""

    __slots__ = ("end",)

    end: object

    def returned(self, value: object) -> None:
        self.end = value

    def raised(self, error: BaseException) -> None:
        self.end = error


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def cpu(kernel: Kernel) -> Cpu:
    """Give a CPU that is running driver code at PASSIVE_LEVEL: the test itself."""
    kernel.current = cpu = Cpu(kernel, "cpu0")
    return cpu


@pytest.fixture
def lock(kernel: Kernel) -> SpinLock:
    return SpinLock(kernel, "tx")


def broken_rule(call: Callable[[], object]) -> str:
    with pytest.raises(RuleViolation) as caught:
        call()
    return caught.value.rule


@pytest.mark.parametrize("level", [PASSIVE, Irql.APC, DISPATCH])
def test_lock_raises_to_dispatch_and_restores(cpu: Cpu, lock: SpinLock, level: int) -> None:
    """While a lock is held its CPU is at DISPATCH_LEVEL and its owner; afterwards at the level it was at before."""
    cpu.raise_irql(level)

    with lock:
        assert (cpu.irql, lock.owner, cpu.locks) == (DISPATCH, cpu, [lock])
        assert repr(lock) == "<SpinLock tx held by cpu0>"

    assert (cpu.irql, lock.owner, cpu.locks) == (level, None, [])
    assert repr(lock) == "<SpinLock tx free>"


def test_lock_is_given_back_when_its_block_raises(cpu: Cpu, lock: SpinLock) -> None:
    """An exception leaves a `with` block with the lock free and the level restored."""
    with pytest.raises(LookupError), lock:
        raise LookupError

    assert (lock.owner, cpu.irql) == (None, PASSIVE)


def test_locks_are_released_in_reverse_order(kernel: Kernel, cpu: Cpu, lock: SpinLock) -> None:
    """Two locks restore the level step by step; releasing the outer one first is refused and changes nothing."""
    inner = SpinLock(kernel, "rx")
    lock.acquire()
    inner.acquire()

    assert broken_rule(lock.release) == "spin-lifo"

    assert (cpu.locks, cpu.irql) == ([lock, inner], DISPATCH)
    inner.release()
    assert cpu.irql == DISPATCH
    lock.release()
    assert cpu.irql == PASSIVE


def test_lock_is_not_recursive(cpu: Cpu, lock: SpinLock) -> None:
    """Taking a lock that the same CPU holds would spin for ever; it is refused and changes nothing."""
    with lock:
        assert broken_rule(lock.acquire) == "spin-recursive"
        assert (lock.owner, cpu.locks) == (cpu, [lock])


def test_lock_of_another_cpu_cannot_be_taken_nor_released(kernel: Kernel, cpu: Cpu, lock: SpinLock) -> None:
    """A CPU neither takes nor releases what another one holds."""
    lock.acquire()
    kernel.current = Cpu(kernel, "cpu1")

    assert broken_rule(lock.acquire) == "spin-recursive"
    assert broken_rule(lock.release) == "spin-release-unowned"
    assert lock.owner is cpu


@pytest.mark.usefixtures("cpu")
def test_free_lock_cannot_be_released(lock: SpinLock) -> None:
    """Releasing a lock that nobody holds is a violation, and the message says so."""
    with pytest.raises(RuleViolation, match="tx is released on cpu0 while nobody holds it"):
        lock.release()


def test_dpr_variant_needs_dispatch_level_and_leaves_it(cpu: Cpu, lock: SpinLock) -> None:
    """The Dpr calls work at DISPATCH_LEVEL only and do not touch the level."""
    assert broken_rule(lock.dpr_acquire) == "irql-at-dpc-lock"
    cpu.raise_irql(DISPATCH)

    lock.dpr_acquire()
    assert (lock.owner, cpu.irql) == (cpu, DISPATCH)
    lock.dpr_release()

    assert (lock.owner, cpu.irql) == (None, DISPATCH)


def test_plain_and_dpr_calls_do_not_mix(cpu: Cpu, lock: SpinLock) -> None:
    """What was taken with one pair of calls is not released with the other, either way round."""
    cpu.raise_irql(DISPATCH)

    lock.acquire()
    assert broken_rule(lock.dpr_release) == "spin-variant-mismatch"
    lock.release()
    lock.dpr_acquire()
    assert broken_rule(lock.release) == "spin-variant-mismatch"
    lock.dpr_release()

    assert lock.owner is None


def test_lock_is_not_for_an_isr(cpu: Cpu, lock: SpinLock) -> None:
    """Above DISPATCH_LEVEL neither variant may be used."""
    cpu.raise_irql(Irql.DEVICE)

    assert broken_rule(lock.acquire) == "irql-synch"
    assert broken_rule(lock.dpr_acquire) == "irql-at-dpc-lock"
    assert lock.owner is None


def test_lock_needs_a_cpu(lock: SpinLock) -> None:
    """Code that runs on no virtual CPU, such as an application, cannot take a driver's lock."""
    assert broken_rule(lock.acquire) == "call-no-cpu"


def test_releasing_lets_in_what_waited(cpu: Cpu, lock: SpinLock) -> None:
    """A DPC queued under the lock runs when the level drops, before the release returns."""
    log: list[str] = []

    with lock:
        Dpc(lambda: log.append("dpc")).queue(cpu)
        log.append("locked")
    log.append("after")

    assert log == ["locked", "dpc", "after"]


def test_contention_is_modelled_time(kernel: Kernel, cpu: Cpu, lock: SpinLock) -> None:
    """A CPU that wants a lock before another one's local time of release waits until then, and the wait is counted."""
    with lock:
        cpu.charge(100)
    kernel.current = other = Cpu(kernel, "cpu1")
    other.charge(30)

    with lock:
        assert kernel.local_time() == 100
        other.charge(5)

    assert (other.busy_until, lock.waited) == (105, 70)


def test_wait_that_trips_the_watchdog_is_reported(kernel: Kernel, cpu: Cpu, lock: SpinLock) -> None:
    """A DPC that waits for a lock for too long gets it all the same, and gives it back."""
    with lock:
        cpu.charge(1 << 30)
    other = Cpu(kernel, "cpu1")
    holders: list[Cpu | None] = []

    def routine() -> None:
        with lock:
            holders.append(lock.owner)

    # Nobody's local time delays the request.
    kernel.current = None
    Dpc(routine).queue(other)
    kernel.run(END, PLENTY)

    assert [(finding.rule, finding.actor) for finding in kernel.findings] == [("int-dpc-time", "cpu1")]
    assert holders == [other]
    assert (lock.owner, lock.waited, other.locks) == (None, 1 << 30, [])


def test_lock_must_not_be_held_across_an_await(kernel: Kernel, cpu: Cpu, lock: SpinLock) -> None:
    """A coroutine that awaits with a lock held is told at that await; its `with` block gives the lock back."""
    told: list[str] = []

    async def send() -> str:
        try:
            with lock:
                await Delay(kernel, 10)
        except RuleViolation as violation:
            told.append(violation.rule)
            assert cpu.irql == PASSIVE
        return "went on"

    fiber = Stepped(send(), cpu)

    assert fiber.step()
    assert (told, fiber.end, lock.owner) == (["irql-await"], "went on", None)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_turn_is_first_come_first_served(visits: list[tuple[int, int]]) -> None:
    """Whoever comes when and stays how long, the turn is held by one at a time, in the order of coming."""
    kernel = Kernel()
    turn, cpu = Turn(), Cpu(kernel, "cpu0")
    came: list[int] = []
    held: list[int] = []
    inside = 0

    async def visit(number: int, stay: int) -> None:
        nonlocal inside
        came.append(number)
        async with turn:
            inside += 1
            held.append(number)
            await Delay(kernel, stay)
            assert inside == 1
            inside -= 1

    fibers: list[Stepped] = []

    def start(number: int, stay: int) -> None:
        fibers.append(Stepped(visit(number, stay), cpu))
        fibers[-1].step()

    for number, (when, stay) in enumerate(visits):
        kernel.call_at(when, partial(start, number, stay))
    kernel.run(END, PLENTY)

    assert [fiber.end for fiber in fibers] == [None] * len(visits)
    assert held == came
    assert repr(turn) == "<Turn free, 0 waiting>"


def test_free_turn_suspends_nobody(cpu: Cpu) -> None:
    """Taking and leaving a free turn is done in one step."""
    turn = Turn()

    async def visit() -> str:
        async with turn:
            return repr(turn)

    fiber = Stepped(visit(), cpu)

    assert fiber.step()
    assert fiber.end == "<Turn taken, 0 waiting>"


@pytest.mark.parametrize("after_its_turn_came", [False, True])
def test_turn_passes_by_who_is_gone(kernel: Kernel, cpu: Cpu, after_its_turn_came: bool) -> None:
    """A coroutine closed while it waits, or before it could use its turn, does not keep it from the next."""
    turn, leave = Turn(), Signal()

    async def hold() -> None:
        async with turn:
            await leave

    async def visit() -> str:
        async with turn:
            return "visited"

    holder, gone, last = Stepped(hold(), cpu), Stepped(visit(), cpu), Stepped(visit(), cpu)
    for fiber in (holder, gone, last):
        fiber.step()
    kernel.current = None

    if after_its_turn_came:
        leave.set()
        kernel.run(END, 1)
        assert holder.done
        gone.close()
    else:
        gone.close()
        leave.set()
    kernel.run(END, PLENTY)

    assert last.end == "visited"
    assert repr(turn) == "<Turn free, 0 waiting>"
