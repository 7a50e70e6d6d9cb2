"""IRPs: every event in every state, one completion each, cancel at any time, and where the sender is told."""

from collections.abc import Callable

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, PASSIVE, Cpu, Fiber, Irp, IrpState, Kernel, Major, NtStatus, run, run_passive
from ndisemu.kernel.irp import TRANSITIONS, IrpEvent
from ndisemu.kernel.traps import DriverCoroutine

END = 1 << 40
PLENTY = 1 << 30
SUCCESS = NtStatus.SUCCESS


def ignore(_irp: Irp) -> None:
    """Do nothing about a cancel."""


class Below:
    """A lower driver that does with each IRP what the test says, and keeps it."""

    def __init__(self, cpu: Cpu, act: Callable[[Irp], object] = Irp.pend) -> None:
        self.cpu = cpu
        self.act = act
        self.taken: list[Irp] = []

    def __repr__(self) -> str:
        return "below"

    def call(self, irp: Irp) -> None:
        self.taken.append(irp)
        self.act(irp)

    def close(self) -> None:
        raise AssertionError("nobody closes it here")


class Driver(Fiber):
    """A coroutine that keeps how it ended."""

    __slots__ = ("end",)

    def __init__(self, coroutine: DriverCoroutine, cpu: Cpu) -> None:
        super().__init__(coroutine, cpu)
        self.end: object = None

    def returned(self, value: object) -> None:
        self.end = value

    def raised(self, error: BaseException) -> None:
        self.end = error


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def cpu(kernel: Kernel) -> Cpu:
    return Cpu(kernel, "cpu0")


def start(cpu: Cpu, coroutine: DriverCoroutine, level: int) -> Driver:
    """Take the first step of `coroutine` at `level`."""
    cpu.kernel.current = cpu
    before = cpu.raise_irql(level)
    driver = Driver(coroutine, cpu)
    driver.step()
    cpu.irql = before
    cpu.kernel.current = None
    return driver


def bring(cpu: Cpu, state: IrpState) -> Irp:
    """Make an IRP and bring it into `state`."""
    irp = Irp.read(100)
    match state:
        case IrpState.SENT:
            with pytest.raises(RuleViolation, match="irp-not-pended"):
                irp.send(Below(cpu, ignore))
        case IrpState.PENDING:
            irp.send(Below(cpu))
        case IrpState.COMPLETED:
            irp.send(Below(cpu, lambda irp: irp.complete(SUCCESS, 7)))
    assert irp.state is state
    return irp


@pytest.mark.parametrize("state", IrpState)
@pytest.mark.parametrize("event", IrpEvent)
def test_every_event_moves_an_irp_as_the_table_says_or_changes_nothing(
    cpu: Cpu, state: IrpState, event: IrpEvent
) -> None:
    """A legal event leads where the table leads; any other is refused, names what is legal, and nothing has changed."""
    irp = bring(cpu, state)
    before = (irp.state, irp.status, irp.information)
    act: dict[IrpEvent, Callable[[], object]] = {
        IrpEvent.SEND: lambda: irp.send(Below(cpu, lambda sent: sent.pend())),
        IrpEvent.PEND: irp.pend,
        IrpEvent.COMPLETE: lambda: irp.complete(NtStatus.INVALID_PARAMETER, 1),
    }
    if event in TRANSITIONS[state]:
        act[event]()
        # Who sends an IRP sees what the lower driver has made of it at once.
        assert irp.state is (IrpState.PENDING if event is IrpEvent.SEND else TRANSITIONS[state][event])
        return
    with pytest.raises(RuleViolation) as refused:
        act[event]()
    assert event.value in refused.value.text
    assert all(legal.value in refused.value.text for legal in TRANSITIONS[state])
    assert (irp.state, irp.status, irp.information) == before


def test_a_second_completion_has_a_rule_of_its_own(cpu: Cpu, kernel: Kernel) -> None:
    """It is refused by name, and the sender is told once, of the first."""
    told: list[NtStatus] = []
    irp = Irp.write(b"frame")
    irp.send(Below(cpu), lambda irp: told.append(irp.status))
    irp.complete(SUCCESS, 5)
    with pytest.raises(
        RuleViolation, match=r"irp-double-complete: IoCompleteRequest for <Irp WRITE Completed, STATUS_SUCC"
    ):
        irp.complete(NtStatus.CANCELLED)
    kernel.run(END, PLENTY)
    assert (told, irp.information) == ([SUCCESS], 5)


def test_a_completion_is_final(cpu: Cpu) -> None:
    """Nothing is completed with STATUS_PENDING."""
    irp = bring(cpu, IrpState.PENDING)
    with pytest.raises(RuleViolation, match="irp-complete-pending"):
        irp.complete(NtStatus.PENDING)
    assert irp.state is IrpState.PENDING


def test_an_irp_says_what_it_is() -> None:
    """Reads have room, writes have data, with the major codes of `wdm.h`."""
    read, write = Irp.read(1518), Irp.write(b"frame")
    assert (read.major, read.length, read.data) == (Major.READ, 1518, b"")
    assert (write.major, write.data, write.status) == (Major.WRITE, b"frame", NtStatus.PENDING)
    assert [int(major) for major in Major] == [3, 4, 14, 15]
    assert repr(read) == "<Irp READ Created>"


@pytest.mark.parametrize("level", [PASSIVE, DISPATCH])
@pytest.mark.parametrize("early", [True, False], ids=["before the call returns", "later"])
def test_a_coroutine_awaits_its_irp(kernel: Kernel, cpu: Cpu, level: int, early: bool) -> None:
    """Whenever it is completed, the coroutine goes on where it was, as itself, with the status."""
    below = Below(cpu, (lambda irp: irp.complete(SUCCESS)) if early else Irp.pend)
    seen: list[tuple[object, object, int]] = []

    async def send() -> str:
        irp = Irp.write(b"frame")
        irp.send(below)
        seen.append((await irp, kernel.current, cpu.irql))
        return "sent"

    driver = start(cpu, send(), level)
    assert driver.suspended
    if not early:
        kernel.run(END, PLENTY)
        assert seen == []
        kernel.call_soon(lambda: below.taken[0].complete(SUCCESS))
    kernel.run(END, PLENTY)
    assert seen == [(SUCCESS, cpu, level)]
    assert driver.end == "sent"


def test_passive_code_awaits_an_irp() -> None:
    """An entry point that runs in an asyncio task waits for an IRP like any other."""

    async def main() -> object:
        from ndisemu import Emulation

        async with Emulation() as emu:
            cpu = emu.host("a").cpus[0]
            below = Below(cpu)

            async def halt() -> NtStatus:
                irp = Irp.read(10)
                irp.send(below)
                emu.kernel.call_at(50, lambda: irp.complete(SUCCESS))
                status = await irp
                assert emu.now == 50
                return status

            return await run_passive(halt, cpu)

    assert run(main()) is SUCCESS


def test_awaiting_an_irp_that_nobody_has_is_refused(cpu: Cpu) -> None:
    """It would wait for ever."""

    async def wait() -> None:
        await Irp.read(10)

    driver = start(cpu, wait(), DISPATCH)
    assert isinstance(driver.end, RuleViolation)
    assert driver.end.rule == "irp-await-unsent"


def test_the_sender_is_told_in_order_never_nested_and_at_dispatch(kernel: Kernel, cpu: Cpu) -> None:
    """Completion routines run as DPCs of the lower device's CPU, after whoever completed, before who awaits."""
    other = Cpu(kernel, "cpu1")
    below = Below(other)
    log: list[object] = []
    irps = [Irp.read(10) for _ in range(3)]

    async def send() -> None:
        for irp in irps:
            irp.send(below, lambda irp: log.append((irps.index(irp), kernel.current, other.irql)))
        log.append(("awaited", await irps[2]))

    def complete_all() -> None:
        before = other.raise_irql(DISPATCH)
        for irp in irps:
            irp.complete(SUCCESS)
            other.preempt()
        log.append("completed")
        other.lower_irql(before)

    start(cpu, send(), DISPATCH)
    other.queue_thread(complete_all)
    kernel.run(END, PLENTY)
    told = [(number, other, DISPATCH) for number in range(3)]
    assert log == ["completed", *told, ("awaited", SUCCESS)]


def give_up(irp: Irp) -> None:
    """End a cancelled IRP, as a cancel routine does."""
    irp.complete(NtStatus.CANCELLED)


def test_cancel_while_pending_ends_it_once(kernel: Kernel, cpu: Cpu) -> None:
    """The cancel routine runs, once; the IRP is completed like any other, and its sender told."""
    told: list[NtStatus] = []
    irp = Irp.read(10)
    irp.send(Below(cpu, lambda irp: irp.pend(give_up)), lambda irp: told.append(irp.status))
    assert irp.cancel()
    assert not irp.cancel()
    kernel.run(END, PLENTY)
    assert told == [NtStatus.CANCELLED]


def test_cancel_before_it_is_sent_ends_it_when_it_pends(cpu: Cpu) -> None:
    """The flag is there; who lets it pend with a cancel routine has that called at once."""
    irp = Irp.read(10)
    assert not irp.cancel()
    assert irp.cancelled
    irp.send(Below(cpu, lambda irp: irp.pend(give_up)))
    assert irp.status is NtStatus.CANCELLED


def test_a_cancelled_irp_may_still_succeed(cpu: Cpu) -> None:
    """A driver that completes at once, or has no cancel routine, completes a cancelled IRP with what came of it."""
    at_once, later = Irp.read(10), Irp.read(10)
    at_once.cancel()
    at_once.send(Below(cpu, lambda irp: irp.complete(SUCCESS)))
    later.send(Below(cpu))
    assert not later.cancel()
    assert repr(later) == "<Irp READ Pending, cancelled>"
    later.complete(SUCCESS)
    assert (at_once.status, later.status) == (SUCCESS, SUCCESS)


def test_cancel_after_completion_changes_nothing(kernel: Kernel, cpu: Cpu) -> None:
    """Neither before nor after the sender has been told."""
    cancels: list[Irp] = []
    irp = Irp.read(10)
    irp.send(Below(cpu, lambda irp: irp.pend(cancels.append)))
    irp.complete(SUCCESS)
    assert not irp.cancel()
    kernel.run(END, PLENTY)
    assert not irp.cancel()
    assert (irp.cancelled, irp.status, cancels) == (False, SUCCESS, [])
