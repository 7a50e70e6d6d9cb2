"""Ends without cards: ports that note down what reaches them, and a clock that a test sets."""

from collections.abc import Sequence

import pytest

from ndisemu.kernel import Kernel
from ndisemu.link import Cable, CableEnd, Relay


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


def address(number: int) -> bytes:
    """Return the address of a host of an `Office`."""
    return bytes((2, 0, 0, 0, 0, number))


def frame(destination: bytes, source: bytes, size: int = 60) -> bytes:
    """Return a frame of `size` bytes without FCS."""
    return (destination + source + b"\x88\xb5").ljust(size, b"\0")


class TimelyListener(Listener):
    """A port that does not take frames which it should have been told of earlier."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__()
        self._kernel = kernel

    def arrive(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Note down a burst that arrives now or later."""
        assert times[0] >= self._kernel.now
        super().arrive(frames, times)


class Office:
    """Hosts without cards on a relay, each by a cable of its own."""

    def __init__(
        self, kernel: Kernel, relay: Relay, rates: Sequence[int | None], delays: Sequence[int] | None = None
    ) -> None:
        self.kernel = kernel
        self.hosts = [TimelyListener(kernel) for _ in rates]
        self.cables = [
            Cable(f"cable {place}", lambda: kernel.now, rate=rate, delay=delay)
            for place, (rate, delay) in enumerate(zip(rates, delays or [0] * len(rates), strict=True))
        ]
        for host, cable in zip(self.hosts, self.cables, strict=True):
            cable.plug(host, relay.add_port(cable.b))

    @property
    def told(self) -> list[list[tuple[bytes, int]]]:
        """What has reached each host, and when."""
        return [list(zip(host.frames, host.times, strict=True)) for host in self.hosts]

    def send(self, host: int, *frames: bytes) -> None:
        """Let a host send a burst now."""
        self.cables[host].a.transmit(frames)

    def send_at(self, when: int, host: int, frames: Sequence[bytes]) -> None:
        """Let a host send a burst at its time."""
        self.kernel.call_at(when, lambda: self.send(host, *frames))
