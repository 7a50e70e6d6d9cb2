"""Interrupt storms: a line that nobody quiets is reported and shut, and the emulation goes on."""

import pytest

from ndisemu.kernel import Cpu, InterruptLine, Kernel
from ndisemu.kernel.interrupt import STORM_LIMIT

END = 1 << 40
PLENTY = 1 << 30


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def cpu(kernel: Kernel) -> Cpu:
    return Cpu(kernel, "cpu0")


@pytest.fixture
def line(cpu: Cpu) -> InterruptLine:
    return InterruptLine(cpu, "irq9")


def test_line_nobody_claims_is_a_storm(kernel: Kernel, line: InterruptLine) -> None:
    """A line that stays asserted and is nobody's is counted, reported with its source, and shut off."""
    calls: list[str] = []

    def isr() -> bool:
        calls.append("isr")
        return False

    line.connect(isr)
    line.connect(isr)
    line.assert_("stuck")
    kernel.run(END, PLENTY)

    assert calls == ["isr", "isr"]
    assert (line.spurious, line.shut) == (1, True)
    (finding,) = kernel.findings
    assert (finding.rule, finding.actor) == ("int-isr-ack", "irq9")
    assert "stays asserted by stuck" in finding.text


def test_line_that_is_claimed_for_ever_is_a_storm(kernel: Kernel, line: InterruptLine) -> None:
    """A routine that claims and never acknowledges is called a bounded number of times."""
    calls = 0

    def isr() -> bool:
        nonlocal calls
        calls += 1
        return True

    line.connect(isr)
    line.assert_("nic0")
    kernel.run(END, PLENTY)

    assert calls == STORM_LIMIT
    assert [finding.rule for finding in kernel.findings] == ["int-isr-ack"]


def test_storm_that_grows_is_reported_once(kernel: Kernel, cpu: Cpu, line: InterruptLine) -> None:
    """A second device that asserts the line during the storm does not get it serviced again."""

    def isr() -> bool:
        line.assert_("nic1")
        return True

    line.connect(isr)
    line.assert_("nic0")
    kernel.run(END, PLENTY)

    assert len(kernel.findings) == 1
    assert cpu.interrupts == 1


def test_shut_line_is_not_delivered(kernel: Kernel, cpu: Cpu, line: InterruptLine) -> None:
    """After a storm the line is off: it interrupts nobody any more, and other work of the CPU goes on."""
    log: list[str] = []
    line.connect(lambda: False)
    line.assert_("stuck")
    kernel.run(END, PLENTY)

    line.assert_("nic0")
    cpu.queue_thread(lambda: log.append("thread"))
    kernel.run(END, PLENTY)

    assert log == ["thread"]
    assert cpu.interrupts == 1


def test_spurious_interrupt_that_goes_away_is_only_counted(kernel: Kernel, line: InterruptLine) -> None:
    """A line that goes quiet although nobody claimed it is spurious, and no storm."""

    def isr() -> bool:
        line.deassert("nic0")
        return False

    line.connect(isr)
    line.assert_("nic0")
    kernel.run(END, PLENTY)

    assert (line.spurious, line.shut, kernel.findings) == (1, False, [])
