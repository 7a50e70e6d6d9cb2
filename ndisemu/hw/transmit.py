"""The transmit engine: from the descriptor ring through the on-chip FIFO to the wire.

A write to TDT wakes the card, which takes descriptors in runs as long as its
16 KB FIFO has room for their frames, freezes the frames' bytes at that
moment, writes back DD where RS asks for it (the data has left host memory),
and raises TXDW and, with the ring empty, TXQE. On a paced wire the FIFO
fills; the engine then goes on when half of it has been sent, counted in the
runs it was filled with, which is this model's prefetch threshold.

Legacy descriptors only (3.3.3), with VLAN tags where VLE asks for them. A
descriptor that asks for what is not modelled yet (DEXT, IC) is sent as it is
and counted in `unsupported`.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Final

from ndisemu.frame.ethernet import MIN_FRAME
from ndisemu.frame.frames import Frames
from ndisemu.hw import registers as reg
from ndisemu.hw.causes import Causes
from ndisemu.hw.statistics import Statistics
from ndisemu.hw.vlan import insert_tags
from ndisemu.kernel import Kernel
from ndisemu.link import CableEnd
from ndisemu.memory import DESCRIPTOR, DescriptorRing, DmaSpace, DmaViolation, repeat

# 64 KB of packet buffer, less the 48 KB that PBA gives to receive at reset (13.4.38).
FIFO_SIZE: Final = 16 * 1024
_ZEROS: Final = bytes(MIN_FRAME)
# Where a descriptor has its length, and its command (3.3.3); and what that asks for.
_LENGTH: Final = 8
_COMMAND: Final = 11
_EOP, _RS, _VLE = (word >> 24 for word in (reg.TX_EOP, reg.TX_RS, reg.TX_VLE))
_UNSUPPORTED: Final = (reg.TX_DEXT | reg.TX_IC) >> 24


class Transmitter:
    """One card's transmit side; `head` and `tail` are TDH and TDT.

    `vlan` is VET as it is on the wire while CTRL.VME is set, else empty.
    `sent` is told each burst as it goes to the wire: frames and start times.
    """

    __slots__ = ("_alarm", "_causes", "_dma", "_fifo", "_kernel", "_partial", "_ring", "_statistics", "base", "enabled",
                 "end", "head", "pad", "sent", "size", "tail", "unsupported", "vlan", "wire_frames")  # fmt: skip

    def __init__(
        self, kernel: Kernel, dma: DmaSpace, causes: Causes, statistics: Statistics, wake: Callable[[], None]
    ) -> None:
        self._kernel = kernel
        self._dma = dma
        self._causes = causes
        self._statistics = statistics
        self._alarm = kernel.alarm(wake)
        self.end: CableEnd | None = None
        self.sent: Callable[[Sequence[bytes], Sequence[int]], None] | None = None
        self.unsupported = 0
        self.wire_frames = 0
        self.reset()

    def reset(self) -> None:
        """Forget ring and FIFO, as CTRL.RST does."""
        self.base = self.size = self.head = self.tail = 0
        self.enabled = self.pad = False
        self.vlan = b""
        self._ring: DescriptorRing | None = None
        self._partial = b""
        # What the FIFO holds: when each run has left, and its bytes.
        self._fifo: deque[tuple[int, int]] = deque()
        self._alarm.cancel()

    def set_ring(self, base: int, size: int) -> None:
        """Take a new ring: `size` bytes at bus address `base`; it is looked at when it is used."""
        self.base, self.size = base, size
        self._ring = None

    def pump(self) -> None:
        """Send what software has given the card, as far as the FIFO takes it."""
        if not self.enabled or self.end is None or self.head == self.tail or not self.size:
            return
        ring = self._checked_ring()
        while self.head != self.tail:
            taken = (self.tail - self.head) % ring.count
            words = ring.read(self.head, taken)
            # What takes no time to send never stays in the FIFO.
            if self.end.paced:
                room = FIFO_SIZE - self._occupied()
                taken = _fitting(_lengths(words.tobytes()), room, empty=not self._fifo)
            if not taken:
                self._wait_for_half()
                return
            try:
                self._send(ring, words[: 2 * taken], self.end)
            except DmaViolation:
                # Nothing of the run has been sent yet. What stands before the bad address still goes out.
                for place in range(0, 2 * taken, 2):
                    self._send(ring, words[place : place + 2], self.end)
        self._causes.raise_(reg.TXQE)

    def _checked_ring(self) -> DescriptorRing:
        """Return the ring, if the card may touch it and its indices lie in it."""
        self._dma.block_at(self.base, self.size, "read descriptors in")
        if self._ring is None:
            first = self.base >> 3
            self._ring = DescriptorRing(self._dma.memory.words[first : first + (self.size >> 3)])
        if max(self.head, self.tail) >= self._ring.count:
            where = f"TDH is {self.head} and TDT {self.tail} in a ring of {self._ring.count}"
            raise DmaViolation("ring-index", f"{where}; both must lie in it")
        return self._ring

    def _send(self, ring: DescriptorRing, words: array[int], end: CableEnd) -> None:
        """Take the descriptors in `words` off the ring and put their frames on the wire."""
        descriptors, status = words.tobytes(), words[1::2]
        # One byte of each, as a string, so that no number is made of every word. What does each ask for, and any?
        commands = descriptors[_COMMAND::DESCRIPTOR]
        kinds = _kinds(commands)
        every, some = 0xFF, 0
        for command in kinds:
            every &= command
            some |= command
        if some & _UNSUPPORTED:
            self.unsupported += sum(1 for command in commands if command & _UNSUPPORTED)
        lengths = _lengths(descriptors)
        frames = parts = self._dma.gather(words[::2], lengths)
        if not every & _EOP or self._partial:
            frames = self._join(parts, status)
        if some & _VLE and self.vlan:
            frames = insert_tags(frames, status, self.vlan)
        # No data is no frame.
        if frames:
            self._put_on_wire(Frames(frames, lengths if frames is parts else None), end)
        if every & _RS:
            ring.write_status(self.head, array("Q", [word | reg.TX_DD for word in status]))
        else:
            for command in kinds:
                if command & _RS:
                    self._write_back(ring, status, commands, command)
        self.head = (self.head + len(status)) % ring.count
        if some & _RS:
            self._causes.raise_(reg.TXDW)

    def _join(self, parts: list[bytes], status: Sequence[int]) -> list[bytes]:
        """Join the parts of frames; what has no end yet is kept."""
        frames = []
        for part, word in zip(parts, status, strict=True):
            self._partial += part
            if word & reg.TX_EOP:
                frames.append(self._partial)
                self._partial = b""
        return frames

    def _put_on_wire(self, frames: Frames, end: CableEnd) -> None:
        """Send frames, padded if they are short and TCTL.PSP says so; those without data are none."""
        if frames.shortest < MIN_FRAME:
            pad = _ZEROS if self.pad else b""
            data = [frame + pad[len(frame) :] for frame in frames if frame]
            if not data:
                return
            frames = Frames(data)
        starts, last = end.transmit(frames)
        self.wire_frames += len(frames)
        self._statistics.transmitted(frames)
        if last > self._kernel.now:
            self._fifo.append((last, frames.octets))
        if self.sent is not None:
            self.sent(frames, starts)

    def _write_back(self, ring: DescriptorRing, status: Sequence[int], commands: bytes, command: int) -> None:
        """Report the descriptors with this command as done: drivers ask for few of a burst."""
        place = commands.find(command)
        while place >= 0:
            ring.write_status((self.head + place) % ring.count, repeat(status[place] | reg.TX_DD, 1))
            place = commands.find(command, place + 1)

    def _occupied(self) -> int:
        """Return the bytes in the FIFO that have not left yet."""
        fifo, now = self._fifo, self._kernel.now
        while fifo and fifo[0][0] <= now:
            fifo.popleft()
        return sum(size for _, size in fifo)

    def _wait_for_half(self) -> None:
        """Go on when half of what is in the FIFO has left."""
        left = list(accumulate(size for _, size in self._fifo))
        when = next(end for (end, _), so_far in zip(self._fifo, left, strict=True) if so_far * 2 >= left[-1])
        self._alarm.set(when)


def _kinds(commands: bytes) -> list[int]:
    """Return each of the commands once; mostly there are two among a burst."""
    kinds = []
    while commands:
        kinds.append(commands[0])
        commands = commands.replace(commands[:1], b"")
    return kinds


def _lengths(descriptors: bytes) -> list[int]:
    """Return the length in each of one or more descriptors; mostly they have one."""
    low, high = descriptors[_LENGTH::DESCRIPTOR], descriptors[_LENGTH + 1 :: DESCRIPTOR]
    if low.count(low[0]) == len(low) == high.count(high[0]):
        return [low[0] | high[0] << 8] * len(low)
    return memoryview(descriptors).cast("H")[_LENGTH // 2 :: DESCRIPTOR // 2].tolist()


def _fitting(lengths: list[int], room: int, *, empty: bool) -> int:
    """Return how many leading descriptors fit into `room` bytes; one always fits an empty FIFO."""
    if sum(lengths) <= room:
        return len(lengths)
    taken = sum(1 for total in accumulate(lengths) if total <= room)
    return taken or int(empty)
