"""Buffer descriptors: NDIS_BUFFER, which is an MDL.

An MDL says where bytes are: a memory, a bus address, a length, and the next
one of a chain. It holds no bytes itself; two MDLs may describe the same
memory. A protocol's descriptors come with memory behind each (`BufferPool`),
a miniport's describe parts of what it shares with its card (`DescriptorPool`).
"""

from mmap import mmap
from typing import Final, cast

from ndisemu.memory import HostMemory, Pool

# The memory of what has no buffers: nothing can be looked up there, and it need not be asked for.
NO_MEMORY: Final = cast("mmap", b"")


class Mdl:
    """One run of bytes in host memory (`MDL`: StartVa + ByteOffset, ByteCount, Next).

    `memory` is the mapping that `address` is an offset of. `capacity` is how
    long the run may become; `length` is what it says now. `owner` is None
    while it lies in its pool. `pool` is where a miniport's NdisFreeBuffer
    puts it; None where it cannot.
    """

    __slots__ = ("address", "capacity", "length", "memory", "next", "owner", "pool")

    def __init__(self, memory: mmap, address: int, capacity: int) -> None:
        self.memory = memory
        self.address = address
        self.capacity = capacity
        self.length = capacity
        self.next: Mdl | None = None
        self.owner: object | None = None
        self.pool: DescriptorPool | None = None

    def __repr__(self) -> str:
        return f"<Mdl {self.length}/{self.capacity} bytes at {self.address:#x}>"

    def read(self) -> bytes:
        """Return a copy of the bytes it describes."""
        return self.memory[self.address : self.address + self.length]


class BufferPool(Pool[Mdl]):
    """Descriptors with memory behind each, in one allocation of the host.

    What a protocol does with NdisAllocateMemoryWithTag and NdisAllocateBufferPool.
    """

    __slots__ = ("block", "memory")

    def __init__(self, memory: HostMemory, name: str, owner: str, count: int, size: int) -> None:
        block = memory.allocate(count * size, owner=owner, purpose=name)
        if block is None:
            raise MemoryError(f"host {memory.name} has no {count * size} bytes for {name} of {owner}")
        self.memory = memory
        self.block = block
        super().__init__(name, owner, [Mdl(memory.map, block.address + place * size, size) for place in range(count)])

    def free(self, item: Mdl, owner: object) -> None:
        """Take a buffer back and poison its bytes (`NdisFreeBuffer`)."""
        super().free(item, owner)
        item.next = None
        self.memory.poison(item.address, item.capacity)

    def close(self) -> None:
        """Give the memory back to the host (`NdisFreeBufferPool`)."""
        self.memory.free(self.block)


class DescriptorPool(Pool[Mdl]):
    """Descriptors without memory (`NdisAllocateBufferPool`): each gets some to describe as it is allocated."""

    __slots__ = ()

    def __init__(self, memory: HostMemory, name: str, owner: str, count: int) -> None:
        super().__init__(name, owner, [Mdl(memory.map, 0, 0) for _ in range(count)])
        for mdl in self:
            mdl.pool = self

    def describe(self, owner: object, address: int, length: int) -> Mdl | None:
        """Lend a descriptor of `length` bytes at `address` (`NdisAllocateBuffer`); None when all are out."""
        mdl = self.allocate(owner)
        if mdl is not None:
            mdl.address = address
            mdl.capacity = mdl.length = length
        return mdl

    def free(self, item: Mdl, owner: object) -> None:
        """Take a descriptor back, which describes nothing any more (`NdisFreeBuffer`)."""
        super().free(item, owner)
        item.address = item.capacity = item.length = 0
        item.next = None
