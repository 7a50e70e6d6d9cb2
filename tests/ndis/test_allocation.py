"""Shared memory allocated while the driver goes on (seed 002): callback and coroutine, success, failure, and the end."""

from collections.abc import Callable

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH
from ndisemu.ndis import AttributeFlag, OidRequest, SharedMemory, Status, v5
from ndisemu.ndis.allocation import Allocation
from tests.ndis.conftest import Bench, Mini, on_bench

PLENTY = 1 << 30
"""More than the bench's host has."""


class Explicit(Mini):
    """Asks from wherever it is told, and notes what MiniportAllocateComplete is given, and at which IRQL."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[tuple[SharedMemory | None, int, object, int]] = []
        self.asked: list[Allocation] = []

    def ask(self, length: int) -> None:
        self.asked.append(self.ndis.allocate_shared_memory_async(length, context=self))
        assert self.given == []

    def allocate_complete(self, memory: SharedMemory | None, length: int, context: object) -> None:
        self.given.append((memory, length, context, self.ndis._adapter.running_cpu("a test").irql))

    def halt(self) -> None:
        for memory, *_ in self.given:
            if memory is not None:
                self.ndis.free_shared_memory(memory)
        super().halt()


class Coroutine(Explicit):
    """Awaits the memory in the middle of a query."""

    wanted = 4096

    async def query_information(self, request: OidRequest) -> Status:
        if request.oid == _VENDOR:
            memory = await self.ndis.allocate_shared_memory_async(self.wanted)
            cpu = self.ndis._adapter.running_cpu("a test")
            self.given.append((memory, self.wanted, self, cpu.irql))
            return request.answer(b"\1" if memory is not None else b"\0")
        return self.answer(request)


_VENDOR = 0x0001010C


@pytest.mark.parametrize("length", [1, 4096, PLENTY])
@pytest.mark.parametrize("when", ["from a DPC", "from a timer", "from a work item"])
@on_bench
async def test_the_callback_comes_with_memory_or_without(bench: Bench, when: str, length: int) -> None:
    """MiniportAllocateComplete is called once, after the call, at IRQL <= DISPATCH, with the driver's own context."""
    miniport = Explicit()
    await bench.start(miniport)
    await bench.passive(lambda: miniport.later(when, lambda: miniport.ask(length)))
    await bench.pass_time()
    ((memory, told, context, irql),) = miniport.given
    assert (told, context, irql) == (length, miniport, DISPATCH)
    (allocation,) = miniport.asked
    assert allocation.status is (Status.FAILURE if length == PLENTY else Status.SUCCESS)
    if length == PLENTY:
        assert memory is None
    else:
        assert memory is not None
        assert (memory.length, memory.address % 64) == (length, 0)


@pytest.mark.parametrize(("wanted", "answer"), [(4096, b"\1"), (PLENTY, b"\0")])
@on_bench
async def test_a_coroutine_that_awaits_gets_what_the_callback_would(bench: Bench, wanted: int, answer: bytes) -> None:
    """The awaiting entry point is resumed with the memory, or with None, and no callback comes."""
    miniport = Coroutine()
    miniport.wanted = wanted
    adapter = await bench.start(miniport)
    request = OidRequest.query(_VENDOR, 4)  # type: ignore[arg-type]  # any number will do
    assert await adapter.request(request) is Status.SUCCESS
    assert request.answered == answer
    assert len(miniport.given) == 1


@on_bench
async def test_an_allocation_that_nobody_takes_is_a_violation(bench: Bench) -> None:
    """A driver without MiniportAllocateComplete that does not await loses the memory, and is told."""
    miniport = Mini()
    await bench.start(miniport)
    taken: list[Allocation] = []
    await bench.dispatch(lambda: taken.append(miniport.ndis.allocate_shared_memory_async(64)))
    await bench.pass_time()
    assert bench.rules() == ["shm-async-handler"]
    memory = taken[0].memory
    assert memory is not None
    await bench.passive(lambda: miniport.ndis.free_shared_memory(memory))


class NoReturns(Explicit):
    """Supplies no MiniportReturnPacket."""

    return_packets = v5.Miniport.return_packets


class NoMaster(Explicit):
    """Says that it is not a bus master."""

    def initialize(self, adapter: v5.AdapterInfo) -> Status:
        super().initialize(adapter)
        self.ndis.set_attributes(AttributeFlag.NOT_CO_NDIS)
        return Status.SUCCESS


@pytest.mark.parametrize(("make", "rule"), [(NoReturns, "shm-async-return-handler"), (NoMaster, "shm-async-busmaster")])
@on_bench
async def test_who_may_not_ask_is_refused(bench: Bench, make: Callable[[], Explicit], rule: str) -> None:
    """Only bus masters whose packets come back may allocate asynchronously; nothing is allocated for others."""
    miniport = make()
    await bench.start(miniport)
    before = bench.memory.blocks
    with pytest.raises(RuleViolation, match=rule):
        await bench.dispatch(lambda: miniport.ask(64))
    await bench.pass_time()
    assert (bench.memory.blocks, miniport.given) == (before, [])


class Leaving(Explicit):
    """Asks as it halts, or leaves an allocation behind."""

    late = False

    def halt(self) -> None:
        super().halt()
        self.asked.append(self.ndis.allocate_shared_memory_async(64))


@on_bench
async def test_nothing_is_allocated_for_an_adapter_that_halts(bench: Bench) -> None:
    """From MiniportHalt the call fails at once and no completion follows."""
    miniport = Leaving()
    adapter = await bench.start(miniport)
    await adapter.halt()
    await bench.pass_time()
    assert ([allocation.status for allocation in miniport.asked], miniport.given) == ([Status.FAILURE], [])
    assert bench.memory.blocks == ()


@on_bench
async def test_a_halt_before_the_completion_is_a_violation(bench: Bench) -> None:
    """MiniportHalt waits for allocations on their way; what comes too late is not allocated at all."""
    miniport = Explicit()
    adapter = await bench.start(miniport)
    # The allocation waits for the CPU's next PASSIVE_LEVEL turn; no time passes before the halt.
    await bench.passive(lambda: miniport.ask(64))
    await adapter.halt()
    await bench.pass_time()
    assert bench.rules() == ["shm-async-halt-race"]
    assert (bench.memory.blocks, miniport.given) == ((), [])
