"""Surprise removal, shutdown and sleep of an NDIS 6 adapter: in the order of the documents, and everything comes back."""

from collections.abc import Awaitable, Sequence
from typing import Final

import pytest

from ndisemu.kernel import PASSIVE
from ndisemu.ndis import DeviceEvent, NetEvent, NetPnPEvent, Oid, OidRequest, PowerState, Status, v6
from ndisemu.ndis.v6.adapter import NblAdapter
from ndisemu.ndis.v6.states import AdapterState, BindingState
from tests.ndis.conftest import LATER, frame
from tests.ndis.v6.conftest import Bench6, Mini6, Peer6, Pending, on_bench6

GONE: Final = Status.NOT_ACCEPTED
ASLEEP: Final = Status.LOW_POWER_STATE


class Removable(Mini6):
    """Keeps every send and some queries, and ends them when it is told that its card is gone, if `slow` after a while."""

    def __init__(self, *, slow: bool = False) -> None:
        super().__init__()
        self.slow = slow
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

    def device_pnp_event_notify(self, event: DeviceEvent) -> Awaitable[None] | None:
        self.calls.append(f"MiniportDevicePnPEventNotify {event.name}")
        self.levels.append(self.ndis._adapter.running_cpu("a test").irql)
        if self.slow:
            return self.slowly()
        self.give_back()
        return None

    async def slowly(self) -> None:
        await self.ndis.sleep(LATER)
        self.give_back()

    def give_back(self) -> None:
        held, self.held = self.held, []
        if held:
            self.complete(held, GONE)
        pended, self.pended = self.pended, []
        for request in pended:
            self.ndis.oid_request_complete(request, GONE)

    def shutdown(self, action: v6.ShutdownAction) -> None:
        self.calls.append(f"MiniportShutdownEx {action.name}")
        self.levels.append(self.ndis._adapter.running_cpu("a test").irql)


async def paired(bench: Bench6, miniport: Mini6, peer: Peer6 | None = None) -> tuple[NblAdapter, Peer6]:
    """Start a miniport, bind a protocol, and forget the calls until now."""
    adapter = await bench.start6(miniport)
    peer = await bench.bind6(adapter, peer)
    bench.calls.clear()
    return adapter, peer


@pytest.mark.parametrize("slow", [False, True])
@on_bench6
async def test_a_card_that_is_pulled_out_is_paused_unbound_and_halted(bench: Bench6, *, slow: bool) -> None:
    """The miniport is told first, at PASSIVE_LEVEL; all it had, and all that waited in NDIS, ends with NOT_ACCEPTED."""
    miniport = Removable(slow=slow)
    adapter, peer = await paired(bench, miniport)
    nbls = await bench.send6(peer, 2)
    requests = [OidRequest.query(Oid.GEN_VENDOR_ID, 4) for _ in range(3)]
    await bench.passive(lambda: [peer.binding.request(request) for request in requests])
    await adapter.surprise_remove()
    assert bench.calls == [
        "MiniportDevicePnPEventNotify SURPRISE_REMOVED",
        "NetEventPause peer",
        "MiniportPause",
        "ProtocolUnbindAdapterEx peer",
        "MiniportHaltEx",
    ]
    assert miniport.levels == [PASSIVE]
    assert miniport.actions == [v6.HaltAction.DEVICE_SURPRISE_REMOVED]
    assert peer.completed == [(nbl, GONE) for nbl in nbls]
    assert [status for _, status in peer.ended] == [GONE] * 3
    assert {request for request, _ in peer.ended} == set(requests)
    assert peer.binding.state.current is BindingState.CLOSED
    await adapter.surprise_remove()
    assert len(miniport.levels) == 1


@on_bench6
async def test_ndis_answers_for_a_card_that_is_gone(bench: Bench6) -> None:
    """From the notification on sends, requests and resets end with NOT_ACCEPTED, paused or not."""
    seen: list[Status] = []

    class Trying(Removable):
        async def slowly(self) -> None:
            peer.binding.send_nbls(peer.nbls[:1])
            seen.append(peer.binding.request(OidRequest.query(Oid.GEN_VENDOR_ID, 4)))
            seen.append(self.ndis.reset_miniport())
            assert (self.held, self.pended) == ([], [])

    class Stubborn(Peer6):
        async def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:
            if event.code is NetEvent.PAUSE and binding.adapter.removed:
                binding.send_nbls(self.nbls[1:2])
            return await super().net_pnp_event(binding, event)

    peer = Stubborn()
    adapter, _ = await paired(bench, Trying(slow=True), peer)
    for nbl in peer.nbls[:2]:
        nbl.fill(frame())
    await adapter.surprise_remove()
    assert seen == [GONE, GONE]
    assert peer.statuses == [GONE, GONE]


@on_bench6
async def test_a_request_on_its_way_to_passive_level_is_refused(bench: Bench6) -> None:
    """It does not reach a miniport whose card has gone meanwhile."""
    miniport = Removable()
    adapter, peer = await paired(bench, miniport)
    request = OidRequest.query(Oid.GEN_VENDOR_ID, 4)

    def ask_and_remove() -> None:
        assert peer.binding.request(request) is Status.PENDING
        adapter.removed = True
        adapter.look()

    await bench.dispatch(ask_and_remove)
    await bench.pass_time()
    assert (peer.ended, miniport.pended) == ([(request, GONE)], [])
    adapter.removed = False
    await adapter.surprise_remove()


@on_bench6
async def test_what_a_removed_miniport_keeps_is_taken_from_it(bench: Bench6) -> None:
    """A driver that goes on waiting for its card is stopped, and the protocol gets its lists all the same."""

    class Hopeful(Removable):
        def give_back(self) -> None:
            """Wait for the card."""

    adapter, peer = await paired(bench, Hopeful())
    await bench.send6(peer, 2)
    await adapter.surprise_remove()
    assert bench.rules() == ["send-never-completed"]
    assert peer.statuses == [Status.REQUEST_ABORTED] * 2
    assert adapter.state.current is AdapterState.FAILED


@on_bench6
async def test_a_notification_that_raises_stops_the_adapter(bench: Bench6) -> None:
    """It is a bug check; the adapter is unbound and cleaned up."""

    class Broken(Removable):
        def give_back(self) -> None:
            raise LookupError("no such event")

    adapter, peer = await paired(bench, Broken())
    await bench.send6(peer, 1)
    await adapter.surprise_remove()
    assert bench.findings[0].text == "MiniportDevicePnPEventNotify raised LookupError: no such event"
    assert bench.rules() == ["bugcheck"]
    assert (adapter.state.current, peer.statuses) == (AdapterState.FAILED, [Status.FAILURE])


@on_bench6
async def test_another_card_may_be_put_in(bench: Bench6) -> None:
    """After a removal the adapter may be initialized again, and takes sends and requests."""
    miniport = Removable()
    adapter, _ = await paired(bench, miniport, Peer6("first"))
    await adapter.surprise_remove()
    miniport.free = []
    assert await adapter.initialize()
    peer = await bench.bind6(adapter, Peer6("second"))
    await bench.send6(peer, 1)
    await bench.passive(miniport.give_back)
    assert peer.statuses == [GONE]


@on_bench6
async def test_shutdown_quiesces_and_nothing_runs_any_more(bench: Bench6) -> None:
    """MiniportShutdownEx runs; what was outstanding comes back, and no entry point is called after it, halt included."""
    miniport = Removable()
    adapter, peer = await paired(bench, miniport)
    await bench.send6(peer, 2)
    miniport.timer.set(LATER)
    miniport.deferred.append(lambda: pytest.fail("a timer ran after shutdown"))
    await adapter.shutdown()
    assert (bench.calls, miniport.levels) == (["MiniportShutdownEx POWER_OFF"], [PASSIVE])
    assert adapter.state.current is AdapterState.SHUTDOWN
    assert peer.statuses == [Status.REQUEST_ABORTED] * 2
    assert await adapter.reset() is Status.ADAPTER_NOT_READY
    await adapter.shutdown()
    await bench.pass_time()
    assert len(miniport.levels) == 1


class Sleeper(Mini6):
    """Can sleep; `flags` are its registration attributes."""

    def __init__(self, flags: v6.RegistrationFlag = v6.RegistrationFlag.BUS_MASTER) -> None:
        super().__init__()
        self.flags = flags
        self.outcome = Status.SUCCESS

    def initialize(self, parameters: v6.InitParameters) -> Status | Awaitable[Status]:
        result = super().initialize(parameters)
        self.ndis.set_attributes(v6.RegistrationAttributes(self.flags))
        return result

    def oid_request(self, request: OidRequest) -> Pending:
        if request.oid is Oid.PNP_CAPABILITIES:
            return request.answer(bytes(16))
        if request.oid is Oid.PNP_SET_POWER:
            self.calls.append(f"OID_PNP_SET_POWER {PowerState(request.data[0]).name}")
            return self.outcome
        return self.answer(request)


async def send_one(bench: Bench6, peer: Peer6) -> Status:
    """Send a list that comes back at once; returns with which status."""
    peer.completed.clear()
    await bench.send6(peer, 1)
    return peer.statuses[0]


@pytest.mark.parametrize("state", [PowerState.D1, PowerState.D2, PowerState.D3])
@on_bench6
async def test_an_adapter_is_paused_while_it_sleeps(bench: Bench6, state: PowerState) -> None:
    """Protocols first on the way down, the miniport first on the way up; asleep, sends end with LOW_POWER_STATE."""
    adapter, peer = await paired(bench, Sleeper())
    assert await adapter.set_power(state) is Status.SUCCESS
    assert bench.calls == [
        "NetEventSet_Power peer",
        "NetEventPause peer",
        "MiniportPause",
        f"OID_PNP_SET_POWER {state.name}",
    ]
    assert adapter.state.current is AdapterState.PAUSED
    assert await send_one(bench, peer) is ASLEEP
    assert await bench.passive(lambda: peer.binding.request(OidRequest.query(Oid.GEN_VENDOR_ID, 4))) is ASLEEP
    bench.calls.clear()
    assert await adapter.set_power(PowerState.D0) is Status.SUCCESS
    assert bench.calls == [
        "OID_PNP_SET_POWER D0",
        "MiniportRestart",
        "NetEventRestart peer",
        "NetEventSet_Power peer",
    ]
    assert await send_one(bench, peer) is Status.SUCCESS


@on_bench6
async def test_a_miniport_may_sleep_without_a_pause(bench: Bench6) -> None:
    """With NO_PAUSE_ON_SUSPEND it stays Running, and NDIS refuses the sends all the same."""
    miniport = Sleeper(v6.RegistrationFlag.BUS_MASTER | v6.RegistrationFlag.NO_PAUSE_ON_SUSPEND)
    adapter, peer = await paired(bench, miniport)
    assert await adapter.set_power(PowerState.D3) is Status.SUCCESS
    assert adapter.state.current is AdapterState.RUNNING
    assert await send_one(bench, peer) is ASLEEP
    assert await adapter.set_power(PowerState.D0) is Status.SUCCESS
    assert "MiniportPause" not in bench.calls
    assert await send_one(bench, peer) is Status.SUCCESS


@on_bench6
async def test_who_binds_meanwhile_does_not_wake_it(bench: Bench6) -> None:
    """A new binding stays paused until the adapter wakes."""
    adapter, _ = await paired(bench, Sleeper())
    await adapter.set_power(PowerState.D3)
    late = await bench.bind6(adapter, Peer6("late", types=0))  # type: ignore[arg-type]  # asleep it takes no filter
    assert "MiniportRestart" not in bench.calls
    assert late.binding.state.current.value == "Paused"
    assert await adapter.set_power(PowerState.D0) is Status.SUCCESS
    assert late.binding.state.current is BindingState.RUNNING


@on_bench6
async def test_a_miniport_that_does_not_fall_asleep_is_restarted(bench: Bench6) -> None:
    """It is reported, and works as before."""
    miniport = Sleeper()
    adapter, peer = await paired(bench, miniport)
    miniport.outcome = Status.FAILURE
    assert await adapter.set_power(PowerState.D3) is Status.FAILURE
    assert bench.rules() == ["oid-set-power"]
    assert await send_one(bench, peer) is Status.SUCCESS


@on_bench6
async def test_an_adapter_that_dies_on_its_way_to_sleep_is_not_asked(bench: Bench6) -> None:
    """A bug check in the pause ends the change."""

    class Broken(Sleeper):
        def pause(self) -> Pending:
            if adapter.power.state is PowerState.D0 and "NetEventSet_Power peer" in self.calls:
                raise LookupError("no rest")
            return super().pause()

    adapter = await bench.start6(Broken())
    await bench.bind6(adapter)
    assert await adapter.set_power(PowerState.D3) is Status.ADAPTER_NOT_READY
    assert bench.rules() == ["bugcheck"]


@on_bench6
async def test_a_reader_writer_lock_is_the_adapters(bench: Bench6) -> None:
    """NdisAllocateRWLock makes one that says whose it is, and that is free."""
    miniport = Mini6()
    await bench.start6(miniport)
    lock = await bench.passive(lambda: miniport.ndis.allocate_rw_lock("table"))
    assert (repr(lock), lock.actor) == ("<RwLock nic0 table: free>", "nic0")
