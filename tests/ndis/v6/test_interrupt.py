"""The NDIS 6 interrupt: which DPCs it queues, on which CPUs, and how a DPC comes back for more."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.ndis import Status, v6
from ndisemu.ndis.v6.adapter import NblAdapter
from ndisemu.ndis.v6.interrupt import NO_LIMIT
from tests.ndis.conftest import Card
from tests.ndis.v6.conftest import Bench6, Mini6, on_bench6


class Interrupting(Mini6):
    """Answers its interrupt as it is told, and notes where its DPCs run."""

    def __init__(self, queue_default: bool = True, targets: int = 0, recognized: bool = True) -> None:
        super().__init__()
        self.answer_is = recognized, queue_default, targets
        self.ran: list[tuple[str, object, int]] = []
        self.more = 0

    def interrupt(self) -> tuple[bool, bool, int]:
        self.card.line.deassert(self.card.name)
        return self.answer_is

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        self.ran.append((self.ndis._adapter.running_cpu("a test").name, context, throttle.max_nbls))
        self.more -= 1
        throttle.more_pending = self.more > 0


async def start(bench: Bench6, miniport: Mini6) -> NblAdapter:
    """Start a miniport on a device whose host has both CPUs."""
    device = replace(bench.device(), cpus=tuple(bench.cpus))
    assert isinstance(device.registers, Card)
    miniport.card = device.registers
    adapter = bench.library.add_adapter(miniport, device)
    assert await adapter.initialize()
    return adapter


def interrupt(miniport: Mini6) -> Callable[[], None]:
    """Return what raises the line of a miniport's card."""
    return lambda: miniport.card.line.assert_(miniport.card.name)


@pytest.mark.parametrize(
    ("queue_default", "targets", "cpus"),
    [
        (True, 0, ["cpu0"]),
        (True, 0b10, ["cpu0"]),
        (False, 0b10, ["cpu1"]),
        (False, 0b11, ["cpu0", "cpu1"]),
        (False, 0, []),
    ],
)
@on_bench6
async def test_the_isr_says_which_dpcs_are_queued(
    bench: Bench6, queue_default: bool, targets: int, cpus: list[str]
) -> None:
    """The default DPC on the CPU of the interrupt, or one on each flagged CPU, or none (5.9)."""
    miniport = Interrupting(queue_default, targets)
    await start(bench, miniport)
    await bench.passive(interrupt(miniport))
    await bench.pass_time()
    assert sorted(name for name, _, _ in miniport.ran) == cpus
    assert [(context, most) for _, context, most in miniport.ran] == [(None, NO_LIMIT)] * len(cpus)


@on_bench6
async def test_a_dpc_that_leaves_something_is_queued_again(bench: Bench6) -> None:
    """MoreNblsPending brings the DPC back until nothing is left."""
    miniport = Interrupting()
    miniport.more = 4
    await start(bench, miniport)
    await bench.passive(interrupt(miniport))
    await bench.pass_time()
    assert [name for name, _, _ in miniport.ran] == ["cpu0"] * 4


@on_bench6
async def test_a_dpc_is_queued_once_on_each_cpu(bench: Bench6) -> None:
    """NdisMQueueDpc returns the CPUs on which it did not wait already, and passes the context of the first."""
    miniport = Interrupting()
    await start(bench, miniport)
    masks = await bench.dispatch(
        lambda: [miniport.ndis.queue_dpc(miniport.line, mask, mask) for mask in (0b01, 0b11, 0b10)]
    )
    await bench.pass_time()
    assert masks == [0b01, 0b10, 0b00]
    assert sorted(miniport.ran, key=repr) == [("cpu0", 0b01, NO_LIMIT), ("cpu1", 0b11, NO_LIMIT)]


@on_bench6
async def test_a_cpu_that_the_host_has_not_is_refused(bench: Bench6) -> None:
    """A mask names CPUs of the host."""
    miniport = Interrupting()
    await start(bench, miniport)
    with pytest.raises(RuleViolation, match="int-dpc-handle: nic0 queues a DPC on the CPUs 0b100; its host has 2"):
        await bench.dispatch(lambda: miniport.ndis.queue_dpc(miniport.line, 0b100))


@on_bench6
async def test_after_deregistering_nothing_runs(bench: Bench6) -> None:
    """Neither the ISR nor a DPC that was queued before."""
    miniport = Interrupting()
    adapter = await start(bench, miniport)

    def queue_and_deregister() -> None:
        miniport.ndis.queue_dpc(miniport.line, 0b10)
        miniport.ndis.deregister_interrupt(miniport.line)
        assert miniport.ndis.queue_dpc(miniport.line, 0b11) == 0

    await bench.dispatch(queue_and_deregister)
    before = adapter.interrupts
    miniport.card.line.assert_(miniport.card.name)
    await bench.pass_time()
    assert (miniport.ran, adapter.interrupts) == ([], before)
    miniport.card.line.deassert(miniport.card.name)


@pytest.mark.parametrize("entry", ["interrupt", "interrupt_dpc"])
@on_bench6
async def test_a_driver_that_raises_in_its_interrupt_stops_its_adapter(bench: Bench6, entry: str) -> None:
    """The line is let go, and the kernel runs on."""

    def fail(*_: object) -> Status:
        raise ValueError("for the test")

    miniport = Interrupting()
    adapter = await start(bench, miniport)
    setattr(miniport, entry, fail)
    await bench.passive(interrupt(miniport))
    await bench.pass_time()
    assert (bench.rules(), adapter.running) == (["bugcheck"], False)


@on_bench6
async def test_a_routine_can_be_synchronized_with_the_isr(bench: Bench6) -> None:
    """NdisMSynchronizeWithInterruptEx runs it at the line's IRQL."""
    miniport = Interrupting()
    await start(bench, miniport)
    levels: list[int] = []

    def routine() -> bool:
        levels.append(bench.cpu.irql)
        return True

    assert await bench.passive(lambda: miniport.ndis.synchronize_with_interrupt(routine))
    assert levels == [miniport.card.line.irql]
