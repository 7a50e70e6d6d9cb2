"""Reset and hang checks of NDIS 6: the sequence of 5.7, in both styles, beside a pause, and by whom it is asked for."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, PASSIVE, Signal
from ndisemu.ndis import Oid, OidRequest, Status, StatusIndication, v6
from ndisemu.ndis.hang import SECOND
from ndisemu.ndis.reset import ResetResult
from ndisemu.ndis.v6.adapter import NblAdapter
from ndisemu.ndis.v6.states import AdapterState
from tests.ndis.conftest import GROUP, LATER, WHEN, frame
from tests.ndis.v6.conftest import ATTRIBUTES, Bench6, Mini6, Peer6, Pending, on_bench6

RESETTING: Final = Status.RESET_IN_PROGRESS
INTERVAL: Final = 2 * SECOND
Result = ResetResult | Awaitable[ResetResult]


class Explicit(Mini6):
    """Keeps every send and every query of the vendor's id until it is reset; its reset pends."""

    def __init__(self, when: str = "from a DPC", result: ResetResult = Status.SUCCESS) -> None:
        super().__init__()
        self.when = when
        self.result = result
        self.held: list[v6.NetBufferList] = []
        self.pended: list[OidRequest] = []
        self.levels: list[int] = []

    def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        self.held += nbls

    def oid_request(self, request: OidRequest) -> Pending:
        if request.oid is not Oid.GEN_VENDOR_ID:
            return self.answer(request)
        self.pended.append(request)
        return Status.PENDING

    def reset(self) -> Result:
        self.enter()
        self.later(self.when, self.finish)
        return Status.PENDING

    def enter(self) -> None:
        self.calls.append("MiniportResetEx")
        self.levels.append(self.ndis._adapter.running_cpu("a test").irql)

    def finish(self) -> None:
        self.abort()
        status, addressing = self.result if isinstance(self.result, tuple) else (self.result, False)
        self.ndis.reset_complete(status, addressing_reset=addressing)

    def abort(self) -> None:
        held, self.held = self.held, []
        if held:
            self.complete(held, RESETTING)
        pended, self.pended = self.pended, []
        for request in pended:
            self.ndis.oid_request_complete(request, Status.REQUEST_ABORTED)


class Coroutine(Explicit):
    """Waits, and returns the result."""

    async def reset(self) -> ResetResult:
        self.enter()
        await self.wait(self.when)
        self.abort()
        return self.result


class Plain(Explicit):
    """Is done when it returns, whatever the time."""

    def reset(self) -> Result:
        self.enter()
        self.abort()
        return self.result


class Watched(Plain):
    """Supplies a check for hang that answers as it is told, and notes when and at which IRQL it is asked."""

    def __init__(self, *, seconds: int = 0) -> None:
        super().__init__()
        self.seconds = seconds
        self.hangs = False
        self.checks: list[tuple[int, int]] = []
        self.resets: list[int] = []

    def initialize(self, parameters: v6.InitParameters) -> Status | Awaitable[Status]:
        result = super().initialize(parameters)
        self.ndis.set_attributes(v6.RegistrationAttributes(check_for_hang_time=self.seconds))
        return result

    def check_for_hang(self) -> bool:
        cpu = self.ndis._adapter.running_cpu("a test")
        self.checks.append((cpu.kernel.now, cpu.irql))
        return self.hangs

    def reset(self) -> Result:
        self.resets.append(self.ndis._adapter.kernel.now)
        return super().reset()


class Watcher(Peer6):
    """Notes the statuses it is told, among the calls."""

    def status(self, binding: v6.Binding, indication: StatusIndication) -> None:
        self.calls.append(indication.code.name)


Style = Callable[..., Explicit]
STYLES: Final = (Explicit, Coroutine, Plain)


async def paired(bench: Bench6, miniport: Mini6) -> tuple[NblAdapter, Watcher]:
    """Start a miniport, bind a watcher, and forget the calls until now."""
    adapter = await bench.start6(miniport)
    peer = Watcher()
    await bench.bind6(adapter, peer)
    bench.calls.clear()
    return adapter, peer


async def ask_slowly(bench: Bench6, peer: Peer6) -> OidRequest:
    """Make a request that pends."""
    request = OidRequest.query(Oid.GEN_VENDOR_ID, 4)
    assert await bench.passive(lambda: peer.binding.request(request)) is Status.PENDING
    return request


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("style", STYLES)
@on_bench6
async def test_every_style_resets_once(bench: Bench6, style: Style, when: str) -> None:
    """Announced by single indications, entered at DISPATCH_LEVEL; what the miniport had has ended, by itself."""
    miniport = style(when)
    adapter, peer = await paired(bench, miniport)
    nbls = await bench.send6(peer, 3)
    request = await ask_slowly(bench, peer)
    assert await adapter.reset() is Status.SUCCESS
    await bench.pass_time()
    assert peer.completed == [(nbl, RESETTING) for nbl in nbls]
    assert peer.ended == [(request, Status.REQUEST_ABORTED)]
    assert bench.calls == ["RESET_START", "MiniportResetEx", "RESET_END"]
    assert miniport.levels == [DISPATCH]
    assert adapter.state.current is AdapterState.RUNNING
    await bench.send6(peer, 1)
    assert len(miniport.held) == 1
    await bench.passive(miniport.abort)


@on_bench6
async def test_new_work_is_refused_while_a_reset_is_in_progress(bench: Bench6) -> None:
    """NDIS completes sends and requests with RESET_IN_PROGRESS; they do not reach the miniport."""
    miniport = Explicit("from a timer")
    adapter, peer = await paired(bench, miniport)
    seen: list[Status] = []
    peer.nbls[0].fill(frame())

    def try_everything() -> None:
        peer.binding.send_nbls(peer.nbls[:1])
        seen.append(peer.binding.request(OidRequest.query(Oid.GEN_VENDOR_ID, 4)))
        seen.append(miniport.ndis.reset_miniport())

    asked = await bench.passive(miniport.ndis.reset_miniport)
    await bench.passive(try_everything)
    await bench.pass_time(LATER // 2)
    assert adapter.resetting.in_progress
    await bench.passive(try_everything)
    await bench.pass_time()
    assert asked is Status.SUCCESS
    assert (peer.statuses, seen) == ([RESETTING] * 2, [RESETTING] * 4)
    assert (miniport.held, miniport.pended) == ([], [])
    assert adapter.refuses_sends is adapter.refuses_requests is None


@on_bench6
async def test_a_request_that_ndis_still_has_is_refused(bench: Bench6) -> None:
    """One that waits for PASSIVE_LEVEL when the reset comes never reaches the miniport, which therefore keeps nothing."""
    miniport = Explicit("from a timer")
    adapter, peer = await paired(bench, miniport)
    request = OidRequest.query(Oid.GEN_VENDOR_ID, 4)

    def ask_and_reset() -> None:
        assert peer.binding.request(request) is Status.PENDING
        assert miniport.ndis.reset_miniport() is Status.SUCCESS

    await bench.dispatch(ask_and_reset)
    await bench.pass_time()
    assert peer.ended == [(request, RESETTING)]
    assert miniport.pended == []
    assert not adapter.resetting.in_progress


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("addressing", [False, True])
@on_bench6
async def test_addresses_are_restored_if_the_miniport_wants_it(
    bench: Bench6, style: Style, *, addressing: bool
) -> None:
    """AddressingReset TRUE: NDIS sets filter and multicast list again, before RESET_END; FALSE: nothing."""
    miniport = style("from a timer", (Status.SUCCESS, addressing))
    adapter, peer = await paired(bench, miniport)
    multicast = OidRequest.set(Oid.E802_3_MULTICAST_LIST, GROUP)
    assert await bench.passive(lambda: peer.binding.request(multicast)) is Status.SUCCESS
    before = miniport.requests
    miniport.requests = []
    assert await adapter.reset() is Status.SUCCESS
    assert miniport.requests == (before if addressing else [])


class Keeping(Explicit):
    """Keeps its sends and requests over a reset."""

    def finish(self) -> None:
        self.ndis.reset_complete(Status.SUCCESS)


@on_bench6
async def test_what_a_miniport_keeps_is_reported(bench: Bench6) -> None:
    """Since NDIS 6.30 nothing may be left when a reset is complete; what is left stays the miniport's."""
    miniport = Keeping()
    adapter, peer = await paired(bench, miniport)
    await bench.send6(peer, 2)
    await ask_slowly(bench, peer)
    assert await adapter.reset() is Status.SUCCESS
    (finding,) = bench.findings
    assert "MiniportResetEx is complete, and 2 sends and the query of OID_GEN_VENDOR_ID are not" in str(finding.text)
    assert bench.rules() == ["st-reset-pending-io-630"]
    assert peer.completed == []
    await bench.passive(miniport.abort)
    assert peer.statuses == [RESETTING] * 2


@pytest.mark.parametrize("reset_first", [True, False])
@on_bench6
async def test_reset_and_pause_go_on_side_by_side(bench: Bench6, *, reset_first: bool) -> None:
    """A pause that is asked for during a reset may end before it or after it; the state is that of the pause."""

    class Both(Explicit):
        def __init__(self) -> None:
            super().__init__()
            self.paused = Signal()

        def reset(self) -> Result:
            self.enter()
            return Status.PENDING

        async def pause(self) -> Status:
            self.calls.append("MiniportPause")
            await self.paused
            return Status.SUCCESS

    miniport = Both()
    adapter, _ = await paired(bench, miniport)
    resetting = asyncio.ensure_future(adapter.reset())
    pausing = asyncio.ensure_future(adapter.pause())
    await bench.pass_time()
    assert adapter.state.current.value == "Pausing"
    steps = [(resetting, miniport.finish), (pausing, miniport.paused.set)]
    for task, step in steps if reset_first else reversed(steps):
        await bench.dispatch(step)
        await task
    assert adapter.state.current is AdapterState.PAUSED
    assert not adapter.resetting.in_progress
    await adapter.restart()


@on_bench6
async def test_a_protocol_that_pauses_gets_its_sends_from_the_reset(bench: Bench6) -> None:
    """It waits for lists that sit in a miniport which is being reset; the reset gives them back, and the pause ends."""
    miniport = Explicit("from a timer")
    adapter, peer = await paired(bench, miniport)
    await bench.send6(peer, 2)
    pausing = asyncio.ensure_future(adapter.pause())
    await bench.pass_time(0)
    assert not pausing.done()
    assert await adapter.reset() is Status.SUCCESS
    await pausing
    assert (peer.statuses, adapter.state.current) == ([RESETTING] * 2, AdapterState.PAUSED)


@on_bench6
async def test_a_paused_adapter_can_be_reset_and_a_halted_one_not(bench: Bench6) -> None:
    """A reset moves no state; halt waits for its end."""
    miniport = Explicit("from a timer")
    adapter, peer = await paired(bench, miniport)
    await adapter.pause()
    assert await adapter.reset() is Status.SUCCESS
    assert adapter.state.current is AdapterState.PAUSED
    await bench.passive(miniport.ndis.reset_miniport)
    await adapter.halt()
    assert bench.calls.count("MiniportResetEx") == 2
    assert bench.calls.index("MiniportHaltEx") > bench.calls.index("RESET_END")
    assert await adapter.reset() is Status.ADAPTER_NOT_READY
    assert peer.completed == []


@pytest.mark.parametrize(
    ("status", "rules"),
    [(Status.SOFT_ERRORS, []), (RESETTING, []), (Status.HARD_ERRORS, ["st-reset-failed"])],
)
@on_bench6
async def test_a_reset_that_fails_keeps_the_adapter(bench: Bench6, status: Status, rules: list[str]) -> None:
    """Hardware that is broken is reported; RESET_IN_PROGRESS and SOFT_ERRORS are no failure."""
    adapter, _ = await paired(bench, Plain("", status))
    assert await adapter.reset() is status
    assert bench.rules() == rules
    assert adapter.running


@on_bench6
async def test_a_miniport_without_a_reset_keeps_what_it_has(bench: Bench6) -> None:
    """It says NOT_RESETTABLE by itself, and nobody blames it for its sends."""

    class Rigid(Explicit):
        reset = v6.Miniport.reset

    miniport = Rigid()
    adapter, peer = await paired(bench, miniport)
    await bench.send6(peer, 1)
    assert await adapter.reset() is Status.NOT_RESETTABLE
    await bench.passive(miniport.abort)


@pytest.mark.parametrize("status", [None, "done", Status.PENDING])
@on_bench6
async def test_what_is_no_final_status_fails_the_reset(bench: Bench6, status: Any) -> None:
    """None, something that is no status, or PENDING after suspending is reported, and the reset has failed."""
    adapter, _ = await paired(bench, Coroutine("from a timer", status))
    assert await adapter.reset() is Status.FAILURE
    assert bench.rules() == ["st-reset-status", "st-reset-failed"]


@on_bench6
async def test_a_completion_without_a_reset_is_refused(bench: Bench6) -> None:
    """NdisMResetComplete raises when no reset is pending."""
    miniport = Explicit()
    await paired(bench, miniport)
    with pytest.raises(RuleViolation, match="NdisMResetComplete while no MiniportResetEx is pending"):
        await bench.dispatch(lambda: miniport.ndis.reset_complete(Status.SUCCESS))
    assert bench.rules() == ["st-reset-complete-unexpected"]


@pytest.mark.parametrize("code", [Status.RESET_START, Status.RESET_END])
@on_bench6
async def test_a_miniport_announces_no_reset(bench: Bench6, code: Status) -> None:
    """That is NDIS's to do."""
    miniport = Mini6()
    await bench.pair6(miniport)
    with pytest.raises(RuleViolation, match="status-no-reset-codes"):
        await bench.dispatch(lambda: miniport.ndis.indicate_status(StatusIndication(code)))


@pytest.mark.parametrize(("seconds", "interval"), [(0, 2), (1, 2), (5, 4)])
@on_bench6
async def test_hang_checks_run_at_passive_level(bench: Bench6, seconds: int, interval: int) -> None:
    """Every two seconds, or what the registration attributes say, made even; paused or not; not after halt."""
    miniport = Watched(seconds=seconds)
    adapter = await bench.start6(miniport)
    await bench.pass_time(3 * interval * SECOND + SECOND)
    await adapter.halt()
    await bench.pass_time(3 * interval * SECOND)
    assert miniport.checks == [(tick * interval * SECOND, PASSIVE) for tick in (1, 2, 3)]


@on_bench6
async def test_a_miniport_that_hangs_is_reset(bench: Bench6) -> None:
    """MiniportCheckForHangEx returns TRUE: the adapter is reset at once, and every send comes back."""
    miniport = Watched()
    _, peer = await paired(bench, miniport)
    await bench.send6(peer, 2)
    miniport.hangs = True
    await bench.pass_time(INTERVAL)
    miniport.hangs = False
    await bench.pass_time(3 * INTERVAL)
    assert miniport.resets == [INTERVAL]
    assert peer.statuses == [RESETTING] * 2


@on_bench6
async def test_a_request_that_survives_two_ticks_resets_the_adapter(bench: Bench6) -> None:
    """Seen at three ticks in a row, it is too old; sends are never too old for NDIS."""
    miniport = Watched()
    _, peer = await paired(bench, miniport)
    await bench.send6(peer, 1)
    await bench.pass_time(4 * INTERVAL)
    request = await ask_slowly(bench, peer)
    assert miniport.resets == []
    await bench.pass_time(4 * INTERVAL)
    assert miniport.resets == [7 * INTERVAL]
    assert peer.ended == [(request, Status.REQUEST_ABORTED)]


@on_bench6
async def test_a_check_that_raises_stops_the_adapter(bench: Bench6) -> None:
    """It is a bug check, like any other."""

    class Broken(Watched):
        def check_for_hang(self) -> bool:
            raise LookupError("no watchdog")

    adapter = await bench.start6(Broken())
    await bench.pass_time(2 * INTERVAL)
    assert bench.findings[0].text == "MiniportCheckForHangEx raised LookupError: no watchdog"
    assert bench.rules() == ["bugcheck"]
    assert not adapter.running


@on_bench6
async def test_what_a_hang_check_may_end_is_waited_for(bench: Bench6) -> None:
    """A kernel with a send outstanding is busy, if its driver looks after it."""
    miniport = Watched()
    _, peer = await paired(bench, miniport)
    assert bench.kernel.next_work() is None
    await bench.send6(peer, 1)
    assert bench.kernel.next_work() is not None
    await bench.passive(miniport.abort)
    assert bench.kernel.next_work() is None


@on_bench6
async def test_attributes_may_change_nothing_of_the_interval(bench: Bench6) -> None:
    """The general attributes say nothing of hang checks."""
    miniport = Watched(seconds=4)
    adapter = await bench.start6(miniport)
    assert miniport.ndis._adapter.answers is not None
    assert miniport.ndis._adapter.answers.attributes is ATTRIBUTES
    assert adapter.hang.interval == 4 * SECOND
