"""The end that is asked for from outside: in order where the loop hears it, and else inside the code that blocks."""

import asyncio
import signal
import time

import pytest

from ndisemu.kernel import Cpu, DriverBlocks, Ending, Kernel
from ndisemu.kernel.ending import INTERRUPTED, LIMITED

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="an end in real time needs interval timers")


def wait_for_ever(ending: Ending) -> None:
    """Run a task that waits for nothing, until it is cancelled."""

    async def main() -> None:
        ending.cancels(asyncio.current_task())
        await asyncio.get_running_loop().create_future()

    with ending, pytest.raises(asyncio.CancelledError):
        asyncio.run(main())


def test_a_limit_cancels_the_task() -> None:
    """A loop that hears it ends its task, and the exit code says why."""
    ending = Ending(1_000_000)
    wait_for_ever(ending)
    assert ending.exit_code == LIMITED


def test_code_that_blocks_is_stopped_on_its_own_line() -> None:
    """`time.sleep` ends a second after the limit, with what says how long was waited."""
    ending = Ending(1_000_000)
    begun = time.monotonic()

    async def main() -> None:
        ending.cancels(asyncio.current_task())
        with pytest.raises(DriverBlocks, match="driver code has kept the process without returning or awaiting"):
            time.sleep(30)  # noqa: ASYNC251 - that is what is ended

    with ending:
        asyncio.run(main())
    assert time.monotonic() - begun < 10


def test_a_kernel_that_moves_on_is_let_alone() -> None:
    """A loop that is busy for more than a second is not blocked as long as its kernel works."""
    ending, kernel = Ending(None), Kernel()
    kernel.current = Cpu(kernel, "cpu0")
    ending.watch(kernel)

    async def main() -> None:
        ending.cancels(asyncio.current_task())
        ending._interrupt(signal.SIGINT, None)
        for _ in range(10):
            kernel.progress += 1
            ending._tick(signal.SIGALRM, None)
        with pytest.raises(DriverBlocks, match="kept cpu0"):
            ending._tick(signal.SIGALRM, None)
        await asyncio.sleep(10)

    with ending, pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert ending.exit_code == INTERRUPTED


def test_a_second_interrupt_ends_the_process(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The first asks for an end in order; a run that is broken off anywhere has none, so nothing of it goes on."""
    ending = Ending(None)

    def leave(exit_code: int) -> None:
        raise SystemExit(exit_code)

    monkeypatch.setattr("os._exit", leave)

    async def main() -> None:
        ending.cancels(asyncio.current_task())
        ending._interrupt(signal.SIGINT, None)
        ending._interrupt(signal.SIGINT, None)

    with ending, pytest.raises(SystemExit) as left:
        asyncio.run(main())
    assert left.value.code == INTERRUPTED
    assert capfd.readouterr().err == "interrupted again: the run was not ended in order\n"


def test_signals_and_timer_are_put_back() -> None:
    """Afterwards both signals are handled as before, and no timer runs."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM)
    with Ending(10**9) as ending:
        assert signal.getsignal(signal.SIGINT) == ending._interrupt
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM)) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_interrupt_before_there_is_a_task_goes_through() -> None:
    """Nothing has begun that could end in order."""
    with Ending(None) as ending, pytest.raises(KeyboardInterrupt):
        ending._interrupt(signal.SIGINT, None)


def test_an_end_that_is_asked_for_before_there_is_a_run_ends_that_at_once() -> None:
    """The limit may be over while the loop is made."""
    ending = Ending(None)
    ending.exit_code = LIMITED

    async def main() -> None:
        ending.cancels(asyncio.current_task())
        await asyncio.sleep(60)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
