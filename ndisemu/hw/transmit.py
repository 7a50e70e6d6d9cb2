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

from collections import deque
from collections.abc import Callable, Collection, Sequence
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
from ndisemu.memory import DescriptorRing, DmaSpace, DmaViolation

# 64 KB of packet buffer, less the 48 KB that PBA gives to receive at reset (13.4.38).
FIFO_SIZE: Final = 16 * 1024
_ZEROS: Final = bytes(MIN_FRAME)
_UNSUPPORTED: Final = reg.TX_DEXT | reg.TX_IC


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
                taken = _fitting([word & reg.TX_LENGTH for word in words[1::2]], room, empty=not self._fifo)
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

    def _send(self, ring: DescriptorRing, words: list[int], end: CableEnd) -> None:
        """Take the descriptors in `words` off the ring and put their frames on the wire."""
        status = words[1::2]
        # What every descriptor says, and what any says; most words of a burst are the same.
        kinds = dict.fromkeys(status)
        every, some = -1, 0
        for word in kinds:
            every &= word
            some |= word
        if (every ^ some) & reg.TX_LENGTH:
            lengths = [word & reg.TX_LENGTH for word in status]
        else:
            lengths = [some & reg.TX_LENGTH] * len(status)
        if some & _UNSUPPORTED:
            self.unsupported += sum(1 for word in status if word & _UNSUPPORTED)
        frames = parts = self._dma.gather(words[::2], lengths)
        if not every & reg.TX_EOP or self._partial:
            frames = self._join(parts, status)
        if some & reg.TX_VLE and self.vlan:
            frames = insert_tags(frames, status, self.vlan)
        # No data is no frame.
        if frames:
            self._put_on_wire(Frames(frames, lengths if frames is parts else None), end)
        self._write_back(ring, status, kinds)
        self.head = (self.head + len(status)) % ring.count
        if some & reg.TX_RS:
            self._causes.raise_(reg.TXDW)

    def _join(self, parts: list[bytes], status: list[int]) -> list[bytes]:
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

    def _write_back(self, ring: DescriptorRing, status: list[int], kinds: Collection[int]) -> None:
        """Report the descriptors that ask for it as done: all at once, or, as drivers ask for few of a burst, those."""
        asking = [word for word in kinds if word & reg.TX_RS]
        if len(asking) == len(kinds):
            ring.write_status(self.head, [word | reg.TX_DD for word in status])
            return
        for word in asking:
            place = -1
            for _ in range(status.count(word)):
                place = status.index(word, place + 1)
                ring.write_status((self.head + place) % ring.count, [word | reg.TX_DD])

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


def _fitting(lengths: list[int], room: int, *, empty: bool) -> int:
    """Return how many leading descriptors fit into `room` bytes; one always fits an empty FIFO."""
    if sum(lengths) <= room:
        return len(lengths)
    taken = sum(1 for total in accumulate(lengths) if total <= room)
    return taken or int(empty)
