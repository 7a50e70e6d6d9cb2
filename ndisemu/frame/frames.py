"""Frames that travel together, and what everybody on their way asks of them.

The sending card, the cable and the receiving card all want to know how long
the frames of a burst are and where they go. So that is found out once, and
goes with them (`ndisemu bench`: five passes over a burst less).
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Self, TypeVar

from ndisemu.frame.ethernet import ADDRESS

H = TypeVar("H", bound=Hashable)


class Frames(list[bytes]):
    """One or more frames, never changed once made; all lengths are in bytes, without FCS.

    `octets` is the sum of the `sizes`, `shortest` and `longest` are among them. Who knows the sizes already says them.
    """

    __slots__ = ("_destinations", "longest", "octets", "shortest", "sizes")

    def __init__(self, frames: Iterable[bytes], sizes: list[int] | None = None) -> None:
        super().__init__(frames)
        sizes = self.sizes = list(map(len, self)) if sizes is None else sizes
        first, count = sizes[0], len(sizes)
        if sizes.count(first) == count:
            # As bulk traffic is: one pass for three.
            self.octets, self.shortest, self.longest = first * count, first, first
        else:
            self.octets, self.shortest, self.longest = sum(sizes), min(sizes), max(sizes)
        self._destinations: dict[bytes, None] | None = None

    @classmethod
    def of(cls, frames: Sequence[bytes]) -> Self:
        """Return `frames` themselves if they are already known as such."""
        return frames if isinstance(frames, cls) else cls(frames)

    @property
    def destinations(self) -> dict[bytes, None]:
        """Where they go: each address once, in order of its first frame."""
        found = self._destinations
        if found is None:
            # Where the first and the last in the order of bytes begin alike, all between them do: mostly a whole burst.
            first = min(self)[:ADDRESS]
            alike = max(self)[:ADDRESS] == first
            found = self._destinations = {first: None} if alike else distinct([frame[:ADDRESS] for frame in self])
        return found


def distinct(marks: list[H]) -> dict[H, None]:
    """Return each of one or more addresses, or what else tells frames apart, once, in order; mostly a burst has one."""
    first = marks[0]
    return {first: None} if marks.count(first) == len(marks) else dict.fromkeys(marks)
