"""The kernel: its ready queue, its clock, when it stops, and what it reports."""

from functools import partial

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, Cpu, Dpc, Kernel
from ndisemu.kernel.kernel import MOST_FINDINGS
from ndisemu.probe import Probe

END = 1 << 40
PLENTY = 1 << 30


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@given(st.lists(st.integers(0, 20), max_size=50))
def test_work_runs_by_time_and_then_by_entry(times: list[int]) -> None:
    """Items run at their nanosecond, and those of one nanosecond in the order in which they were entered."""
    kernel = Kernel()
    ran: list[tuple[int, int]] = []

    def item(number: int) -> None:
        ran.append((kernel.now, number))

    for number, when in enumerate(times):
        kernel.call_at(when, partial(item, number))
    stopped = kernel.run(END, PLENTY)

    assert ran == sorted((when, number) for number, when in enumerate(times))
    assert not stopped
    assert kernel.progress == len(times)


def test_work_for_the_past_runs_now(kernel: Kernel) -> None:
    """An item for a time that has passed runs now, after what is ready, and the clock does not go back."""
    ran: list[tuple[str, int]] = []
    kernel.call_at(50, lambda: kernel.call_soon(lambda: ran.append(("ready", kernel.now))))
    kernel.call_at(50, lambda: kernel.call_at(20, lambda: ran.append(("late", kernel.now))))

    kernel.run(END, PLENTY)

    assert ran == [("ready", 50), ("late", 50)]


def test_run_stops_before_what_is_later(kernel: Kernel) -> None:
    """A run up to some time does what is due then, leaves the rest, and does not move the clock for nothing."""
    ran: list[int] = []
    for when in (10, 20, 21):
        kernel.call_at(when, partial(ran.append, when))

    assert not kernel.run(20, PLENTY)

    assert (ran, kernel.now, kernel.next_work()) == ([10, 20], 20, 21)
    assert repr(kernel) == "<Kernel at 20 ns: 0 ready, 1 to come>"


def test_next_work_is_now_a_tick_or_never(kernel: Kernel) -> None:
    """The kernel says when it has work next, so that whoever drives it can wait for that."""
    assert kernel.next_work() is None
    kernel.call_at(30, lambda: None)
    assert kernel.next_work() == 30
    kernel.call_soon(lambda: None)
    assert kernel.next_work() == 0


def test_quota_ends_a_run_with_work_left(kernel: Kernel) -> None:
    """A run of so many items stops there, says so, and the next run goes on with the next item."""
    ran: list[int] = []
    for number in range(5):
        kernel.call_soon(partial(ran.append, number))

    assert kernel.run(END, 3)
    assert ran == [0, 1, 2]
    assert not kernel.run(END, 3)
    assert ran == [0, 1, 2, 3, 4]


def test_pause_ends_a_run_after_the_item(kernel: Kernel) -> None:
    """An item that sets `pause` is the last of its run."""
    ran: list[int] = []

    def pausing() -> None:
        kernel.pause = True
        ran.append(1)

    kernel.call_soon(pausing)
    kernel.call_soon(lambda: ran.append(2))

    assert kernel.run(END, PLENTY)
    assert ran == [1]


def test_pause_keeps_the_clock_at_its_instant(kernel: Kernel) -> None:
    """A pause set by the last item of a tick takes effect before the clock moves on."""

    def pausing() -> None:
        kernel.pause = True

    kernel.call_at(10, pausing)
    kernel.call_at(1000, lambda: None)

    assert kernel.run(END, PLENTY)
    assert kernel.now == 10


def test_pause_with_nothing_left_ends_the_run_anyway(kernel: Kernel) -> None:
    """A run that was paused by its very last item has no work left, and says so."""

    def pausing() -> None:
        kernel.pause = True

    kernel.call_at(10, pausing)

    assert not kernel.run(END, PLENTY)
    assert kernel.pause


def test_submitted_work_wakes_whoever_drives_the_kernel(kernel: Kernel) -> None:
    """Work from outside pokes the driving loop, once for each item; without a loop it just waits."""
    pokes: list[str] = []
    kernel.submit(lambda: None)
    kernel.poke = lambda: pokes.append("poke")

    kernel.submit(lambda: None)

    assert pokes == ["poke"]
    assert len(kernel.ready) == 2


def test_local_time_is_that_of_the_running_cpu(kernel: Kernel) -> None:
    """Code on a CPU sees its CPU's time; what it does locally takes effect then, what it does now, now."""
    cpu = Cpu(kernel, "cpu0")
    seen: list[tuple[str, int]] = []

    def thread() -> None:
        cpu.charge(100)
        seen.append(("thread", kernel.local_time()))
        kernel.call_at(kernel.local_time(), lambda: seen.append(("local", kernel.now)))
        kernel.call_soon(lambda: seen.append(("soon", kernel.now)))

    cpu.queue_thread(thread)
    kernel.run(END, PLENTY)

    assert seen == [("thread", 100), ("soon", 0), ("local", 100)]
    assert kernel.local_time() == kernel.now == 100


def test_finding_says_who_when_and_where() -> None:
    """A broken rule is recorded with the time, the CPU and the IRQL of the code that broke it, and is told on."""
    probe = Probe()
    events: list[tuple[str, str, int, str]] = []
    probe.event = lambda *event: events.append(event)
    kernel = Kernel(probe=probe)
    cpu = Cpu(kernel, "cpu1")

    def routine() -> None:
        cpu.charge(7)
        kernel.report("some-rule", "nic0", "nic0 did what it must not")

    kernel.call_at(40, lambda: cpu.queue_dpc(Dpc(routine)))
    kernel.run(END, PLENTY)

    (finding,) = kernel.findings
    assert (finding.rule, finding.actor, finding.text) == ("some-rule", "nic0", "nic0 did what it must not")
    assert (finding.time, finding.cpu, finding.irql, finding.trace) == (47, "cpu1", DISPATCH, "")
    assert events == [("violation", "nic0", 1, "some-rule")]


def test_finding_outside_a_cpu_names_none(kernel: Kernel) -> None:
    """What goes wrong while no CPU runs is recorded without a CPU, at level 0."""
    finding = kernel.report("some-rule", "nic0", "text")

    assert (finding.cpu, finding.irql) == ("", 0)


def test_finding_keeps_the_drivers_traceback(kernel: Kernel) -> None:
    """A finding made for an exception shows the line that raised it."""

    def a_line_of_the_driver() -> None:
        raise RuleViolation("some-rule", "refused")

    with pytest.raises(RuleViolation) as caught:
        a_line_of_the_driver()
    finding = kernel.report("some-rule", "nic0", "text", caught.value)

    assert "in a_line_of_the_driver" in finding.trace
    assert finding.trace.endswith("RuleViolation: some-rule: refused")


def test_a_record_that_is_withdrawn_does_not_count(kernel: Kernel) -> None:
    """The one that replaces it is kept, however often that has happened."""
    for _ in range(MOST_FINDINGS + 1):
        kernel.withdraw(kernel.refusal("some-rule", "nic0", "refused"))
    assert kernel.report("some-rule", "nic0", "at last") in kernel.findings
    assert not kernel.findings_lost


def test_findings_past_a_limit_are_counted(kernel: Kernel) -> None:
    """A driver that is wrong for ever does not fill the memory, and does not hide what else it does wrong."""
    for number in range(MOST_FINDINGS + 5):
        kernel.report("some-rule", "nic0", str(number))
    kernel.report("other-rule", "nic0", "the last")

    assert len(kernel.findings) == MOST_FINDINGS + 1
    assert [finding.text for finding in kernel.findings[-2:]] == [str(MOST_FINDINGS - 1), "the last"]
    assert kernel.findings_lost == {"some-rule": 5}
