"""Requests at intended times, and how long after those their replies arrive.

The load is open: a request is due when its time has come, whatever has
become of the ones before. One that cannot be sent then, because all packets
are out, waits, and its latency counts from when it was due, or a station
that is too slow would only be asked when it has time (coordinated omission).
"""

from collections.abc import Sequence
from random import Random
from typing import Final

from ndisemu.drivers.protocols.flow import Flow
from ndisemu.drivers.protocols.reflector import reflected
from ndisemu.drivers.protocols.sources import Generator

WINDOW: Final = 256


class Requests:
    """A generator's frames as requests, one by one at random times: a `Source` whose frames arrive as replies.

    Times between requests are exponential with a mean of `interval` ns, so
    requests are a Poisson process; `intended` is the time of the latest one.
    """

    def __init__(
        self, random: Random, *, source: bytes, destination: bytes, count: int, size: int, interval: float, start: int
    ) -> None:
        self._generator = Generator(
            random, source=source, destination=destination, frames=count, sizes=[size], burst=1, window=WINDOW
        )
        self.window, self.burst = self._generator.window, 1
        self.longest = size
        self.frames_per_list = 1
        self.priorities: tuple[int, ...] = ()
        self.cpu: int | None = None
        self.intended = start
        self._random = random
        self._interval = interval
        self._due = start

    @property
    def due(self) -> int | None:
        """The intended time of the next request."""
        return self._due if self._generator.due is not None else None

    def next(self) -> tuple[Sequence[bytes], Sequence[bytes]]:
        """Return the next request, and its reply as it arrives."""
        requests, arriving = self._generator.next()
        self.intended = self._due
        self._due += round(self._random.expovariate(1 / self._interval))
        return requests, [reflected(frame) for frame in arriving]


class Exchanges(Flow):
    """A flow of replies that also notes when each request was due and when its reply has come (ns)."""

    __slots__ = ("_arrived", "_intended", "_requests")

    def __init__(self, name: str, requests: Requests) -> None:
        super().__init__(name)
        self._requests = requests
        self._intended: list[int] = []
        self._arrived: list[int] = []

    def enter(self, frames: Sequence[bytes], now: int) -> None:
        """Note the reply to the latest request."""
        self._intended.append(self._requests.intended)
        super().enter(frames, now)

    def judge(self, frames: list[bytes], now: int) -> None:
        """Compare replies that arrived at `now`."""
        self._arrived += [now] * len(frames)
        super().judge(frames, now)

    def exact_latencies(self) -> list[int]:
        """Return each request's time from intention to reply, in order, if all were answered in order."""
        return [arrived - intended for intended, arrived in zip(self._intended, self._arrived, strict=True)]
