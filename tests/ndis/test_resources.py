"""What a miniport claims and gives back: shared memory, packet pools, its interrupt, timers and work items."""

from collections.abc import Callable
from typing import Final

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, PASSIVE, DriverSpins, Irql
from ndisemu.ndis import SharedMemory, Status, v5
from tests.ndis.conftest import LATER, Bench, Mini, frame, on_bench


class Claiming(Mini):
    """Claims shared memory as it is told."""

    def __init__(self, claim: Callable[[v5.MiniportLibrary], object]) -> None:
        super().__init__()
        self.claim = claim
        self.claimed: object = None

    def initialize(self, adapter: v5.AdapterInfo) -> Status:
        super().initialize(adapter)
        self.claimed = self.claim(self.ndis)
        return Status.SUCCESS

    def halt(self) -> None:
        if isinstance(self.claimed, SharedMemory):
            self.ndis.free_shared_memory(self.claimed)
        super().halt()


@on_bench
async def test_shared_memory_is_the_drivers_and_the_cards(bench: Bench) -> None:
    """Both see the same bytes, the driver as words or a ring, the card at the bus address; nobody else may."""
    miniport = Claiming(lambda ndis: ndis.allocate_shared_memory(64, alignment=128, purpose="ring", cached=False))
    adapter = await bench.start(miniport)
    memory = miniport.claimed
    assert isinstance(memory, SharedMemory)
    assert (memory.length, memory.address % 128, memory.block.cached) == (64, 0, False)
    memory.ring().write(1, [0x11, 0x22])
    assert memory.words.tolist() == [0, 0, 0x11, 0x22, 0, 0, 0, 0]
    assert adapter.device.dma.gather([memory.address + 16], [8]) == [b"\x11" + bytes(7)]
    assert repr(memory) == f"<SharedMemory ring of nic0 at {memory.address:#x}, 64 bytes>"
    ring = memory.ring()
    await adapter.halt()
    with pytest.raises(RuleViolation, match="dma-unmapped"):
        adapter.device.dma.gather([memory.address], [1])
    with pytest.raises(ValueError, match="released memoryview"):
        ring.read(0, 1)


@on_bench
async def test_there_may_be_no_room(bench: Bench) -> None:
    """A failed allocation is None, as NULL is."""
    miniport = Claiming(lambda ndis: ndis.allocate_shared_memory(1 << 30))
    await bench.start(miniport)
    assert miniport.claimed is None


@on_bench
async def test_shared_memory_is_allocated_in_initialize_only(bench: Bench) -> None:
    """NdisMAllocateSharedMemory in any other state is refused."""
    miniport = Mini()
    await bench.start(miniport)
    with pytest.raises(
        RuleViolation, match="shm-alloc-init-only: nic0 called NdisMAllocateSharedMemory in state Running"
    ):
        await bench.passive(lambda: miniport.ndis.allocate_shared_memory(64))


@on_bench
async def test_what_was_freed_cannot_be_freed_again(bench: Bench) -> None:
    """Memory and pools are given back exactly once, by whom they were given to."""
    first, second = Mini(), Mini()
    await bench.start(first)
    await bench.start(second, "nic1")
    for free in (
        lambda: first.ndis.free_shared_memory(second.memory),
        lambda: first.ndis.free_packet_pool(second.pool),
    ):
        with pytest.raises(RuleViolation, match=r"nic0 frees <.*, which it has not allocated or freed before"):
            await bench.passive(free)
    pool = await bench.passive(lambda: first.ndis.allocate_packet_pool(2, "spare"))
    await bench.passive(lambda: first.ndis.free_packet_pool(pool))
    with pytest.raises(RuleViolation, match="mem-double-free: nic0 frees <Pool spare of nic0"):
        await bench.passive(lambda: first.ndis.free_packet_pool(pool))


@on_bench
async def test_a_pool_ends(bench: Bench) -> None:
    """NdisAllocatePacket gives None when all descriptors are out."""
    miniport = Mini()
    adapter = await bench.start(miniport)
    pool = await bench.passive(lambda: miniport.ndis.allocate_packet_pool(2, "two"))
    packets = [await bench.passive(lambda: miniport.ndis.allocate_packet(pool)) for _ in range(3)]
    assert packets[2] is None
    assert [packet.owner for packet in packets if packet] == [adapter] * 2
    await bench.passive(lambda: miniport.ndis.free_packet_pool(pool))


@on_bench
async def test_buffer_descriptors_come_from_a_pool(bench: Bench) -> None:
    """NdisAllocateBuffer gives None when all are out, and a descriptor that was freed describes something else next."""
    miniport = Mini()
    adapter = await bench.start(miniport)
    ndis, memory = miniport.ndis, miniport.memory
    pool = await bench.passive(lambda: ndis.allocate_buffer_pool(2, "two"))
    offsets = (0, 64, 128)
    made = [await bench.passive(lambda at=at: ndis.allocate_buffer(pool, memory, at, 60)) for at in offsets]  # type: ignore[misc]
    assert made[2] is None
    first, second = made[:2]
    assert first is not None
    assert second is not None
    assert [(one.address - memory.address, one.length, one.owner) for one in (first, second)] == [
        (0, 60, adapter),
        (64, 60, adapter),
    ]
    await bench.passive(lambda: ndis.free_buffer(first))
    with pytest.raises(RuleViolation, match=r"mem-double-free: .* it is free already"):
        await bench.passive(lambda: ndis.free_buffer(first))
    again = await bench.passive(lambda: ndis.allocate_buffer(pool, memory, 128, 40))
    assert again is first
    assert (again.address - memory.address, again.length, again.capacity) == (128, 40, 40)
    for buffer in (again, second):
        await bench.passive(lambda buffer=buffer: ndis.free_buffer(buffer))  # type: ignore[misc]
    await bench.passive(lambda: ndis.free_buffer_pool(pool))
    for free in (lambda: ndis.free_buffer_pool(pool), lambda: ndis.free_buffer(second)):
        with pytest.raises(
            RuleViolation, match=r"mem-double-free: nic0 frees <.*, which it has not allocated or freed before"
        ):
            await bench.passive(free)


@on_bench
async def test_a_buffer_pool_is_freed_after_its_buffers(bench: Bench) -> None:
    """The other way round is a leak, told by how many."""
    miniport = Mini()
    await bench.start(miniport)
    pool = await bench.passive(lambda: miniport.ndis.allocate_buffer_pool(3, "three"))
    for _ in range(2):
        await bench.passive(lambda: miniport.ndis.allocate_buffer(pool, miniport.memory, 0, 64))
    await bench.passive(lambda: miniport.ndis.free_buffer_pool(pool))
    assert bench.rules() == ["pool-leak"]
    assert "<Pool three of nic0: 1 of 3 free> before NdisFreeBuffer for 2 of its buffers" in bench.findings[0].text


@pytest.mark.parametrize(("offset", "length"), [(-1, 4), (0, 16385), (16384, 1), (5, -1)])
@on_bench
async def test_a_buffer_lies_inside_its_memory(bench: Bench, offset: int, length: int) -> None:
    """A buffer that would reach outside the shared memory is refused."""
    miniport = Mini()
    await bench.start(miniport)
    assert miniport.memory.length == 16384
    with pytest.raises(RuleViolation, match=f"shm-overrun: {length} bytes at {offset} do not lie inside"):
        await bench.passive(lambda: miniport.ndis.allocate_buffer(miniport.buffers, miniport.memory, offset, length))


class Interrupting(Mini):
    """Notes its interrupt entries, and answers the ISR as it is told."""

    def __init__(self, *, request_isr: bool = True, answer: tuple[bool, bool] = (True, True)) -> None:
        super().__init__()
        self.request_isr = request_isr
        self.answer_isr = answer
        self.seen: list[tuple[str, int]] = []

    def note(self, entry: str) -> None:
        self.seen.append((entry, self.ndis._adapter.running_cpu("a test").irql))

    def initialize(self, adapter: v5.AdapterInfo) -> Status:
        self.ndis.set_attributes()
        self.interrupt = self.ndis.register_interrupt(request_isr=self.request_isr)
        return Status.SUCCESS

    def halt(self) -> None:
        self.ndis.deregister_interrupt(self.interrupt)

    def isr(self) -> tuple[bool, bool]:
        self.note("isr")
        self.card.line.deassert(self.card.name)
        return self.answer_isr

    def disable_interrupt(self) -> None:
        self.note("disable")
        self.card.line.deassert(self.card.name)

    def handle_interrupt(self) -> None:
        self.note("dpc")

    def enable_interrupt(self) -> bool:
        self.note("enable")
        return True


DIRQL: Final = int(Irql.DEVICE)
FLOWS: Final = [
    (True, (True, True), [("isr", DIRQL), ("dpc", DISPATCH), ("enable", DIRQL)]),
    (True, (False, True), [("isr", DIRQL), ("dpc", DISPATCH), ("enable", DIRQL)]),
    (True, (True, False), [("isr", DIRQL)]),
    (True, (False, False), [("isr", DIRQL)]),
    (False, (True, True), [("disable", DIRQL), ("dpc", DISPATCH), ("enable", DIRQL)]),
]


@pytest.mark.parametrize(("request_isr", "answer", "flow"), FLOWS)
@on_bench
async def test_an_interrupt_takes_its_way(
    bench: Bench, request_isr: bool, answer: tuple[bool, bool], flow: list[tuple[str, int]]
) -> None:
    """The ISR or the mask at DIRQL, then the DPC if it is asked for, rightly or not, then the unmask at DIRQL."""
    miniport = Interrupting(request_isr=request_isr, answer=answer)
    adapter = await bench.start(miniport)
    miniport.card.line.assert_(miniport.card.name)
    await bench.pass_time()
    assert (miniport.seen, adapter.interrupts) == (flow, 1)
    assert bench.rules() == (["int-isr-claim"] if answer == (False, True) else [])


@on_bench
async def test_the_interrupt_is_registered_once(bench: Bench) -> None:
    """A second NdisMRegisterInterrupt is refused until the first has been given back."""
    miniport = Interrupting()
    await bench.start(miniport)
    with pytest.raises(RuleViolation, match="int-register-twice: nic0 has registered its interrupt already"):
        await bench.passive(miniport.ndis.register_interrupt)
    await bench.passive(lambda: miniport.ndis.deregister_interrupt(miniport.interrupt))
    miniport.interrupt = await bench.passive(miniport.ndis.register_interrupt)


@on_bench
async def test_an_interrupt_may_come_while_it_is_registered(bench: Bench) -> None:
    """A line that is asserted already is served before NdisMRegisterInterrupt returns."""
    miniport = Interrupting()
    bench.add(miniport).device.line.assert_("nic0")
    assert await miniport.ndis._adapter.initialize()
    assert [entry for entry, _ in miniport.seen] == ["isr", "dpc", "enable"]


@on_bench
async def test_after_deregistering_neither_isr_nor_dpc_runs(bench: Bench) -> None:
    """Also a DPC that was queued already does not."""
    miniport = Interrupting()
    await bench.start(miniport)

    def at_once() -> None:
        miniport.card.line.assert_(miniport.card.name)
        miniport.ndis.deregister_interrupt(miniport.interrupt)
        miniport.card.line.assert_(miniport.card.name)

    await bench.dispatch(at_once)
    await bench.pass_time()
    assert [entry for entry, _ in miniport.seen] == ["isr"]
    miniport.card.line.deassert(miniport.card.name)


ENDS: Final = [SystemExit("bye"), DriverSpins("too long"), RuntimeError("no")]


@pytest.mark.parametrize("error", ENDS, ids=lambda error: type(error).__name__)
@on_bench
async def test_whatever_ends_an_isr_ends_only_its_adapter(bench: Bench, error: BaseException) -> None:
    """An ISR that exits or spins is as good as one that raises: a bug check of its adapter."""

    class Ending(Interrupting):
        def isr(self) -> tuple[bool, bool]:
            self.card.line.deassert(self.card.name)
            raise error

    miniport = Ending()
    await bench.start(miniport)
    miniport.card.line.assert_(miniport.card.name)
    await bench.pass_time()
    assert bench.rules() == ["bugcheck"]
    assert bench.findings[0].text == f"MiniportISR raised {type(error).__name__}: {error}"


@on_bench
async def test_an_isr_that_raises_while_it_is_registered_stays_disconnected(bench: Bench) -> None:
    """The adapter is failed before NdisMRegisterInterrupt returns, and nothing calls the driver again."""

    class Early(Interrupting):
        def isr(self) -> tuple[bool, bool]:
            self.note("isr")
            raise LookupError("too early")

    miniport = Early()
    adapter = bench.add(miniport)
    adapter.device.line.assert_("nic0")
    assert not await adapter.initialize()
    assert bench.rules() == ["bugcheck"]
    adapter.device.line.assert_("nic0")
    await bench.pass_time()
    assert len(miniport.seen) == 1
    adapter.device.line.deassert("nic0")


@on_bench
async def test_a_work_item_runs_later_at_passive_level(bench: Bench) -> None:
    """Scheduled at DISPATCH_LEVEL, it runs when the CPU has come down; several run in order."""
    miniport = Mini()
    await bench.start(miniport)
    seen: list[tuple[int, int]] = []

    def schedule() -> None:
        for number in range(2):
            miniport.ndis.schedule_work_item(lambda number=number: seen.append((number, bench.cpu.irql)))  # type: ignore[misc]
        assert seen == []

    await bench.dispatch(schedule)
    await bench.pass_time()
    assert seen == [(0, PASSIVE), (1, PASSIVE)]


@on_bench
async def test_a_work_item_of_a_dead_adapter_does_not_run(bench: Bench) -> None:
    """What was scheduled before a bug check is forgotten, and what was running is cancelled."""
    miniport = Mini()
    adapter = await bench.start(miniport)
    seen: list[str] = []

    async def slow() -> None:
        try:
            await miniport.ndis.sleep(100 * LATER)
        except BaseException as error:
            seen.append(type(error).__name__)
            raise

    await bench.passive(lambda: miniport.ndis.schedule_work_item(slow))
    await bench.pass_time(LATER)
    await bench.passive(lambda: miniport.ndis.schedule_work_item(lambda: seen.append("ran")))
    adapter.stop("bugcheck", "for the test")
    await bench.pass_time()
    assert (bench.rules(), seen) == (["bugcheck"], ["CancelledError"])


@on_bench
async def test_a_timer_of_a_dead_adapter_does_not_run(bench: Bench) -> None:
    """A bug check cancels timers, also one whose DPC is queued already."""
    miniport = Mini()
    adapter = await bench.start(miniport)
    miniport.deferred.append(lambda: miniport.ndis.indicate_receive(miniport.fill(frame())))

    def both() -> None:
        miniport.timer.set(0)
        adapter.stop("bugcheck", "for the test")

    await bench.dispatch(both)
    await bench.pass_time()
    assert (bench.rules(), len(miniport.deferred)) == (["bugcheck"], 1)
