"""Registration at NDIS, and the library as a miniport sees it."""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from ndisemu.errors import RuleViolation, UsageError
from ndisemu.kernel import DISPATCH, PASSIVE, Irql
from ndisemu.ndis import AttributeFlag, Status, v5
from tests.ndis.conftest import LATER, Bench, Mini, Peer, on_bench


class AsyncIsr(Mini):
    """Has an ISR that would wait."""

    async def isr(self) -> tuple[bool, bool]:  # type: ignore[override]  # that is the mistake
        return True, True


class AsyncReturn(Mini):
    """Has a MiniportReturnPacket that would wait."""

    async def return_packets(self, packets: object) -> None:  # type: ignore[override]  # that is the mistake
        return None


class AsyncReceive(Peer):
    """Has a ProtocolReceivePacket that would wait."""

    async def receive_packets(self, binding: object, packets: object) -> int:  # type: ignore[override]  # the mistake
        return 0


@on_bench
async def test_only_a_miniport_can_be_registered(bench: Bench) -> None:
    """Something else is named in the refusal."""
    with pytest.raises(UsageError, match=r"^Peer is neither a v5\.Miniport nor a v6\.Miniport$"):
        bench.library.add_adapter(Peer(), bench.device())  # type: ignore[call-overload]  # that is the mistake


@pytest.mark.parametrize(
    ("driver", "text"),
    [
        (
            AsyncIsr,
            "entry-async: AsyncIsr.isr is MiniportISR, which returns at once and must be a plain def, not async",
        ),
        (AsyncReturn, "entry-async: AsyncReturn.return_packets is MiniportReturnPacket, which"),
    ],
)
@on_bench
async def test_an_immediate_entry_may_not_be_async(bench: Bench, driver: type[Mini], text: str) -> None:
    """A coroutine where NDIS needs an answer at once is refused at registration."""
    with pytest.raises(RuleViolation) as caught:
        bench.add(driver())
    assert str(caught.value).startswith(text)
    assert bench.library.adapters == {}


@on_bench
async def test_a_protocols_immediate_entries_may_not_be_async(bench: Bench) -> None:
    """The same holds for protocols, when they bind."""
    adapter = await bench.start(Mini())
    with pytest.raises(RuleViolation, match=r"entry-async: AsyncReceive\.receive_packets is ProtocolReceivePacket"):
        await bench.library.bind(AsyncReceive(), adapter, bench.cpu)
    assert adapter.bindings == []


class Bare(v5.Miniport):
    """Supplies nothing."""


class BareProtocol(v5.Protocol):
    """Supplies nothing."""


MISSING: Final[list[tuple[Callable[[], object], str]]] = [
    (lambda: Bare().initialize(None), "Bare supplies no MiniportInitialize"),  # type: ignore[arg-type]
    (Bare().halt, "Bare supplies no MiniportHalt"),
    (lambda: Bare().send_packets([]), "Bare supplies no MiniportSendPackets"),
    (lambda: Bare().send(None, None), "Bare supplies neither MiniportSendPackets nor MiniportSend"),  # type: ignore[arg-type]
    (lambda: Bare().query_information(None), "Bare supplies no MiniportQueryInformation"),  # type: ignore[arg-type]
    (lambda: Bare().set_information(None), "Bare supplies no MiniportSetInformation"),  # type: ignore[arg-type]
    (Bare().isr, "Bare registers an interrupt and supplies no MiniportISR"),
    (Bare().handle_interrupt, "Bare registers an interrupt and supplies no MiniportHandleInterrupt"),
    (Bare().disable_interrupt, "Bare does not ask for its ISR and supplies no MiniportDisableInterrupt"),
    (lambda: Bare().return_packets([]), "Bare indicates packets and supplies no MiniportReturnPacket"),
    (lambda: BareProtocol().bind_adapter(None), "BareProtocol supplies no ProtocolBindAdapter"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("entry", "text"), MISSING, ids=[text for _, text in MISSING])
def test_a_missing_entry_point_is_named(entry: Callable[[], object], text: str) -> None:
    """A driver that is called where it supplies nothing hears which entry of the DDK it lacks."""
    with pytest.raises(NotImplementedError) as caught:
        entry()
    assert str(caught.value) == text


@on_bench
async def test_what_a_protocol_leaves_out_has_a_meaning(bench: Bench) -> None:
    """Without ProtocolReceivePacket nothing is kept; ProtocolUnbindAdapter closes; the others name themselves."""

    class Minimal(v5.Protocol):
        async def bind_adapter(self, context: v5.BindContext) -> Status:
            self.binding = context.open_adapter()
            return Status.SUCCESS

    adapter = await bench.start(Mini())
    minimal = Minimal()
    binding = await bench.library.bind(minimal, adapter, bench.cpu)
    assert binding is not None
    assert minimal.receive_packets(binding, []) == 0
    with pytest.raises(NotImplementedError, match="Minimal sends packets and supplies no ProtocolSendComplete"):
        minimal.send_complete(binding, [], Status.SUCCESS)
    await bench.library.unbind(binding)
    assert adapter.bindings == []


CLAIMS: Final[list[Callable[[v5.MiniportLibrary], object]]] = [
    lambda ndis: ndis.map_io_space(),
    lambda ndis: ndis.register_interrupt(),
    lambda ndis: ndis.allocate_shared_memory(64),
]


@pytest.mark.parametrize("claim", CLAIMS)
@on_bench
async def test_attributes_come_before_resources(bench: Bench, claim: Callable[[v5.MiniportLibrary], object]) -> None:
    """A call that claims a resource before NdisMSetAttributesEx is refused."""

    class Rash(Mini):
        def initialize(self, adapter: v5.AdapterInfo) -> Status | Awaitable[Status]:
            with pytest.raises(
                RuleViolation, match=r"st-attributes-first: nic0 called Ndis.* before NdisMSetAttributesEx"
            ):
                claim(self.ndis)
            return super().initialize(adapter)

    await bench.start(Rash())


@on_bench
async def test_attributes_are_what_the_driver_says_and_deserialize(bench: Bench) -> None:
    """NDIS_ATTRIBUTE_DESERIALIZE follows from the class."""
    miniport = Mini()
    adapter = await bench.start(miniport)
    await bench.passive(lambda: miniport.ndis.set_attributes(AttributeFlag.NOT_CO_NDIS))
    assert adapter.attributes == AttributeFlag.NOT_CO_NDIS | AttributeFlag.DESERIALIZE
    assert repr(miniport.ndis) == "<MiniportLibrary of nic0>"


@on_bench
async def test_registers_are_the_cards(bench: Bench) -> None:
    """What is mapped reads and writes the card; from outside any CPU the card is not touched."""
    miniport = Mini()
    await bench.start(miniport)
    space = await bench.passive(miniport.ndis.map_io_space)
    await bench.passive(lambda: space.write(0x40, 0x12345678))
    assert await bench.passive(lambda: space.read(0x40)) == 0x12345678
    accesses = miniport.card.accesses
    for access in (lambda: space.read(0), lambda: space.write(0, 1)):
        with pytest.raises(RuleViolation, match="call-no-cpu"):
            access()
    assert miniport.card.accesses == accesses
    assert bench.rules() == ["call-no-cpu"] * 2


@on_bench
async def test_every_call_lets_interrupts_in(bench: Bench) -> None:
    """A driver that calls NDIS or touches a register is at a preemption point: its ISR runs before it goes on."""
    miniport = Mini()
    await bench.start(miniport)
    space = await bench.passive(miniport.ndis.map_io_space)
    for call in (lambda: space.read(0), lambda: miniport.ndis.stall(1), lambda: miniport.ndis.delay(1)):
        seen: list[bool] = []

        def asserting(call: Callable[[], object] = call, seen: list[bool] = seen) -> None:
            miniport.card.line.assert_(miniport.card.name)
            seen.append(miniport.card.line.asserted)
            call()
            seen.append(miniport.card.line.asserted)

        await bench.passive(asserting)
        assert seen == [True, False]


@on_bench
async def test_time_is_spent_as_asked(bench: Bench) -> None:
    """Stalling charges the CPU at most 50 us; sleeping and delaying let time pass, sleeping only below DISPATCH."""
    miniport = Mini()
    await bench.start(miniport)
    ndis = miniport.ndis
    await bench.passive(lambda: ndis.stall(50_000))
    assert bench.cpu.busy_until == bench.kernel.now + 50_000
    for ns in (50_001, -1):
        with pytest.raises(RuleViolation, match=f"irql-stall: NdisStallExecution takes at most 50 us, not {ns} ns"):
            await bench.passive(lambda ns=ns: ndis.stall(ns))  # type: ignore[misc]
    with pytest.raises(RuleViolation, match="irql-msleep: sleeping needs an IRQL below DISPATCH_LEVEL"):
        await bench.dispatch(lambda: ndis.sleep(1))
    times: list[int] = []

    async def work() -> None:
        for wait in (ndis.sleep, ndis.delay):
            start = bench.kernel.local_time()
            await wait(LATER)
            times.append(bench.kernel.local_time() - start)

    await bench.pass_time(100 * LATER)
    await bench.passive(lambda: ndis.schedule_work_item(work))
    await bench.pass_time()
    assert times == [LATER, LATER]


@on_bench
async def test_locks_events_and_timers_are_the_kernels(bench: Bench) -> None:
    """A lock raises to DISPATCH_LEVEL, an event ends a wait at PASSIVE_LEVEL, a timer's routine runs as a DPC."""
    miniport = Mini()
    await bench.start(miniport)
    ndis, seen = miniport.ndis, list[int]()
    lock = await bench.passive(lambda: ndis.allocate_spin_lock("mine"))
    event = await bench.passive(ndis.initialize_event)

    def locked() -> None:
        with lock:
            seen.append(bench.cpu.irql)
        seen.append(bench.cpu.irql)

    async def waiting() -> None:
        await event.wait()
        seen.append(bench.cpu.irql)

    def expired() -> None:
        seen.append(bench.cpu.irql)
        event.set()

    await bench.passive(locked)
    await bench.passive(lambda: ndis.schedule_work_item(waiting))
    timer = await bench.passive(lambda: ndis.initialize_timer(expired, "mine"))
    await bench.passive(lambda: timer.set(LATER))
    await bench.pass_time()
    assert seen == [DISPATCH, PASSIVE, DISPATCH, PASSIVE]
    assert (repr(lock), repr(timer)) == ("<SpinLock nic0 mine free>", "<Timer nic0 mine idle>")


@on_bench
async def test_a_driver_raises_its_level_and_lowers_it_again(bench: Bench) -> None:
    """What NDIS_RAISE_IRQL_TO_DISPATCH gives is what NDIS_LOWER_IRQL takes; nothing higher, and no DPC below its own level."""
    miniport = Mini()
    await bench.start(miniport)
    ndis, levels, refused = miniport.ndis, list[int](), list[str]()

    def raised() -> None:
        before = ndis.raise_irql()
        levels.extend((before, bench.cpu.irql, ndis.raise_irql()))
        ndis.lower_irql(before)
        levels.append(bench.cpu.irql)

    def expired() -> None:
        with pytest.raises(RuleViolation) as caught:
            ndis.lower_irql(PASSIVE)
        refused.append(caught.value.rule)

    await bench.passive(raised)
    assert levels == [PASSIVE, DISPATCH, DISPATCH, PASSIVE]
    with pytest.raises(RuleViolation, match="irql-raise-lower"):
        await bench.passive(lambda: ndis.lower_irql(DISPATCH))
    timer = await bench.passive(lambda: ndis.initialize_timer(expired))
    await bench.passive(lambda: timer.set(LATER))
    await bench.pass_time()
    assert refused == ["irql-raise-lower"]


@on_bench
async def test_a_lock_that_is_given_back_to_ndis_is_not_taken_again(bench: Bench) -> None:
    """NdisFreeSpinLock ends it."""
    miniport = Mini()
    await bench.start(miniport)
    lock = await bench.passive(miniport.ndis.allocate_spin_lock)
    await bench.passive(lambda: miniport.ndis.free_spin_lock(lock))
    with pytest.raises(RuleViolation, match="spin-free-held"):
        await bench.passive(lock.acquire)


@on_bench
async def test_a_synchronized_function_runs_at_the_level_of_the_interrupt(bench: Bench) -> None:
    """NdisMSynchronizeWithInterrupt runs it at DIRQL and passes its answer on."""
    miniport = Mini()
    await bench.start(miniport)
    levels: list[int] = []

    def touch() -> bool:
        levels.append(bench.cpu.irql)
        return len(levels) > 1

    answers = [await bench.passive(lambda: miniport.ndis.synchronize_with_interrupt(touch)) for _ in range(2)]
    assert (answers, levels, bench.cpu.irql) == ([False, True], [Irql.DEVICE] * 2, PASSIVE)


@on_bench
async def test_send_resources_available_is_for_serialized_miniports(bench: Bench) -> None:
    """A deserialized miniport queues inside and may not call it."""
    miniport = Mini()
    await bench.start(miniport)
    with pytest.raises(RuleViolation, match="send-resources-available-deserialized: nic0 is deserialized"):
        await bench.dispatch(miniport.ndis.send_resources_available)


@on_bench
async def test_partial_cancel_ids_are_a_byte_and_differ(bench: Bench) -> None:
    """NdisGeneratePartialCancelId gives 255 different high bytes before one comes again, and never 0."""
    ids = [bench.library.generate_partial_cancel_id() for _ in range(256)]
    assert sorted(ids[:255]) == list(range(1, 256))
    assert ids[255] == ids[0]
