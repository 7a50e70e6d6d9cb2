"""The reader/writer lock: who may take it while others hold it, at which level, and how each taking ends."""

from collections.abc import Callable
from typing import Any

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, PASSIVE, Cpu, Irql, Kernel, RwLock, SpinLock


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def cpu(kernel: Kernel) -> Cpu:
    """Give a CPU that is running driver code at PASSIVE_LEVEL: the test itself."""
    kernel.current = cpu = Cpu(kernel, "cpu0")
    return cpu


@pytest.fixture
def lock(kernel: Kernel, cpu: Cpu) -> RwLock:
    assert kernel.current is cpu
    return RwLock(kernel, "table")


def broken_rule(call: Callable[[], object]) -> str:
    with pytest.raises(RuleViolation) as caught:
        call()
    return caught.value.rule


@pytest.mark.parametrize("level", [PASSIVE, Irql.APC, DISPATCH])
@pytest.mark.parametrize("write", [False, True])
def test_a_taking_raises_to_dispatch_and_its_release_restores(cpu: Cpu, lock: RwLock, level: int, write: bool) -> None:
    """Either way; with `with` the release comes by itself."""
    cpu.raise_irql(level)
    with lock.acquire_write() if write else lock.acquire_read() as state:
        assert (cpu.irql, cpu.locks, lock.states, state.write) == (DISPATCH, [state], [state], write)
    assert (cpu.irql, cpu.locks, lock.states) == (level, [], [])


def test_many_read_at_once_and_one_cpu_more_than_once(kernel: Kernel, cpu: Cpu, lock: RwLock) -> None:
    """Each reading is released by its own state."""
    other = Cpu(kernel, "cpu1")
    with lock.acquire_read():
        kernel.current = other
        with lock.acquire_read(), lock.acquire_read():
            assert len(lock.states) == 3
        kernel.current = cpu
    assert (cpu.irql, other.irql, lock.states) == (PASSIVE, PASSIVE, [])


def test_who_writes_may_read_and_write_again(lock: RwLock) -> None:
    """It waits for nobody."""
    with lock.acquire_write(), lock.acquire_write(), lock.acquire_read():
        assert len(lock.states) == 3


def test_who_reads_may_not_write(lock: RwLock) -> None:
    """It would wait for itself; the reading stays what it was."""
    with lock.acquire_read() as state:
        assert broken_rule(lock.acquire_write) == "rwlock-no-upgrade"
        assert lock.states == [state]


def test_a_lock_of_another_cpu_is_no_wait_but_a_deadlock(kernel: Kernel, lock: RwLock) -> None:
    """Nobody runs beside this code who could give it back."""
    lock.acquire_write()
    kernel.current = Cpu(kernel, "cpu1")
    assert broken_rule(lock.acquire_read) == broken_rule(lock.acquire_write) == "spin-recursive"


@pytest.mark.parametrize(
    ("level", "at_dispatch", "rule"),
    [(Irql.DEVICE, False, "irql-synch"), (Irql.DEVICE, True, "irql-synch"), (PASSIVE, True, "irql-at-dpc-lock")],
)
def test_it_is_taken_at_the_level_that_is_said(
    cpu: Cpu, lock: RwLock, level: int, at_dispatch: bool, rule: str
) -> None:
    """At DISPATCH_LEVEL or below, and there if the caller says so."""
    cpu.raise_irql(level)
    assert broken_rule(lambda: lock.acquire_read(at_dispatch=at_dispatch)) == rule
    assert broken_rule(lambda: lock.acquire_write(at_dispatch=at_dispatch)) == rule


def test_each_way_to_release_it_wrongly_has_its_rule(kernel: Kernel, cpu: Cpu, lock: RwLock) -> None:
    """Elsewhere, twice, out of order, at another level, and by nobody."""
    state, spin = lock.acquire_read(), SpinLock(kernel)
    kernel.current = Cpu(kernel, "cpu1")
    assert broken_rule(lambda: lock.release(state)) == "rwlock-same-cpu"
    kernel.current = None
    assert broken_rule(lambda: lock.release(state)) == broken_rule(lock.acquire_read) == "call-no-cpu"
    kernel.current = cpu
    with spin:
        assert broken_rule(lambda: lock.release(state)) == "spin-lifo"
    cpu.lower_irql(PASSIVE)
    assert broken_rule(lambda: lock.release(state)) == "spin-release-irql"
    cpu.raise_irql(DISPATCH)
    nothing: Any = None
    assert broken_rule(lambda: lock.release(nothing)) == "rwlock-balanced"
    lock.release(state)
    assert broken_rule(lambda: lock.release(state)) == "rwlock-balanced"


def test_code_that_ends_with_it_is_told_by_the_rule_of_this_lock(kernel: Kernel, cpu: Cpu, lock: RwLock) -> None:
    """The lock is free afterwards, and the level as before."""
    lock.acquire_read()
    cpu.mend(PASSIVE)
    assert [finding.rule for finding in kernel.findings] == ["rwlock-balanced", "irql-callback-return"]
    assert (lock.states, cpu.locks, cpu.irql) == ([], [], PASSIVE)


def test_it_says_who_holds_it(lock: RwLock) -> None:
    """For whoever debugs a driver."""
    assert repr(lock) == "<RwLock table: free>"
    with lock.acquire_write():
        assert repr(lock) == "<RwLock table: [<LockState of table for writing on cpu0>]>"
