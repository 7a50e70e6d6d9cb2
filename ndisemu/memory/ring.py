"""A ring of 16-byte descriptors in shared memory, read and written in runs.

Both sides use it: the driver over its allocation, the card over the same
memory through its bus address. It has no head and no tail; those belong to
whoever owns them. A run may wrap around the end.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from ndisemu.errors import UsageError

DESCRIPTOR = 16


class DescriptorRing:
    """`count` descriptors of two 64-bit words each, in `words` (a memoryview of format Q)."""

    __slots__ = ("count", "words")

    def __init__(self, words: memoryview) -> None:
        if words.format != "Q" or len(words) < 2 or len(words) % 2:
            raise UsageError(f"a descriptor ring is an even number of 64-bit words, not {len(words)} of {words.format}")
        self.words = words
        self.count = len(words) // 2

    def __repr__(self) -> str:
        return f"<DescriptorRing of {self.count}>"

    def read(self, start: int, count: int) -> array[int]:
        """Return the words of `count` descriptors from `start`: address words at even places, status words at odd."""
        words, end = self.words, start + count
        if end <= self.count:
            return _copy(words[2 * start : 2 * end])
        return _copy(words[2 * start :]) + _copy(words[: 2 * (end - self.count)])

    def read_addresses(self, start: int, count: int) -> list[int]:
        """Return the first words of `count` descriptors from `start`."""
        words, end = self.words, start + count
        if end <= self.count:
            return words[2 * start : 2 * end : 2].tolist()
        return words[2 * start :: 2].tolist() + words[: 2 * (end - self.count) : 2].tolist()

    def write(self, start: int, values: Sequence[int]) -> None:
        """Write whole descriptors from `start`, two words each: an array of format Q as it is."""
        if len(values) == 2:
            # A run of one is more than twice as dear as its two words.
            self.words[2 * start], self.words[2 * start + 1] = values
            return
        words = values if isinstance(values, array) else array("Q", values)
        count = len(words) // 2
        room = self.count - start
        if count <= room:
            self.words[2 * start : 2 * (start + count)] = words
        else:
            self.words[2 * start :] = words[: 2 * room]
            self.words[: 2 * (count - room)] = words[2 * room :]

    @staticmethod
    def packed(address: int, status: int = 0) -> bytes:
        """Return a descriptor in bytes."""
        return array("Q", (address, status)).tobytes()

    def put(self, start: int, descriptors: list[bytes]) -> None:
        """Write descriptors from `start` that are in bytes already, as `packed` makes them."""
        room = self.count - start
        if len(descriptors) <= room:
            self.words[2 * start : 2 * (start + len(descriptors))] = memoryview(b"".join(descriptors)).cast("Q")
        else:
            self.put(start, descriptors[:room])
            self.put(0, descriptors[room:])

    def read_status(self, start: int, count: int) -> array[int]:
        """Return the second words of `count` descriptors from `start`."""
        words, end = self.words, start + count
        if end <= self.count:
            return _copy(words[2 * start + 1 : 2 * end : 2])
        return _copy(words[2 * start + 1 :: 2]) + _copy(words[1 : 2 * (end - self.count) : 2])

    def write_status(self, start: int, values: array[int]) -> None:
        """Write the second words of descriptors from `start`: an array of format Q."""
        count = len(values)
        room = self.count - start
        if count <= room:
            self.words[2 * start + 1 : 2 * (start + count) : 2] = values
        else:
            self.words[2 * start + 1 :: 2] = values[:room]
            self.words[1 : 2 * (count - room) : 2] = values[room:]


def repeat(word: int, count: int) -> array[int]:
    """Return an array of the same word, `count` times."""
    return array("Q", (word,)) * count


def _copy(view: memoryview) -> array[int]:
    return array("Q", view.tobytes())
