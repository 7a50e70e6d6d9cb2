"""Modelled time on a CPU: what charges do to its work, to others, and to a DPC that takes too long."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, PASSIVE, Costs, Cpu, Dpc, InterruptLine, Kernel
from ndisemu.kernel.cputime import DPC_POINT_LIMIT, DPC_TIME_LIMIT
from ndisemu.kernel.dpc import Importance

END = 1 << 40
PLENTY = 1 << 30


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def cpu(kernel: Kernel) -> Cpu:
    return Cpu(kernel, "cpu0")


@given(st.lists(st.integers(0, 300), max_size=20), st.lists(st.integers(0, 50), max_size=5))
def test_charged_work_never_overlaps_on_one_cpu(starts: list[int], costs: list[int]) -> None:
    """Whenever DPCs are asked for and whatever they cost, each begins after its request and after the one before."""
    kernel = Kernel()
    cpu = Cpu(kernel, "cpu0")
    spans: list[tuple[int, int]] = []

    def enter(start: int, cost: int) -> None:
        def routine() -> None:
            begin = kernel.local_time()
            cpu.charge(cost)
            spans.append((begin, kernel.local_time()))
            assert begin >= start

        kernel.call_at(start, lambda: cpu.queue_dpc(Dpc(routine)))

    for number, start in enumerate(sorted(starts)):
        enter(start, costs[number % len(costs)] if costs else 0)
    kernel.run(END, PLENTY)

    assert len(spans) == len(starts)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))


def test_charged_cpu_waits_while_another_goes_on() -> None:
    """A CPU that has spent 100 ns does what comes next at 100 ns, and another CPU works meanwhile."""
    kernel = Kernel()
    slow, quick = Cpu(kernel, "cpu0"), Cpu(kernel, "cpu1")
    log: list[tuple[str, int]] = []

    def spend() -> None:
        slow.charge(100)
        log.append(("slow", kernel.now))
        slow.queue_thread(lambda: log.append(("slow again", kernel.now)))

    slow.queue_thread(spend)
    kernel.call_at(40, lambda: quick.queue_thread(lambda: log.append(("quick", kernel.now))))
    kernel.run(END, PLENTY)

    assert log == [("slow", 0), ("quick", 40), ("slow again", 100)]


def test_interrupt_of_a_busy_cpu_waits_for_its_time(kernel: Kernel, cpu: Cpu) -> None:
    """An interrupt that comes while modelled time is being spent is taken when that time is over."""
    line = InterruptLine(cpu, "irq")
    taken: list[int] = []

    def isr() -> bool:
        line.deassert("card")
        taken.append(kernel.now)
        return True

    line.connect(isr)
    cpu.queue_thread(lambda: cpu.charge(100))
    kernel.call_at(30, lambda: line.assert_("card"))
    kernel.run(END, PLENTY)

    assert taken == [100]


def test_cost_table_charges_each_isr_and_dpc(kernel: Kernel, cpu: Cpu) -> None:
    """With a cost table an interrupt and its DPC take their time, and the DPC runs when the ISR's is over."""
    cpu.costs = Costs(isr=30, dpc=50)
    line = InterruptLine(cpu, "irq")
    times: list[int] = []
    dpc = Dpc(lambda: times.append(kernel.now))

    def isr() -> bool:
        line.deassert("card")
        return dpc.queue(cpu)

    line.connect(isr)
    line.assert_("card")
    kernel.run(END, PLENTY)

    assert times == [30]
    assert cpu.busy_until == 80
    assert (cpu.interrupts, cpu.dpcs_run) == (1, 1)


def test_dpc_that_stalls_too_long_is_stopped(kernel: Kernel, cpu: Cpu) -> None:
    """A DPC may stall for just so much modelled time; one nanosecond more is a violation in its own code."""
    rules: list[str] = []

    def routine() -> None:
        cpu.stall(DPC_TIME_LIMIT)
        with pytest.raises(RuleViolation, match="DPC on cpu0 has run for 100000001 ns") as caught:
            cpu.stall(1)
        rules.append(caught.value.rule)

    Dpc(routine).queue(cpu)
    kernel.run(END, PLENTY)

    assert rules == ["int-dpc-time"]


def test_thread_may_take_any_modelled_time(kernel: Kernel, cpu: Cpu) -> None:
    """The time limit is for DPCs; PASSIVE work may charge as much as it likes."""
    cpu.queue_thread(lambda: cpu.charge(10 * DPC_TIME_LIMIT))
    kernel.run(END, PLENTY)

    assert cpu.busy_until == 10 * DPC_TIME_LIMIT


def test_dpc_that_never_leaves_is_stopped_by_its_preemption_points(kernel: Kernel, cpu: Cpu) -> None:
    """A DPC that polls for ever may pass just so many preemption points; the next one raises, in its own code."""
    points = 0

    def routine() -> None:
        nonlocal points
        while True:
            cpu.preempt()
            points += 1

    Dpc(routine).queue(cpu)
    with pytest.raises(RuleViolation, match="preemption points without returning") as caught:
        kernel.run(END, PLENTY)

    assert caught.value.rule == "int-dpc-time"
    assert points == DPC_POINT_LIMIT


def test_watchdog_of_a_nested_dpc_ends_with_it(kernel: Kernel, cpu: Cpu) -> None:
    """After a nested DPC the interrupted PASSIVE work is not under the DPC watchdog."""
    log: list[str] = []

    def thread() -> None:
        Dpc(lambda: log.append("dpc")).queue(cpu)
        cpu.preempt()
        cpu.charge(2 * DPC_TIME_LIMIT)
        log.append("thread")

    cpu.queue_thread(thread)
    kernel.run(END, PLENTY)

    assert log == ["dpc", "thread"]


def test_dpc_that_costs_too_much_is_reported_once(kernel: Kernel, cpu: Cpu) -> None:
    """A charge by the cost table never raises in the midst of something: it is done, and the DPC has a finding."""
    done: list[int] = []

    def routine() -> None:
        for _ in range(3):
            cpu.charge(DPC_TIME_LIMIT)
            done.append(cpu.spent)

    Dpc(routine).queue(cpu)
    kernel.run(END, PLENTY)

    assert done == [DPC_TIME_LIMIT, 2 * DPC_TIME_LIMIT, 3 * DPC_TIME_LIMIT]
    assert [(finding.rule, finding.actor) for finding in kernel.findings] == [("int-dpc-time", "cpu0")]
    assert "has run for 200000000 ns" in kernel.findings[0].text


def test_isr_that_costs_too_much_is_served(kernel: Kernel, cpu: Cpu) -> None:
    """An ISR whose charge goes beyond the limit of the DPC that it interrupts runs, and the DPC goes on at its level."""
    cpu.costs = Costs(isr=DPC_TIME_LIMIT + 1)
    line = InterruptLine(cpu, "irq")
    served: list[int] = []
    levels: list[int] = []

    def service() -> bool:
        served.append(cpu.irql)
        line.deassert("card")
        return True

    def routine() -> None:
        line.assert_("card")
        cpu.preempt()
        levels.append(cpu.irql)

    line.connect(service)
    Dpc(routine).queue(cpu)
    kernel.run(END, PLENTY)

    assert (served, levels, cpu.irql) == ([line.irql], [DISPATCH], PASSIVE)
    assert [finding.rule for finding in kernel.findings] == ["int-dpc-time"]


def two_cpus() -> tuple[Kernel, Cpu, Cpu]:
    """Make one CPU that will be ahead of the clock, and another."""
    kernel = Kernel()
    return kernel, Cpu(kernel, "cpu0"), Cpu(kernel, "cpu1")


@pytest.mark.parametrize(
    ("importance", "order"), [(Importance.MEDIUM, ["first", "dpc"]), (Importance.HIGH, ["dpc", "first"])]
)
def test_what_a_cpu_queues_on_another_waits_for_its_own_time(importance: Importance, order: list[str]) -> None:
    """The other CPU's turns in between do not find it, however it was queued; in its queue it stands where it belongs."""
    kernel, ahead, other = two_cpus()
    log: list[tuple[str, int]] = []

    def note(what: str) -> Callable[[], None]:
        return lambda: log.append((what, kernel.now))

    def spend() -> None:
        ahead.charge(100)
        other.queue_thread(note("thread"))
        Dpc(note("first"), cpu=other).queue(ahead)
        Dpc(note("dpc"), cpu=other, importance=importance).queue(ahead)

    ahead.queue_thread(spend)
    kernel.call_at(40, lambda: other.queue_thread(note("between")))
    kernel.run(END, PLENTY)

    assert log == [("between", 40), *((what, 100) for what in order), ("thread", 100)]


def test_what_lies_ahead_of_a_cpu_holds_up_nothing_before() -> None:
    """An interrupt of another CPU that comes before the queued DPC's time is served at its own."""
    kernel, ahead, other = two_cpus()
    line = InterruptLine(other, "irq")
    log: list[tuple[str, int]] = []

    def isr() -> bool:
        line.deassert("card")
        log.append(("isr", kernel.now))
        return True

    def spend() -> None:
        ahead.charge(100)
        Dpc(lambda: log.append(("dpc", kernel.now)), cpu=other).queue(ahead)

    line.connect(isr)
    ahead.queue_thread(spend)
    kernel.call_at(40, lambda: line.assert_("card"))
    kernel.run(END, PLENTY)

    assert log == [("isr", 40), ("dpc", 100)]


@pytest.mark.parametrize("again", [False, True])
def test_a_dpc_on_its_way_to_another_cpu_can_be_taken_back(*, again: bool) -> None:
    """It does not run; queued again meanwhile, it runs once."""
    kernel, ahead, other = two_cpus()
    ran: list[int] = []
    dpc = Dpc(lambda: ran.append(kernel.now), cpu=other)

    def spend() -> None:
        ahead.charge(100)
        assert dpc.queue(ahead)
        assert not dpc.queue(ahead)
        assert dpc.remove()
        if again:
            ahead.charge(100)
            dpc.queue(ahead)

    ahead.queue_thread(spend)
    kernel.run(END, PLENTY)

    assert len(ran) == int(again)
    assert not dpc.queued


@pytest.mark.parametrize("still", [False, True])
def test_a_line_raised_by_a_cpu_ahead_interrupts_another_at_its_time(*, still: bool) -> None:
    """As a device does that a driver tells to; a line that has been let go of by then interrupts nobody."""
    kernel, ahead, other = two_cpus()
    line = InterruptLine(other, "irq")
    taken: list[int] = []

    def isr() -> bool:
        line.deassert("card")
        taken.append(kernel.now)
        return True

    def spend() -> None:
        ahead.charge(100)
        line.assert_("card")

    line.connect(isr)
    ahead.queue_thread(spend)
    if not still:
        kernel.call_at(60, lambda: line.deassert("card"))
    kernel.run(END, PLENTY)

    assert taken == ([100] if still else [])


def test_a_cpu_counts_what_it_was_charged(kernel: Kernel, cpu: Cpu) -> None:
    """Charges add up, with idle time between them or not."""
    cpu.queue_thread(lambda: cpu.charge(10))
    kernel.call_at(50, lambda: cpu.queue_thread(lambda: cpu.charge(20)))
    kernel.run(END, PLENTY)
    assert (cpu.spent, cpu.busy_until, cpu.waited) == (30, 70, 0)
