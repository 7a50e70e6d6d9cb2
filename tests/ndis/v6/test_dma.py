"""How an NDIS 6 miniport maps frames for its card, and gets memory that both share, in either style."""

from collections.abc import Sequence
from functools import partial

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import PASSIVE
from ndisemu.ndis import Allocation, SharedMemory, Status, v6
from tests.ndis.conftest import frame
from tests.ndis.v6.conftest import Bench6, Mini6, Pending, on_bench6


class Mapping(Mini6):
    """Sends through one SG list for each frame, as the DDK has it."""

    def __init__(self) -> None:
        super().__init__()
        self.lists: list[tuple[v6.SgList, object]] = []

    def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> Pending:
        for nbl in nbls:
            for buffer in nbl.buffers:
                assert self.dma.allocate_net_buffer_sg_list(buffer, nbl) is Status.SUCCESS
        return None

    def process_sg_list(self, sg_list: v6.SgList, context: object) -> None:
        self.lists.append((sg_list, context))


@on_bench6
async def test_each_frame_has_an_sg_list(bench: Bench6) -> None:
    """MiniportProcessSGList is given the list before the call returns; the card may read just these bytes until it is freed."""
    miniport = Mapping()
    peer = await bench.pair6(miniport)
    nbls = await bench.send6(peer, 2, at="dispatch")
    space = peer.binding.adapter.device.dma
    assert [context for _, context in miniport.lists] == nbls
    for place, (made, _) in enumerate(miniport.lists):
        ((address, length),) = made.elements
        assert space.gather([address], [length]) == [frame(place)]
    for made, _ in miniport.lists:
        await bench.dispatch(lambda made=made: miniport.dma.free_net_buffer_sg_list(made))  # type: ignore[misc]
    assert space.mapped == {}
    await bench.dispatch(lambda: miniport.complete(nbls))


@on_bench6
async def test_a_frame_is_mapped_once_and_freed_once(bench: Bench6) -> None:
    """A second SG list for a frame that has one, or a second free, is refused and changes nothing."""
    miniport = Mapping()
    peer = await bench.pair6(miniport)
    nbls = await bench.send6(peer, 2, at="dispatch")
    buffers = [nbl.buffers[0] for nbl in nbls]
    await bench.dispatch(lambda: miniport.dma.unmap(buffers[:1]))
    with pytest.raises(RuleViolation, match="sg-one-per-nb"):
        await bench.dispatch(lambda: miniport.dma.map(buffers))
    assert [buffer.mapped is not None for buffer in buffers] == [False, True]
    with pytest.raises(RuleViolation, match=r"sg-free: nic0 frees the SG list of <NetBuffer .*>, which has none"):
        await bench.dispatch(lambda: miniport.dma.unmap(buffers[::-1]))
    assert [buffer.mapped is not None for buffer in buffers] == [False, True]
    await bench.dispatch(lambda: miniport.dma.unmap(buffers[1:]))
    await bench.dispatch(lambda: miniport.complete(nbls))


@on_bench6
async def test_only_frames_are_mapped(bench: Bench6) -> None:
    """The only frame of a list of several, for one, is None: that is told, and changes nothing."""
    miniport = Mapping()
    peer = await bench.pair6(miniport)
    nbls = await bench.send6(peer, 2, at="dispatch")
    buffers = [nbl.buffers[0] for nbl in nbls]
    wrong: list[v6.NetBuffer] = [*buffers, None]  # type: ignore[list-item]  # that is the mistake
    with pytest.raises(RuleViolation, match=r"call-argument.*nic0 maps or unmaps None; what is mapped are NET_BUFFERs"):
        await bench.dispatch(lambda: miniport.dma.unmap(wrong))
    assert [buffer.mapped is not None for buffer in buffers] == [True, True]
    await bench.dispatch(lambda: miniport.dma.unmap(buffers))
    with pytest.raises(RuleViolation, match="call-argument"):
        await bench.dispatch(lambda: miniport.dma.map(wrong))
    assert [buffer.mapped is not None for buffer in buffers] == [False, False]
    await bench.dispatch(lambda: miniport.complete(nbls))


@on_bench6
async def test_a_maimed_frame_is_not_taken_for_none(bench: Bench6) -> None:
    """What a driver has deleted of a frame is its own error, with Python's words."""
    miniport = Mapping()
    peer = await bench.pair6(miniport)
    (nbl,) = await bench.send6(peer, 1, at="dispatch")
    (buffer,) = nbl.buffers
    mapped = buffer.mapped
    del buffer.mapped
    for call in (miniport.dma.map, miniport.dma.unmap):
        with pytest.raises(AttributeError, match="mapped"):
            await bench.dispatch(partial(call, [buffer]))
    buffer.mapped = mapped
    await bench.dispatch(lambda: miniport.dma.unmap([buffer]))
    await bench.dispatch(lambda: miniport.complete([nbl]))


@on_bench6
async def test_a_failed_adapter_leaves_nothing_mapped(bench: Bench6) -> None:
    """What its driver had mapped is taken from the card before the lists go back."""
    miniport = Mapping()
    peer = await bench.pair6(miniport)
    await bench.send6(peer, 3, at="dispatch")
    adapter = peer.binding.adapter
    adapter.stop("bugcheck", "for the test")
    await bench.pass_time()
    assert adapter.device.dma.mapped == {}
    assert peer.statuses == [Status.FAILURE] * 3
    assert bench.rules() == ["bugcheck"]


class Growing(Mini6):
    """Allocates shared memory while it runs, and notes what it is given, and at which IRQL."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[tuple[SharedMemory | None, object, int]] = []

    def shared_memory_allocate_complete(self, shared: SharedMemory | None, context: object) -> None:
        self.given.append((shared, context, self.ndis._adapter.running_cpu("a test").irql))

    async def grow(self, length: int) -> SharedMemory | None:
        """Await memory, as a coroutine does."""
        shared: SharedMemory | None = await self.ndis.allocate_shared_memory_async(length)
        return shared


@pytest.mark.parametrize(("length", "there"), [(4096, True), (1 << 30, False)])
@on_bench6
async def test_shared_memory_comes_later_or_not_at_all(bench: Bench6, length: int, there: bool) -> None:
    """The allocation says PENDING; the completion comes at PASSIVE_LEVEL, with None where there is no room."""
    miniport = Growing()
    await bench.pair6(miniport)
    ask = partial(miniport.ndis.allocate_shared_memory_async, length, context="context")
    allocation = await bench.dispatch(ask)
    assert (allocation.status, miniport.given) == (Status.PENDING, [])
    await bench.pass_time()
    ((shared, context, level),) = miniport.given
    assert (shared is not None, context, level) == (there, "context", PASSIVE)
    assert allocation.status is (Status.SUCCESS if there else Status.FAILURE)
    if shared is not None:
        await bench.dispatch(lambda: miniport.ndis.free_shared_memory(shared))


@on_bench6
async def test_a_coroutine_awaits_its_memory(bench: Bench6) -> None:
    """It is resumed with it, and no completion is called."""

    class Awaiting(Growing):
        async def restart(self) -> Status:
            self.more = await self.grow(4096)
            return Status.SUCCESS if self.more is not None else Status.RESOURCES

        def halt(self, action: v6.HaltAction) -> None:
            if self.more is not None:
                self.ndis.free_shared_memory(self.more)
            super().halt(action)

    miniport = Awaiting()
    peer = await bench.pair6(miniport)
    assert miniport.more is not None
    assert miniport.given == []
    assert peer.binding.adapter.state.current.value == "Running"


@on_bench6
async def test_memory_that_nobody_takes_is_a_violation(bench: Bench6) -> None:
    """A driver that neither awaits it nor supplies the completion is told."""
    miniport = Mini6()
    await bench.pair6(miniport)
    allocation = await bench.dispatch(lambda: miniport.ndis.allocate_shared_memory_async(64))
    await bench.pass_time()
    assert bench.rules() == ["shm-async-handler"]
    memory = allocation.memory
    assert memory is not None
    await bench.dispatch(lambda: miniport.ndis.free_shared_memory(memory))


class Late(Growing):
    """Asks for memory as it halts, or just before."""

    asked: Allocation | None = None

    def halt(self, action: v6.HaltAction) -> None:
        self.asked = self.ndis.allocate_shared_memory_async(64)
        super().halt(action)


@on_bench6
async def test_a_halt_gets_no_memory(bench: Bench6) -> None:
    """From MiniportHaltEx the call fails at once; what was on its way and is not waited for is a violation."""
    miniport = Late()
    adapter = await bench.start6(miniport)
    await bench.passive(lambda: miniport.ndis.allocate_shared_memory_async(64))
    await adapter.halt()
    await bench.pass_time()
    assert miniport.asked is not None
    assert (miniport.asked.status, miniport.given) == (Status.FAILURE, [])
    assert bench.rules() == ["shm-async-halt-race"]
    assert bench.memory.blocks == ()


@on_bench6
async def test_shared_memory_is_allocated_at_once_in_initialize_only(bench: Bench6) -> None:
    """Anywhere else the driver uses the call that pends."""
    miniport = Mini6()
    peer = await bench.pair6(miniport)
    await bench.passive(lambda: miniport.ndis.deregister_interrupt(miniport.line))
    with pytest.raises(RuleViolation, match="shm-alloc-init-only"):
        await bench.passive(lambda: miniport.ndis.allocate_shared_memory(4096))
    assert peer.binding.adapter.running
