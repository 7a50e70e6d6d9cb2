"""The receive engine: from the wire through filters and the on-chip FIFO into the ring.

A link hands over frames with the times at which they arrive, some of them in
the future. `settle` makes everything up to now happen, in order: filter,
DMA into the next free descriptors, write-back, cause. It runs before any
ISR, DPC, timer or register access of the host could look, and at the instant
at which an interrupt has to come; between these nobody can tell whether the
card worked frame by frame or in a run.

With no free descriptor (RDH == RDT) a frame counts in RNBC and waits in the
48 KB of packet buffer; only when that is full is it missed: MPC and RXO. A
card that hangs does with all frames as with those.
"""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from ndisemu.frame.ethernet import FCS, HEADER, VLAN_TAG
from ndisemu.frame.frames import Frames
from ndisemu.hw import registers as reg
from ndisemu.hw.causes import Causes
from ndisemu.hw.filters import ReceiveFilter
from ndisemu.hw.statistics import Statistics
from ndisemu.hw.vlan import strip_tags
from ndisemu.kernel import Kernel
from ndisemu.memory import DESCRIPTOR, DescriptorRing, DmaSpace, DmaViolation, repeat

# Longest frame without RCTL.LPE, FCS not counted (13.4.22).
LONGEST: Final = 1500 + HEADER + VLAN_TAG
_RX_CAUSES: Final = reg.RXT0 | reg.RXDMT0 | reg.RXO
_SIZES: Final = {bits: size for size, bits in reg.BUFFER_SIZES.items()}


class Arrivals:
    """One burst on its way: frames, when each arrives, and how many have been taken."""

    __slots__ = ("frames", "taken", "times")

    def __init__(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        self.frames = frames
        self.times = times
        self.taken = 0


class Receiver:
    """One card's receive side; `head` and `tail` are RDH and RDT.

    `coming` is what the link has handed over and has not all arrived.
    `dropped` counts the frames that reached the card and not the ring, by
    reason; `delivered` those that did, `of_this_ring` since the card was reset; `stopped` is the reason for which it takes none any more, else
    empty. `vlan` is VET as it is on the wire while CTRL.VME is set, else
    empty. `received` is told each run as it arrives: frames and times. `placed` is told what of that has found descriptors,
    as its driver should have it: without tags that the card has taken out, and without FCS.
    """

    __slots__ = ("_alarm", "_causes", "_delivered_before", "_dma", "_fault", "_fifo", "_fifo_bytes", "_kernel", "_ring", "_statistics",
                 "arrived", "base", "buffer_size", "coming", "delivered", "dropped", "filter", "head", "hung", "packet_buffer",
                 "placed", "received", "size", "stopped", "tail", "vlan")  # fmt: skip

    def __init__(
        self,
        kernel: Kernel,
        dma: DmaSpace,
        causes: Causes,
        statistics: Statistics,
        settlers: list[Callable[[], None]],
        wake: Callable[[], None],
        fault: Callable[[DmaViolation], None],
    ) -> None:
        self._kernel = kernel
        self._fault = fault
        self._dma = dma
        self._causes = causes
        self._statistics = statistics
        self._alarm = kernel.alarm(wake)
        self.coming: deque[Arrivals] = deque()
        self.filter = ReceiveFilter()
        self.received: Callable[[Sequence[bytes], Sequence[int]], None] | None = None
        self.placed: Callable[[Sequence[bytes], Sequence[int]], None] | None = None
        self.arrived = 0
        self.delivered = 0
        self._delivered_before = 0
        self.dropped = {"disabled": 0, "filtered": 0, "oversize": 0, "missed": 0, "removed": 0}
        self.packet_buffer = 48 * 1024
        self.reset()
        # For good: taking it out again while the host walks over the list would hide the next card's.
        settlers.append(self.settle)

    def reset(self) -> None:
        """Forget ring and FIFO, as CTRL.RST does; frames in the FIFO are missed, and it neither hangs nor stops."""
        self.base = self.size = self.head = self.tail = 0
        self.buffer_size = 2048
        self.vlan = b""
        self.hung = False
        self.stopped = ""
        self._delivered_before = self.delivered
        self._ring: DescriptorRing | None = None
        self.dropped["missed"] += len(getattr(self, "_fifo", ()))
        self._fifo: deque[bytes] = deque()
        self._fifo_bytes = 0

    def remove(self) -> None:
        """Take no frame any more, and lose those that waited for a descriptor."""
        self.stopped = "removed"
        self.dropped["removed"] += len(self._fifo)
        self._fifo.clear()
        self._fifo_bytes = 0

    def set_ring(self, base: int, size: int) -> None:
        """Take a new ring: `size` bytes at bus address `base`; it is looked at when it is used."""
        self.base, self.size = base, size
        self._ring = None

    def set_control(self, rctl: int) -> None:
        """Take the buffer size from a new RCTL."""
        self.buffer_size = _SIZES.get(rctl & (reg.RCTL_BSIZE | reg.RCTL_BSEX), 2048)

    def arrive(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Take a burst from the link; `times` ascend and may lie ahead."""
        self.coming.append(Arrivals(frames, times))
        self.arm()

    def arm(self) -> None:
        """Wake up when the next arrival can matter: at once if it may interrupt, else when its burst is complete."""
        if not self.coming:
            return
        burst = self.coming[0]
        causes = self._causes
        if causes.ims & _RX_CAUSES and not causes.asserted:
            when = max(burst.times[burst.taken], causes.open_at)
        else:
            when = burst.times[-1]
        if self._alarm.when is None or when < self._alarm.when:
            self._alarm.set(max(when, self._kernel.now))

    def settle(self) -> None:
        """Make everything that has arrived by now happen."""
        now, coming = self._kernel.now, self.coming
        while coming:
            burst = coming[0]
            times = burst.times
            if times[-1] <= now:
                coming.popleft()
                if burst.taken:
                    self._take(burst.frames[burst.taken :], times[burst.taken :])
                else:
                    self._take(burst.frames, times)
                continue
            count = bisect_right(times, now, burst.taken)
            if count > burst.taken:
                start, burst.taken = burst.taken, count
                self._take(burst.frames[start:count], times[start:count])
            return

    @property
    def of_this_ring(self) -> int:
        """How many frames have been put into the ring since the card was reset."""
        return self.delivered - self._delivered_before

    @property
    def given(self) -> int:
        """How many descriptors software has given the card to fill."""
        return (self.tail - self.head) % (self.size // DESCRIPTOR) if self.size else 0

    @property
    def waiting(self) -> int:
        """How many frames wait in the packet buffer for a descriptor."""
        return len(self._fifo)

    def refill(self) -> None:
        """Software gave descriptors back: move what waits in the packet buffer into them."""
        if self._fifo and self.tail != self.head:
            waiting, self._fifo, self._fifo_bytes = list(self._fifo), deque(), 0
            self._wait(waiting[self._guarded(Frames(waiting)) :])

    def _take(self, arrived: Sequence[bytes], times: Sequence[int]) -> None:
        """Filter frames that have just arrived, and place those that pass."""
        self.arrived += len(arrived)
        if self.received is not None:
            self.received(arrived, times)
        rctl = self.filter.rctl
        if self.stopped or not rctl & reg.RCTL_EN:
            self.dropped[self.stopped or "disabled"] += len(arrived)
            return
        frames = Frames.of(arrived)
        self._statistics.add(reg.TPR, len(frames))
        kept = self.filter.accepts(frames)
        self.dropped["filtered"] += len(frames) - len(kept)
        if not rctl & reg.RCTL_LPE and frames.longest > LONGEST:
            fitting = [frame for frame in kept if len(frame) <= LONGEST]
            self._statistics.add(reg.ROC, len(kept) - len(fitting))
            self.dropped["oversize"] += len(kept) - len(fitting)
            kept = fitting
        if kept:
            placed = 0 if self._fifo or self.hung else self._guarded(Frames.of(kept))
            if placed < len(kept):
                self._statistics.add(reg.RNBC, len(kept) - placed)
                kept = kept[:placed] + self._wait(kept[placed:])
        if kept:
            self._statistics.received(Frames.of(kept))
        if len(kept) < len(frames):
            self._statistics.rejected(frames, kept)

    def _guarded(self, frames: Frames) -> int:
        """Place frames; a bad address from the driver stops the card, not its host, and the rest is lost."""
        if self.stopped:
            self.dropped[self.stopped] += len(frames)
            return len(frames)
        try:
            return self._place(frames)
        except DmaViolation as violation:
            if len(frames) > 1:
                # None of the run is in the ring yet. What came before the bad address still gets there.
                return next(
                    (place for place, frame in enumerate(frames) if not self._guarded(Frames([frame]))), len(frames)
                )
            self.dropped["disabled"] += 1
            self._fault(violation)
            return 1

    def _place(self, frames: Frames) -> int:
        """Put frames into free descriptors; returns how many found one."""
        if self.head == self.tail:
            return 0
        ring = self._checked_ring()
        free = (self.tail - self.head) % ring.count
        parts = frames if self.filter.rctl & reg.RCTL_SECRC else Frames(map(_with_fcs, frames))
        special: Sequence[int] = ()
        if self.vlan:
            stripped, special = strip_tags(parts, self.vlan)
            parts = Frames(stripped)
        # The length of all, where they have one.
        length = None
        if parts.longest <= self.buffer_size:
            placed = min(free, len(parts))
            written: Sequence[bytes] = parts if placed == len(parts) else parts[:placed]
            if parts.shortest == parts.longest:
                length = parts.longest
                status = repeat(length | _WHOLE, placed)
            else:
                status = array("Q", [size | _WHOLE for size in parts.sizes[:placed]])
        else:
            written, status, placed = self._cut(parts, free)
        if special:
            status = _with_special(status, special)
        if placed:
            self._dma.scatter(ring.read_addresses(self.head, len(written)), written, length)
            ring.write_status(self.head, status)
            self.head = (self.head + len(written)) % ring.count
            self.delivered += placed
            if self.placed is not None:
                mine: Sequence[bytes] = parts if placed == len(parts) else parts[:placed]
                self.placed(mine if self.filter.rctl & reg.RCTL_SECRC else [part[:-FCS] for part in mine], ())
            left = (self.tail - self.head) % ring.count
            low = left <= ring.count >> 1 + (self.filter.rctl >> 8 & 3)
            self._causes.raise_(reg.RXT0 | (reg.RXDMT0 if low else 0))
        return placed

    def _cut(self, frames: Sequence[bytes], free: int) -> tuple[list[bytes], array[int], int]:
        """Cut frames longer than a buffer into parts: those, their status words, and how many frames found room."""
        size = self.buffer_size
        parts: list[bytes] = []
        status = array("Q")
        for count, frame in enumerate(frames):
            mine = [frame[start : start + size] for start in range(0, len(frame), size)]
            if len(parts) + len(mine) > free:
                return parts, status, count
            parts += mine
            status.extend(len(part) | reg.RX_DD | reg.RX_IXSM for part in mine)
            status[-1] |= reg.RX_EOP
        return parts, status, len(frames)

    def _wait(self, frames: list[bytes]) -> list[bytes]:
        """Keep frames in the packet buffer, and return them; those it has no room for are missed."""
        kept = []
        for frame in frames:
            if self._fifo_bytes + len(frame) + FCS <= self.packet_buffer:
                self._fifo_bytes += len(frame) + FCS
                kept.append(frame)
        self._fifo.extend(kept)
        if missed := len(frames) - len(kept):
            self.dropped["missed"] += missed
            self._statistics.add(reg.MPC, missed)
            self._causes.raise_(reg.RXO)
        return kept

    def _checked_ring(self) -> DescriptorRing:
        """Return the ring, if the card may touch it and its indices lie in it."""
        self._dma.block_at(self.base, self.size, "write descriptors in")
        if self._ring is None:
            first = self.base >> 3
            self._ring = DescriptorRing(self._dma.memory.words[first : first + (self.size >> 3)])
        if max(self.head, self.tail) >= self._ring.count:
            where = f"RDH is {self.head} and RDT {self.tail} in a ring of {self._ring.count}"
            raise DmaViolation("ring-index", f"{where}; both must lie in it")
        return self._ring


_WHOLE: Final = reg.RX_DD | reg.RX_EOP | reg.RX_IXSM


def _with_fcs(frame: bytes) -> bytes:
    """Return `frame` with its frame check sequence, as it lands in memory without RCTL.SECRC."""
    return frame + zlib.crc32(frame).to_bytes(FCS, "little")


def _with_special(status: Sequence[int], special: Sequence[int]) -> array[int]:
    """Return the status words, with that of each frame's last descriptor completed from `special`."""
    following = iter(special)
    return array("Q", [word | next(following) if word & reg.RX_EOP else word for word in status])
