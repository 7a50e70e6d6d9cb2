"""The card's statistics registers: counters at 0x4000 to 0x40FC, cleared by reading them.

Counters stick at all ones. The 64-bit octet counters are pairs whose high
word, read last, clears both (13.7).
"""

from collections.abc import Sequence
from typing import Final

from ndisemu.frame.ethernet import FCS
from ndisemu.hw import registers as reg

BASE: Final = 0x4000
STUCK: Final = 0xFFFFFFFF
# The upper bounds of the size classes of 13.7.21 and 13.7.44, FCS included.
SIZE_CLASSES: Final = (64, 127, 255, 511, 1023)
# Octet counters: low and high word.
PAIRS: Final = ((reg.GORCL, reg.GORCH), (reg.GOTCL, reg.GOTCH), (reg.TORL, reg.TORH), (reg.TOTL, reg.TOTH))


class Statistics:
    """The counters since they were last read, and `total`, which software cannot clear."""

    __slots__ = ("_since_read", "total")

    def __init__(self) -> None:
        self.total: dict[int, int] = dict.fromkeys(range(BASE, BASE + 0x100, 4), 0)
        self._since_read = dict(self.total)

    def add(self, register: int, count: int) -> None:
        """Count `count` more at `register`; for an octet pair, its low word."""
        self.total[register] += count
        self._since_read[register] += count

    def transmitted(self, frames: Sequence[bytes]) -> None:
        """Count good frames that were sent."""
        octets = self._count(frames, reg.PTC64)
        self.add(reg.GPTC, len(frames))
        self.add(reg.TPT, len(frames))
        self.add(reg.GOTCL, octets)
        self.add(reg.TOTL, octets)
        groups = [frame for frame in frames if frame[0] & 1]
        if groups:
            self._groups(groups, reg.MPTC, reg.BPTC)

    def received(self, frames: Sequence[bytes]) -> None:
        """Count good frames that passed the filters and found room on the card."""
        octets = self._count(frames, reg.PRC64)
        self.add(reg.GPRC, len(frames))
        self.add(reg.GORCL, octets)
        self.add(reg.TORL, octets)
        groups = [frame for frame in frames if frame[0] & 1]
        if groups:
            self._groups(groups, reg.MPRC, reg.BPRC)

    def rejected(self, frames: Sequence[bytes], kept: Sequence[bytes]) -> None:
        """Count the octets of those `frames` that are not in `kept`, which `received` counts: TOR has them all."""
        octets = sum(map(len, frames)) - sum(map(len, kept))
        self.add(reg.TORL, octets + FCS * (len(frames) - len(kept)))

    def read(self, register: int) -> int:
        """Return a counter and clear it, as a register read does."""
        for low, high in PAIRS:
            if register == low:
                return self._since_read[low] & 0xFFFFFFFF
            if register == high:
                value = self._since_read[low] >> 32
                self._since_read[low] = 0
                return min(value, STUCK)
        value = self._since_read[register]
        self._since_read[register] = 0
        return min(value, STUCK)

    def reset(self) -> None:
        """Clear what software reads; `total` goes on."""
        self._since_read = dict.fromkeys(self._since_read, 0)

    def _count(self, frames: Sequence[bytes], smallest: int) -> int:
        """Sort `frames` into the size classes from register `smallest`; returns their octets with FCS."""
        lengths = list(map(len, frames))
        if lengths.count(lengths[0]) == len(lengths):
            self.add(smallest + 4 * _size_class(lengths[0] + FCS), len(lengths))
        else:
            for length in lengths:
                self.add(smallest + 4 * _size_class(length + FCS), 1)
        return sum(lengths) + FCS * len(lengths)

    def _groups(self, groups: Sequence[bytes], multicast: int, broadcast: int) -> None:
        to_all = sum(frame[:6] == b"\xff\xff\xff\xff\xff\xff" for frame in groups)
        self.add(broadcast, to_all)
        self.add(multicast, len(groups) - to_all)


def _size_class(size: int) -> int:
    for place, bound in enumerate(SIZE_CLASSES):
        if size <= bound:
            return place
    return len(SIZE_CLASSES)
