"""Drivers that break a rule of shared memory and DMA, each beside its mended twin."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.errors import RuleViolation
from ndisemu.hw import registers as reg
from ndisemu.ndis import DeviceEvent, SharedMemory, Status, v6
from ndisemu.ndis.v5 import AdapterInfo, Miniport

PAGE: Final = 4096


class PointsAnywhere(RingMiniport):
    """The ring is where nobody has allocated anything."""

    async def reset(self) -> Status:
        status = await super().reset()
        self.registers.write(reg.TDBAL, 0x3000000)
        self.registers.write(reg.TDT, 1)
        return status


class PointsAtItsRing(RingMiniport):
    """The card gets the address that came with the memory."""

    async def reset(self) -> Status:
        return await super().reset()


class TailBeyondTheRing(RingMiniport):
    """The index is never wrapped."""

    async def reset(self) -> Status:
        status = await super().reset()
        self.registers.write(reg.RDT, 256)
        return status


class TailInTheRing(RingMiniport):
    """The index wraps where the ring does."""

    async def reset(self) -> Status:
        return await super().reset()


class AllocatesTooLate(RingMiniport):
    """It asks for memory in the way that is for MiniportInitialize only."""

    async def pnp_event_notify(self, event: DeviceEvent) -> None:
        with suppress(RuleViolation):
            self.ndis.allocate_shared_memory(PAGE)
        await super().pnp_event_notify(event)


class AllocatesWhileItRuns(RingMiniport):
    """While it runs, it asks asynchronously, and gives back what comes."""

    async def reset(self) -> Status:
        memory = await self.ndis.allocate_shared_memory_async(PAGE)
        if memory is not None:
            self.ndis.schedule_work_item(lambda: self.ndis.free_shared_memory(memory))
        return await super().reset()


class AllocatesBeforeDma(Ring6Miniport):
    """Memory comes first, and DMA is registered for it afterwards."""

    def describe(self, mtu: int) -> None:
        super().describe(mtu)
        with suppress(RuleViolation):
            self.ndis.allocate_shared_memory(PAGE)


class AllocatesAfterDma(Ring6Miniport):
    """All memory comes after the attributes and the registration, as with the driver that it is made of."""


class GrowsUnheard(RingMiniport):
    """It asks for memory, and neither waits for it nor can be told."""

    async def reset(self) -> Status:
        self.ndis.allocate_shared_memory_async(PAGE)
        return await super().reset()

    allocate_complete = Miniport.allocate_complete


class GrowsAndWaits(AllocatesWhileItRuns):
    """It waits for the memory itself."""


class FreesTwice(RingMiniport):
    """The ring is freed by the reset's clean-up, and by the halt's."""

    async def halt(self) -> None:
        memory = self.tx._memory
        await super().halt()
        if memory is not None:
            self.ndis.free_shared_memory(memory)


class FreesOnce(RingMiniport):
    """What is freed is forgotten."""

    async def halt(self) -> None:
        await super().halt()


class Extra(RingMiniport):
    """A driver with a block of its own."""

    extra: SharedMemory | None

    def initialize(self, adapter: AdapterInfo) -> Status:
        status = super().initialize(adapter)
        self.extra = self.ndis.allocate_shared_memory(PAGE)
        return status

    async def halt(self) -> None:
        await super().halt()
        self.give_back()

    def give_back(self) -> None:
        """Free the block."""
        if self.extra is not None:
            self.ndis.free_shared_memory(self.extra)
            self.extra = None


class KeepsItsMemory(Extra):
    """The halt forgets the block that came last."""

    def give_back(self) -> None:
        self.extra = None


class GivesItsMemoryBack(Extra):
    """Everything that was allocated is freed."""


class KeepsItsDma(Ring6Miniport):
    """The halt forgets the DMA handle."""

    async def halt(self, action: v6.HaltAction) -> None:
        self.card.silence()
        self.ndis.deregister_interrupt(self.line)
        await self.rx.pool.settle()
        self.tx.free()
        self.rx.free()


class GivesItsDmaBack(Ring6Miniport):
    """The handle goes last, when nothing is mapped any more."""

    async def halt(self, action: v6.HaltAction) -> None:
        await super().halt(action)


class MapsTwice(Ring6Miniport):
    """The way that tries again maps what is mapped."""

    tries = 2

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        dma, buffer = self.sends._dma, nbls[0].buffers[0]
        with suppress(RuleViolation):
            for _ in range(self.tries):
                dma.allocate_net_buffer_sg_list(buffer)
        dma.free_net_buffer_sg_list(self.made)
        await super().send(nbls, port, flags)

    def process_sg_list(self, sg_list: v6.SgList, context: object) -> None:
        self.made = sg_list


class MapsOnce(MapsTwice):
    """A frame has one list at a time."""

    tries = 1


class CompletesWhileMapped(Ring6Miniport):
    """A list goes back while the card may still read it."""

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        self.sends._dma.map(nbls[0].buffers)
        for nbl in nbls:
            nbl.status = Status.FAILURE
        self.ndis.send_complete(nbls)


class CompletesUnmapped(Ring6Miniport):
    """What was mapped is freed before."""

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        self.sends._dma.map(nbls[0].buffers)
        self.sends._dma.unmap(nbls[0].buffers)
        for nbl in nbls:
            nbl.status = Status.FAILURE
        self.ndis.send_complete(nbls)


class DescribesTooMuch(Extra):
    """A buffer begins at the end of its memory."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        status = super().initialize(adapter)
        self.pool = self.ndis.allocate_buffer_pool(1)
        if self.extra is not None:
            with suppress(RuleViolation):
                self.ndis.allocate_buffer(self.pool, self.extra, PAGE - 64, 128)
        return status

    def give_back(self) -> None:
        self.ndis.free_buffer_pool(self.pool)
        super().give_back()


class DescribesWhatItHas(DescribesTooMuch):
    """A buffer ends where its memory does."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        status = Extra.initialize(self, adapter)
        self.pool = self.ndis.allocate_buffer_pool(1)
        if self.extra is not None:
            buffer = self.ndis.allocate_buffer(self.pool, self.extra, PAGE - 64, 64)
            if buffer is not None:
                self.ndis.free_buffer(buffer)
        return status


class DescribesBetweenLines(DescribesWhatItHas):
    """Buffers follow each other without a gap, as long as a frame is."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        status = Extra.initialize(self, adapter)
        self.pool = self.ndis.allocate_buffer_pool(1)
        if self.extra is not None:
            buffer = self.ndis.allocate_buffer(self.pool, self.extra, 1514, 1514)
            if buffer is not None:
                self.ndis.free_buffer(buffer)
        return status


class FreesInItsShutdown(Extra):
    """The shutdown handler is the halt's clean-up."""

    def shutdown(self) -> None:
        super().shutdown()
        self.give_back()


class QuiescesInItsShutdown(Extra):
    """The shutdown handler stops the card, and that is all."""

    def shutdown(self) -> None:
        super().shutdown()


class GrowsForEver(RingMiniport):
    """Sixteen megabytes, to be on the safe side."""

    async def reset(self) -> Status:
        memory = await self.ndis.allocate_shared_memory_async(1 << 24)
        if memory is not None:
            self.ndis.schedule_work_item(lambda: self.ndis.free_shared_memory(memory))
        return await super().reset()


class GrowsALittle(AllocatesWhileItRuns):
    """A page more is enough."""


class RegistersDmaLate(Ring6Miniport):
    """It registers for DMA once more, when it runs."""

    async def pause(self) -> Status:
        with suppress(RuleViolation):
            self.ndis.register_scatter_gather_dma()
        return await super().pause()


class RegistersDmaAtStart(Ring6Miniport):
    """MiniportInitializeEx has registered."""

    async def pause(self) -> Status:
        return await super().pause()


class FreesARingInUse(RingMiniport):
    """The memory goes first, and the card is stopped afterwards."""

    async def halt(self) -> None:
        await self.rx.pool.settle()
        self.tx.free()
        self.card.silence()
        self.ndis.deregister_interrupt(self.interrupt)
        self.rx.free()


class StopsItsCardFirst(RingMiniport):
    """The card is stopped first, and the memory goes last."""

    async def halt(self) -> None:
        await super().halt()


PAIRS: Final = (
    Pair("dma-unmapped", PointsAnywhere, PointsAtItsRing),
    Pair("ring-index", TailBeyondTheRing, TailInTheRing),
    Pair("shm-alloc-init-only", AllocatesTooLate, AllocatesWhileItRuns, "removal"),
    Pair("shm-alloc-needs-dma", AllocatesBeforeDma, AllocatesAfterDma),
    Pair("shm-async-handler", GrowsUnheard, GrowsAndWaits, implies=("shm-leak",)),
    Pair("shm-double-free", FreesTwice, FreesOnce),
    Pair("shm-leak", KeepsItsMemory, GivesItsMemoryBack),
    Pair("sg-deregister", KeepsItsDma, GivesItsDmaBack),
    Pair("sg-one-per-nb", MapsTwice, MapsOnce),
    Pair("sg-free", CompletesWhileMapped, CompletesUnmapped),
    Pair("shm-overrun", DescribesTooMuch, DescribesWhatItHas),
    Pair("shm-cacheline-align", DescribesBetweenLines, DescribesWhatItHas),
    Pair("shm-free-in-shutdown", FreesInItsShutdown, QuiescesInItsShutdown, "shutdown"),
    Pair("shm-growth-cap", GrowsForEver, GrowsALittle),
    Pair("sg-register-in-init", RegistersDmaLate, RegistersDmaAtStart, implies=("int-ready-before-register",)),
    Pair("dma-stop-on-reset-halt", FreesARingInUse, StopsItsCardFirst),
)
