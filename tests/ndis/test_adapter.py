"""The life of an adapter: how it starts or does not, how it halts, and what may not be left behind."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, PASSIVE, Signal
from ndisemu.ndis import AttributeFlag, Medium, Oid, OidRequest, Packet, Status, v5
from ndisemu.ndis.states import AdapterState
from tests.ndis.conftest import LATER, STATION, Bench, Mini, Peer, on_bench

FIRST: Final = [Oid.GEN_SUPPORTED_LIST, Oid.GEN_MAC_OPTIONS, Oid.GEN_MAXIMUM_TOTAL_SIZE, Oid.E802_3_CURRENT_ADDRESS]


@on_bench
async def test_an_adapter_runs_after_initialize_and_the_first_queries(bench: Bench) -> None:
    """NDIS asks what it must know of every adapter, after MiniportInitialize and before anybody binds."""
    miniport = Mini()
    adapter = bench.add(miniport)
    assert adapter.state.current is AdapterState.UNINITIALIZED
    assert await adapter.initialize()
    assert adapter.running
    assert miniport.queries == FIRST
    assert (adapter.station_address, adapter.maximum_total_size) == (STATION, 1514)
    assert adapter.attributes == AttributeFlag.BUS_MASTER | AttributeFlag.DESERIALIZE
    assert repr(adapter) == "<Adapter nic0 Running: 0 sends, 0 receives in flight>"


@on_bench
async def test_initialize_is_told_who_it_is(bench: Bench) -> None:
    """MiniportInitialize runs at PASSIVE_LEVEL and knows its name, the media NDIS speaks, and its parameters."""
    seen: list[tuple[v5.AdapterInfo, int]] = []

    class Curious(Mini):
        def initialize(self, adapter: v5.AdapterInfo) -> Status | Awaitable[Status]:
            seen.append((adapter, bench.cpu.irql))
            return super().initialize(adapter)

    await bench.start(Curious(), "nic7")
    assert seen == [(v5.AdapterInfo("nic7", (Medium.E802_3,), {}), PASSIVE)]


class Failing(Mini):
    """Fails to initialize in one way or another, once; what it had claimed until then is left."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way

    def initialize(self, adapter: v5.AdapterInfo) -> Status | Awaitable[Status]:
        way, self.way = self.way, ""
        if way == "no attributes":
            return Status.SUCCESS
        super().initialize(adapter)
        self.timer.set(LATER)
        if way == "raises":
            raise LookupError("no EEPROM")
        if way == "forgets to return":
            return None  # type: ignore[return-value]  # that is the mistake
        return self.slowly() if way == "returns failure later" else Status.RESOURCES if way else Status.SUCCESS

    async def slowly(self) -> Status:
        await self.ndis.sleep(LATER)
        return Status.DEVICE_FAILED


FAILURES: Final = [
    (
        "no attributes",
        "st-attributes-first",
        "MiniportInitialize returned SUCCESS without calling NdisMSetAttributesEx",
    ),
    (
        "returns failure",
        "st-init-status",
        "MiniportInitialize returned NDIS_STATUS_RESOURCES; the adapter does not start",
    ),
    ("returns failure later", "st-init-status", "MiniportInitialize returned NDIS_STATUS_DEVICE_FAILED; the adapter"),
    ("forgets to return", "st-init-status", "MiniportInitialize returned None; the adapter does not start"),
]


@pytest.mark.parametrize(("way", "rule", "text"), FAILURES)
@on_bench
async def test_an_adapter_that_does_not_initialize_may_try_again(bench: Bench, way: str, rule: str, text: str) -> None:
    """A failure is reported, and what it has kept; nothing claimed is left, and a second MiniportInitialize starts from nothing."""
    miniport = Failing(way)
    # The timer of the one that fails later has expired by then.
    kept = ["timer-halt"] if way == "returns failure" else []
    kept += ["shm-leak", "pool-leak", "pool-leak"] if "returns failure" in way else []
    adapter = bench.add(miniport)
    assert not await adapter.initialize()
    assert (bench.rules(), bench.findings[0].text[: len(text)]) == ([rule, *kept], text)
    assert adapter.state.current is AdapterState.UNINITIALIZED
    assert adapter.attributes is None
    assert (bench.memory.blocks, bench.library.packet_pools, miniport.card.powered_off) == ((), [], 1)
    await bench.pass_time()
    miniport.free = []
    assert await adapter.initialize()
    await bench.passive(miniport.timer.cancel)


@on_bench
async def test_initialize_that_raises_is_a_bug_check(bench: Bench) -> None:
    """The driver's traceback is shown, the adapter is failed, and halting it gives back what it had claimed."""
    miniport = Failing("raises")
    adapter = bench.add(miniport)
    assert not await adapter.initialize()
    assert bench.rules() == ["bugcheck"]
    assert bench.findings[0].text == "MiniportInitialize raised LookupError: no EEPROM"
    assert 'raise LookupError("no EEPROM")' in bench.findings[0].trace
    assert (adapter.state.current, miniport.card.powered_off) == (AdapterState.FAILED, 1)
    await bench.pass_time()
    await adapter.halt()
    assert (bench.memory.blocks, bench.library.packet_pools) == ((), [])


class Silent(Mini):
    """Does not answer one of the mandatory OIDs, in one way or another."""

    def __init__(self, oid: Oid, way: str) -> None:
        super().__init__()
        self.oid = oid
        self.way = way

    def query_information(self, request: OidRequest) -> Status | Awaitable[Status | None] | None:
        if request.oid is not self.oid:
            return self.answer(request)
        if self.way == "raises":
            raise LookupError("no such object")
        return Status.PENDING if self.way == "never answers" else Status.INVALID_OID


@pytest.mark.parametrize("oid", FIRST)
@pytest.mark.parametrize(
    ("way", "rule"), [("refuses", "oid-mandatory"), ("raises", "bugcheck"), ("never answers", "oid-never-completed")]
)
@on_bench
async def test_an_adapter_without_a_mandatory_oid_does_not_start(bench: Bench, oid: Oid, way: str, rule: str) -> None:
    """An adapter that cannot say what it is, or never does, is stopped, and the report names the object or the error."""
    adapter = bench.add(Silent(oid, way))
    assert not await adapter.initialize()
    assert bench.rules() == [rule]
    assert (str(oid) if way != "raises" else "no such object") in bench.findings[0].text
    assert adapter.state.current is AdapterState.FAILED


@on_bench
async def test_halting_gives_everything_back_in_order(bench: Bench) -> None:
    """Protocols are unbound, last first, then MiniportHalt runs at PASSIVE_LEVEL; nothing is left."""
    order: list[str] = []

    class Unbinding(Peer):
        async def unbind_adapter(self, binding: object) -> None:
            order.append(self.name)
            await self.binding.close()

    class Halting(Mini):
        def halt(self) -> Awaitable[None] | None:
            order.append(f"halt at {bench.cpu.irql}")
            return super().halt()

    adapter = await bench.start(Halting())
    await bench.bind(adapter, Unbinding("first"))
    await bench.bind(adapter, Unbinding("second"))
    await adapter.halt()
    assert order == ["second", "first", "halt at 0"]
    assert adapter.state.current is AdapterState.HALTED
    assert (bench.memory.blocks, bench.library.packet_pools, adapter.bindings) == ((), [], [])


@on_bench
async def test_a_halted_adapter_can_be_initialized_again(bench: Bench) -> None:
    """From Halted an adapter starts as from the beginning, also what it must be told again."""
    miniport = Mini()
    adapter = await bench.start(miniport)
    await bench.bind(adapter)
    await adapter.halt()
    miniport.free, miniport.sets = [], []
    assert adapter.attributes is None
    assert await adapter.initialize()
    second = await bench.bind(adapter, Peer("second"))
    await bench.send(second)
    assert second.statuses == [Status.SUCCESS]
    assert [oid for oid, _ in miniport.sets] == [Oid.GEN_CURRENT_PACKET_FILTER]


@pytest.mark.parametrize("state", ["halted", "never started"])
@on_bench
async def test_calls_outside_an_adapters_life_are_refused(bench: Bench, state: str) -> None:
    """Before MiniportInitialize and after MiniportHalt no call of the driver's reaches NDIS."""
    miniport = Mini()
    adapter = bench.add(miniport)
    if state == "halted":
        await adapter.initialize()
        await adapter.halt()
    calls: list[Callable[[], object]] = [
        miniport.ndis.set_attributes,
        miniport.ndis.map_io_space,
        miniport.ndis.register_interrupt,
        lambda: miniport.ndis.allocate_shared_memory(64),
        lambda: miniport.ndis.allocate_packet_pool(1),
        miniport.ndis.allocate_spin_lock,
        lambda: miniport.ndis.initialize_timer(lambda: None),
        miniport.ndis.initialize_event,
        lambda: miniport.ndis.sleep(1),
        lambda: miniport.ndis.delay(1),
        lambda: miniport.ndis.query_information_complete(Status.SUCCESS),
        lambda: miniport.ndis.set_information_complete(Status.SUCCESS),
        lambda: miniport.ndis.synchronize_with_interrupt(lambda: True),
    ]
    for call in calls:
        with pytest.raises(RuleViolation, match="st-after-halt"):
            await bench.passive(call)


@on_bench
async def test_a_coroutine_alive_after_halt_is_reported_and_closed(bench: Bench) -> None:
    """What is still suspended when MiniportHalt returns is `st-halt-quiet`, by name and place, and ends."""
    ended: list[int] = []

    class Restless(Mini):
        async def send_packets(self, packets: Sequence[Packet]) -> None:
            self.ndis.send_complete(packets, Status.SUCCESS)
            try:
                await Signal()
            finally:
                ended.append(len(packets))

    peer = await bench.pair(Restless())
    adapter = peer.binding.adapter
    await bench.send(peer, 2)
    await bench.send(peer, 1)
    await adapter.halt()
    assert bench.rules() == ["st-halt-quiet"] * 2
    assert "Restless.send_packets is still suspended at " in bench.findings[0].text
    assert "test_adapter.py" in bench.findings[0].text
    assert (ended, adapter.fibers, adapter.state.current) == ([2, 1], {}, AdapterState.HALTED)


@pytest.mark.parametrize("way", ["raises", "raises later"])
@on_bench
async def test_halt_that_raises_is_a_bug_check(bench: Bench, way: str) -> None:
    """Whatever MiniportHalt had not given back is reclaimed all the same."""

    class Raising(Mini):
        def halt(self) -> Awaitable[None] | None:
            if way == "raises later":
                return self.slowly()
            raise LookupError("no way down")

        async def slowly(self) -> None:
            await asyncio.sleep(1e-6)
            raise LookupError("no way down")

    adapter = await bench.start(Raising())
    await adapter.halt()
    assert bench.rules() == ["bugcheck"]
    assert bench.findings[0].text == "MiniportHalt raised LookupError: no way down"
    assert adapter.state.current is AdapterState.FAILED
    assert (bench.memory.blocks, bench.library.packet_pools) == ((), [])


class Leaking(Mini):
    """Gives nothing back at halt."""

    async def never(self) -> None:
        """Work for ever."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.deferred.append(lambda: None)

    def halt(self) -> Awaitable[None] | None:
        self.ndis.schedule_work_item(self.never, "statistics")
        self.ndis.schedule_work_item(self.handle_interrupt, "too late")
        self.timer.set(LATER)
        return None


@on_bench
async def test_what_halt_leaves_is_reported_by_name_and_reclaimed(bench: Bench) -> None:
    """Interrupt, timers, work items, memory and pools: each leak has its name, and none does anything any more."""
    miniport = Leaking()
    adapter = await bench.start(miniport)
    await bench.passive(lambda: miniport.ndis.schedule_work_item(miniport.never, "watch"))
    await bench.pass_time()
    await adapter.halt()
    assert bench.rules() == [
        "int-deregister-halt",
        "timer-halt",
        *["wi-outstanding-at-halt"] * 3,
        "shm-leak",
        "pool-leak",
        "pool-leak",
    ]
    texts = [finding.text for finding in bench.findings]
    assert [text for text in texts if "watch" in text or "statistics" in text or "too late" in text] == texts[2:5]
    assert "<Timer nic0 timer due at" in texts[1]
    assert "shared memory of nic0 at 0x" in texts[5]
    assert "<Pool receive packets of nic0: 0 of 8 free>" in texts[6]
    assert "<Pool receive buffers of nic0: 0 of 8 free>" in texts[7]
    assert (bench.memory.blocks, bench.library.packet_pools) == ((), [])
    miniport.card.line.assert_(miniport.card.name)
    await bench.pass_time()
    assert len(miniport.deferred) == 1
    miniport.card.line.deassert(miniport.card.name)


@pytest.mark.parametrize("period", [0, LATER])
@on_bench
async def test_a_timer_that_is_set_after_halt_is_reported_and_does_nothing(bench: Bench, period: int) -> None:
    """Whoever keeps a timer beyond MiniportHalt hears of it once, and the routine is not called."""
    miniport = Mini()
    adapter = await bench.start(miniport)
    await adapter.halt()
    miniport.deferred.append(lambda: pytest.fail("the timer's routine has run"))
    await bench.passive(lambda: miniport.timer.set(LATER, period=period))
    await bench.pass_time()
    assert bench.rules() == ["timer-halt"]
    (finding,) = bench.findings
    assert (finding.state, finding.irql, finding.time) == ("Halted", DISPATCH, LATER)
    assert finding.text.endswith("was set after MiniportHalt; MiniportTimer was not called")


@on_bench
async def test_a_driver_that_never_completes_is_stopped_when_its_protocol_closes(bench: Bench) -> None:
    """Closing waits with patience, names where the driver hangs, and brings the packets back REQUEST_ABORTED."""

    class Hanging(Mini):
        async def send_packets(self, packets: Sequence[Packet]) -> None:
            await Signal()

    peer = await bench.pair(Hanging())
    adapter = peer.binding.adapter
    packets = await bench.send(peer, 2) + await bench.send(peer, 1, first=2)
    await adapter.halt()
    assert bench.rules() == ["send-never-completed"]
    text = bench.findings[0].text
    assert text.startswith("peer on nic0 cannot close: 3 sends, 0 requests are not completed and 0 received packets")
    assert text.count("Hanging.send_packets waits at ") == 2
    assert "test_adapter.py" in text
    assert peer.completed == [(packet, Status.REQUEST_ABORTED) for packet in packets]
    assert adapter.sends.cancelled == 3
    assert adapter.state.current is AdapterState.FAILED
    assert (bench.memory.blocks, bench.library.packet_pools, adapter.bindings) == ((), [], [])
    assert adapter.device.dma.mapped == {}


@on_bench
async def test_a_request_of_ndis_that_never_ends_stops_the_adapter(bench: Bench) -> None:
    """A driver that does not complete the set with which a binding closes cannot keep it open."""

    class Mute(Mini):
        def set_information(self, request: OidRequest) -> Status:
            return self.take(request) if request.data == (9).to_bytes(4, "little") else Status.PENDING

    peer = await bench.pair(Mute())
    await bench.library.unbind(peer.binding)
    assert bench.rules() == ["oid-never-completed"]
    assert bench.findings[0].text == "the set of OID_GEN_CURRENT_PACKET_FILTER was not completed in 8.000 s"


@on_bench
async def test_ndis_makes_requests_of_its_own(bench: Bench) -> None:
    """`Adapter.request` waits for the answer, from a task or from driver code."""
    adapter = await bench.start(Mini())
    query = OidRequest.query(Oid.GEN_LINK_SPEED, 4)
    assert await adapter.request(query) is Status.SUCCESS
    assert int.from_bytes(query.answered, "little") == 100_000


@on_bench
async def test_a_call_from_outside_any_cpu_is_refused(bench: Bench) -> None:
    """Driver code runs on a virtual CPU; what calls from elsewhere, such as a plain task, is told so."""
    miniport = Mini()
    peer = await bench.pair(miniport)
    calls: list[Callable[[], object]] = [
        lambda: peer.binding.send_packets(peer.packets),
        lambda: peer.binding.request(OidRequest.query(Oid.GEN_LINK_SPEED, 4)),
        lambda: peer.binding.return_packets(peer.packets),
        lambda: miniport.ndis.stall(1),
    ]
    for call in calls:
        with pytest.raises(RuleViolation, match=r"call-no-cpu: Ndis.* was called outside any virtual CPU"):
            call()
    assert [packet.owner for packet in peer.packets] == [peer.binding] * 8
    # On record as well: a task of a driver may die of it and tell nobody.
    assert bench.rules() == ["call-no-cpu"] * len(calls)
