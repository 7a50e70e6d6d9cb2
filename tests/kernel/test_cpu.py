"""The CPU: who may interrupt whom, in which order work runs, and what modelled time does to it."""

from collections.abc import Callable

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, PASSIVE, Cpu, Dpc, InterruptLine, Irql, Kernel, SpinLock, irql_name
from ndisemu.kernel.cpu import DPC_BATCH

END = 1 << 40
PLENTY = 1 << 30


class Bench:
    """One CPU with an interrupt line whose ISR queues a DPC, and a log of what ran when and at which level."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self.cpu = Cpu(self.kernel, "cpu0")
        self.line = InterruptLine(self.cpu, "irq")
        self.line.connect(self.isr)
        self.log: list[str] = []
        self.after_isr = Dpc(self.note("dpc of the isr"))

    def isr(self) -> bool:
        self.line.deassert("card")
        self.write("isr")
        self.after_isr.queue(self.cpu)
        return True

    def write(self, what: str) -> None:
        assert self.kernel.current is self.cpu
        self.log.append(f"{what}@{self.cpu.irql}")

    def note(self, what: str) -> Callable[[], None]:
        return lambda: self.write(what)

    def run(self) -> list[str]:
        self.kernel.run(END, PLENTY)
        return self.log


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_isr_interrupts_a_dpc_at_a_preemption_point(bench: Bench) -> None:
    """An interrupt runs nested in a DPC; the DPC it queues waits until that one is through."""

    def routine() -> None:
        bench.line.assert_("card")
        bench.write("dpc before")
        bench.cpu.preempt()
        bench.write("dpc after")

    Dpc(routine).queue(bench.cpu)

    assert bench.run() == ["dpc before@2", "isr@5", "dpc after@2", "dpc of the isr@2"]


def test_isr_and_dpc_interrupt_passive_work(bench: Bench) -> None:
    """At a preemption point of PASSIVE work the interrupt runs, then its DPC, then the work goes on where it was."""

    def thread() -> None:
        bench.line.assert_("card")
        bench.write("thread before")
        bench.cpu.preempt()
        bench.write("thread after")

    bench.cpu.queue_thread(thread)

    assert bench.run() == ["thread before@0", "isr@5", "dpc of the isr@2", "thread after@0"]


def test_dpc_does_not_interrupt_a_dpc_nor_a_thread_a_dpc(bench: Bench) -> None:
    """What is queued at or below the level of the running code waits, however many preemption points it passes."""

    def routine() -> None:
        Dpc(bench.note("second dpc")).queue(bench.cpu)
        bench.cpu.queue_thread(bench.note("thread"))
        bench.cpu.preempt()
        bench.write("first dpc")

    Dpc(routine).queue(bench.cpu)

    assert bench.run() == ["first dpc@2", "second dpc@2", "thread@0"]


def test_nothing_of_lower_level_interrupts_an_isr(bench: Bench) -> None:
    """An ISR that passes a preemption point is interrupted by a higher line only, not by its own, DPCs or threads."""
    high = InterruptLine(bench.cpu, "high", irql=Irql.HIGH)
    low = InterruptLine(bench.cpu, "low", irql=Irql.DEVICE)
    asked = iter([True])

    def high_isr() -> bool:
        high.deassert("card")
        bench.write("high isr")
        return True

    def low_isr() -> bool:
        low.deassert("card")
        if next(asked, False):
            Dpc(bench.note("dpc")).queue(bench.cpu)
            low.assert_("other card")
            high.assert_("card")
            bench.cpu.preempt()
        low.deassert("other card")
        bench.write("low isr")
        return True

    high.connect(high_isr)
    low.connect(low_isr)
    low.assert_("card")

    assert bench.run() == ["high isr@15", "low isr@5", "dpc@2"]


def test_thread_never_interrupts_a_thread(bench: Bench) -> None:
    """PASSIVE work runs to its end before other PASSIVE work of the CPU begins."""

    def thread() -> None:
        bench.cpu.queue_thread(bench.note("second"))
        bench.cpu.preempt()
        bench.write("first")

    bench.cpu.queue_thread(thread)

    assert bench.run() == ["first@0", "second@0"]


def test_dpc_waits_while_the_irql_is_raised(bench: Bench) -> None:
    """Code at DISPATCH_LEVEL holds DPCs off; they run when it lowers, before the lowering returns."""

    def thread() -> None:
        before = bench.cpu.raise_irql(DISPATCH)
        Dpc(bench.note("dpc")).queue(bench.cpu)
        bench.cpu.preempt()
        bench.write("raised")
        bench.cpu.lower_irql(before)
        bench.write("lowered")

    bench.cpu.queue_thread(thread)

    assert bench.run() == ["raised@2", "dpc@2", "lowered@0"]


def test_turn_runs_interrupts_then_dpcs_then_one_thread(bench: Bench) -> None:
    """However it was queued, the most urgent work of a CPU goes first."""
    bench.cpu.queue_thread(bench.note("thread"))
    Dpc(bench.note("dpc")).queue(bench.cpu)
    bench.line.assert_("card")

    assert bench.run() == ["isr@5", "dpc@2", "dpc of the isr@2", "thread@0"]


def test_preempting_work_of_another_cpu_is_not_nested() -> None:
    """A preemption point lets in work of its own CPU only; another one's waits for that CPU's turn."""
    kernel = Kernel()
    here, there = Cpu(kernel, "cpu0"), Cpu(kernel, "cpu1")
    log: list[str] = []

    def thread() -> None:
        Dpc(lambda: log.append("there"), cpu=there).queue(here)
        here.preempt()
        log.append("here")

    here.queue_thread(thread)
    kernel.run(END, PLENTY)

    assert log == ["here", "there"]


def test_dpcs_run_in_batches_that_let_another_cpu_in() -> None:
    """A CPU with many DPCs leaves the floor after a batch, and comes back for the rest."""
    kernel = Kernel()
    busy, other = Cpu(kernel, "cpu0"), Cpu(kernel, "cpu1")
    log: list[str] = []
    for _ in range(2 * DPC_BATCH):
        Dpc(lambda: log.append("busy")).queue(busy)
    Dpc(lambda: log.append("other")).queue(other)

    kernel.run(END, PLENTY)

    assert log == ["busy"] * DPC_BATCH + ["other"] + ["busy"] * DPC_BATCH
    assert (busy.dpcs_run, other.dpcs_run) == (2 * DPC_BATCH, 1)


def test_dpc_that_queues_itself_does_not_starve_others() -> None:
    """A DPC that is queued again by its own routine, for ever, leaves other CPUs and the clock their turn."""
    kernel = Kernel()
    cpu = Cpu(kernel, "cpu0")
    log: list[str] = []

    def routine() -> None:
        dpc.queue(cpu)

    dpc = Dpc(routine)
    dpc.queue(cpu)
    kernel.call_soon(lambda: log.append("other"))

    assert kernel.run(END, 10)
    assert log == ["other"]


def test_devices_settle_before_any_work(bench: Bench) -> None:
    """What brings the host's devices up to now is called once before a turn; now does not change during it."""
    bench.cpu.settlers.append(lambda: bench.log.append("settle"))
    Dpc(bench.note("one")).queue(bench.cpu)
    Dpc(bench.note("two")).queue(bench.cpu)

    assert bench.run() == ["settle", "one@2", "two@2"]


def test_raising_returns_the_level_to_lower_to(bench: Bench) -> None:
    """Raising to a level at or above one's own works and gives back where one was."""
    assert bench.cpu.raise_irql(DISPATCH) == PASSIVE
    assert bench.cpu.raise_irql(DISPATCH) == DISPATCH
    bench.cpu.lower_irql(DISPATCH)
    bench.cpu.lower_irql(PASSIVE)

    assert bench.cpu.irql == PASSIVE


def test_raising_to_a_lower_level_is_refused(bench: Bench) -> None:
    """A raise that would lower is a violation and changes nothing."""
    bench.cpu.raise_irql(Irql.DEVICE)

    with pytest.raises(RuleViolation, match="cannot raise its IRQL from DIRQL 5 to DISPATCH_LEVEL, which is lower"):
        bench.cpu.raise_irql(DISPATCH)

    assert bench.cpu.irql == Irql.DEVICE


def test_lowering_to_a_higher_level_is_refused(bench: Bench) -> None:
    """A lowering that would raise is a violation and changes nothing."""
    with pytest.raises(RuleViolation, match="cannot lower its IRQL from PASSIVE_LEVEL to DISPATCH_LEVEL") as caught:
        bench.cpu.lower_irql(DISPATCH)

    assert caught.value.rule == "irql-raise-lower"
    assert bench.cpu.irql == PASSIVE


@pytest.mark.parametrize("where", ["thread", "dpc"])
@pytest.mark.parametrize(("leak", "rule"), [("level", "irql-callback-return"), ("lock", "spin-held-at-return")])
def test_what_code_leaves_behind_is_reported_and_undone(bench: Bench, where: str, leak: str, rule: str) -> None:
    """A thread or DPC that returns raised or holding a lock is named, and the next one finds the CPU clean."""
    lock = SpinLock(bench.kernel, "nic0 tx lock", "nic0")

    def leaky() -> None:
        if leak == "lock":
            lock.acquire()
            bench.cpu.irql = DISPATCH if where == "dpc" else PASSIVE
        else:
            bench.cpu.raise_irql(5)

    if where == "dpc":
        Dpc(leaky).queue(bench.cpu)
    else:
        bench.cpu.queue_thread(leaky)
    bench.run()

    (finding,) = bench.kernel.findings
    assert (finding.rule, finding.actor) == (rule, "nic0" if leak == "lock" else bench.cpu.name)
    assert ("nic0 tx lock" in finding.text) is (leak == "lock")
    assert bench.cpu.irql == PASSIVE
    assert lock.owner is None
    assert bench.cpu.locks == []


def test_cpu_says_what_waits_for_it(bench: Bench) -> None:
    """The repr of a CPU gives its level and counts what waits."""
    bench.line.assert_("card")
    Dpc(bench.note("dpc")).queue(bench.cpu)

    assert repr(bench.cpu) == "<Cpu cpu0 at PASSIVE_LEVEL: 1 interrupts, 1 DPCs, 0 threads waiting>"


@pytest.mark.parametrize(
    ("level", "name"),
    [
        (0, "PASSIVE_LEVEL"),
        (1, "APC_LEVEL"),
        (2, "DISPATCH_LEVEL"),
        (5, "DIRQL 5"),
        (11, "DIRQL 11"),
        (15, "HIGH_LEVEL"),
    ],
)
def test_levels_are_named_as_in_the_field(level: int, name: str) -> None:
    """A level has its DDK name, and a device level its number."""
    assert irql_name(level) == name
