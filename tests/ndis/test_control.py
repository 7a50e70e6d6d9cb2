"""Surprise removal and shutdown: the miniport learns of it, NDIS answers in its place, and everything comes back."""

from collections.abc import Awaitable, Sequence

import pytest

from ndisemu.kernel import PASSIVE
from ndisemu.ndis import AttributeFlag, DeviceEvent, Oid, OidRequest, Packet, Status, v5
from ndisemu.ndis.states import AdapterState, BindingState
from tests.ndis.conftest import LATER, Bench, Mini, Peer, on_bench

GONE = Status.NOT_ACCEPTED


class Removable(Mini):
    """Keeps every send, and completes them when it is told that its card is gone, after a while if it is `slow`."""

    def __init__(
        self, *, flags: AttributeFlag = AttributeFlag.BUS_MASTER | AttributeFlag.SURPRISE_REMOVE_OK, slow: bool = False
    ) -> None:
        super().__init__()
        self.flags = flags
        self.slow = slow
        self.held: list[Packet] = []
        self.told: list[tuple[DeviceEvent, int]] = []

    def initialize(self, adapter: v5.AdapterInfo) -> Status | Awaitable[Status]:
        result = super().initialize(adapter)
        self.ndis.set_attributes(self.flags)
        return result

    def send_packets(self, packets: Sequence[Packet]) -> None:
        self.held += packets

    def pnp_event_notify(self, event: DeviceEvent) -> Awaitable[None] | None:
        self.told.append((event, self.ndis._adapter.running_cpu("a test").irql))
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
            self.ndis.send_complete(held, GONE)

    def shutdown(self) -> None:
        self.told.append((DeviceEvent.POWER_PROFILE_CHANGED, self.ndis._adapter.running_cpu("a test").irql))


@pytest.mark.parametrize("slow", [False, True])
@on_bench
async def test_a_card_that_is_pulled_out_is_unbound_and_halted(bench: Bench, *, slow: bool) -> None:
    """The miniport is told at PASSIVE_LEVEL and completes what it had; then the protocol is unbound and it is halted."""
    miniport = Removable(slow=slow)
    adapter = await bench.start(miniport)
    peer = await bench.bind(adapter)
    packets = await bench.send(peer, 2)
    await adapter.surprise_remove()
    assert miniport.told == [(DeviceEvent.SURPRISE_REMOVED, PASSIVE)]
    assert peer.completed == [(packet, GONE) for packet in packets]
    assert peer.binding.state.current is BindingState.CLOSED
    assert adapter.state.current is AdapterState.HALTED
    await adapter.surprise_remove()
    assert len(miniport.told) == 1


@on_bench
async def test_ndis_answers_for_a_card_that_is_gone(bench: Bench) -> None:
    """From the notification on sends, requests and resets end with NOT_ACCEPTED and do not reach the miniport."""
    seen: list[Status] = []

    class Trying(Removable):
        async def slowly(self) -> None:
            before = len(self.queries)
            peer.packets[0].fill(bytes(60))
            peer.binding.send_packets(peer.packets[:1])
            seen.append(peer.binding.request(OidRequest.query(Oid.GEN_LINK_SPEED, 4)))
            seen.append(peer.binding.reset())
            assert (len(self.queries), self.held) == (before, [])

    adapter = await bench.start(Trying(slow=True))
    peer = await bench.bind(adapter)
    await adapter.surprise_remove()
    assert seen == [GONE, GONE]
    assert peer.statuses == [GONE]


@on_bench
async def test_requests_that_wait_for_their_turn_end(bench: Bench) -> None:
    """NDIS has them and the miniport never will, so NDIS ends them, with NOT_ACCEPTED; the rest is the driver's."""

    class Pending(Removable):
        def query_information(self, request: OidRequest) -> Status:
            return Status.PENDING if request.oid is Oid.GEN_LINK_SPEED else self.answer(request)

        def give_back(self) -> None:
            self.ndis.query_information_complete(GONE)

    adapter = await bench.start(Pending())
    peer = await bench.bind(adapter)
    requests = [OidRequest.query(Oid.GEN_LINK_SPEED, 4) for _ in range(3)]
    asked = await bench.passive(lambda: [peer.binding.request(request) for request in requests])
    await adapter.surprise_remove()
    assert asked == [Status.PENDING] * 3
    assert [status for _, status in peer.ended] == [GONE] * 3
    assert adapter.state.current is AdapterState.HALTED


@on_bench
async def test_a_miniport_that_does_not_want_to_know_is_halted_straight_away(bench: Bench) -> None:
    """Without SURPRISE_REMOVE_OK there is no notification."""
    miniport = Removable(flags=AttributeFlag.BUS_MASTER)
    adapter = await bench.start(miniport)
    await adapter.surprise_remove()
    assert miniport.told == []
    assert adapter.state.current is AdapterState.HALTED


@on_bench
async def test_what_a_removed_miniport_keeps_is_taken_from_it(bench: Bench) -> None:
    """A driver that goes on waiting for its card is stopped, and the protocol gets its packets all the same."""

    class Hopeful(Removable):
        def pnp_event_notify(self, event: DeviceEvent) -> None:
            """Wait for the card."""

    adapter = await bench.start(Hopeful())
    peer = await bench.bind(adapter)
    await bench.send(peer, 2)
    await adapter.surprise_remove()
    assert bench.rules() == ["send-never-completed"]
    assert peer.statuses == [Status.REQUEST_ABORTED] * 2


@on_bench
async def test_a_notification_that_raises_stops_the_adapter(bench: Bench) -> None:
    """It is a bug check; the adapter is unbound and cleaned up."""

    class Broken(Removable):
        def pnp_event_notify(self, event: DeviceEvent) -> None:
            raise LookupError("no such event")

    adapter = await bench.start(Broken())
    peer = await bench.bind(adapter)
    await bench.send(peer, 1)
    await adapter.surprise_remove()
    assert bench.rules() == ["bugcheck"]
    assert (adapter.state.current, peer.statuses) == (AdapterState.FAILED, [Status.FAILURE])


@on_bench
async def test_another_card_may_be_put_in(bench: Bench) -> None:
    """After a removal the adapter may be initialized again, and takes sends and requests."""
    miniport = Removable()
    adapter = await bench.start(miniport)
    await bench.bind(adapter, Peer("first"))
    await adapter.surprise_remove()
    miniport.free = []
    assert await adapter.initialize()
    peer = await bench.bind(adapter, Peer("second"))
    await bench.send(peer, 1)
    await bench.passive(miniport.give_back)
    assert peer.statuses == [GONE]


@on_bench
async def test_shutdown_quiesces_and_nothing_runs_any_more(bench: Bench) -> None:
    """MiniportShutdown runs; what was outstanding comes back, and no entry point is called after it, halt included."""
    miniport = Removable()
    adapter = await bench.start(miniport)
    peer = await bench.bind(adapter)
    await bench.send(peer, 2)
    miniport.timer.set(LATER)
    miniport.deferred.append(lambda: pytest.fail("a timer ran after shutdown"))
    await adapter.shutdown()
    assert len(miniport.told) == 1
    assert adapter.state.current is AdapterState.SHUTDOWN
    assert peer.statuses == [Status.REQUEST_ABORTED] * 2
    assert await adapter.reset() is Status.ADAPTER_NOT_READY
    await adapter.shutdown()
    await bench.pass_time()
    assert len(miniport.told) == 1


@on_bench
async def test_a_shutdown_that_raises_is_a_bug_check(bench: Bench) -> None:
    """The machine goes down anyway."""

    class Broken(Removable):
        def shutdown(self) -> None:
            raise LookupError("no switch")

    adapter = await bench.start(Broken())
    await adapter.shutdown()
    assert bench.rules() == ["bugcheck"]
    assert adapter.state.current is AdapterState.FAILED
