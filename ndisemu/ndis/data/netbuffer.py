"""NET_BUFFER: one frame of a NET_BUFFER_LIST.

A NET_BUFFER is a chain of MDLs, an offset to where its data begins, and a
length. Moving the start is how protocols add and remove headers: `retreat`
grows the front into unused space, or into a new MDL where there is none,
`advance` shrinks it.

Source: NDIS reference 4.3.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ndisemu.errors import RuleViolation
from ndisemu.memory import WORD, Mappable
from ndisemu.ndis.data.mdl import NO_MEMORY, BufferPool, Mdl
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.data.nbl import NetBufferList


class NetBuffer(Mappable):
    """NET_BUFFER: one frame.

    The data begins `data_offset` bytes into the chain `mdls`, which is
    `current_offset` bytes into its MDL number `current`, and is `length`
    bytes long. Bytes before it are unused data space. `segments` is the data
    as pairs of bus address and length: its SCATTER_GATHER_LIST while it is
    `mapped` for a card. `memory` is where they lie, if there are any; where
    the data is in one piece, `window` is its slice of it, and `first_word`
    where it begins in the `words` of its host's memory, if it begins with a whole word.
    """

    __slots__ = ("current", "current_offset", "data_offset", "first_word", "length", "mdls", "memory", "nbl")

    def __init__(self, nbl: "NetBufferList", mdls: Sequence[Mdl] = (), offset: int = 0, length: int = 0) -> None:
        super().__init__()
        self.nbl = nbl
        self.mdls: list[Mdl] = list(mdls)
        self.data_offset = offset
        self.length = length
        self.current = 0
        self.current_offset = 0
        self.memory = NO_MEMORY
        self.first_word: int | None = None
        self.locate()

    def __repr__(self) -> str:
        return f"<NetBuffer {self.length} bytes at {self.data_offset} in {len(self.mdls)} MDLs of {self.nbl!r}>"

    def locate(self) -> None:
        """Find the current MDL from `data_offset`, and the segments; after any change of chain, offset or length."""
        skip, left = self.data_offset, self.length
        self.current, self.current_offset = 0, 0
        segments: list[tuple[int, int]] = []
        for place, mdl in enumerate(self.mdls):
            if skip >= mdl.length and (skip > 0 or not mdl.length):
                skip -= mdl.length
                continue
            if not segments:
                self.current, self.current_offset = place, skip
            if not left:
                break
            taken = min(mdl.length - skip, left)
            segments.append((mdl.address + skip, taken))
            left -= taken
            skip = 0
        if left:
            raise RuleViolation("nb-too-short", f"{self!r} has {left} bytes less than its length in its MDLs")
        self.segments = tuple(segments)
        if segments:
            self.memory = self.mdls[0].memory
        self.leave()
        self.address, self.window, self.first_word = 0, None, None
        if len(segments) == 1:
            start, length = segments[0]
            self.address = start
            self.window = slice(start, start + length)
            self.first_word = start // WORD if length >= WORD and not start % WORD else None

    def resize(self, length: int) -> None:
        """Set the length of a frame: how many bytes from `data_offset` it has (`NET_BUFFER_DATA_LENGTH`)."""
        before, self.length = self.length, length
        if self.address and before >= WORD and len(self.mdls) == 1:
            (mdl,), offset = self.mdls, self.data_offset
            start = mdl.address + offset
            if start == self.address and WORD <= length <= mdl.length - offset:
                # It stays where it is, in one piece.
                self.segments = ((start, length),)
                self.window = slice(start, start + length)
                return
        try:
            self.locate()
        except RuleViolation:
            self.length = before
            raise

    def fill(self, data: bytes) -> None:
        """Make `data` the frame, in the memory that the chain has from `data_offset` on."""
        if self.length != len(data):
            self.resize(len(data))
        if self.window is not None:
            self.memory[self.window] = data
            return
        place = 0
        for address, length in self.segments:
            self.memory[address : address + length] = data[place : place + length]
            place += length

    def retreat(self, delta: int, spare: BufferPool | None = None) -> Status:
        """Grow the front by `delta` bytes (`NdisRetreatNetBufferDataStart`): unused space first, else an MDL of `spare`.

        RESOURCES changes nothing.
        """
        if delta > self.data_offset:
            extra = None if spare is None else spare.allocate(self.nbl)
            if extra is None or extra.capacity < delta - self.data_offset:
                if extra is not None and spare is not None:
                    spare.free(extra, self.nbl)
                return Status.RESOURCES
            extra.length = extra.capacity
            self.mdls.insert(0, extra)
            self.data_offset += extra.length
        self.data_offset -= delta
        self.length += delta
        self.locate()
        return Status.SUCCESS

    def advance(self, delta: int, spare: BufferPool | None = None) -> None:
        """Shrink the front by `delta` bytes (`NdisAdvanceNetBufferDataStart`); an MDL that `retreat` added goes back."""
        if delta > self.length:
            raise RuleViolation("nb-advance", f"{self!r} cannot be advanced by {delta} bytes, more than it has")
        self.data_offset += delta
        self.length -= delta
        while (
            spare is not None
            and self.mdls
            and self.mdls[0].owner is self.nbl
            and self.data_offset >= self.mdls[0].length
        ):
            first = self.mdls.pop(0)
            self.data_offset -= first.length
            spare.free(first, self.nbl)
        self.locate()

    def read(self) -> bytes:
        """Return a copy of the frame."""
        if self.window is not None:
            return self.memory[self.window]
        return b"".join(self.memory[address : address + length] for address, length in self.segments)
