"""The life of an NDIS 6 adapter: initialize, restart, pause and halt, in the order of the documents, in both styles."""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.ndis import NetPnPEvent, Status, v6
from ndisemu.ndis.v6.adapter import PATIENCE
from ndisemu.ndis.v6.states import AdapterState, BindingState
from tests.ndis.conftest import STATION, WHEN, frame
from tests.ndis.v6.conftest import ATTRIBUTES, Bench6, Mini6, Peer6, Pending, on_bench6


class Explicit(Mini6):
    """Completes pause and restart when the time has come, after having said PENDING."""

    def __init__(self, when: str, restarted: Status = Status.SUCCESS) -> None:
        super().__init__()
        self.when = when
        self.restarted = restarted

    def pause(self) -> Pending:
        self.calls.append("MiniportPause")
        self.later(self.when, self.ndis.pause_complete)
        return Status.PENDING

    def restart(self) -> Pending:
        self.calls.append("MiniportRestart")
        self.later(self.when, lambda: self.ndis.restart_complete(self.restarted))
        return Status.PENDING


class Coroutine(Explicit):
    """Waits for the time, then returns the status."""

    async def pause(self) -> Status:
        self.calls.append("MiniportPause")
        await self.wait(self.when)
        return Status.SUCCESS

    async def restart(self) -> Status:
        self.calls.append("MiniportRestart")
        await self.wait(self.when)
        return self.restarted


Style = Callable[..., Explicit]
STYLES: Final = (Explicit, Coroutine)


def states(adapter: object, *peers: Peer6) -> list[str]:
    """Return the state of an adapter and of bindings to it."""
    return [adapter.state.current.value, *(peer.binding.state.current.value for peer in peers)]  # type: ignore[attr-defined]


@on_bench6
async def test_an_adapter_is_paused_after_initialize(bench: Bench6) -> None:
    """MiniportInitializeEx ends in Paused: the adapter owns its resources and moves no data."""
    adapter = await bench.start6(Mini6())
    assert states(adapter) == ["Paused"]
    assert adapter.running
    assert adapter.station_address == STATION
    assert adapter.maximum_total_size == 1514
    assert bench.calls == ["MiniportInitializeEx"]


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("style", STYLES)
@on_bench6
async def test_a_stack_starts_from_the_bottom_up_and_stops_from_the_top_down(
    bench: Bench6, style: Style, when: str
) -> None:
    """Bind, MiniportRestart, NetEventRestart; NetEventPause, MiniportPause, unbind, MiniportHaltEx; in either style."""
    miniport = style(when)
    adapter = await bench.start6(miniport)
    peer = await bench.bind6(adapter)
    assert states(adapter, peer) == ["Running", "Running"]
    await adapter.halt(v6.HaltAction.DEVICE_STOPPED)
    assert states(adapter, peer) == ["Halted", "Closed"]
    assert miniport.actions == [v6.HaltAction.DEVICE_STOPPED]
    assert bench.calls == [
        "MiniportInitializeEx",
        "ProtocolBindAdapterEx peer",
        "MiniportRestart",
        "NetEventRestart peer",
        "NetEventPause peer",
        "MiniportPause",
        "ProtocolUnbindAdapterEx peer",
        "MiniportHaltEx",
    ]
    assert (bench.memory.blocks, bench.library.nbl_pools, adapter.bindings, adapter.uppers) == ((), [], [], [])


@on_bench6
async def test_a_new_binding_pauses_the_stack(bench: Bench6) -> None:
    """While an adapter runs, a bind pauses it and all its bindings, and restarts them with the new one (5.1)."""
    adapter = await bench.start6(Mini6())
    first = await bench.bind6(adapter, Peer6("first"))
    bench.calls.clear()
    second = await bench.bind6(adapter, Peer6("second"))
    assert states(adapter, first, second) == ["Running"] * 3
    assert bench.calls == [
        "NetEventPause first",
        "MiniportPause",
        "ProtocolBindAdapterEx second",
        "MiniportRestart",
        "NetEventRestart first",
        "NetEventRestart second",
    ]


@on_bench6
async def test_an_unbind_pauses_that_binding_alone(bench: Bench6) -> None:
    """The others go on."""
    adapter = await bench.start6(Mini6())
    first, second = await bench.bind6(adapter, Peer6("first")), await bench.bind6(adapter, Peer6("second"))
    bench.calls.clear()
    await bench.library.unbind(first.binding)
    assert states(adapter, first, second) == ["Running", "Closed", "Running"]
    assert bench.calls == ["NetEventPause first", "ProtocolUnbindAdapterEx first"]
    await bench.send6(second)
    assert second.statuses == [Status.SUCCESS]


@on_bench6
async def test_pause_and_restart_may_be_asked_for_from_outside(bench: Bench6) -> None:
    """Whoever drives the adapter pauses and restarts it; doing it twice changes nothing."""
    adapter = await bench.start6(Mini6())
    peer = await bench.bind6(adapter)
    bench.calls.clear()
    for _ in range(2):
        await adapter.pause()
        assert states(adapter, peer) == ["Paused", "Paused"]
    for _ in range(2):
        await adapter.restart()
        assert states(adapter, peer) == ["Running", "Running"]
    assert bench.calls == ["NetEventPause peer", "MiniportPause", "MiniportRestart", "NetEventRestart peer"]


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("style", STYLES)
@on_bench6
async def test_a_restart_that_fails_leaves_the_stack_paused(bench: Bench6, style: Style, when: str) -> None:
    """The adapter and its bindings stay Paused, and what is sent ends with PAUSED."""
    adapter = await bench.start6(style(when, Status.RESOURCES))
    peer = await bench.bind6(adapter)
    assert states(adapter, peer) == ["Paused", "Paused"]
    assert bench.rules() == ["st-restart-failed"]
    await bench.send6(peer)
    assert peer.statuses == [Status.PAUSED]


@on_bench6
async def test_a_pause_cannot_fail(bench: Bench6) -> None:
    """Another status than SUCCESS is a broken rule, and the adapter is paused all the same."""

    class Failing(Mini6):
        def pause(self) -> Pending:
            return Status.FAILURE

    adapter = await bench.start6(Failing())
    peer = await bench.bind6(adapter)
    await adapter.pause()
    assert states(adapter, peer) == ["Paused", "Paused"]
    assert bench.rules() == ["st-pause-status"]
    assert bench.findings[0].text.startswith("MiniportPause ended with ")
    await adapter.halt()


@pytest.mark.parametrize("entry", ["pause", "restart"])
@on_bench6
async def test_what_never_completes_stops_the_adapter(bench: Bench6, entry: str) -> None:
    """NDIS waits for a pause or restart for a time, and no longer."""

    class Stuck(Mini6):
        def pause(self) -> Pending:
            return Status.PENDING if entry == "pause" else Status.SUCCESS

        def restart(self) -> Pending:
            return Status.PENDING if entry == "restart" else Status.SUCCESS

    adapter = await bench.start6(Stuck())
    await bench.bind6(adapter)
    await adapter.pause()
    assert adapter.state.current is AdapterState.FAILED
    assert bench.kernel.now >= PATIENCE
    assert bench.rules() == ["st-pause-timeout"]


@pytest.mark.parametrize("entry", ["pause", "restart", "send"])
@on_bench6
async def test_a_driver_that_never_lets_time_pass_is_stopped(bench: Bench6, entry: str) -> None:
    """A coroutine that waits for nothing, for ever, ends no pause, no restart and no send; nobody waits for it for ever."""

    class Spinning(Mini6):
        async def spin(self) -> Status:
            while True:
                await self.ndis.delay(0)

        def pause(self) -> Pending:
            return self.spin() if entry == "pause" else Status.SUCCESS

        def restart(self) -> Pending:
            return self.spin() if entry == "restart" else Status.SUCCESS

        def send(self, nbls: object, port: int, flags: int) -> Pending:
            return self.spin()

    adapter = await bench.start6(Spinning())
    peer = await bench.bind6(adapter)
    if entry == "send":
        await bench.send6(peer)
    await adapter.pause()
    assert adapter.state.current is AdapterState.FAILED
    assert bench.rules() == ["send-never-completed" if entry == "send" else "st-pause-timeout"]


@pytest.mark.parametrize(
    ("entry", "call"), [("pause", "NdisMPauseComplete"), ("restart", "NdisMRestartComplete")], ids=["pause", "restart"]
)
@on_bench6
async def test_a_completion_that_is_not_owed_is_refused(bench: Bench6, entry: str, call: str) -> None:
    """Nothing is pending, so nothing can be completed, and the state stays."""
    miniport = Mini6()
    adapter = await bench.start6(miniport)
    await bench.bind6(adapter)
    complete = (
        miniport.ndis.pause_complete if entry == "pause" else lambda: miniport.ndis.restart_complete(Status.SUCCESS)
    )
    with pytest.raises(RuleViolation, match=f"st-{entry}-complete-pairing: nic0 called {call} while no"):
        await bench.passive(complete)
    assert states(adapter) == ["Running"]
    assert bench.rules() == [f"st-{entry}-complete-pairing"]


@on_bench6
async def test_a_protocol_that_completes_its_pause_too_early_is_waited_for(bench: Bench6) -> None:
    """NetEventPause ends when every list is back; NDIS reports one that does not, and waits in its place."""

    class Keeping(Peer6):
        async def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:
            return Status.SUCCESS

    miniport, peer = Mini6(), Keeping()
    adapter = await bench.start6(miniport)
    await bench.bind6(adapter, peer)
    peer.keeps = True
    await bench.indicate(miniport, frame())
    miniport.deferred.append(peer.give_back)
    miniport.timer.set(1_000_000)
    await adapter.pause()
    assert bench.rules() == ["proto-pause"]
    assert states(adapter, peer) == ["Paused", "Paused"]


@on_bench6
async def test_a_miniport_that_forgets_a_list_cannot_say_that_it_is_paused(bench: Bench6) -> None:
    """What is still lent when MiniportPause completes is reported."""
    miniport = Mini6()
    adapter = await bench.start6(miniport)
    await bench.bind6(adapter)
    nbls = miniport.fill(frame())
    adapter.receives.lend(nbls)
    await adapter.pause()
    assert bench.rules() == ["st-pause-receives-returned"]
    adapter.receives.take_back(nbls)


@on_bench6
async def test_a_pause_that_completes_over_a_send_is_reported(bench: Bench6) -> None:
    """No send may be with the miniport when MiniportPause completes."""
    miniport = Mini6()
    adapter = await bench.start6(miniport)
    peer = await bench.bind6(adapter)
    nbls = peer.nbls[:1]
    adapter.sends.take_over(peer.binding, nbls)
    # As if NDIS had not waited for its end before it called the miniport.
    peer.binding.sends_pending = 0
    await adapter.pause()
    assert bench.rules() == ["st-pause-sends-drained"]
    adapter.sends.give_back(nbls)
    adapter.sends.count_end(1, Status.SUCCESS)


class Disordered(Mini6):
    """Initializes in the order it is given."""

    def __init__(self, *steps: str) -> None:
        super().__init__()
        self.steps = steps

    def initialize(self, parameters: v6.InitParameters) -> Status | Awaitable[Status]:
        calls: dict[str, Callable[[], object]] = {
            "registration": lambda: self.ndis.set_attributes(v6.RegistrationAttributes()),
            "general": lambda: self.ndis.set_attributes(ATTRIBUTES),
            "registers": self.ndis.map_io_space,
            "dma": self.ndis.register_scatter_gather_dma,
            "memory": lambda: self.ndis.allocate_shared_memory(4096),
            "interrupt": self.ndis.register_interrupt,
        }
        for step in self.steps:
            calls[step]()
        return Status.SUCCESS


@pytest.mark.parametrize(
    ("steps", "rule"),
    [
        (("general",), "st-attributes-order"),
        (("registers",), "st-attributes-first"),
        (("dma",), "st-attributes-first"),
        (("registration", "memory"), "shm-alloc-needs-dma"),
        (("registration", "interrupt"), "int-register-after-attributes"),
        (("registration", "general", "interrupt", "registers"), "int-ready-before-register"),
        (("registration", "general", "interrupt", "interrupt"), "int-ready-before-register"),
        (("registration",), "st-attributes-complete"),
    ],
    ids="-".join,
)
@on_bench6
async def test_initialize_has_an_order(bench: Bench6, steps: tuple[str, ...], rule: str) -> None:
    """Attributes first, the interrupt last; an adapter whose driver does otherwise does not start (1.4)."""
    adapter = bench.add6(Disordered(*steps))
    assert not await adapter.initialize()
    assert bench.rules() == [rule]
    assert not adapter.running


@on_bench6
async def test_an_adapter_that_does_not_start_can_be_tried_again(bench: Bench6) -> None:
    """MiniportInitializeEx that fails leaves the adapter Halted, and nothing behind: what it has kept is told, and taken."""

    class Reluctant(Mini6):
        attempts = 0

        def initialize(self, parameters: v6.InitParameters) -> Status | Awaitable[Status]:
            super().initialize(parameters)
            self.attempts += 1
            return Status.SUCCESS if self.attempts > 1 else Status.RESOURCES

    miniport = Reluctant()
    adapter = bench.add6(miniport)
    assert not await adapter.initialize()
    assert (states(adapter), bench.memory.blocks) == (["Halted"], ())
    assert bench.rules() == ["st-init-status", "sg-deregister", "shm-leak", "pool-leak"]
    miniport.free.clear()
    assert await adapter.initialize()


@pytest.mark.parametrize("entry", ["initialize", "restart", "pause", "halt"])
@on_bench6
async def test_a_driver_that_raises_stops_its_adapter(bench: Bench6, entry: str) -> None:
    """Whichever entry point of its life raises: the adapter has failed, and what was bound is unbound cleanly."""

    def fail(*_: object) -> Status:
        raise ValueError("for the test")

    miniport = Mini6()
    setattr(miniport, entry, fail)
    adapter = bench.add6(miniport)
    if await adapter.initialize():
        await bench.bind6(adapter)
        await adapter.halt()
    assert adapter.state.current is AdapterState.FAILED
    assert bench.rules() == ["bugcheck"]
    assert (bench.memory.blocks, adapter.bindings) == ((), [])


@on_bench6
async def test_leaks_are_named_at_the_halt(bench: Bench6) -> None:
    """What MiniportHaltEx has not given back is reported, each by its rule, and reclaimed."""

    class Leaking(Mini6):
        def halt(self, action: v6.HaltAction) -> None:
            self.timer.set(1_000_000)

    adapter = await bench.start6(Leaking())
    await adapter.halt()
    assert bench.rules() == ["sg-deregister", "int-deregister-halt", "timer-halt", "shm-leak", "pool-leak"]
    assert (bench.memory.blocks, bench.library.nbl_pools) == ((), [])


@on_bench6
async def test_a_protocol_may_complete_its_pause_later(bench: Bench6) -> None:
    """PENDING from ProtocolNetPnPEvent is ended by NdisCompleteNetPnPEvent, and the stack waits for it."""

    class Slow(Peer6):
        event: NetPnPEvent

        def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:  # type: ignore[override]
            self.event = event
            return Status.PENDING

    miniport, peer = Mini6(), Slow()
    adapter = await bench.start6(miniport)

    def complete() -> None:
        peer.binding.complete_net_pnp_event(peer.event, Status.SUCCESS)

    miniport.deferred.append(complete)
    miniport.timer.set(5_000)
    await bench.bind6(adapter, peer)
    assert bench.kernel.now == 5_000
    miniport.deferred.append(complete)
    miniport.timer.set(5_000)
    await adapter.pause()
    assert (bench.kernel.now, states(adapter, peer)) == (10_000, ["Paused", "Paused"])
    miniport.deferred.append(complete)
    miniport.timer.set(5_000)
    await adapter.restart()
    miniport.deferred.append(complete)
    miniport.timer.set(5_000)
    await adapter.halt()


@on_bench6
async def test_a_protocol_that_raises_in_an_event_is_paused_all_the_same(bench: Bench6) -> None:
    """It is called no more, its binding goes the way of the others, and nobody else notices."""

    class Raising(Peer6):
        async def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:
            raise ValueError("for the test")

    adapter = await bench.start6(Mini6())
    peer = await bench.bind6(adapter, Raising("raising"))
    other = await bench.bind6(adapter, Peer6("other"))
    assert states(adapter, peer, other) == ["Running", "Paused", "Running"]
    await adapter.halt()
    assert peer.binding.state.current is BindingState.CLOSED
    assert bench.rules() == ["bugcheck"]
