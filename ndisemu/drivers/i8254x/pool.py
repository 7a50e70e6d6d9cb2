"""The frames that a receive ring works with, in blocks of shared memory: more of them when protocols keep many.

A pool begins with one block. When few frames are free while others arrive,
the DPC asks for another block, one at a time and up to a limit, and
MiniportAllocateComplete puts it in service. Where no more can be had the pool
is `low` on resources: the driver shows frames (NDIS_STATUS_RESOURCES) instead
of lending them, until enough are free again. A later shortage asks again.

What is free is an interlocked list: each touch of it is one step, from the
DPC, from MiniportReturnPacket on any CPU, and from MiniportAllocateComplete.

Not here: giving blocks back before the adapter halts.

Source: seed 002; NDIS reference 5.5.2 (low resources) and 5.12.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

from ndisemu.drivers.i8254x.library import RingLibrary
from ndisemu.ndis import (
    Allocation,
    DescriptorPool,
    DescriptorRing,
    Mdl,
    Packet,
    PacketPool,
    SharedMemory,
    Status,
    v5,
    v6,
)

PURPOSE: Final = "receive buffers"
# The host's cache lines; a buffer is a power of two of at least 2048 bytes, so each begins on one if its block does.
CACHE_LINE: Final = 64

F = TypeVar("F")


class ReceivePool(ABC, Generic[F]):
    """Frames of one buffer of `size` bytes each: twice as many as the ring's `count` at first, and `most` in the end.

    `empty` has for every frame the descriptor that offers its buffer to the card, which does not change;
    `asked` says that a block is on its way.
    """

    def __init__(self, ndis: RingLibrary, count: int, size: int, most: int) -> None:
        self._ndis = ndis
        self._count = count
        self._size = size
        self._most = most
        self._blocks: list[SharedMemory] = []
        self._allocation: Allocation | None = None
        self.enough = count // 4
        self.empty: dict[F, bytes] = {}
        self.free: list[F] = []
        self.low = False
        self.asked = False
        memory = ndis.allocate_shared_memory(2 * count * size, alignment=4096, purpose=PURPOSE)
        if memory is None:
            raise MemoryError(f"no room for {2 * count} receive buffers of {size} bytes")
        self._put_in_service(memory)

    def ask(self) -> None:
        """Ask for another ring's worth of frames, as few are free, unless that was done; from the DPC."""
        if self.asked or self.low:
            return
        wanted = min(self._count, self._most - len(self.empty))
        if wanted > 0:
            self.asked = True
            self._allocation = self._ndis.allocate_shared_memory_async(
                wanted * self._size, alignment=CACHE_LINE, purpose=PURPOSE
            )
            if self._allocation.status is not Status.FAILURE:
                return
            self.asked = False
        self.low = True

    def take_in(self, memory: SharedMemory | None) -> None:
        """Take what was asked for (MiniportAllocateComplete); without it the pool is low if it still is short."""
        self.asked = False
        if memory is None:
            self.low = len(self.free) < self.enough
        else:
            self._put_in_service(memory)

    async def settle(self) -> None:
        """Wait for the block that is on its way, so that it can be given back; MiniportAllocateComplete is not called."""
        if self.asked and self._allocation is not None:
            self.take_in(await self._allocation)

    def give_back(self) -> None:
        """Give every block and every descriptor back."""
        self._free_descriptors()
        for memory in self._blocks:
            self._ndis.free_shared_memory(memory)
        self._blocks = []

    def _put_in_service(self, memory: SharedMemory) -> None:
        self._blocks.append(memory)
        for frame, address in self._carve(memory, memory.length // self._size):
            self.empty[frame] = DescriptorRing.packed(address)
            self.free.append(frame)

    @abstractmethod
    def _carve(self, memory: SharedMemory, count: int) -> Iterator[tuple[F, int]]:
        """Make `count` frames out of a block; gives each with the bus address of its buffer."""

    @abstractmethod
    def _free_descriptors(self) -> None:
        """Give the frames' descriptors back."""


class PacketBuffers(ReceivePool[Packet]):
    """The pool of an NDIS 5.1 driver: packets, each with a buffer descriptor from a buffer pool."""

    _ndis: v5.MiniportLibrary

    def __init__(self, ndis: v5.MiniportLibrary, count: int, size: int, most: int) -> None:
        self._pools: list[tuple[PacketPool, DescriptorPool]] = []
        self._buffers: list[Mdl] = []
        super().__init__(ndis, count, size, most)

    def _carve(self, memory: SharedMemory, count: int) -> Iterator[tuple[Packet, int]]:
        packets = self._ndis.allocate_packet_pool(count, "receive packets")
        buffers = self._ndis.allocate_buffer_pool(count, PURPOSE)
        self._pools.append((packets, buffers))
        for place in range(count):
            packet = self._ndis.allocate_packet(packets)
            buffer = self._ndis.allocate_buffer(buffers, memory, place * self._size, self._size)
            if packet is not None and buffer is not None:
                packet.chain(buffer)
                self._buffers.append(buffer)
                yield packet, buffer.address

    def _free_descriptors(self) -> None:
        for buffer in self._buffers:
            self._ndis.free_buffer(buffer)
        for packets, buffers in self._pools:
            self._ndis.free_packet_pool(packets)
            self._ndis.free_buffer_pool(buffers)
        self._buffers, self._pools = [], []


class ListBuffers(ReceivePool[v6.NetBufferList]):
    """The pool of an NDIS 6 driver: lists of one NET_BUFFER each."""

    _ndis: v6.MiniportLibrary

    def __init__(self, ndis: v6.MiniportLibrary, count: int, size: int, most: int) -> None:
        self._pools: list[v6.NblPool] = []
        super().__init__(ndis, count, size, most)

    def _carve(self, memory: SharedMemory, count: int) -> Iterator[tuple[v6.NetBufferList, int]]:
        pool = self._ndis.allocate_nbl_pool(count, "receive lists")
        self._pools.append(pool)
        for place in range(count):
            mdl = self._ndis.allocate_mdl(memory, place * self._size, self._size)
            nbl = self._ndis.allocate_nbl(pool, mdl)
            if nbl is not None:
                yield nbl, mdl.address

    def _free_descriptors(self) -> None:
        for pool in self._pools:
            self._ndis.free_nbl_pool(pool)
        self._pools = []
