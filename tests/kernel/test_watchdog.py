"""The watchdog: driver code that never returns is stopped on its own line, all other code is left alone."""

import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from ndisemu.kernel import Cpu, DriverSpins, Kernel, Watchdog
from ndisemu.kernel.watchdog import LIMIT

ROOT: Final = Path(__file__).parents[2]

SPINNING_DRIVER: Final = """
import traceback

from ndisemu.kernel import Cpu, Dpc, DriverSpins, Kernel, Watchdog


def a_dpc_of_the_driver():
    try:
        while True:
            pass
    except Exception:
        print("swallowed")


kernel = Kernel()
cpu = Cpu(kernel, "cpu0")
cpu.queue_dpc(Dpc(a_dpc_of_the_driver))
with Watchdog(kernel):
    try:
        kernel.run(0, 10)
    except DriverSpins:
        traceback.print_exc()
print("over")
"""

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the watchdog needs interval timers")


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


def strike(watchdog: Watchdog, times: int) -> None:
    """Let so many seconds of CPU time pass."""
    for _ in range(times):
        watchdog._tick(signal.SIGVTALRM, None)


@pytest.mark.slow
def test_spinning_dpc_is_stopped_on_its_own_line() -> None:
    """A DPC that spins in plain Python is stopped after some CPU seconds, whatever it catches, where it spins."""
    done = subprocess.run(
        [sys.executable, "-c", SPINNING_DRIVER], cwd=ROOT, capture_output=True, text=True, timeout=100, check=True
    )

    assert done.stdout == "over\n"
    assert "in a_dpc_of_the_driver" in done.stderr
    assert f"DriverSpins: driver code has kept cpu0 for {LIMIT} CPU seconds without returning" in done.stderr


def test_code_without_progress_is_stopped_after_the_limit(kernel: Kernel) -> None:
    """The first look notes where the kernel is; so many more without a step forward, and the driver is stopped."""
    kernel.current = Cpu(kernel, "cpu0")
    watchdog = Watchdog(kernel)
    strike(watchdog, LIMIT)

    with pytest.raises(DriverSpins, match="kept cpu0"):
        strike(watchdog, 1)


def test_progress_takes_all_strikes_back(kernel: Kernel) -> None:
    """A kernel that gets on, however slowly, is not stopped."""
    kernel.current = Cpu(kernel, "cpu0")
    watchdog = Watchdog(kernel)

    for _ in range(10):
        strike(watchdog, LIMIT)
        kernel.progress += 1

    assert watchdog._strikes < LIMIT


def test_time_outside_driver_code_does_not_count(kernel: Kernel) -> None:
    """Seconds in which no CPU runs are the application's own business."""
    watchdog = Watchdog(kernel)

    strike(watchdog, 10 * LIMIT)
    kernel.current = Cpu(kernel, "cpu0")
    strike(watchdog, LIMIT - 1)

    assert watchdog._strikes < LIMIT


def test_drivers_cannot_swallow_the_stop() -> None:
    """What stops a driver is not an Exception, which a driver's own handler might catch."""
    assert not issubclass(DriverSpins, Exception)


def test_watchdog_puts_signal_and_timer_back(kernel: Kernel) -> None:
    """After the block, also one left by an exception, the signal's handler and the timer are as before."""
    before = signal.getsignal(signal.SIGVTALRM)

    def guarded() -> None:
        with Watchdog(kernel) as watchdog:
            assert signal.getsignal(signal.SIGVTALRM) == watchdog._tick
            assert signal.getitimer(signal.ITIMER_VIRTUAL)[1] == 1.0
            raise LookupError

    with pytest.raises(LookupError):
        guarded()

    assert signal.getsignal(signal.SIGVTALRM) == before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_watchdog_of_another_thread_is_none(kernel: Kernel) -> None:
    """Only the main thread receives signals; elsewhere the block runs unguarded, and changes nothing."""
    seen: list[object] = []
    before = signal.getsignal(signal.SIGVTALRM)

    def guarded() -> None:
        with Watchdog(kernel):
            seen.append(signal.getsignal(signal.SIGVTALRM))

    thread = threading.Thread(target=guarded)
    thread.start()
    thread.join()

    assert seen == [before]


@pytest.mark.parametrize("first_out", ["outer", "inner"])
def test_two_guards_share_the_signal(kernel: Kernel, first_out: str) -> None:
    """Whichever guard leaves first, the other goes on, and the last one puts everything back."""
    before = signal.getsignal(signal.SIGVTALRM)
    outer, inner = Watchdog(kernel), Watchdog(Kernel())
    with ExitStack() as outside, ExitStack() as inside:
        outside.enter_context(outer)
        inside.enter_context(inner)
        (outside if first_out == "outer" else inside).close()
        assert signal.getitimer(signal.ITIMER_VIRTUAL)[1] == 1.0

    assert signal.getsignal(signal.SIGVTALRM) == before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)
