"""Chores: housekeeping that ticks for ever, and yet keeps nobody from being idle and hides no deadlock."""

import asyncio
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import UsageError
from ndisemu.kernel import Kernel, RealTimePump, SeededRandom, VirtualLoop, run
from ndisemu.kernel.kernel import FOREVER

MILLISECOND = 1_000_000


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


def ticking(kernel: Kernel, period: int, action: Callable[[], object] = lambda: None) -> list[int]:
    """Do a chore every `period` ns for ever; returns the times at which it was done."""
    times: list[int] = []

    def tick() -> None:
        times.append(kernel.now)
        chore.set(kernel.now + period)
        action()

    chore = kernel.chore(tick)
    chore.set(period)
    return times


def attached() -> Kernel:
    """Give a fresh kernel in the running loop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    kernel = Kernel()
    loop.attach(kernel)
    return kernel


WORK = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 3)), max_size=30)


@given(WORK, st.integers(1, 50), st.integers(0, 2**32), st.integers(1, 300))
def test_a_kernel_with_chores_behaves_as_one_without(
    work: list[tuple[int, int]], period: int, seed: int, until: int
) -> None:
    """Whatever the work, its order by whichever strategy, and the limit: chores that do nothing change nothing."""

    def history(*, chores: bool) -> list[object]:
        kernel = Kernel(strategy=SeededRandom(Random(seed)))
        ran: list[tuple[int, int]] = []

        def item(number: int, children: int) -> None:
            ran.append((kernel.now, number))
            for child in range(children):
                kernel.call_at(kernel.now + 7 * child, lambda: item(1000 + number, 0))

        for number, (when, children) in enumerate(work):
            kernel.call_at(when, lambda number=number, children=children: item(number, children))  # type: ignore[misc]
        if chores:
            ticking(kernel, period)
        early = kernel.run(until, 10_000), list(ran)
        return [early, kernel.run(FOREVER, 10_000), ran, kernel.next_work(), kernel.progress]

    assert history(chores=True) == history(chores=False)


def test_chores_are_done_on_the_way_to_other_work(kernel: Kernel) -> None:
    """They are done at their times until the last work is, and not afterwards."""
    times = ticking(kernel, 10)
    kernel.call_at(35, lambda: None)
    assert not kernel.run(FOREVER, 1000)
    assert (times, kernel.now, kernel.next_work()) == ([10, 20, 30], 35, None)


def test_chores_are_done_up_to_a_limit(kernel: Kernel) -> None:
    """Where time goes on to a limit for other reasons, chores up to it are done, without any work."""
    times = ticking(kernel, 10)
    assert not kernel.run(25, 1000)
    assert times == [10, 20]


def test_chores_use_up_the_quota(kernel: Kernel) -> None:
    """However long the way, whoever drives the kernel gets a turn."""
    times = ticking(kernel, 1)
    assert kernel.run(1_000_000, 100)
    assert len(times) == 100


def test_something_unfinished_keeps_chores_going(kernel: Kernel) -> None:
    """As long as somebody hopes that a chore brings something to an end, there is work to come: the chore."""
    unfinished = [True]
    kernel.unfinished.append(lambda: unfinished[0])

    def give_up() -> None:
        unfinished[0] = len(times) < 3

    times = ticking(kernel, 10, give_up)
    assert kernel.next_work() == 10
    assert not kernel.run(FOREVER, 1000)
    assert (times, kernel.next_work()) == ([10, 20, 30], None)


def test_a_chore_may_be_moved_and_cancelled(kernel: Kernel) -> None:
    """It is an alarm like any other, in a calendar of its own."""
    done: list[int] = []
    chore = kernel.chore(lambda: done.append(kernel.now))
    assert not chore.set(10)
    assert chore.set(20)
    kernel.run(15, 10)
    assert (done, kernel.next_work(), kernel.next_tick()) == ([], None, 20)
    kernel.run(25, 10)
    assert done == [20]
    assert not chore.cancel()
    chore.set(40)
    assert chore.cancel()
    kernel.run(50, 10)
    assert (done, kernel.next_tick()) == ([20], None)


def test_a_chore_may_make_work(kernel: Kernel) -> None:
    """What a chore enters runs at that time, before time goes on."""
    ran: list[int] = []
    kernel.chore_at(10, lambda: kernel.call_soon(lambda: ran.append(kernel.now)))
    kernel.call_at(12, lambda: ran.append(kernel.now))
    kernel.run(FOREVER, 10)
    assert ran == [10, 12]


def test_a_kernel_with_chores_is_idle() -> None:
    """Who waits for the kernel to be idle is told when its work is done, although its chores never end."""

    async def main() -> None:
        kernel = attached()
        times = ticking(kernel, 10)
        reached = asyncio.get_running_loop().create_future()

        def announce() -> None:
            kernel.on_idle = None
            reached.set_result(kernel.now)

        kernel.on_idle = announce
        kernel.call_at(25, lambda: None)
        assert await reached == 25
        assert times == [10, 20]

    run(main())


def test_chores_go_on_while_asyncio_waits_for_a_time() -> None:
    """A sleeping task lets time pass, and the chores of an idle kernel with it."""

    async def main() -> None:
        kernel = attached()
        times = ticking(kernel, 10)
        await asyncio.sleep(35e-9)
        assert (times, kernel.now) == ([10, 20, 30], 35)

    run(main())


def test_chores_of_one_kernel_are_done_while_another_works() -> None:
    """Time goes on for all kernels of a loop together; each chore is done in its place."""

    async def main() -> None:
        first, second = attached(), attached()
        seen: list[tuple[str, int]] = []
        ticking(first, 10, lambda: seen.append(("chore", first.now)))
        done = asyncio.get_running_loop().create_future()
        second.call_at(15, lambda: seen.append(("work", second.now)))
        second.call_at(25, lambda: done.set_result(None))
        await done
        assert seen == [("chore", 10), ("work", 15), ("chore", 20)]

    run(main())


def test_chores_do_not_hide_a_deadlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every task waits for nothing, that is said, whatever ticks on."""
    monkeypatch.setattr("ndisemu.kernel.loop.PATIENCE", 0.01)

    async def main() -> None:
        ticking(attached(), 10)
        await asyncio.get_running_loop().create_future()

    with pytest.raises(UsageError, match="every task waits and nothing is left to happen after 0 ns"):
        run(main())


def test_chores_are_done_in_real_time() -> None:
    """The real-time pump does them when their time has come, and a kernel that has nothing else is idle."""

    async def main() -> None:
        kernel = Kernel()
        pump = RealTimePump(kernel)
        enough = asyncio.Event()
        idle: list[int] = []

        def announce() -> None:
            kernel.on_idle = None
            idle.append(kernel.now)

        def stop_after_three() -> None:
            if len(times) == 3:
                enough.set()

        kernel.on_idle = announce
        times = ticking(kernel, MILLISECOND, stop_after_three)
        await asyncio.wait_for(enough.wait(), 10)
        pump.close()
        assert len(idle) == 1
        assert times[0] >= MILLISECOND
        assert times[2] >= 3 * MILLISECOND

    asyncio.run(main())
