"""Timers: one-shot and periodic, moved by setting, and what cancelling can promise."""

import pytest

from ndisemu.errors import UsageError
from ndisemu.kernel import DISPATCH, Cpu, Kernel, Timer

END = 1 << 40
PLENTY = 1 << 30


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def cpu(kernel: Kernel) -> Cpu:
    return Cpu(kernel, "cpu0")


@pytest.fixture
def times() -> list[int]:
    return []


@pytest.fixture
def timer(kernel: Kernel, cpu: Cpu, times: list[int]) -> Timer:
    """Give a timer that notes when it ran."""
    return Timer(cpu, lambda: times.append(kernel.now), name="hang check")


def test_timer_runs_once_when_it_is_due(kernel: Kernel, timer: Timer, times: list[int]) -> None:
    """A one-shot timer runs its routine at its time, once."""
    assert not timer.set(100)
    assert repr(timer) == "<Timer hang check due at 100 ns>"
    kernel.run(END, PLENTY)

    assert times == [100]
    assert repr(timer) == "<Timer hang check idle>"


def test_timer_routine_is_a_dpc_of_its_cpu(kernel: Kernel, cpu: Cpu) -> None:
    """The routine runs at DISPATCH_LEVEL on the CPU the timer was made for."""
    seen: list[tuple[object, int]] = []
    timer = Timer(cpu, lambda: seen.append((kernel.current, cpu.irql)))

    timer.set(1)
    kernel.run(END, PLENTY)

    assert seen == [(cpu, DISPATCH)]


@pytest.mark.parametrize(("first", "second"), [(100, 40), (40, 100), (100, 0)])
def test_setting_a_set_timer_moves_it(kernel: Kernel, timer: Timer, times: list[int], first: int, second: int) -> None:
    """The last setting counts, and it says that the timer was set."""
    timer.set(first)

    assert timer.set(second)
    kernel.run(END, PLENTY)

    assert times == [second]


def test_timer_of_no_time_has_expired_when_it_is_set(kernel: Kernel, timer: Timer, times: list[int]) -> None:
    """A timer set for no time is not in the timer queue: its routine waits in the DPC queue already, and runs once."""
    timer.set(100)

    assert timer.set(0)
    assert not timer.cancel()
    kernel.run(END, PLENTY)

    assert times == [0]


def test_periodic_timer_may_begin_at_once(kernel: Kernel, timer: Timer, times: list[int]) -> None:
    """A periodic timer due in no time runs now and then every period."""
    timer.set(0, period=10)

    kernel.run(25, PLENTY)

    assert times == [0, 10, 20]


def test_periodic_timer_runs_until_it_is_cancelled(kernel: Kernel, timer: Timer, times: list[int]) -> None:
    """A periodic timer runs at its due time and every period after it."""
    timer.set(10, period=25)
    kernel.run(100, PLENTY)
    assert times == [10, 35, 60, 85]

    assert timer.cancel()
    kernel.run(END, PLENTY)
    assert times == [10, 35, 60, 85]


def test_setting_a_periodic_timer_once_ends_its_period(kernel: Kernel, timer: Timer, times: list[int]) -> None:
    """A timer that is set without a period runs once, whatever it did before."""
    timer.set(10, period=10)
    kernel.run(20, PLENTY)

    timer.set(5)
    kernel.run(END, PLENTY)

    assert times == [10, 20, 25]


def test_periodic_timer_can_end_itself(kernel: Kernel, cpu: Cpu) -> None:
    """A periodic timer cancelled by its own routine was set for the next time, and does not run again."""
    answers: list[bool] = []
    periodic = Timer(cpu, lambda: answers.append(periodic.cancel()))

    periodic.set(10, period=10)
    kernel.run(END, PLENTY)

    assert answers == [True]


def test_cancelling_in_time_keeps_it_from_running(kernel: Kernel, timer: Timer, times: list[int]) -> None:
    """Cancel says True where the timer was still set, and then it does not run."""
    timer.set(100)
    kernel.call_at(99, lambda: times.append(timer.cancel()))

    kernel.run(END, PLENTY)

    assert times == [True]
    assert not timer.cancel()


def test_cancelling_at_the_due_instant_keeps_its_promise(kernel: Kernel, timer: Timer, times: list[int]) -> None:
    """Cancel at the very instant of expiry, before the timer has expired, says True and means it."""
    kernel.call_at(100, lambda: times.append(timer.cancel()))
    timer.set(100)

    kernel.run(END, PLENTY)

    assert times == [True]


def test_cancelling_an_expired_timer_comes_too_late(kernel: Kernel, cpu: Cpu) -> None:
    """Cancel says False while the routine waits in the DPC queue, which it cannot prevent, and while it runs."""
    log: list[object] = []

    def routine() -> None:
        log.append("routine")
        log.append(expired.cancel())

    # Its CPU is busy when it expires, so the routine waits in the queue until then.
    expired = Timer(cpu, routine)
    expired.set(10)
    cpu.queue_thread(lambda: cpu.charge(50))
    kernel.call_at(20, lambda: log.append(expired.cancel()))
    kernel.run(END, PLENTY)

    assert log == [False, "routine", False]


def test_a_silenced_timer_does_not_run_though_it_has_expired(kernel: Kernel, cpu: Cpu) -> None:
    """What cancelling comes too late for, the routine that waits in the DPC queue, is taken out as well."""
    log: list[str] = []
    expired = Timer(cpu, lambda: log.append("routine"))
    expired.set(10, period=10)
    cpu.queue_thread(lambda: cpu.charge(50))
    kernel.call_at(20, expired.silence)
    kernel.run(END, PLENTY)

    assert log == []
    assert not expired.is_set


def test_timer_counts_from_the_local_time_of_the_code_that_sets_it(
    kernel: Kernel, cpu: Cpu, timer: Timer, times: list[int]
) -> None:
    """Code that has spent 50 ns and sets a timer for 10 ns gets it at 60 ns."""

    def thread() -> None:
        cpu.charge(50)
        timer.set(10)

    cpu.queue_thread(thread)
    kernel.run(END, PLENTY)

    assert times == [60]


def test_periodic_timer_of_a_busy_cpu_coalesces(kernel: Kernel, cpu: Cpu, timer: Timer, times: list[int]) -> None:
    """Expiries while the DPC still waits are one run of the routine: a DPC is queued at most once."""
    cpu.queue_thread(lambda: cpu.charge(95))
    timer.set(10, period=10)

    kernel.run(110, PLENTY)

    assert times == [95, 100, 110]


@pytest.mark.parametrize(("due", "period"), [(-1, 0), (0, -1)])
def test_timer_cannot_be_due_in_the_past(timer: Timer, due: int, period: int) -> None:
    """A negative time or period is refused and sets nothing."""
    with pytest.raises(UsageError, match="a timer is due in the future"):
        timer.set(due, period=period)

    assert not timer.is_set


def test_timer_says_whether_it_is_set(timer: Timer, kernel: Kernel) -> None:
    """A timer is set from its setting until it expires."""
    states = [timer.is_set]
    timer.set(10)
    states.append(timer.is_set)
    kernel.run(END, PLENTY)
    states.append(timer.is_set)

    assert states == [False, True, False]
