"""Reset: the sequence of 5.7, in both styles, whoever asks for it and whatever goes wrong."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, Signal
from ndisemu.ndis import Oid, OidRequest, Packet, PacketFilter, Status, v5
from ndisemu.ndis.reset import STAGES, ResetResult, Stage, Turn
from ndisemu.ndis.states import Machine
from ndisemu.ndis.v5.adapter import PacketAdapter
from tests.ndis.conftest import GROUP, LATER, USUAL, WHEN, Bench, Mini, Peer, on_bench

ABORTED: Final = Status.REQUEST_ABORTED
Result = ResetResult | Awaitable[ResetResult]


class Explicit(Mini):
    """Keeps every send until it is reset; its reset pends, and is completed when the time has come."""

    def __init__(self, when: str, result: ResetResult = Status.SUCCESS) -> None:
        super().__init__()
        self.when = when
        self.result = result
        self.held: list[Packet] = []
        self.levels: list[int] = []

    def send_packets(self, packets: Sequence[Packet]) -> None:
        self.held += packets

    def reset(self) -> Result:
        self.enter()
        self.later(self.when, self.finish)
        return Status.PENDING

    def enter(self) -> None:
        self.levels.append(self.ndis._adapter.running_cpu("a test").irql)

    def finish(self) -> None:
        self.abort()
        status, addressing = self.result if isinstance(self.result, tuple) else (self.result, False)
        self.ndis.reset_complete(status, addressing_reset=addressing)

    def abort(self) -> None:
        held, self.held = self.held, []
        if held:
            self.ndis.send_complete(held, ABORTED)


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


Style = Callable[..., Explicit]
STYLES: Final = (Explicit, Coroutine, Plain)


class Watcher(Peer):
    """Notes what it is told of statuses and resets, with the IRQL; asks for more while it is told, if it is to."""

    def __init__(self, name: str = "peer", **arguments: Any) -> None:
        super().__init__(name, **arguments)
        self.told: list[Status | str] = []
        self.reset_levels: list[int] = []
        self.at_start: Callable[[], object] | None = None

    def status(self, binding: v5.Binding, code: Status, buffer: bytes) -> None:
        self.told.append(code)
        if code is Status.RESET_START and self.at_start is not None:
            self.at_start()

    def status_complete(self, binding: v5.Binding) -> None:
        self.told.append("complete")

    def reset_complete(self, binding: v5.Binding, status: Status) -> None:
        self.told.append(f"reset complete: {status.name}")
        self.reset_levels.append(binding.adapter.running_cpu("a test").irql)


ANNOUNCED: Final = [Status.RESET_START, "complete", Status.RESET_END, "complete"]


async def paired(bench: Bench, miniport: Mini) -> tuple[PacketAdapter, Watcher]:
    """Start a miniport and bind a watcher."""
    adapter = await bench.start(miniport)
    peer = Watcher()
    await bench.bind(adapter, peer)
    return adapter, peer


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("style", STYLES)
@on_bench
async def test_every_style_resets_once(bench: Bench, style: Style, when: str) -> None:
    """Announced, entered at DISPATCH_LEVEL, every send completed once, announced again; the adapter runs as before."""
    miniport = style(when)
    adapter, peer = await paired(bench, miniport)
    packets = await bench.send(peer, 3)
    assert await adapter.reset() is Status.SUCCESS
    assert peer.completed == [(packet, ABORTED) for packet in packets]
    assert (peer.told, miniport.levels) == (ANNOUNCED, [DISPATCH])
    assert adapter.running
    assert not adapter.resetting.in_progress
    await bench.send(peer, 1)
    await bench.passive(miniport.abort)
    assert adapter.sends.cancelled == 4


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("style", STYLES)
@on_bench
async def test_a_protocol_that_asks_is_answered_last(bench: Bench, style: Style, when: str) -> None:
    """NdisReset pends, is never done on the stack of who asks, and ends with ProtocolResetComplete at DISPATCH_LEVEL."""
    miniport = style(when)
    adapter, peer = await paired(bench, miniport)
    other = Watcher("other")
    await bench.bind(adapter, other)

    def ask() -> list[Status]:
        return [peer.binding.reset(), other.binding.reset()]

    assert await bench.dispatch(ask) == [Status.PENDING, Status.RESET_IN_PROGRESS]
    await bench.pass_time()
    assert peer.told == [*ANNOUNCED, "reset complete: SUCCESS"]
    assert other.told == ANNOUNCED
    assert peer.reset_levels == [DISPATCH]
    assert peer.binding.requests_pending == 0


@on_bench
async def test_new_work_is_refused_while_a_reset_is_in_progress(bench: Bench) -> None:
    """From the call of NdisReset to the end sends and requests end with RESET_IN_PROGRESS, and do not reach the miniport."""
    miniport = Explicit("from a timer")
    adapter, peer = await paired(bench, miniport)
    seen: list[Status] = []

    def try_everything() -> None:
        peer.binding.send_packets(peer.packets[:2])
        seen.append(peer.binding.request(OidRequest.query(Oid.GEN_LINK_SPEED, 4)))
        seen.append(peer.binding.reset())

    for packet in peer.packets[:2]:
        packet.fill(bytes(60))
    peer.at_start = try_everything
    asked = len(miniport.queries)

    def ask_and_try() -> None:
        peer.binding.reset()
        try_everything()

    await bench.passive(ask_and_try)
    await bench.pass_time(LATER // 2)
    await bench.passive(try_everything)
    assert adapter.resetting.in_progress
    await bench.pass_time()
    assert peer.statuses == [Status.RESET_IN_PROGRESS] * 6
    assert seen == [Status.RESET_IN_PROGRESS] * 6
    assert (len(miniport.queries), miniport.held) == (asked, [])
    assert adapter.refuses_sends is adapter.refuses_requests is None


@on_bench
async def test_requests_that_waited_go_on_afterwards(bench: Bench) -> None:
    """A request that NDIS had queued before the reset is passed down after it; the pending one is the driver's to end."""

    class Slow(Explicit):
        pending = False

        def query_information(self, request: OidRequest) -> Status:
            if request.oid is Oid.GEN_LINK_SPEED:
                self.pending = True
                return Status.PENDING
            return self.answer(request)

        def abort(self) -> None:
            super().abort()
            if self.pending:
                self.pending = False
                self.ndis.query_information_complete(ABORTED)

    adapter, peer = await paired(bench, Slow("from a timer"))
    requests = [OidRequest.query(oid, 4) for oid in (Oid.GEN_LINK_SPEED, Oid.GEN_MEDIA_IN_USE)]
    assert await bench.passive(lambda: [peer.binding.request(request) for request in requests]) == [Status.PENDING] * 2
    assert await adapter.reset() is Status.SUCCESS
    await bench.pass_time()
    assert [status for _, status in peer.ended] == [ABORTED, Status.SUCCESS]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("addressing", [False, True])
@on_bench
async def test_addresses_are_restored_if_the_miniport_wants_it(bench: Bench, style: Style, *, addressing: bool) -> None:
    """AddressingReset TRUE: NDIS sets filter, multicast list and lookahead again, before RESET_END; FALSE: nothing."""
    miniport = style("from a timer", (Status.SUCCESS, addressing))
    adapter, peer = await paired(bench, miniport)

    def open_wide() -> None:
        for oid, data in ((Oid.E802_3_MULTICAST_LIST, GROUP), (Oid.GEN_CURRENT_LOOKAHEAD, (200).to_bytes(4, "little"))):
            assert peer.binding.request(OidRequest.set(oid, data)) is Status.SUCCESS

    await bench.passive(open_wide)
    before = miniport.sets
    miniport.sets = []
    assert await adapter.reset() is Status.SUCCESS
    assert sorted(miniport.sets) == (sorted(before) if addressing else [])


@on_bench
async def test_a_miniport_that_takes_no_restored_address_is_reported(bench: Bench) -> None:
    """The reset is over all the same."""

    class Stubborn(Plain):
        def set_information(self, request: OidRequest) -> Status:
            return Status.FAILURE if self.levels else Status.SUCCESS

    adapter, peer = await paired(bench, Stubborn("", (Status.SUCCESS, True)))
    assert await adapter.reset() is Status.SUCCESS
    assert bench.rules() == ["st-reset-addressing"]
    assert peer.told == ANNOUNCED


@on_bench
async def test_a_binding_that_closes_meanwhile_takes_its_filter_along(bench: Bench) -> None:
    """What the miniport was not told in the middle of a reset it is told at the end."""
    miniport = Explicit("from a timer")
    adapter, peer = await paired(bench, miniport)
    everything = Peer("everything", types=PacketFilter.PROMISCUOUS)
    await bench.bind(adapter, everything)
    await bench.passive(peer.binding.reset)
    await bench.library.unbind(everything.binding)
    assert adapter.resetting.in_progress
    await bench.pass_time()
    assert miniport.sets[-1] == (Oid.GEN_CURRENT_PACKET_FILTER, USUAL.to_bytes(4, "little"))


@pytest.mark.parametrize(
    ("status", "rules"),
    [
        (Status.SOFT_ERRORS, []),
        (Status.NOT_RESETTABLE, []),
        (Status.HARD_ERRORS, ["st-reset-failed"]),
        (Status.FAILURE, ["st-reset-failed"]),
    ],
)
@on_bench
async def test_a_reset_that_fails_keeps_the_adapter(bench: Bench, status: Status, rules: list[str]) -> None:
    """Who asked hears how it ended; hardware that is broken is reported, and the adapter goes on as well as it can."""
    adapter, peer = await paired(bench, Plain("", status))
    assert await adapter.reset() is status
    assert bench.rules() == rules
    assert adapter.running
    assert peer.told == ANNOUNCED
    assert adapter.resetting.failing is (status is not Status.SOFT_ERRORS)


@on_bench
async def test_a_miniport_without_a_reset_cannot_be_reset(bench: Bench) -> None:
    """It says NOT_RESETTABLE by itself."""
    adapter = await bench.start(Mini())
    assert await adapter.reset() is Status.NOT_RESETTABLE


@pytest.mark.parametrize("status", [None, "done", Status.PENDING])
@on_bench
async def test_what_is_no_final_status_fails_the_reset(bench: Bench, status: Any) -> None:
    """None, something that is no status, or PENDING after suspending is reported, and the reset has failed."""
    adapter, _ = await paired(bench, Coroutine("from a timer", status))
    assert await adapter.reset() is Status.FAILURE
    assert bench.rules() == ["st-reset-status", "st-reset-failed"]


@on_bench
async def test_a_completion_without_a_reset_is_refused(bench: Bench) -> None:
    """NdisMResetComplete raises when no reset is pending, also a second time."""
    miniport = Explicit("from a DPC")
    adapter, _ = await paired(bench, miniport)
    complete = miniport.ndis.reset_complete
    with pytest.raises(RuleViolation, match="nic0 called NdisMResetComplete while no MiniportReset is pending"):
        await bench.dispatch(lambda: complete(Status.SUCCESS))
    assert await adapter.reset() is Status.SUCCESS
    with pytest.raises(RuleViolation, match="st-reset-complete-unexpected"):
        await bench.dispatch(lambda: complete(Status.SUCCESS))
    assert bench.rules() == ["st-reset-complete-unexpected"] * 2


@on_bench
async def test_a_deserialized_miniport_completes_its_sends_first(bench: Bench) -> None:
    """A reset that is complete while sends are not is reported; they are still the miniport's to complete."""

    class Forgetful(Plain):
        def reset(self) -> Result:
            return Status.SUCCESS

    miniport = Forgetful("")
    adapter, peer = await paired(bench, miniport)
    await bench.send(peer, 2)
    assert await adapter.reset() is Status.SUCCESS
    assert bench.rules() == ["st-reset-5d-abort"]
    await bench.passive(miniport.abort)
    assert peer.statuses == [ABORTED] * 2


@on_bench
async def test_a_reset_that_never_ends_stops_the_adapter(bench: Bench) -> None:
    """After some patience the adapter fails, everybody is answered, and nobody waits for ever."""

    class Endless(Explicit):
        async def reset(self) -> ResetResult:
            await Signal()
            return Status.SUCCESS

    adapter, peer = await paired(bench, Endless(""))
    await bench.send(peer, 1)
    await bench.passive(peer.binding.reset)
    await bench.pass_time(adapter.hang.patience + LATER)
    assert bench.rules() == ["st-reset-pending-lost"]
    assert not adapter.running
    assert peer.statuses == [Status.FAILURE]
    assert peer.told == [*ANNOUNCED, "reset complete: FAILURE"]


@pytest.mark.parametrize("style", STYLES)
@on_bench
async def test_a_reset_that_raises_stops_the_adapter(bench: Bench, style: Style) -> None:
    """It is the bug check of the adapter, and the reset has failed."""

    class Broken(style):  # type: ignore[valid-type,misc]  # each style in turn
        def enter(self) -> None:
            raise LookupError("no card")

    adapter, peer = await paired(bench, Broken("from a timer"))
    assert await adapter.reset() is Status.FAILURE
    assert bench.rules() == ["bugcheck"]
    assert bench.findings[0].text == "MiniportReset raised LookupError: no card"
    assert peer.told == ANNOUNCED


@on_bench
async def test_a_bug_check_ends_a_reset(bench: Bench) -> None:
    """Whatever stops the adapter in the middle, who asked is answered."""
    adapter, peer = await paired(bench, Explicit("from a timer"))
    await bench.passive(peer.binding.reset)
    adapter.stop("bugcheck", "for the test")
    await bench.pass_time()
    assert bench.rules() == ["bugcheck"]
    assert peer.told[-1] == "reset complete: FAILURE"
    assert not adapter.resetting.in_progress


@on_bench
async def test_a_card_may_be_pulled_out_during_its_reset(bench: Bench) -> None:
    """The reset fails, as it must, without a report; who asked is answered, and the adapter is halted."""
    adapter, peer = await paired(bench, Explicit("from a timer", Status.HARD_ERRORS))
    await bench.send(peer, 1)
    await bench.passive(peer.binding.reset)
    await adapter.surprise_remove()
    assert peer.told == [*ANNOUNCED, "reset complete: HARD_ERRORS"]
    assert peer.statuses == [ABORTED]
    assert adapter.startable


@on_bench
async def test_halt_waits_for_the_end_of_a_reset(bench: Bench) -> None:
    """An adapter is not halted in the middle of a reset; afterwards it is, in order."""
    miniport = Explicit("from a timer")
    adapter, peer = await paired(bench, miniport)
    await bench.send(peer, 2)
    await bench.passive(peer.binding.reset)
    await adapter.halt()
    assert peer.told == [*ANNOUNCED, "reset complete: SUCCESS"]
    assert peer.statuses == [ABORTED] * 2


@on_bench
async def test_who_cannot_be_reset_is_told_why(bench: Bench) -> None:
    """A closed binding, and an adapter that does not run."""
    adapter, peer = await paired(bench, Explicit(""))
    await bench.library.unbind(peer.binding)
    assert await bench.passive(peer.binding.reset) is Status.CLOSING
    await adapter.halt()
    assert await adapter.reset() is Status.ADAPTER_NOT_READY


class Serialized(Mini):
    """Forgets its packets at a reset, as a serialized miniport does."""

    def send_packets(self, packets: Sequence[Packet]) -> None:
        """Keep them."""

    def reset(self) -> Result:
        return Status.SUCCESS

    def query_information(self, request: OidRequest) -> Status:
        return Status.PENDING if request.oid is Oid.GEN_LINK_SPEED else self.answer(request)


@on_bench
async def test_ndis_completes_what_a_serialized_miniport_forgets(bench: Bench) -> None:
    """Sends and the pending request end with REQUEST_ABORTED, in the order of submission."""
    adapter, peer = await paired(bench, Serialized())
    packets = await bench.send(peer, 3)
    request = OidRequest.query(Oid.GEN_LINK_SPEED, 4)
    await bench.passive(lambda: peer.binding.request(request))
    bench.serialize(adapter)
    assert await adapter.reset() is Status.SUCCESS
    assert peer.completed == [(packet, ABORTED) for packet in packets]
    assert peer.ended == [(request, ABORTED)]


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("turn", Turn)
def test_a_reset_has_its_stages_in_order(stage: Stage, turn: Turn) -> None:
    """Asked, entered, restored, over; it may be over at any stage, when the adapter dies, and nothing else is possible."""
    order = {Stage.NONE: Turn.ASK, Stage.ASKED: Turn.ENTER, Stage.RESETTING: Turn.RESET, Stage.RESTORING: Turn.OVER}
    machine: Machine[Stage, Turn] = Machine("reset", stage, STAGES)
    if turn is order[stage] or (turn is Turn.OVER and stage is not Stage.NONE):
        assert machine.apply(turn) is not stage
    else:
        with pytest.raises(RuleViolation, match="st-illegal"):
            machine.apply(turn)
