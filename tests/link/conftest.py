"""Ends without cards: ports that note down what reaches them, and a clock that a test sets."""

from collections.abc import Sequence

import pytest

from ndisemu.link import Cable, CableEnd


class Listener:
    """A port that keeps each frame with its time, and each change of the carrier."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.times: list[int] = []
        self.bursts: list[int] = []
        self.carriers: list[bool] = []

    def arrive(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Note down a burst."""
        assert len(frames) == len(times)
        self.frames += frames
        self.times += times
        self.bursts.append(len(frames))

    def carrier(self, *, up: bool) -> None:
        """Note down the carrier."""
        self.carriers.append(up)


class Wire:
    """A cable with a listener at each end, and the time."""

    def __init__(self, rate: int | None, delay: int = 0, mtu: int = 1500, gap: int = 12) -> None:
        self.now = 0
        self.cable = Cable("c", lambda: self.now, rate=rate, delay=delay, mtu=mtu, gap=gap)
        self.a = Listener()
        self.b = Listener()
        self.cable.plug(self.a, self.b)

    def send(self, *lengths: int, now: int | None = None, end: CableEnd | None = None) -> tuple[list[int], int]:
        """Send frames of these lengths (without FCS) in one burst, from end a if nothing else is said."""
        if now is not None:
            self.now = now
        starts, last = (end or self.cable.a).transmit([bytes(length) for length in lengths])
        return list(starts), last


@pytest.fixture
def gigabit() -> Wire:
    """Give a cable of 1 Gbit/s without delay."""
    return Wire(1_000_000_000)
