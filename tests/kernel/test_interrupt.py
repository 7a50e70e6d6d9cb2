"""Interrupt lines: a level, shared by devices and served in the order of connection."""

from collections.abc import Callable

import pytest

from ndisemu.kernel import DISPATCH, PASSIVE, Cpu, Dpc, InterruptLine, Irql, Kernel

END = 1 << 40
PLENTY = 1 << 30


class Bench:
    """A CPU and a line, and devices whose routine claims the interrupt if its own device asserts it."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self.cpu = Cpu(self.kernel, "cpu0")
        self.line = InterruptLine(self.cpu, "irq9")
        self.log: list[str] = []
        self.causes: dict[str, int] = {}

    def device(self, name: str) -> Callable[[], bool]:
        """Make a device; it has `causes[name]` causes, and its routine acknowledges one at a time."""
        self.causes[name] = 0

        def isr() -> bool:
            if not self.causes[name]:
                self.log.append(f"{name}: not mine")
                return False
            self.log.append(name)
            self.causes[name] -= 1
            if not self.causes[name]:
                self.line.deassert(name)
            return True

        return isr

    def connect(self, *names: str) -> None:
        for name in names:
            self.line.connect(self.device(name))

    def raise_(self, name: str, causes: int = 1) -> None:
        self.causes[name] = causes
        self.line.assert_(name)

    def run(self) -> list[str]:
        self.kernel.run(END, PLENTY)
        return self.log


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_level_is_serviced_until_it_is_quiet(bench: Bench) -> None:
    """A routine that acknowledges one of three causes is called three times: the line is a level."""
    bench.connect("nic0")
    bench.raise_("nic0", causes=3)

    assert bench.run() == ["nic0", "nic0", "nic0"]
    assert not bench.line.asserted
    assert bench.cpu.interrupts == 1


def test_line_asserted_again_is_delivered_again(bench: Bench) -> None:
    """Each new assertion of a quiet line is one more interrupt."""
    bench.connect("nic0")
    for when in (10, 20):
        bench.kernel.call_at(when, lambda: bench.raise_("nic0"))

    assert bench.run() == ["nic0", "nic0"]
    assert bench.cpu.interrupts == 2


def test_routine_runs_at_the_level_of_its_line() -> None:
    """A service routine runs at its line's device level."""
    kernel = Kernel()
    cpu = Cpu(kernel, "cpu0")
    line = InterruptLine(cpu, "irq", irql=7)
    levels: list[int] = []

    def isr() -> bool:
        levels.append(cpu.irql)
        line.deassert("nic0")
        return True

    line.connect(isr)
    line.assert_("nic0")
    kernel.run(END, PLENTY)

    assert levels == [7]
    assert cpu.irql == PASSIVE


def test_shared_line_is_tried_in_order_of_connection(bench: Bench) -> None:
    """The first routine that claims ends the pass; while the line is still asserted, the next pass begins at the top."""
    bench.connect("nic0", "nic1")
    bench.raise_("nic1")
    bench.raise_("nic0")

    assert bench.run() == ["nic0", "nic0: not mine", "nic1"]


def test_device_that_joins_during_service_is_not_forgotten(bench: Bench) -> None:
    """A second device that asserts the line while the first is serviced gets its turn in the same interrupt."""
    isr = bench.device("nic0")

    def meanwhile() -> bool:
        claimed = isr()
        if claimed:
            bench.raise_("nic1")
        return claimed

    bench.line.connect(meanwhile)
    bench.connect("nic1")
    bench.raise_("nic0", causes=2)

    assert bench.run() == ["nic0", "nic0", "nic0: not mine", "nic1"]
    assert (bench.line.asserted, bench.line.spurious, bench.cpu.interrupts) == (False, 0, 1)


def test_routine_that_disconnects_itself_hides_no_other(bench: Bench) -> None:
    """A pass over the routines of a line goes on when one of them leaves."""

    def leaving() -> bool:
        bench.line.disconnect(leaving)
        bench.log.append("left")
        return False

    bench.line.connect(leaving)
    bench.connect("nic0")
    bench.raise_("nic0")

    assert bench.run() == ["left", "nic0"]
    assert not bench.line.shut


def test_higher_line_is_delivered_first(bench: Bench) -> None:
    """Of two lines that wait for one CPU, the one of the higher level goes first."""
    high = InterruptLine(bench.cpu, "irq3", irql=Irql.DEVICE + 1)

    def isr() -> bool:
        high.deassert("nic1")
        bench.log.append("high")
        return True

    bench.connect("nic0")
    high.connect(isr)
    bench.raise_("nic0")
    high.assert_("nic1")

    assert bench.run() == ["high", "nic0"]


def test_disconnected_routine_is_not_called(bench: Bench) -> None:
    """A routine that was disconnected is not called again, even for an interrupt that waits already."""
    isr = bench.device("nic0")
    bench.line.connect(isr)
    bench.raise_("nic0")

    bench.line.disconnect(isr)

    assert bench.run() == []
    assert bench.line.asserted
    assert repr(bench.line) == "<InterruptLine irq9 asserted by nic0, 0 connected>"


def test_disconnecting_leaves_the_other_routines(bench: Bench) -> None:
    """A shared line goes on serving those who are still connected."""
    first, second = bench.device("nic0"), bench.device("nic1")
    bench.line.connect(first)
    bench.line.connect(second)
    bench.line.disconnect(first)

    bench.raise_("nic1")

    assert bench.run() == ["nic1"]


def test_line_that_goes_quiet_in_time_is_not_delivered(bench: Bench) -> None:
    """An interrupt withdrawn before the CPU took it is no interrupt."""
    bench.connect("nic0")
    bench.raise_("nic0")

    bench.line.deassert("nic0")

    assert bench.run() == []
    assert bench.cpu.interrupts == 0


def test_line_stays_asserted_until_every_device_lets_go(bench: Bench) -> None:
    """A line is the or of its devices; asserting twice is asserting, and a stranger's letting go is nothing."""
    bench.line.assert_("nic0")
    bench.line.assert_("nic0")
    bench.line.assert_("nic1")

    bench.line.deassert("nic0")
    bench.line.deassert("nic2")
    assert bench.line.asserted
    bench.line.deassert("nic1")
    assert repr(bench.line) == "<InterruptLine irq9 quiet, 0 connected>"


def test_connecting_to_an_asserted_line_fires_before_it_returns(bench: Bench) -> None:
    """A routine connected on the line's CPU to a line that is asserted runs at once, nested."""
    isr = bench.device("nic0")

    def thread() -> None:
        bench.line.connect(isr)
        bench.log.append("connected")

    bench.raise_("nic0")
    bench.cpu.queue_thread(thread)

    assert bench.run() == ["nic0", "connected"]


def test_connecting_from_another_cpu_fires_in_the_lines_own_turn(bench: Bench) -> None:
    """A routine connected by code of another CPU runs on the line's CPU, not nested in that code."""
    elsewhere = Cpu(bench.kernel, "cpu1")

    def isr() -> bool:
        bench.line.deassert("nic0")
        assert bench.kernel.current is bench.cpu
        bench.log.append("isr")
        return True

    def thread() -> None:
        bench.line.connect(isr)
        bench.log.append("connected")

    bench.line.assert_("nic0")
    elsewhere.queue_thread(thread)

    assert bench.run() == ["connected", "isr"]


@pytest.mark.parametrize("start", [PASSIVE, DISPATCH, Irql.DEVICE, Irql.HIGH])
def test_synchronize_keeps_the_isr_out(bench: Bench, start: int) -> None:
    """A synchronized function runs at the line's level or above, and the interrupt waits until it is through."""
    bench.connect("nic0")

    def touch() -> bool:
        bench.raise_("nic0")
        bench.cpu.preempt()
        bench.log.append(f"at {bench.cpu.irql}")
        return True

    def thread() -> None:
        before = bench.cpu.raise_irql(start)
        assert bench.line.synchronize(touch)
        assert bench.cpu.irql == start
        bench.log.append("after")
        bench.cpu.lower_irql(before)

    bench.cpu.queue_thread(thread)
    log = bench.run()

    level = max(start, Irql.DEVICE)
    interrupted_at_once = ["nic0", "after"] if start < Irql.DEVICE else ["after", "nic0"]
    assert log == [f"at {level}", *interrupted_at_once]


def test_synchronize_returns_what_the_function_returns(bench: Bench) -> None:
    """The answer of a synchronized function comes back, and an exception restores the level."""

    def fail() -> bool:
        raise LookupError

    answers = [bench.line.synchronize(lambda: False), bench.line.synchronize(lambda: True)]
    with pytest.raises(LookupError):
        bench.line.synchronize(fail)

    assert answers == [False, True]
    assert bench.cpu.irql == PASSIVE


def test_dpc_of_an_isr_runs_after_the_line_is_quiet(bench: Bench) -> None:
    """The DPC an ISR asks for runs at DISPATCH_LEVEL after all service of the line."""
    isr = bench.device("nic0")
    dpc = Dpc(lambda: bench.log.append(f"dpc@{bench.cpu.irql}"))

    def asking() -> bool:
        dpc.queue(bench.cpu)
        return isr()

    bench.line.connect(asking)
    bench.raise_("nic0", causes=2)

    assert bench.run() == ["nic0", "nic0", "dpc@2"]
