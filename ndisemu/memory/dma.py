"""What a card may touch: memory allocated for it, or mapped for a send in flight.

Each card reads and writes host memory through its own `DmaSpace`. Shared
memory allocated for the card may be read and written as long as it is
allocated; the buffers of a packet may be read while its send is in flight.
Anything else is a DMA violation, which names the address and whose it is.

The same frames are sent again and again. So one that is in one piece is
listed under its address for as long as it lies there, and to map it is to
note in it what the card may read. What lies in pieces, or where a listed
frame in flight begins, has its pieces in a book of their own.

A frame is mapped once, and for one card. NDIS sees to that for what it maps
itself, as it owns the packets; of what a driver maps, `map_frames` and
`unmap_frames` tell. Everything that moves data or frames is one call a burst.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter, length_hint
from typing import Any, TypeVar

from ndisemu.errors import RuleViolation
from ndisemu.memory.host import Block, HostMemory


class DmaViolation(RuleViolation):
    """A card was told to touch memory it may not touch; nothing was read or written there."""


class Mappable:
    """A frame that a card may read while it is mapped.

    `segments` are its buffers as pairs of bus address and length. Where it
    is one buffer, and not empty, `window` is that as a slice of memory, and
    `address` where it begins; else they are None and 0. `mapped` is what the
    card may read of it, as it was when it was mapped: a slice while it is
    listed under its address, which is in `space`; the slices of its pieces
    while it is not; or None.
    """

    __slots__ = ("address", "mapped", "segments", "space", "window")

    def __init__(self) -> None:
        self.address = 0
        self.segments: tuple[tuple[int, int], ...] = ()
        self.window: slice | None = None
        self.mapped: slice | tuple[slice, ...] | None = None
        self.space: DmaSpace | None = None

    def __getstate__(self) -> object:
        """Return what a copy is made of: no card knows it."""
        state: Any = super().__getstate__()
        return None, state[1] | {"mapped": None, "space": None}

    def leave(self) -> None:
        """Be found at `address` no more, as the frame is about to lie elsewhere; what is mapped of it stays so."""
        if self.space is not None:
            self.space.forget(self)


M = TypeVar("M", bound=Mappable)


class DmaSpace:
    """The view one card has of its host's memory.

    `ended_at` says which send that has ended had a buffer at an address, if any had: whose card this is sets it.
    """

    __slots__ = ("_blocks", "_frames", "_listed", "_map", "_name", "_pieces", "_starts", "ended_at", "memory")

    def __init__(self, memory: HostMemory, name: str) -> None:
        self.memory = memory
        # The frame that is listed at each address, mapped or not, and these addresses in order; and what else is mapped, by
        # where it begins.
        self._frames: dict[int, Mappable] = {}
        self._listed: list[int] = []
        self._pieces: dict[int, list[slice]] = {}
        self._map = memory.map
        self._name = name
        self._blocks: list[Block] = []
        self._starts: list[int] = []
        self.ended_at: Callable[[int], object | None] | None = None

    def __repr__(self) -> str:
        return f"<DmaSpace {self._name}: {len(self._blocks)} blocks, {len(self.mapped)} buffers mapped>"

    @property
    def mapped(self) -> dict[int, slice]:
        """The buffers of sends in flight: bus address to the slice of memory, the longest where several begin at one."""
        windows = [frame.mapped for frame in self._frames.values() if isinstance(frame.mapped, slice)]
        for pieces in self._pieces.values():
            windows += pieces
        return {window.start: window for window in sorted(windows, key=_END)}

    def allow(self, block: Block) -> None:
        """Let the card read and write `block`."""
        place = bisect_right(self._starts, block.address)
        self._blocks.insert(place, block)
        self._starts.insert(place, block.address)

    def revoke(self, block: Block) -> None:
        """Take `block` from the card again."""
        place = self._blocks.index(block)
        del self._blocks[place], self._starts[place]

    def map(self, frames: Sequence[Mappable]) -> None:
        """Let the card read the buffers of frames while their sends are in flight."""
        for frame in frames:
            if frame.space is self:
                frame.mapped = frame.window
            else:
                self._map_unlisted(frame)

    def unmap(self, frames: Sequence[Mappable]) -> None:
        """Take frames back from the card; those that are not mapped for it stay as they are."""
        for frame in frames:
            if frame.space is self or self._unmap_pieces(frame):
                frame.mapped = None

    def map_frames(self, frames: Sequence[M]) -> M | None:
        """Map frames, each once; returns the first that is mapped already, which changes nothing, or None."""
        rest = iter(frames)
        for frame in rest:
            if frame.mapped is not None:
                self.unmap(frames[: -1 - length_hint(rest)])
                return frame
            if frame.space is self:
                frame.mapped = frame.window
            else:
                self._map_unlisted(frame)
        return None

    def unmap_frames(self, frames: Sequence[M]) -> M | None:
        """Take mapped frames back; returns the first that is not mapped for this card, which changes nothing, or None."""
        rest = iter(frames)
        for frame in rest:
            if frame.mapped is None or (frame.space is not self and not self._unmap_pieces(frame)):
                self.map(frames[: -1 - length_hint(rest)])
                return frame
            frame.mapped = None
        return None

    def forget(self, frame: Mappable) -> None:
        """Find a frame no more at its address; what is mapped of it is now in pieces."""
        del self._frames[frame.address]
        del self._listed[bisect_left(self._listed, frame.address)]
        frame.space = None
        if isinstance(frame.mapped, slice):
            self._map_pieces(frame, (frame.mapped,))

    def strike(self, frame: Mappable) -> None:
        """Find a frame no more, wherever that was: a driver has deleted what said so."""
        for address, listed in tuple(self._frames.items()):
            if listed is frame:
                del self._frames[address]
                del self._listed[bisect_left(self._listed, address)]

    def block_at(self, address: int, length: int, doing: str) -> Block:
        """Return the allowed block that holds the range, or raise `DmaViolation`."""
        place = bisect_right(self._starts, address) - 1
        if place >= 0 and address + length <= self._blocks[place].end:
            return self._blocks[place]
        raise DmaViolation(
            "dma-unmapped",
            f"{self._name} tried to {doing} {length} bytes at {address:#x}, which {self.memory.describe(address)}; "
            "a card may touch memory allocated for it, and read what is mapped for a send in flight",
        )

    def gather(self, addresses: Sequence[int], lengths: list[int]) -> list[bytes]:
        """Read one range for each pair, frozen at this moment; mostly each is the whole of what is mapped there."""
        memory, frames = self._map, self._frames
        try:
            parts = [memory[frames[address].mapped] for address in addresses]  # type: ignore[index]
        except (KeyError, TypeError):
            return self._gather_ranges(addresses, lengths)
        return parts if list(map(len, parts)) == lengths else self._gather_ranges(addresses, lengths)

    def scatter(self, addresses: Sequence[int], parts: Iterable[bytes], length: int | None = None) -> None:
        """Write each part at its address; `length` is that of every part, if they have one."""
        memory = self._map
        if length is not None and addresses:
            # Mostly they are all in one block of the driver's, and in order or nearly: then sorting is one pass.
            ordered = sorted(addresses)
            if self._in_one_block(ordered[0], ordered[-1] + length):
                for address, part in zip(addresses, parts, strict=True):
                    memory[address : address + length] = part
                return
        low, high = 0, 0
        for address, part in zip(addresses, parts, strict=True):
            end = address + len(part)
            if address < low or end > high:
                block = self.block_at(address, len(part), "write")
                low, high = block.address, block.end
            memory[address:end] = part

    def _gather_ranges(self, addresses: Sequence[int], lengths: Sequence[int]) -> list[bytes]:
        """Read ranges, some of which are not the whole of what is mapped where they begin."""
        for address, length in zip(addresses, lengths, strict=True):
            self._check_readable(address, length)
        return [self._map[address : address + length] for address, length in zip(addresses, lengths, strict=True)]

    def _in_one_block(self, start: int, end: int) -> bool:
        """Whether a range lies in a block that the card may touch."""
        place = bisect_right(self._starts, start) - 1
        return place >= 0 and end <= self._blocks[place].end

    def _map_unlisted(self, frame: Mappable) -> None:
        """Map a frame that is not listed: list it, if it is in one piece and no other that begins there is in flight."""
        if frame.mapped is not None and frame.space is not None:
            # It was for another card.
            frame.space.unmap((frame,))
        if frame.window is not None:
            other = self._frames.get(frame.address)
            if other is None or other.mapped is None:
                frame.leave()
                if other is None:
                    insort(self._listed, frame.address)
                else:
                    other.space = None
                self._frames[frame.address] = frame
                frame.space = self
                frame.mapped = frame.window
                return
        self._map_pieces(frame, tuple(slice(address, address + length) for address, length in frame.segments))

    def _map_pieces(self, frame: Mappable, windows: tuple[slice, ...]) -> None:
        frame.mapped = windows
        for window in windows:
            self._pieces.setdefault(window.start, []).append(window)

    def _unmap_pieces(self, frame: Mappable) -> bool:
        """Take the pieces of a frame back; False if they are not mapped here."""
        windows = frame.mapped
        if not isinstance(windows, tuple):
            return False
        if not all(any(one is window for one in self._pieces.get(window.start, ())) for window in windows):
            return False
        for window in windows:
            left = [one for one in self._pieces.pop(window.start) if one is not window]
            if left:
                self._pieces[window.start] = left
        return True

    def _check_readable(self, address: int, length: int) -> None:
        """Accept a range inside a mapped buffer or an allowed block."""
        end, place = address + length, bisect_right(self._listed, address) - 1
        # It lies in what begins last before it, if nothing overlaps.
        frame = self._frames[self._listed[place]] if place >= 0 else None
        if frame is not None and isinstance(frame.mapped, slice) and end <= frame.mapped.stop:
            return
        if any(end <= window.stop for window in self._pieces.get(address, ())):
            return
        if self._in_one_block(address, end):
            return
        if any(window.start <= address and end <= window.stop for window in self.mapped.values()):
            return
        try:
            self.block_at(address, length, "read")
        except DmaViolation as violation:
            ended = None if self.ended_at is None else self.ended_at(address)
            if ended is None:
                raise
            text = f"{violation.text}; {ended!r} has its buffer there, and was completed before the card had read it"
            raise DmaViolation(violation.rule, text, about=ended) from None


_END = attrgetter("stop")
