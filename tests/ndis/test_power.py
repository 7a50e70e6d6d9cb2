"""Power and plug and play events: down through the protocols and the miniport, up again, and what is kept meanwhile."""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import PASSIVE, WorkItem, sleep
from ndisemu.ndis import NetEvent, NetPnPEvent, Oid, OidRequest, PowerState, Status, v5
from ndisemu.ndis.pnp import EVENT_PATIENCE
from ndisemu.ndis.reset import ResetResult
from ndisemu.ndis.states import BindingState
from ndisemu.ndis.v5.adapter import PacketAdapter
from tests.ndis.conftest import LATER, Bench, Mini, Peer, on_bench

SLEEPS: Final = (PowerState.D1, PowerState.D2, PowerState.D3)
NOT_READY: Final = Status.ADAPTER_NOT_READY


class Sleeper(Mini):
    """Can sleep; answers each set of the power state with `outcome`."""

    def __init__(self) -> None:
        super().__init__()
        self.outcome = Status.SUCCESS

    def answer(self, request: OidRequest) -> Status:
        return request.answer(bytes(16)) if request.oid is Oid.PNP_CAPABILITIES else super().answer(request)

    def take(self, request: OidRequest) -> Status:
        super().take(request)
        return self.outcome if request.oid is Oid.PNP_SET_POWER else Status.SUCCESS

    def reset(self) -> ResetResult:
        return Status.SUCCESS, True

    @property
    def states(self) -> list[int]:
        """The power states it was told."""
        return [data[0] for oid, data in self.sets if oid is Oid.PNP_SET_POWER]


class Aware(Peer):
    """Knows power events, and answers them in one style or another."""

    def __init__(self, name: str = "peer", answer: Callable[["Aware", NetPnPEvent], object] | None = None) -> None:
        super().__init__(name)
        self.events: list[tuple[NetEvent, PowerState, int]] = []
        self.answer_with = answer

    def pnp_event(self, binding: v5.Binding, event: NetPnPEvent) -> Status | Awaitable[Status | None] | None:
        self.events.append((event.code, event.power, binding.adapter.running_cpu("a test").irql))
        return Status.SUCCESS if self.answer_with is None else self.answer_with(self, event)  # type: ignore[return-value]  # some of the answers are wrong


async def paired(bench: Bench, peer: Peer | None = None, miniport: Mini | None = None) -> tuple[PacketAdapter, Peer]:
    """Start a miniport that can sleep, and bind a protocol."""
    adapter = await bench.start(miniport or Sleeper())
    return adapter, await bench.bind(adapter, peer or Aware())


@pytest.mark.parametrize("state", SLEEPS)
@on_bench
async def test_an_adapter_sleeps_and_wakes(bench: Bench, state: PowerState) -> None:
    """Protocols first on the way down, the miniport first on the way up, all at PASSIVE_LEVEL; then it works as before."""
    peer, miniport = Aware(), Sleeper()
    adapter, _ = await paired(bench, peer, miniport)
    assert await adapter.set_power(state) is Status.SUCCESS
    assert adapter.power.state is state
    assert await adapter.set_power(state) is Status.SUCCESS
    assert await adapter.set_power(PowerState.D0) is Status.SUCCESS
    assert miniport.states == [state, PowerState.D0]
    assert peer.events == [(NetEvent.SET_POWER, state, PASSIVE), (NetEvent.SET_POWER, PowerState.D0, PASSIVE)]
    await bench.send(peer, 1)
    assert peer.statuses == [Status.SUCCESS]


@on_bench
async def test_an_adapter_may_sleep_deeper(bench: Bench) -> None:
    """From one sleeping state to another the protocols are not disturbed."""
    peer, miniport = Aware(), Sleeper()
    adapter, _ = await paired(bench, peer, miniport)
    for state in (PowerState.D1, PowerState.D3, PowerState.D0):
        assert await adapter.set_power(state) is Status.SUCCESS
    assert miniport.states == [PowerState.D1, PowerState.D3, PowerState.D0]
    assert [power for _, power, _ in peer.events] == [PowerState.D1, PowerState.D0]


@on_bench
async def test_a_sleeping_adapter_gets_no_work(bench: Bench) -> None:
    """NDIS answers sends, requests and resets with ADAPTER_NOT_READY, and asks nothing about hangs."""
    miniport = Sleeper()
    adapter, peer = await paired(bench, miniport=miniport)
    await adapter.set_power(PowerState.D3)
    asked = len(miniport.queries)
    await bench.send(peer, 2)
    assert await bench.passive(lambda: peer.binding.request(OidRequest.query(Oid.GEN_LINK_SPEED, 4))) is NOT_READY
    assert await bench.passive(peer.binding.reset) is NOT_READY
    assert peer.statuses == [NOT_READY] * 2
    assert (len(miniport.queries), miniport.sent) == (asked, [])


@on_bench
async def test_a_protocol_without_power_events_is_unbound(bench: Bench) -> None:
    """NOT_SUPPORTED asks NDIS for that; the others stay."""
    adapter, ignorant = await paired(bench, Peer("ignorant"))
    aware = Aware("aware")
    await bench.bind(adapter, aware)
    assert await adapter.set_power(PowerState.D3) is Status.SUCCESS
    assert ignorant.binding.state.current is BindingState.CLOSED
    assert adapter.bindings == [aware.binding]


@on_bench
async def test_a_miniport_that_cannot_sleep_stays_awake(bench: Bench) -> None:
    """Without OID_PNP_CAPABILITIES nothing changes, and no protocol is told."""
    peer = Aware()
    adapter, _ = await paired(bench, peer, Mini())
    assert await adapter.set_power(PowerState.D3) is Status.INVALID_OID
    assert (peer.events, adapter.power.asleep) == ([], False)


@pytest.mark.parametrize("state", [PowerState.D3, PowerState.D0])
@on_bench
async def test_a_change_of_power_must_succeed(bench: Bench, state: PowerState) -> None:
    """A miniport that refuses is reported, and the adapter is in the state in which it was."""
    miniport = Sleeper()
    adapter, _ = await paired(bench, miniport=miniport)
    if state is PowerState.D0:
        await adapter.set_power(PowerState.D2)
    before = adapter.power.state
    miniport.outcome = Status.FAILURE
    assert await adapter.set_power(state) is Status.FAILURE
    assert bench.rules() == ["oid-set-power"]
    assert adapter.power.state is before


@on_bench
async def test_a_halted_adapter_does_not_sleep(bench: Bench) -> None:
    """There is nothing to change; and an adapter that was asleep wakes up with its next start."""
    miniport = Sleeper()
    adapter, _ = await paired(bench, miniport=miniport)
    await adapter.set_power(PowerState.D3)
    await adapter.halt()
    assert await adapter.set_power(PowerState.D0) is NOT_READY
    miniport.free = []
    assert await adapter.initialize()
    assert adapter.refuses_sends is None


async def wake_up(bench: Bench, peer: Peer, *sets: tuple[Oid, bytes]) -> None:
    """Let a protocol say what may wake the machine."""
    requests = [OidRequest.set(oid, data) for oid, data in sets]
    ended = await bench.passive(lambda: [peer.binding.request(request) for request in requests])
    assert ended == [Status.SUCCESS] * len(sets)


@on_bench
async def test_wake_up_settings_are_kept_and_restored(bench: Bench) -> None:
    """What may wake the machine survives sleep, and is told again to a miniport that has lost it in a reset."""
    miniport = Sleeper()
    adapter, peer = await paired(bench, miniport=miniport)
    await wake_up(
        bench,
        peer,
        (Oid.PNP_ADD_WAKE_UP_PATTERN, b"first"),
        (Oid.PNP_ADD_WAKE_UP_PATTERN, b"second"),
        (Oid.PNP_REMOVE_WAKE_UP_PATTERN, b"first"),
        (Oid.PNP_ENABLE_WAKE_UP, (3).to_bytes(4, "little")),
    )
    await adapter.set_power(PowerState.D3)
    await adapter.set_power(PowerState.D0)
    assert (adapter.power.wake_up, adapter.power.patterns) == (3, (b"second",))
    miniport.sets = []
    assert await adapter.reset() is Status.SUCCESS
    assert miniport.sets[-2:] == [(Oid.PNP_ADD_WAKE_UP_PATTERN, b"second"), (Oid.PNP_ENABLE_WAKE_UP, b"\x03\0\0\0")]


def explicit(peer: Aware, event: NetPnPEvent) -> Status:
    """Return PENDING, and complete it later."""
    cpu = peer.binding.adapter.cpu

    async def later() -> None:
        await sleep(cpu.kernel, LATER)
        peer.binding.complete_pnp_event(event, Status.SUCCESS)

    WorkItem(cpu, later, lambda error: pytest.fail(str(error))).queue()
    return Status.PENDING


async def coroutine(peer: Aware, event: NetPnPEvent) -> Status:
    """Wait, and return the status."""
    await sleep(peer.binding.adapter.kernel, LATER)
    return Status.SUCCESS


@pytest.mark.parametrize("style", [explicit, coroutine])
@on_bench
async def test_a_protocol_may_take_its_time(bench: Bench, style: Callable[[Aware, NetPnPEvent], object]) -> None:
    """In either style the miniport is told only when the protocol has answered."""
    miniport = Sleeper()
    adapter, _ = await paired(bench, Aware(answer=style), miniport)
    before = bench.kernel.now
    assert await adapter.set_power(PowerState.D3) is Status.SUCCESS
    assert bench.kernel.now == before + LATER
    assert len(adapter.bindings) == 1


@on_bench
async def test_a_protocol_that_never_answers_is_not_waited_for(bench: Bench) -> None:
    """After some patience it is reported, and the adapter goes to sleep."""
    adapter, _ = await paired(bench, Aware(answer=lambda _peer, _event: Status.PENDING))
    assert await adapter.set_power(PowerState.D3) is Status.SUCCESS
    assert bench.rules() == ["proto-netpnp-complete"]
    assert bench.kernel.now >= EVENT_PATIENCE


@on_bench
async def test_an_event_is_completed_once(bench: Bench) -> None:
    """With a final status, and only while it is pending."""
    kept: list[NetPnPEvent] = []

    def keep(peer: Aware, event: NetPnPEvent) -> Status:
        kept.append(event)
        return explicit(peer, event)

    adapter, peer = await paired(bench, Aware(answer=keep))
    await adapter.set_power(PowerState.D3)
    event = kept[0]
    with pytest.raises(RuleViolation, match="NetEvent SET_POWER D3 was completed while it is not pending"):
        await bench.passive(lambda: peer.binding.complete_pnp_event(event, Status.SUCCESS))
    with pytest.raises(RuleViolation, match="proto-netpnp-complete"):
        await bench.passive(lambda: peer.binding.complete_pnp_event(NetPnPEvent(NetEvent.RECONFIGURE), Status.SUCCESS))


@on_bench
async def test_a_protocol_that_raises_is_reported(bench: Bench) -> None:
    """It is called no more, and the adapter goes to sleep."""

    def fail(_peer: Aware, _event: NetPnPEvent) -> Status:
        raise LookupError("no such event")

    adapter, _ = await paired(bench, Aware(answer=fail))
    assert await adapter.set_power(PowerState.D3) is Status.SUCCESS
    assert bench.rules() == ["bugcheck"]
    assert "ProtocolPnPEvent of peer raised" in bench.findings[0].text
