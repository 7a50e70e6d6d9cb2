"""The real-time pump, on the stock loop and on uvloop: real time, in order, and nothing left behind."""

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ndisemu.kernel import Cpu, Kernel, RealTimePump, run_passive, sleep, timerfd
from ndisemu.kernel.timerfd import LoopTimer, TimerFd, precise_timer

MILLISECOND = 1_000_000

RunReal = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=["stock", "uvloop"])
def run_real(request: pytest.FixtureRequest) -> RunReal:
    """Run a coroutine on one of the real loops."""
    stock = request.param == "stock"
    factory = asyncio.new_event_loop if stock else pytest.importorskip("uvloop").new_event_loop

    def run_on_loop(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(main)

    return run_on_loop


@pytest.fixture(params=["timerfd", "loop timer"])
def _timer_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the precise timer of this system, or what serves where there is none."""
    if request.param == "loop timer":
        monkeypatch.setattr(timerfd, "TimerFd", refused)
    elif sys.platform != "linux":
        pytest.skip("timerfd is Linux's")


def refused(_loop: asyncio.AbstractEventLoop, _action: Callable[[], None]) -> TimerFd:
    raise OSError("no timerfd here")


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.usefixtures("_timer_kind")
def test_work_is_done_in_order_and_not_early(run_real: RunReal) -> None:
    """Work entered for several times is done in their order, each when the real clock has passed its time."""

    async def main() -> None:
        kernel = Kernel()
        began = time.monotonic_ns()
        pump = RealTimePump(kernel)
        done = asyncio.Event()
        ran: list[int] = []
        early: list[int] = []

        def item(due: int) -> None:
            ran.append(due)
            if time.monotonic_ns() - began < due or kernel.now < due:
                early.append(due)

        times = [3 * MILLISECOND, MILLISECOND, 7 * MILLISECOND, 2 * MILLISECOND, 2 * MILLISECOND + 1]
        for due in times:
            kernel.call_at(due, partial(item, due))
        kernel.call_at(8 * MILLISECOND, done.set)
        await asyncio.wait_for(done.wait(), 10)
        pump.close()

        assert ran == sorted(times)
        assert early == []

    run_real(main())


def test_submitted_work_wakes_an_idle_pump(run_real: RunReal) -> None:
    """A pump that waits for nothing, or for something far away, does submitted work at once, at the time it is."""

    async def main() -> None:
        kernel = Kernel()
        pump = RealTimePump(kernel)
        kernel.call_at(3600 * 10**9, lambda: None)
        await asyncio.sleep(0.02)
        ran = asyncio.get_running_loop().create_future()

        kernel.submit(lambda: ran.set_result(kernel.now))

        assert await asyncio.wait_for(ran, 10) >= 20 * MILLISECOND - MILLISECOND
        pump.close()

    run_real(main())


def test_endless_work_leaves_the_loop_its_turn(run_real: RunReal) -> None:
    """A kernel whose work never ends is drained in portions; timers and tasks of the loop run in between."""

    async def main() -> None:
        kernel = Kernel()
        pump = RealTimePump(kernel)

        def endless() -> None:
            kernel.call_soon(endless)

        kernel.submit(endless)
        await asyncio.wait_for(asyncio.sleep(0.01), 10)
        pump.close()

        assert kernel.progress > 1000

    run_real(main())


def test_closed_pump_runs_nothing(run_real: RunReal) -> None:
    """After `close` the kernel stands still, whatever was due or is submitted."""

    async def main() -> None:
        kernel = Kernel()
        ran: list[str] = []
        pump = RealTimePump(kernel)
        kernel.call_at(MILLISECOND, lambda: ran.append("due"))
        kernel.submit(lambda: ran.append("ready"))

        pump.close()
        kernel.submit(lambda: ran.append("submitted"))
        await asyncio.sleep(0.01)

        assert ran == []
        assert kernel.poke is kernel.catch_up is None

    run_real(main())


def test_idle_kernel_is_announced(run_real: RunReal) -> None:
    """Who wants to know when the kernel has nothing left is told when the last of its work is done."""

    async def main() -> None:
        kernel = Kernel()
        pump = RealTimePump(kernel)
        reached = asyncio.get_running_loop().create_future()
        ran: list[str] = []

        def announce() -> None:
            kernel.on_idle = None
            reached.set_result(list(ran))

        kernel.on_idle = announce
        kernel.call_at(MILLISECOND, lambda: ran.append("first"))
        kernel.call_at(3 * MILLISECOND, lambda: ran.append("last"))

        assert await asyncio.wait_for(reached, 10) == ["first", "last"]
        pump.close()

    run_real(main())


def test_kernel_keeps_its_time_under_the_next_pump(run_real: RunReal) -> None:
    """A kernel pumped a second time goes on from where its clock stood."""

    async def main() -> None:
        kernel = Kernel()
        kernel.now = 10**15
        ran = asyncio.get_running_loop().create_future()
        pump = RealTimePump(kernel)
        kernel.call_at(10**15 + MILLISECOND, lambda: ran.set_result(kernel.now))

        now = await asyncio.wait_for(ran, 10)
        pump.close()

        assert 10**15 + MILLISECOND <= now < 10**15 + 10 * 10**9

    run_real(main())


def test_passive_sleep_takes_its_time_after_an_idle_while(run_real: RunReal) -> None:
    """PASSIVE code that sleeps when the kernel had long nothing to do sleeps from now, not from then."""

    async def main() -> None:
        kernel = Kernel()
        pump = RealTimePump(kernel)
        await asyncio.sleep(0.03)

        async def routine() -> int:
            began = time.monotonic_ns()
            await sleep(kernel, 20 * MILLISECOND)
            return time.monotonic_ns() - began

        took = await run_passive(routine, Cpu(kernel, "cpu0"))
        pump.close()

        assert isinstance(took, int)
        assert took >= 20 * MILLISECOND

    run_real(main())


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files in /proc")
@pytest.mark.usefixtures("_timer_kind")
def test_close_leaves_no_file_open(run_real: RunReal) -> None:
    """A pump that has run and waits for a timer gives back its descriptor when it is closed."""
    # What earlier tests have left may hold files, too.
    gc.collect()

    async def main() -> None:
        before = open_files()
        for _ in range(5):
            kernel = Kernel()
            pump = RealTimePump(kernel)
            kernel.call_at(3600 * 10**9, lambda: None)
            await asyncio.sleep(0.001)
            pump.close()

        assert open_files() == before

    run_real(main())


@pytest.mark.skipif(sys.platform != "linux", reason="timerfd is Linux's")
def test_linux_has_the_precise_timer(run_real: RunReal) -> None:
    """On Linux both loops get the timerfd."""

    async def main() -> None:
        timer = precise_timer(asyncio.get_running_loop(), lambda: None)
        timer.close()
        assert isinstance(timer, TimerFd)

    run_real(main())


@pytest.mark.usefixtures("_timer_kind")
def test_timer_fires_once_at_its_last_setting(run_real: RunReal) -> None:
    """A timer that is set again fires once, for the last setting, which may be of no time at all."""

    async def main() -> None:
        fired: list[int] = []
        began = time.monotonic_ns()
        timer = precise_timer(asyncio.get_running_loop(), lambda: fired.append(time.monotonic_ns() - began))
        timer.set(0)
        timer.set(20 * MILLISECOND)
        await asyncio.sleep(0.06)
        assert len(fired) == 1
        assert fired[0] >= 19 * MILLISECOND

        timer.set(0)
        await asyncio.sleep(0.02)
        assert len(fired) == 2
        timer.set(MILLISECOND)
        timer.close()
        await asyncio.sleep(0.01)
        assert len(fired) == 2

    run_real(main())


def test_timer_that_was_never_set_can_be_closed(run_real: RunReal) -> None:
    """Closing the loop's own timer before its first use is nothing."""

    async def main() -> None:
        timer = LoopTimer(asyncio.get_running_loop(), lambda: fired.append("fired"))
        timer.close()
        await asyncio.sleep(0.001)

    fired: list[str] = []
    run_real(main())
    assert fired == []


@pytest.mark.skipif(sys.platform != "linux", reason="timerfd is Linux's")
def test_refused_timerfd_is_an_error_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without a descriptor left gets the system's error from TimerFd, and another timer instead."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(timerfd, "TFD_CLOEXEC", 1)
        with pytest.raises(OSError, match="timerfd_create failed"):
            TimerFd(loop, os.abort)
        assert isinstance(precise_timer(loop, os.abort), LoopTimer)

    asyncio.run(main())
