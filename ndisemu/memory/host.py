"""The memory of one host: a memfd-backed mapping that drivers and cards share.

A bus address is an offset into the mapping; page zero is never given out, so
0 is no address. Payload is read and written by slicing the mapping itself,
runs of descriptors through `words`, the same memory as 64-bit integers: the
fastest ways of plain Python to read payload and to move whole runs
(benchmarks/micro/memory.py, descriptor_runs.py).

Every allocation knows its owner. Freed memory is filled with a poison byte,
so that a read after free shows. An owner can be starved: it gets nothing
more until it is relieved, and nobody else notices.
"""

import mmap
import os
from bisect import bisect_right, insort
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ndisemu.errors import RuleViolation, UsageError

PAGE: Final = 4096
WORD: Final = 8
POISON: Final = 0xDE
_POISON_PAGE: Final = bytes([POISON]) * PAGE


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """One allocation: `length` bytes at bus address `address`, as its `owner` asked for it."""

    address: int
    length: int
    owner: str
    purpose: str
    cached: bool = True

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.length

    def __str__(self) -> str:
        return f"{self.purpose} of {self.owner} at {self.address:#x}, {self.length} bytes"


class HostMemory:
    """A host's memory and its allocator (first fit, lowest address first).

    `map` and `words` are the same bytes; `words[a // WORD]` is the 64-bit word
    at the aligned address `a`.
    """

    __slots__ = ("_blocks", "_fd", "_free", "_starved", "map", "name", "size", "words")

    def __init__(self, name: str, size: int) -> None:
        if size < 2 * PAGE:
            raise UsageError(f"the memory of host {name} must be at least {2 * PAGE} bytes, not {size}")
        self.name = name
        self.size = (size + PAGE - 1) // PAGE * PAGE
        self._fd = _anonymous_file(name)
        try:
            os.ftruncate(self._fd, self.size)
            self.map = mmap.mmap(self._fd, self.size)
        except OSError as error:
            os.close(self._fd)
            raise UsageError(f"host {name} cannot have {self.size} bytes of memory: {error.strerror}") from error
        self.words = memoryview(self.map).cast("Q")
        self._blocks: list[Block] = []
        self._free: list[tuple[int, int]] = [(PAGE, self.size)]
        self._starved: dict[str, None] = {}

    def __repr__(self) -> str:
        used = sum(block.length for block in self._blocks)
        return f"<HostMemory {self.name} {used}/{self.size} bytes in {len(self._blocks)} blocks>"

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All allocations, lowest address first."""
        return tuple(self._blocks)

    def allocate(
        self, length: int, *, owner: str, purpose: str, alignment: int = 64, cached: bool = True
    ) -> Block | None:
        """Allocate `length` bytes aligned to a power of two; None when there is no room, or none for this owner."""
        if length < 1 or alignment < 1 or alignment & (alignment - 1):
            raise UsageError(f"{owner} cannot allocate {length} bytes aligned to {alignment} for its {purpose}")
        if owner in self._starved:
            return None
        for place, (start, end) in enumerate(self._free):
            address = (start + alignment - 1) & -alignment
            if address + length <= end:
                rest = [(start, address), (address + length, end)]
                self._free[place : place + 1] = [gap for gap in rest if gap[0] < gap[1]]
                block = Block(address, length, owner, purpose, cached)
                insort(self._blocks, block)
                return block
        return None

    def free(self, block: Block) -> None:
        """Give `block` back and poison it; it must be exactly what `allocate` returned."""
        place = bisect_right(self._blocks, block) - 1
        if place < 0 or self._blocks[place] != block:
            raise RuleViolation("shm-double-free", f"{block} is not allocated; free exactly what was allocated, once")
        del self._blocks[place]
        self.poison(block.address, block.length)
        insort(self._free, (block.address, block.end))
        self._merge()

    def starve(self, owner: str) -> None:
        """Give `owner` no memory until it is relieved; what it has, it keeps and may free."""
        self._starved[owner] = None

    def relieve(self, owner: str) -> None:
        """Let a starved `owner` have memory again."""
        self._starved.pop(owner, None)

    def poison(self, address: int, length: int) -> None:
        """Fill a range with the poison byte."""
        for start in range(address, address + length, PAGE):
            end = min(start + PAGE, address + length)
            self.map[start:end] = _POISON_PAGE[: end - start]

    def describe(self, address: int) -> str:
        """Say what lies at `address`, for an error message."""
        for block in self._blocks:
            if block.address <= address < block.end:
                return f"belongs to the {block}"
        if 0 <= address < self.size:
            return "is free memory"
        return f"is outside the {self.size} bytes of host {self.name}"

    def close(self) -> None:
        """Give the mapping and its descriptor back; nothing may use it afterwards."""
        self.words.release()
        os.close(self._fd)
        # A ring that is still around keeps the mapping until it goes.
        with suppress(BufferError):
            self.map.close()

    def _merge(self) -> None:
        merged: list[tuple[int, int]] = []
        for start, end in self._free:
            if merged and merged[-1][1] == start:
                merged[-1] = (merged[-1][0], end)
            else:
                merged.append((start, end))
        self._free = merged


def _anonymous_file(name: str) -> int:
    """Return a descriptor of a file that exists only in memory."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(f"ndisemu-{name}", os.MFD_CLOEXEC)
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
