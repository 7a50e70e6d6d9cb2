"""PASSIVE_LEVEL code in an asyncio task: it may wait for anything, each of its steps is on its CPU."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from ndisemu.errors import InternalError, RuleViolation, Unfinished
from ndisemu.kernel import (
    DISPATCH,
    PASSIVE,
    Cpu,
    Dpc,
    Ending,
    Event,
    Kernel,
    Signal,
    SpinLock,
    run,
    run_in_time,
    run_passive,
    sleep,
)
from ndisemu.kernel.loop import VirtualLoop
from ndisemu.kernel.passive import IN_TIME, hosted


class Bench:
    """A kernel attached to the running virtual loop, with one CPU."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.kernel = Kernel()
        self.cpu = Cpu(self.kernel, "cpu0")
        loop.attach(self.kernel)

    def where(self) -> tuple[object, int, int]:
        return self.kernel.current, self.cpu.irql, self.kernel.now


def test_plain_routine_runs_on_its_cpu() -> None:
    """A plain function is called at PASSIVE_LEVEL on the CPU, and its value comes back."""

    async def main() -> None:
        bench = Bench()

        assert await run_passive(bench.where, bench.cpu) == (bench.cpu, PASSIVE, 0)
        assert bench.kernel.current is None

    run(main())


def test_routine_may_await_the_kernel_and_asyncio_alike() -> None:
    """A coroutine may sleep in the kernel, in asyncio and wait for an event; after each it is on its CPU again."""

    async def main() -> None:
        bench = Bench()
        event = Event(bench.kernel)
        bench.kernel.call_at(3000, lambda: bench.cpu.queue_dpc(Dpc(event.set)))

        async def initialize() -> list[tuple[object, int, int]]:
            seen = [bench.where()]
            await sleep(bench.kernel, 1000)
            seen.append(bench.where())
            await asyncio.sleep(1e-6)
            seen.append(bench.where())
            await event.wait()
            return [*seen, bench.where()]

        times = [0, 1000, 2000, 3000]
        assert await run_passive(initialize, bench.cpu) == [(bench.cpu, PASSIVE, time) for time in times]

    run(main())


def test_other_work_of_the_cpu_goes_on_between_the_steps() -> None:
    """While the routine waits, its CPU is free for DPCs, and nothing counts as running between the steps."""

    async def main() -> None:
        bench = Bench()
        log: list[object] = []

        async def initialize() -> None:
            Dpc(lambda: log.append(bench.kernel.now)).queue(bench.cpu)
            await asyncio.sleep(1e-6)
            log.append("initialized")

        task = asyncio.ensure_future(run_passive(initialize, bench.cpu))
        await asyncio.sleep(0)
        assert bench.kernel.current is None
        await task
        assert log == [0, "initialized"]

    run(main())


def test_dpc_may_interrupt_a_step() -> None:
    """At a preemption point of PASSIVE code in a task, DPCs of its CPU run nested, as anywhere else."""

    async def main() -> None:
        bench = Bench()
        log: list[str] = []

        def routine() -> None:
            Dpc(lambda: log.append("dpc")).queue(bench.cpu)
            bench.cpu.preempt()
            log.append("routine")

        await run_passive(routine, bench.cpu)
        assert log == ["dpc", "routine"]

    run(main())


@pytest.mark.parametrize("wait", ["kernel", "asyncio"])
def test_cancelling_the_task_reaches_the_routine(wait: str) -> None:
    """A cancelled task raises CancelledError in the routine where it waits, for the kernel or for asyncio."""

    async def main() -> None:
        bench = Bench()
        log: list[object] = []

        async def halt() -> None:
            try:
                await (Signal() if wait == "kernel" else asyncio.sleep(9))
            except asyncio.CancelledError:
                log.append(bench.kernel.current)
                raise

        task = asyncio.ensure_future(run_passive(halt, bench.cpu))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert log == [bench.cpu]

    run(main())


def test_wake_of_a_cancelled_wait_is_nothing() -> None:
    """A signal that is set after its waiter was cancelled finds nobody, and harms nobody."""

    async def main() -> None:
        bench = Bench()
        signal = Signal()

        async def halt() -> object:
            return await signal

        task = asyncio.ensure_future(run_passive(halt, bench.cpu))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(1)
        signal.set()
        assert task.cancelled()

    run(main())


def test_exception_of_a_routine_comes_out() -> None:
    """What the routine raises, now or after a wait, is raised to who runs it, and the CPU is left clean."""

    async def main() -> None:
        bench = Bench()

        async def fail() -> None:
            await sleep(bench.kernel, 10)
            bench.cpu.raise_irql(DISPATCH)
            raise LookupError

        with pytest.raises(LookupError):
            await run_passive(fail, bench.cpu)
        assert (bench.kernel.current, bench.cpu.irql) == (None, PASSIVE)

    run(main())


@pytest.mark.parametrize("wait", ["kernel", "asyncio"])
def test_lock_must_not_be_held_across_an_await(wait: str) -> None:
    """Suspending with a lock held raises at the await, naming routine and lock; the `with` block gives it back."""

    async def main() -> None:
        bench = Bench()
        lock = SpinLock(bench.kernel, "tx")

        async def initialize() -> None:
            with lock:
                await (Signal() if wait == "kernel" else asyncio.sleep(1))

        with pytest.raises(RuleViolation, match=r"initialize suspended while holding tx; release it before") as caught:
            await run_passive(initialize, bench.cpu)

        assert caught.value.rule == "irql-await"
        assert (lock.owner, bench.cpu.locks, bench.cpu.irql) == (None, [], PASSIVE)

    run(main())


def test_raised_level_must_not_be_held_across_an_await() -> None:
    """Suspending at a raised level raises at the await, and the level is restored."""

    async def main() -> None:
        bench = Bench()

        async def initialize() -> None:
            bench.cpu.raise_irql(DISPATCH)
            await asyncio.sleep(1)

        with pytest.raises(RuleViolation, match="suspended at DISPATCH_LEVEL; lower to PASSIVE_LEVEL") as caught:
            await run_passive(initialize, bench.cpu)
        assert caught.value.rule == "irql-await"
        assert bench.cpu.irql == PASSIVE

    run(main())


def test_routine_that_goes_on_after_being_told_is_ended() -> None:
    """A routine that swallows the violation and waits again is ended there, with its clean-up on its CPU."""

    async def main() -> None:
        bench = Bench()
        log: list[object] = []

        async def initialize() -> None:
            bench.cpu.raise_irql(DISPATCH)
            try:
                while True:
                    try:
                        await asyncio.sleep(1)
                    except RuleViolation as violation:
                        log.append(violation.rule)
            finally:
                log.append(bench.kernel.current)

        with pytest.raises(RuleViolation, match="went on after being told"):
            await run_passive(initialize, bench.cpu)
        assert log == ["irql-await", bench.cpu]

    run(main())


def test_steps_are_not_taken_while_a_cpu_runs() -> None:
    """Stepping PASSIVE code from inside the kernel's own work is a defect of ours, and is noticed."""

    async def main() -> None:
        kernel = Kernel()
        cpu = Cpu(kernel, "cpu0")

        async def routine() -> None:
            """Do nothing."""

        kernel.current = cpu
        coroutine = routine()
        with pytest.raises(InternalError, match="was stepped while <Cpu cpu0"):
            next(hosted(coroutine, cpu))
        coroutine.close()

    run(main())


def test_each_step_tells_the_driving_loop() -> None:
    """A step may have made work for the kernel, so whoever drives it is poked, and asked for the time before."""

    async def main() -> None:
        bench = Bench()
        log: list[str] = []
        bench.kernel.poke = lambda: log.append("poke")
        bench.kernel.catch_up = lambda: log.append("catch up")

        async def routine() -> None:
            log.append("first")
            await asyncio.sleep(0)
            log.append("second")

        await run_passive(routine, bench.cpu)
        assert log == ["catch up", "first", "poke", "catch up", "second", "poke"]

    run(main())


async def never() -> None:
    """Wait for what does not come."""
    await Signal()


async def refuses_to_be_cancelled() -> str:
    """Take a cancellation for a wake-up."""
    with suppress(asyncio.CancelledError):
        await Signal()
    return "done"


@pytest.mark.parametrize("routine", [never, refuses_to_be_cancelled])
def test_a_routine_that_takes_too_long_is_cancelled_and_named(routine: Callable[[], Awaitable[object]]) -> None:
    """Whoever waits for it learns of it after a minute, whatever the routine makes of that."""

    async def main() -> None:
        bench = Bench()
        with pytest.raises(Unfinished) as caught:
            await run_in_time(routine, bench.cpu, "st-watchdog-halt")
        assert (caught.value.rule, caught.value.text) == ("st-watchdog-halt", "has not returned within 60 s")
        assert bench.kernel.local_time() == IN_TIME * 10**9
        assert bench.kernel.current is None

    run(main())


@pytest.mark.parametrize("error", [TimeoutError("of its own"), asyncio.CancelledError()])
def test_what_a_routine_raises_is_its_own(error: BaseException) -> None:
    """A timeout of its own is not ours, and a cancellation that nobody has asked for ends nobody else."""

    async def main() -> None:
        bench = Bench()

        def raises() -> None:
            raise error

        with pytest.raises((TimeoutError, Unfinished)) as caught:
            await run_in_time(raises, bench.cpu, "st-watchdog-halt")
        if isinstance(error, TimeoutError):
            assert caught.value is error
        else:
            assert str(caught.value) == "bugcheck: raised CancelledError, and nobody has cancelled it"

    run(main())


def test_a_cancelled_task_stays_cancelled() -> None:
    """Who cancels the task that waits gets what every task gives."""

    async def main() -> None:
        bench = Bench()
        task = asyncio.ensure_future(run_in_time(never, bench.cpu, "st-watchdog-halt"))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


@pytest.mark.parametrize("then", ["waits", "ends", "raises"])
def test_a_routine_cannot_cancel_the_task_that_runs_it(then: str) -> None:
    """Others wait for that task, too; the routine is ended and named, and cleans up on its CPU."""

    async def main() -> None:
        bench = Bench()

        async def cancels() -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            try:
                if then == "waits":
                    await Signal()
                if then == "raises":
                    raise RuleViolation("bugcheck", "has cancelled the task of asyncio's in which NDIS runs it")
            finally:
                assert bench.kernel.current is bench.cpu

        with pytest.raises(RuleViolation, match="has cancelled the task of asyncio's in which NDIS runs it"):
            await run_in_time(cancels, bench.cpu, "st-watchdog-halt")
        await asyncio.sleep(1)

    # As the command does; what other programs do at Ctrl-C cannot be told from that.
    with Ending(None):
        run(main())


def test_a_signal_may_cancel_a_task_in_the_middle_of_a_step() -> None:
    """As `asyncio.run` does at Ctrl-C: that is nobody's mistake."""

    async def main() -> None:
        bench = Bench()

        async def is_interrupted() -> None:
            signal.raise_signal(signal.SIGINT)
            await Signal()

        await run_in_time(is_interrupted, bench.cpu, "st-watchdog-halt")

    with pytest.raises(KeyboardInterrupt):
        run(main())
