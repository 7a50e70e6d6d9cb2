"""The DPC watchdog of a CPU: DPCs that come back for ever are stopped, where nothing else can happen."""

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import Cpu, Dpc, Kernel
from ndisemu.kernel.cpu import DPC_BATCH
from ndisemu.kernel.cputime import DPC_TURNS_ALONE


class Returning:
    """A DPC that queues itself and passes a preemption point, `times` times or for as long as nobody stops it."""

    def __init__(self, kernel: Kernel, times: int) -> None:
        self.kernel = kernel
        self.cpu = Cpu(kernel, "cpu0")
        self.left = times
        self.refusal: RuleViolation | None = None
        self.dpc = Dpc(self.run)
        self.dpc.queue(self.cpu)

    def run(self) -> None:
        """Come back, unless stopped."""
        try:
            self.cpu.preempt()
        except RuleViolation as refusal:
            self.refusal = refusal
            return
        self.left -= 1
        if self.left:
            self.dpc.queue(self.cpu)


ENDLESS = DPC_BATCH * DPC_TURNS_ALONE * 2


def test_dpcs_that_are_alone_at_one_instant_are_stopped() -> None:
    """On the line that passes the next preemption point."""
    kernel = Kernel()
    dpc = Returning(kernel, ENDLESS)
    kernel.run(0, 10 * DPC_TURNS_ALONE)
    assert ENDLESS - dpc.left == DPC_BATCH * (DPC_TURNS_ALONE + 1)
    assert dpc.refusal is not None
    assert str(dpc.refusal).startswith("int-dpc-time: DPCs have taken 300 turns of cpu0 at one instant")


@pytest.mark.parametrize("company", ["the clock", "another item"])
def test_dpcs_in_company_are_left_alone(company: str) -> None:
    """Time that goes on, or a card that moves, may be what they wait for."""
    kernel = Kernel()
    dpc = Returning(kernel, ENDLESS if company == "another item" else 1)

    def again() -> None:
        if company == "another item" and dpc.left:
            kernel.call_soon(again)
        elif kernel.now < 2 * DPC_TURNS_ALONE:
            dpc.left = DPC_BATCH
            dpc.dpc.queue(dpc.cpu)
            kernel.call_at(kernel.now + 1, again)

    again()
    kernel.run(1 << 40, 10 * ENDLESS)
    assert dpc.left == 0
    assert dpc.refusal is None


def test_threads_are_no_dpcs() -> None:
    """However many of them run one after the other, the DPC behind them has done nothing wrong."""
    kernel = Kernel()
    dpc = Returning(kernel, 1)
    for _ in range(2 * DPC_TURNS_ALONE):
        dpc.cpu.queue_thread(lambda: None)
    kernel.run(0, 4 * DPC_TURNS_ALONE)
    dpc.left = 1
    dpc.dpc.queue(dpc.cpu)
    kernel.run(0, 10)
    assert dpc.refusal is None


def test_a_cpu_that_was_stopped_begins_to_count_anew() -> None:
    """The next DPC is not held for what the last one did."""
    kernel = Kernel()
    first = Returning(kernel, ENDLESS)
    kernel.run(0, 10 * DPC_TURNS_ALONE)
    assert first.refusal is not None
    first.refusal, first.left = None, DPC_BATCH
    first.dpc.queue(first.cpu)
    kernel.run(0, 10)
    assert (first.refusal, first.left) == (None, 0)
