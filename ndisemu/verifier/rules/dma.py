"""The rules of shared memory and DMA."""

from typing import Any, Final

from ndisemu.ndis import SharedMemory
from ndisemu.verifier.call import Call
from ndisemu.verifier.card import engines
from ndisemu.verifier.rule import ANY, EVERY, V5, Code, Model, Refused, Rule, before
from ndisemu.verifier.watch import Watch

_SHARED: Final = "DDK: NdisMAllocateSharedMemory, NdisMFreeSharedMemory"
_ASYNC: Final = ("NdisMAllocateSharedMemoryAsync", "NdisMAllocateSharedMemoryAsyncEx")
_ALLOCATE: Final = ("NdisMAllocateSharedMemory", *_ASYNC)
# How much shared memory one adapter may have before somebody is told: a quarter of a host's usual memory.
CAP: Final = 16 << 20
CACHE_LINE: Final = 64


class DmaUnmapped(Refused):
    """A card touches memory that was allocated for it, or mapped for a send in flight, and no other."""

    id = "dma-unmapped"
    models = EVERY
    source = "seed 002; DDK: Bus-Master DMA"
    why = "What it reads goes out on the wire, and what it writes destroys whatever lies there."
    code = Code(0xE6, "DRIVER_VERIFIER_DMA_VIOLATION")


class RingIndex(Refused):
    """Head and tail lie in the ring that the card was given."""

    id = "ring-index"
    models = EVERY
    source = "8254x manual 3.2.6 and 3.4"
    why = "The card would take what lies behind the ring for descriptors."


class ShmAllocInitOnly(Refused):
    """NdisMAllocateSharedMemory is called from MiniportInitialize(Ex)."""

    id = "shm-alloc-init-only"
    models = ANY
    source = _SHARED
    why = "It may wait, and the map registers that it needs are only given out then."


class ShmAllocNeedsDma(Refused):
    """DMA is registered before shared memory is allocated."""

    id = "shm-alloc-needs-dma"
    models = Model.NDIS6
    source = "DDK: NdisMRegisterScatterGatherDma"
    why = "Without the DMA handle nobody knows what addresses the card can reach."


class ShmAsyncBusmaster(Refused):
    """Only bus masters allocate shared memory while they run."""

    id = "shm-async-busmaster"
    models = V5
    source = "seed 002"
    why = "A card that masters no bus has no use for it."


class ShmAsyncHandler(Refused):
    """Whoever allocates asynchronously is there to be told how it ended."""

    id = "shm-async-handler"
    models = ANY
    source = "seed 002; DDK: MiniportAllocateComplete"
    why = "The memory would be delivered to nobody, and lost."


class ShmAsyncReturnHandler(Refused):
    """A driver that grows its receive buffers has MiniportReturnPacket."""

    id = "shm-async-return-handler"
    models = V5
    source = "seed 002"
    why = "The packets that describe the new buffers would never come back."


class ShmAsyncOneWaiter(Refused):
    """One coroutine awaits an allocation."""

    id = "shm-async-one-waiter"
    models = EVERY
    source = "ndisemu: an allocation is delivered once"
    why = "Two would free it, or nobody."


class ShmAsyncHaltRace(Refused):
    """A halt returns when no allocation is on its way any more."""

    id = "shm-async-halt-race"
    models = ANY
    source = "seed 002; DDK: MiniportHaltEx"
    why = "The memory comes to a driver that is gone."


class ShmDoubleFree(Refused):
    """A block of shared memory is freed once, by whoever has allocated it."""

    id = "shm-double-free"
    models = ANY
    source = _SHARED
    why = "It may be somebody else's by then."


class ShmLeak(Refused):
    """All shared memory is freed when the halt returns, or an initialization that fails."""

    id = "shm-leak"
    models = ANY
    source = _SHARED
    why = "Map registers are few; an adapter that is stopped and started some times finds none any more."
    code = Code(0xC4, "DRIVER_VERIFIER_DETECTED_VIOLATION", ("0x62: pool that was not freed",))


class SgDeregister(Refused):
    """A halt deregisters scatter/gather DMA, and so does an initialization that fails."""

    id = "sg-deregister"
    models = Model.NDIS6
    source = "DDK: NdisMDeregisterScatterGatherDma"
    why = "The DMA adapter and its map registers are never given back."


class SgOnePerNb(Refused):
    """A NET_BUFFER has one scatter/gather list at a time."""

    id = "sg-one-per-nb"
    models = Model.NDIS6
    source = "DDK: NdisMAllocateNetBufferSGList"
    why = "The first list is lost, and its map registers with it."


class SgFree(Refused):
    """A scatter/gather list is freed once, before its list is completed."""

    id = "sg-free"
    models = Model.NDIS6
    source = "DDK: NdisMFreeNetBufferSGList"
    why = "The frame is the protocol's after the completion, and the card could still read it."


class BufferOutside(Refused):
    """A buffer descriptor describes bytes of the memory that it is made for."""

    id = "shm-overrun"
    models = EVERY
    source = "DDK: NdisAllocateBuffer, NdisAllocateMdl"
    why = "The card would be told to write where the driver owns nothing."


class ShmFreeInShutdown(Rule):
    """Shared memory is not freed from the shutdown handler."""

    id = "shm-free-in-shutdown"
    models = ANY
    source = "DDK: NdisMFreeSharedMemory"
    why = "The card may still be writing into it, and nobody needs it back."

    @before("NdisMFreeSharedMemory")
    def freeing(self, call: Call) -> None:
        """Look whether the shutdown handler is under way."""
        if self.watch.shutting_down:
            self.broken("NdisMFreeSharedMemory was called from the shutdown handler; free it in the halt")


class ShmGrowthCap(Rule):
    """A driver bounds how much shared memory it takes."""

    id = "shm-growth-cap"
    models = ANY
    source = "seed 002"
    why = "Protocols that keep packets for ever would take all memory of the host through it."
    advisory = True

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._told = False

    @before(*_ALLOCATE)
    def allocating(self, call: Call) -> None:
        """Add up what there is."""
        resources, length = self.watch.adapter.resources, call.argument("length")
        if not isinstance(length, int) or self._told:
            return
        total = sum(shared.length for shared in resources.shared) + length
        if total > CAP:
            self._told = True
            self.broken(f"{self.watch.adapter.name} asks for its {total} bytes of shared memory; bound it below {CAP}")


class ShmCachelineAlign(Rule):
    """Buffers that are carved from cached shared memory begin on a cache line."""

    id = "shm-cacheline-align"
    models = ANY
    source = "DDK: NdisMAllocateSharedMemory"
    why = "Two buffers on one line overwrite each other where caches are not coherent."

    @before("NdisAllocateBuffer", "NdisAllocateMdl")
    def describing(self, call: Call) -> None:
        """Look where in the memory it begins."""
        shared: Any = call.argument("shared")
        offset = call.argument("offset", 0)
        card = self.watch.adapter.device.target is None
        if not card or not isinstance(shared, SharedMemory) or not isinstance(offset, int) or not shared.block.cached:
            return
        begin = shared.address + offset
        if begin % CACHE_LINE:
            self.broken(
                f"{call.name} describes bytes from {begin:#x} on, in cached memory; begin at a multiple of {CACHE_LINE}",
                shared,
            )


class SgRegisterInInit(Rule):
    """Scatter/gather DMA is registered while the adapter initializes."""

    id = "sg-register-in-init"
    models = Model.NDIS6
    source = "DDK: NdisMRegisterScatterGatherDma"
    why = "The device's resources are only given out then."

    @before("NdisMRegisterScatterGatherDma")
    def registering(self, call: Call) -> None:
        """Look at the state."""
        if not self.watch.initializing:
            state = self.watch.adapter.state.current.value
            self.broken(f"{call.name} was called in state {state}; register in MiniportInitializeEx")


class DmaStopOnResetHalt(Rule):
    """An engine of the card is off when its ring is freed, or a buffer that it has been given, or its DMA handle."""

    id = "dma-stop-on-reset-halt"
    models = ANY
    source = "DDK: MiniportHaltEx, MiniportResetEx"
    why = "It goes on reading and writing what others own by then."

    @before("NdisMFreeSharedMemory")
    def freeing(self, call: Call) -> None:
        """Look whether a ring of an engine that is on lies in what is freed, or a buffer in its hands."""
        shared = call.argument("shared")
        for engine in engines(self.watch.adapter) if isinstance(shared, SharedMemory) else ():
            begin, end = shared.block.address, shared.block.end
            buffers = sum(begin <= address < end for address in engine.buffers)
            if engine.size and begin <= engine.base < end:
                freed = f"the ring of a card's {engine.name}"
            elif buffers:
                freed = f"{buffers} of the {len(engine.buffers)} buffers that a card's {engine.name} has been given"
            else:
                continue
            self.broken(f"{call.name} was called for {freed}, which is on; turn it off before", shared)

    @before("NdisMDeregisterScatterGatherDma")
    def deregistering(self, call: Call) -> None:
        """Look whether an engine is on."""
        active = " and ".join(engine.name for engine in engines(self.watch.adapter))
        if active:
            self.broken(f"{call.name} was called with the card's {active} on; reset the card before")


RULES: Final[tuple[type[Rule], ...]] = (
    DmaUnmapped, RingIndex, ShmAllocInitOnly, ShmAllocNeedsDma, ShmAsyncBusmaster, ShmAsyncHandler, ShmAsyncReturnHandler,
    ShmAsyncOneWaiter, ShmAsyncHaltRace, ShmDoubleFree, ShmLeak, SgDeregister, SgOnePerNb, SgFree, BufferOutside,
    ShmFreeInShutdown, ShmGrowthCap, ShmCachelineAlign, SgRegisterInInit, DmaStopOnResetHalt,
)  # fmt: skip
