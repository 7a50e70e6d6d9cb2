"""Modelled contention: of a lock there is never more than there is of time, and nobody waits for what was free."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from ndisemu.kernel import Costs, Cpu, Kernel, SpinLock

END = 1 << 40
PLENTY = 1 << 30

Piece = tuple[int, int]
"""What a CPU does: so many ns without the lock, then so many with it."""


def machine(cpus: int, costs: Costs | None = None) -> tuple[Kernel, list[Cpu], SpinLock]:
    """Make CPUs and a lock."""
    kernel = Kernel()
    return kernel, [Cpu(kernel, f"cpu{place}", None, costs) for place in range(cpus)], SpinLock(kernel, "lock")


def turn(cpu: Cpu, lock: SpinLock, pieces: list[Piece]) -> Callable[[], None]:
    """Return a turn of a CPU."""

    def work() -> None:
        for free, held in pieces:
            cpu.charge(free)
            with lock:
                cpu.charge(held)

    return work


def test_a_later_cpu_waits_for_the_rest_of_a_hold() -> None:
    """One that comes in the middle of another's hold goes on at its end."""
    kernel, (first, second), lock = machine(2)
    first.queue_thread(turn(first, lock, [(0, 100)]))
    kernel.call_at(30, partial(second.queue_thread, turn(second, lock, [(0, 5)])))
    kernel.run(END, PLENTY)
    assert (lock.waited, second.waited, first.waited) == (70, 70, 0)
    assert second.busy_until == 105


def test_a_lock_that_is_free_between_two_holds_is_not_waited_for() -> None:
    """A CPU that the kernel runs later takes it at the time at which the other has done without it."""
    kernel, (first, second), lock = machine(2)
    first.queue_thread(turn(first, lock, [(0, 10), (100, 10)]))
    kernel.call_at(20, partial(second.queue_thread, turn(second, lock, [(0, 50)])))
    kernel.run(END, PLENTY)
    assert (lock.waited, second.busy_until, first.busy_until) == (0, 70, 120)


def test_a_hold_that_is_too_long_for_the_gap_goes_on_after_it() -> None:
    """The other's hold in between is its wait."""
    kernel, (first, second), lock = machine(2)
    first.queue_thread(turn(first, lock, [(0, 10), (100, 10)]))
    kernel.call_at(20, partial(second.queue_thread, turn(second, lock, [(0, 100)])))
    kernel.run(END, PLENTY)
    assert (second.waited, second.busy_until) == (10, 130)


def test_taking_a_lock_costs_what_the_table_says() -> None:
    """Once for taking and giving back, and none of it is a wait."""
    kernel, (cpu,), lock = machine(1, Costs(lock=7))
    cpu.queue_thread(turn(cpu, lock, [(0, 10), (0, 10)]))
    kernel.run(END, PLENTY)
    assert (cpu.busy_until, cpu.spent, cpu.waited) == (34, 34, 0)


@pytest.mark.parametrize("costs", [None, Costs(lock=3)])
@given(data=st.data())
def test_holds_never_overlap(costs: Costs | None, data: st.DataObject) -> None:
    """Whoever takes it when and for how long: the lock has one holder at a time, and each CPU is busy for what it did."""
    kernel, cpus, lock = machine(3, costs)
    pieces = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=4)
    turns = data.draw(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 2), pieces), max_size=8))
    work = [0, 0, 0]
    for start, place, mine in turns:
        work[place] += sum(free + held for free, held in mine) + len(mine) * (costs.lock if costs else 0)
        kernel.call_at(start, partial(cpus[place].queue_thread, turn(cpus[place], lock, mine)))

    def look() -> None:
        assert all(first[1] <= second[0] for first, second in pairwise(lock._holds))

    for when in range(0, 400, 7):
        kernel.call_at(when, look)
    kernel.run(END, PLENTY)

    assert [cpu.spent - cpu.waited for cpu in cpus] == work
    assert sum(cpu.waited for cpu in cpus) == lock.waited
