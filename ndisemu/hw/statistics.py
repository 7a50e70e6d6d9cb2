"""The card's statistics registers: counters at 0x4000 to 0x40FC, cleared by reading them.

Counters stick at all ones. The 64-bit octet counters are pairs whose high
word, read last, clears both (13.7).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Final

from ndisemu.frame.ethernet import ADDRESS, BROADCAST, FCS, is_group
from ndisemu.frame.frames import Frames
from ndisemu.hw import registers as reg

BASE: Final = 0x4000
STUCK: Final = 0xFFFFFFFF
# The upper bounds of the size classes of 13.7.21 and 13.7.44, FCS included.
SIZE_CLASSES: Final = (64, 127, 255, 511, 1023)
# Octet counters: low and high word.
PAIRS: Final = ((reg.GORCL, reg.GORCH), (reg.GOTCL, reg.GOTCH), (reg.TORL, reg.TORH), (reg.TOTL, reg.TOTH))


class Statistics:
    """The counters since they were last read, and `total`, which software cannot clear."""

    __slots__ = ("_read", "total")

    def __init__(self) -> None:
        self.total: dict[int, int] = dict.fromkeys(range(BASE, BASE + 0x100, 4), 0)
        # What each total was when software read it last.
        self._read = dict(self.total)

    def add(self, register: int, count: int) -> None:
        """Count `count` more at `register`; for an octet pair, its low word."""
        self.total[register] += count

    def transmitted(self, frames: Frames) -> None:
        """Count good frames that were sent."""
        total, count = self.total, len(frames)
        octets = frames.octets + FCS * count
        total[reg.GPTC] += count
        total[reg.TPT] += count
        total[reg.GOTCL] += octets
        total[reg.TOTL] += octets
        self._sort(frames, reg.PTC64, reg.MPTC, reg.BPTC)

    def received(self, frames: Frames) -> None:
        """Count good frames that passed the filters and found room on the card."""
        total, count = self.total, len(frames)
        octets = frames.octets + FCS * count
        total[reg.GPRC] += count
        total[reg.GORCL] += octets
        total[reg.TORL] += octets
        self._sort(frames, reg.PRC64, reg.MPRC, reg.BPRC)

    def rejected(self, frames: Frames, kept: Sequence[bytes]) -> None:
        """Count the octets of those `frames` that are not in `kept`, which `received` counts: TOR has them all."""
        self.total[reg.TORL] += frames.octets - sum(map(len, kept)) + FCS * (len(frames) - len(kept))

    def read(self, register: int) -> int:
        """Return a counter and clear it, as a register read does."""
        total, read = self.total, self._read
        for low, high in PAIRS:
            if register == low:
                return (total[low] - read[low]) & 0xFFFFFFFF
            if register == high:
                value = total[low] - read[low] >> 32
                read[low] = total[low]
                return min(value, STUCK)
        value = total[register] - read[register]
        read[register] = total[register]
        return min(value, STUCK)

    def reset(self) -> None:
        """Clear what software reads; `total` goes on."""
        self._read = dict(self.total)

    def _sort(self, frames: Frames, smallest: int, multicast: int, broadcast: int) -> None:
        """Sort `frames` into the size classes from register `smallest`, and count those that go to groups."""
        total = self.total
        if frames.shortest == frames.longest:
            total[smallest + 4 * bisect_left(SIZE_CLASSES, frames.longest + FCS)] += len(frames)
        else:
            for size, count in Counter(frames.sizes).items():
                total[smallest + 4 * bisect_left(SIZE_CLASSES, size + FCS)] += count
        for destination in frames.destinations:
            if is_group(destination):
                count = sum(frame[:ADDRESS] == destination for frame in frames)
                total[broadcast if destination == BROADCAST else multicast] += count
