"""Where a station's frames come from: a generator's pattern, or a recorded capture.

A source hands out bursts in order and says when the next one is due. Frames
are exactly what is given to NDIS; `padded` is how they arrive.
"""

from collections.abc import Sequence
from itertools import cycle, islice
from math import lcm
from random import Random
from typing import Final, Protocol

from ndisemu.frame.ethernet import HEADER, MIN_FRAME

# A generator's frames repeat after this many; far more than ever are in
# flight, so a frame in the wrong place is always a different one.
DISTINCT: Final = 2048
ETHERTYPE_EXPERIMENTAL: Final = b"\x88\xb5"


class Source(Protocol):
    """Frames to send, in order.

    `window` of them are in flight at the most, and up to `burst` are due at once. A station over NDIS 6 sends up to
    `frames_per_list` of a burst in one NET_BUFFER_LIST. `priorities` are the 802.1p priorities of packets or lists, in
    turn, and without any they have none. `cpu` is the number of the CPU that sends them; None leaves it to the binding.
    """

    cpu: int | None
    window: int
    burst: int
    longest: int
    frames_per_list: int
    priorities: tuple[int, ...]

    @property
    def due(self) -> int | None:
        """The virtual time (ns) of the next burst; None when all have been handed out."""
        ...

    def next(self) -> tuple[Sequence[bytes], Sequence[bytes]]:
        """Return the next burst: the frames, and the same frames as they arrive."""
        ...


class Generator:
    """`frames` frames in bursts of `burst`, of the given sizes in turn (bytes without FCS).

    A station over NDIS 6 puts up to `frames_per_list` of a burst into one list; over NDIS 5 each frame is a packet.
    With `every` (ns) a burst is due at that interval whatever has become of
    the ones before (open loop); without it, as soon as the `window` admits it.
    The content is pseudo-random, numbered, and the same for the same seed.
    """

    def __init__(
        self,
        random: Random,
        *,
        source: bytes,
        destination: bytes,
        frames: int,
        sizes: Sequence[int],
        burst: int = 64,
        window: int | None = None,
        start: int = 0,
        every: int | None = None,
        frames_per_list: int = 1,
        priorities: Sequence[int] = (),
        shortest: int = MIN_FRAME,
        cpu: int | None = None,
    ) -> None:
        if frames_per_list < 1:
            raise ValueError(f"frames_per_list is {frames_per_list}; a list has at least one frame")
        self.cpu = cpu
        self.window = max(burst, window or 2 * burst)
        self.burst = burst
        self.frames_per_list = frames_per_list
        self.longest = max(sizes)
        self.priorities = tuple(priorities)
        self.due = start if frames else None
        self._left = frames
        self._every = every or 0
        header = destination + source + ETHERTYPE_EXPERIMENTAL
        body = random.randbytes(self.longest)
        # The pattern ends where the sizes do, or the next round would begin with the wrong one.
        whole = lcm(burst, len(sizes))
        count = min(-(-DISTINCT // whole) * whole, -(-frames // burst) * burst)
        made = [
            (header + number.to_bytes(4, "big") + body)[:size]
            for number, size in zip(range(count), cycle(sizes), strict=False)
        ]
        self._bursts = cycle(
            [(part, padded(part, shortest)) for part in (made[at : at + burst] for at in range(0, count, burst))]
        )

    def next(self) -> tuple[Sequence[bytes], Sequence[bytes]]:
        """Return the next burst."""
        burst = next(self._bursts)
        self._left -= len(burst[0])
        if self._left > 0:
            if self._every and self.due is not None:
                self.due += self._every
        else:
            self.due = None
            if self._left:
                # The last one is shorter.
                frames, arriving = burst
                burst = frames[: self._left], arriving[: self._left]
        return burst


class Replay:
    """Recorded frames at their recorded times: pairs of time (ns from the start of the run) and frame."""

    def __init__(
        self,
        recording: Sequence[tuple[int, bytes]],
        *,
        window: int = 512,
        shortest: int = MIN_FRAME,
        cpu: int | None = None,
    ) -> None:
        self.cpu = cpu
        self.window = self.burst = window
        self._shortest = shortest
        self.frames_per_list = 1
        self.priorities: tuple[int, ...] = ()
        self.longest = max((len(frame) for _, frame in recording), default=HEADER)
        self._recording = recording
        self._next = 0

    @property
    def due(self) -> int | None:
        """The recorded time of the next frame."""
        return self._recording[self._next][0] if self._next < len(self._recording) else None

    def next(self) -> tuple[Sequence[bytes], Sequence[bytes]]:
        """Return all frames recorded at the next instant, up to the window."""
        due = self._recording[self._next][0]
        frames = []
        for time, frame in islice(self._recording, self._next, self._next + self.window):
            if time != due:
                break
            frames.append(frame)
        self._next += len(frames)
        return frames, padded(frames, self._shortest)


def padded(frames: Sequence[bytes], shortest: int = MIN_FRAME) -> Sequence[bytes]:
    """Return frames as they arrive: padded with zeros to what the wire's shortest frame is, 60 bytes on a cable."""
    return [frame.ljust(shortest, b"\0") for frame in frames]
