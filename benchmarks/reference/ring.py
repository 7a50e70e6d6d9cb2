"""A ring of descriptors in shared memory, in two ways: one descriptor at a time, and whole runs.

The driver gives packets and reaps those that are done; the card takes
descriptors and finishes them. A descriptor is two words: the address of a
buffer, and the frame's length with `DONE` when the card has finished.
Positions run freely and are masked on use. A ring is never overfilled,
because there are never more packets than descriptors.
"""

from array import array
from collections.abc import Iterable
from typing import Final

COUNT: Final = 256
WORDS: Final = 2 * COUNT
DONE: Final = 1 << 32
# How many packets are reaped at once, at most.
BUDGET: Final = 64
_MASK: Final = COUNT - 1


class Packet:
    """A buffer in shared memory, how much of it is a frame, and who may touch it now."""

    __slots__ = ("address", "length", "owner")

    def __init__(self, address: int, length: int, owner: str) -> None:
        self.address = address
        self.length = length
        self.owner = owner

    def __repr__(self) -> str:
        return f"<Packet at {self.address:#x}, {self.length} bytes, of the {self.owner}>"


class Ring:
    """One descriptor at a time: the faster way for small bursts."""

    __slots__ = ("addresses", "finished", "given", "packets", "reaped", "statuses", "taken")

    def __init__(self, words: memoryview) -> None:
        self.addresses, self.statuses = words[::2], words[1::2]
        self.packets = [Packet(0, 0, "nobody")] * COUNT
        self.given = self.taken = self.finished = self.reaped = 0

    def give(self, packets: list[Packet]) -> None:
        """Let the card have `packets`: the driver's part."""
        for packet in packets:
            place = self.given & _MASK
            self.packets[place] = packet
            self.addresses[place] = packet.address
            self.statuses[place] = packet.length
            self.given += 1

    def take(self, most: int = COUNT) -> list[tuple[int, int]]:
        """Return address and length of at most so many descriptors not taken yet: the card's part."""
        first, self.taken = self.taken, min(self.given, self.taken + most)
        return [(self.addresses[place & _MASK], self.statuses[place & _MASK]) for place in range(first, self.taken)]

    def finish(self, lengths: Iterable[int]) -> None:
        """Write back that the next descriptors are done with frames of these lengths: the card's part."""
        for length in lengths:
            self.statuses[self.finished & _MASK] = DONE | length
            self.finished += 1

    def reap(self) -> list[Packet]:
        """Return the packets that are done, with their lengths: the driver's part."""
        done: list[Packet] = []
        while self.reaped < self.given and len(done) < BUDGET and (status := self.statuses[self.reaped & _MASK]) & DONE:
            packet = self.packets[self.reaped & _MASK]
            packet.length = status ^ DONE
            done.append(packet)
            self.reaped += 1
        return done


class RunRing(Ring):
    """A run of descriptors at a time, none across the end of the ring."""

    __slots__ = ()

    def give(self, packets: list[Packet]) -> None:
        """Write addresses, lengths and packets of the run with one slice each."""
        start = self.given & _MASK
        if len(packets) > COUNT - start:
            self.give(packets[: COUNT - start])
            packets, start = packets[COUNT - start :], 0
        end = start + len(packets)
        self.packets[start:end] = packets
        self.addresses[start:end] = array("Q", [packet.address for packet in packets])
        self.statuses[start:end] = array("Q", [packet.length for packet in packets])
        self.given += len(packets)

    def take(self, most: int = COUNT) -> list[tuple[int, int]]:
        """Read addresses and lengths with one slice each; what lies beyond the end is left for the next call."""
        start = self.taken & _MASK
        end = min(start + min(self.given - self.taken, most), COUNT)
        self.taken += end - start
        return list(zip(self.addresses[start:end].tolist(), self.statuses[start:end].tolist(), strict=True))

    def finish(self, lengths: Iterable[int]) -> None:
        """Write the status words back with one slice; these descriptors were taken together."""
        words = array("Q", [DONE | length for length in lengths])
        start = self.finished & _MASK
        self.statuses[start : start + len(words)] = words
        self.finished += len(words)

    def reap(self) -> list[Packet]:
        """Read status words with one slice if the first is done; those done come first, as the card keeps the order."""
        start = self.reaped & _MASK
        if self.reaped == self.given or not self.statuses[start] & DONE:
            return []
        statuses = self.statuses[start : start + min(self.given - self.reaped, BUDGET)].tolist()
        lengths = [status ^ DONE for status in statuses if status & DONE]
        self.reaped += len(lengths)
        done = self.packets[start : start + len(lengths)]
        for packet, length in zip(done, lengths, strict=True):
            packet.length = length
        return done
