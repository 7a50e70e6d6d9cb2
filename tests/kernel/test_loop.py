"""The virtual loop: asyncio's time is the kernels' time, and what is real stays outside it."""

import asyncio
import gc
import time
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, strategies as st

from ndisemu.kernel import Kernel, VirtualLoop, loop as loop_module, run


def attached(count: int = 1) -> tuple[VirtualLoop, list[Kernel]]:
    """Give the running loop and fresh kernels attached to it."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    kernels = [Kernel() for _ in range(count)]
    for kernel in kernels:
        loop.attach(kernel)
    return loop, kernels


def ticking(kernel: Kernel, period: int, action: Callable[[], object]) -> None:
    """Do `action` every `period` ns from now on, for ever."""

    def tick() -> None:
        action()
        kernel.call_at(kernel.now + period, tick)

    kernel.call_at(kernel.now + period, tick)


def nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)


@given(st.lists(st.integers(1, 10**13), min_size=1, max_size=20))
def test_sleeps_are_virtual_and_exact(sleeps: list[int]) -> None:
    """Tasks that sleep for up to hours go on in the order of their times, each at its nanosecond, at once."""

    async def sleep(ns: int) -> None:
        await asyncio.sleep(ns / 1e9)
        woken.append(nanoseconds(asyncio.get_running_loop().time()))

    async def main() -> None:
        await asyncio.gather(*map(sleep, sleeps))

    woken: list[int] = []
    run(main())

    assert woken == sorted(sleeps)


def test_a_thread_is_heard_while_a_kernel_has_much_to_do() -> None:
    """What it says pauses the kernel at its next item, as what asyncio's own code says does."""

    async def main() -> None:
        loop, (kernel,) = attached()
        kernel.pause = False
        loop.call_soon_threadsafe(lambda: None)
        assert kernel.pause

    run(main())


def test_years_pass_at_once() -> None:
    """Nothing real is waited for: a year of sleeping, in which no float counts nanoseconds any more, ends on time."""

    async def main() -> float:
        await asyncio.sleep(365 * 86400)
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(365 * 86400, abs=1e-3)


def test_timeout_is_virtual_and_exact() -> None:
    """A time-out ends a wait at its virtual instant, and not if what is waited for comes a nanosecond earlier."""

    async def main() -> None:
        loop, (kernel,) = attached()
        done, late = asyncio.Event(), asyncio.Event()
        kernel.call_at(499_999_999, done.set)
        kernel.call_at(1_000_000_001, late.set)

        async with asyncio.timeout(0.5):
            await done.wait()
        assert nanoseconds(loop.time()) == 499_999_999
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await late.wait()
        assert nanoseconds(loop.time()) == 999_999_999

    run(main())


def test_callback_from_the_kernel_runs_at_its_instant() -> None:
    """What the kernel tells asyncio is heard at that very time, although the kernel has more to do later."""

    async def main() -> None:
        loop, (kernel,) = attached()
        seen: list[tuple[float, int]] = []
        future = loop.create_future()
        kernel.call_at(10, lambda: future.set_result(None))
        kernel.call_at(1000, lambda: seen.append((-1, 0)))

        await future
        seen.append((loop.time(), kernel.now))

        assert seen == [(1e-8, 10)]

    run(main())


def test_timer_set_by_the_kernel_counts_from_its_instant() -> None:
    """An asyncio timer set in the middle of the kernel's work is due that much later, and work goes on until then."""

    async def main() -> None:
        loop, (kernel,) = attached()
        seen: list[tuple[str, int]] = []

        def note(what: str) -> None:
            seen.append((what, nanoseconds(loop.time())))

        def set_timer() -> None:
            loop.call_later(5e-7, note, "timer")

        kernel.call_at(1000, set_timer)
        kernel.call_at(1200, lambda: note("kernel"))
        kernel.call_at(1800, lambda: note("kernel"))
        await asyncio.sleep(1e-5)

        assert seen == [("kernel", 1200), ("timer", 1500), ("kernel", 1800)]

    run(main())


def test_kernels_clock_is_the_loops_clock() -> None:
    """After a sleep in which no kernel had anything to do, all their clocks show the time as asyncio does."""

    async def main() -> None:
        _, kernels = attached(2)
        kernels[1].call_at(300, lambda: None)
        await asyncio.sleep(1e-6)
        assert [kernel.now for kernel in kernels] == [1000, 1000]

        ran: list[int] = []
        kernels[0].call_at(kernels[0].now + 500, lambda: ran.append(kernels[0].now))
        await asyncio.sleep(1e-6)
        assert ran == [1500]

    run(main())


def test_kernel_begins_when_it_is_attached() -> None:
    """A kernel attached later has its own time, which starts then; detached, it stands still."""

    async def main() -> None:
        await asyncio.sleep(1)
        loop, (kernel,) = attached()
        ran: list[tuple[int, float]] = []
        ticking(kernel, 1000, lambda: ran.append((kernel.now, loop.time())))

        await asyncio.sleep(2.5e-6)
        loop.detach(kernel)
        await asyncio.sleep(1)

        assert ran == [(1000, 1.000001), (2000, 1.000002)]

    run(main())


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 10)), max_size=30))
def test_kernels_of_one_loop_stay_in_step(work: list[tuple[int, int]]) -> None:
    """Two kernels do their work in the order of time, and each its own of one instant in the order of entry."""

    async def main() -> None:
        loop, kernels = attached(2)
        for number, (which, when) in enumerate(work):
            kernels[which].call_at(when, partial(note, which, when, number))
        await asyncio.sleep(1)
        assert loop.time() == 1

    def note(which: int, when: int, number: int) -> None:
        own[which].append((when, number))
        times.append(when)

    own: list[list[tuple[int, int]]] = [[], []]
    times: list[int] = []
    run(main())

    entered = [(which, when, number) for number, (which, when) in enumerate(work)]
    assert times == sorted(when for _, when in work)
    assert own == [sorted(entry[1:] for entry in entered if entry[0] == which) for which in (0, 1)]


def test_idle_kernel_is_announced() -> None:
    """Who wants to know when a kernel has nothing left is told then, before asyncio's next timer, and not earlier."""

    async def main() -> None:
        loop, (idle,) = attached()
        reached = loop.create_future()

        def announce() -> None:
            idle.on_idle = None
            reached.set_result(idle.now)

        idle.on_idle = announce
        idle.call_at(30, lambda: idle.call_at(70, lambda: None))
        loop.call_later(1, reached.cancel)

        assert await reached == 70

    run(main())


@pytest.mark.timeout(60)
def test_spinning_task_does_not_stop_the_world() -> None:
    """A task that spins on `sleep(0)` until something happens later, in a kernel or in asyncio, sees it happen."""

    async def main() -> None:
        loop, (kernel,) = attached()
        done: list[str] = []
        kernel.call_at(20_000, lambda: done.append("kernel"))
        loop.call_at(40e-6, lambda: done.append("asyncio"))
        while len(done) < 2:  # noqa: ASYNC110 - spinning is what this is about
            await asyncio.sleep(0)

        assert done == ["kernel", "asyncio"]
        assert nanoseconds(loop.time()) == pytest.approx(40_000, abs=2 * loop_module.BUSY_TURN)

    run(main())


@pytest.mark.timeout(60)
def test_spinning_task_does_not_spoil_the_order() -> None:
    """Two runs with a spinning task see the same things after the same number of turns."""

    async def main() -> tuple[tuple[tuple[int, int], ...], float]:
        loop, (kernel,) = attached()
        turns = 0
        seen: list[tuple[int, int]] = []
        ticking(kernel, 700, lambda: seen.append((turns, kernel.now)))
        while len(seen) < 30:
            await asyncio.sleep(0)
            turns += 1
        return tuple(seen), loop.time()

    first = run(main())

    assert [now for _, now in first[0]] == [700 * number for number in range(1, 31)]
    assert run(main()) == first


def test_short_burst_of_turns_takes_no_time() -> None:
    """Asyncio that is busy for a while, as programs are, does so at one instant."""

    async def main() -> float:
        for _ in range(1000):
            await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    assert run(main()) == 0


@pytest.mark.parametrize("young", [0, 700, 1_000_000])
def test_the_collector_is_as_it_was_after_a_run(young: int) -> None:
    """It has patience meanwhile, or more, or does not come at all, as the program wants; and a change made inside stays."""
    before = gc.get_threshold()

    async def main(wanted: int | None) -> int:
        found, *_ = gc.get_threshold()
        if wanted is not None:
            gc.set_threshold(wanted)
        return found

    try:
        gc.set_threshold(young)
        assert run(main(None)) == (max(young, loop_module.YOUNG) if young else 0)
        assert gc.get_threshold()[0] == young
        run(main(1234))
        assert gc.get_threshold()[0] == 1234
    finally:
        gc.set_threshold(*before)


def test_run_returns_and_raises_what_main_does() -> None:
    """`run` is `asyncio.run` under virtual time: the value, the exception, and debug mode."""

    async def value() -> bool:
        return asyncio.get_running_loop().get_debug()

    async def fail() -> None:
        raise LookupError

    assert run(value(), debug=True)
    assert not run(value(), debug=False)
    with pytest.raises(LookupError):
        run(fail())


def test_a_busy_task_beside_an_executor_job_does_not_block_the_loop() -> None:
    """Where asyncio has callbacks ready, nobody waits for a job, however long they have been."""

    async def main() -> int:
        job = asyncio.create_task(asyncio.to_thread(time.sleep, 0.05))
        turns = 0
        while turns < loop_module.BUSY_TURNS + 2000 or not job.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert run(main()) >= loop_module.BUSY_TURNS + 2000
