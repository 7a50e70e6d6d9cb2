"""Buffer descriptors: NDIS_BUFFER, which is an MDL.

An MDL says where bytes are: a memory, a bus address, a length, and the next
one of a chain. It holds no bytes itself; two MDLs may describe the same
memory.
"""

from mmap import mmap

from ndisemu.memory import HostMemory, Pool


class Mdl:
    """One run of bytes in host memory (`MDL`: StartVa + ByteOffset, ByteCount, Next).

    `memory` is the mapping that `address` is an offset of. `capacity` is how
    long the run may become; `length` is what it says now. `owner` is None
    while it lies in its pool.
    """

    __slots__ = ("address", "capacity", "length", "memory", "next", "owner")

    def __init__(self, memory: mmap, address: int, capacity: int) -> None:
        self.memory = memory
        self.address = address
        self.capacity = capacity
        self.length = capacity
        self.next: Mdl | None = None
        self.owner: object | None = None

    def __repr__(self) -> str:
        return f"<Mdl {self.length}/{self.capacity} bytes at {self.address:#x}>"

    def read(self) -> bytes:
        """Return a copy of the bytes it describes."""
        return self.memory[self.address : self.address + self.length]


class BufferPool(Pool[Mdl]):
    """Descriptors with memory behind each (`NdisAllocateBufferPool`), in one allocation of the host."""

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
