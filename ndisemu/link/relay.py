"""What joins several cables: a frame that has come in at one port goes out at others, whole.

Each port is the other end of an ordinary cable, with an output queue of
bounded length in front of it. Frames are handled in the order in which their
last bits arrive, those of one instant in the order in which they were sent,
however their bursts overlap; what leaves through one port leaves as a burst.

Cables tell when frames will arrive before they do, and a relay makes the most
of it. No frame can reach anybody sooner than `flight`, the least time over any
of its cables, after it came in here, and none can come in sooner than that
after it was sent. So one look at what is coming, at the last moment before the
next frame could be missed, settles all that arrives for two flights around
it, and nobody can tell that it was not done frame by frame. A burst that has
arrived already, as over unpaced cables, is passed on at once.

Not here: which ports a frame goes to, which `Switch` and `Hub` decide; cables
between two relays, which would need a spanning tree; and cut-through.

Source: IEEE 802.1D, 7.5 to 7.7.
"""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final

from ndisemu.errors import UsageError
from ndisemu.frame.ethernet import FCS, MIN_FRAME
from ndisemu.kernel import Kernel
from ndisemu.link.cable import NS, PREAMBLE, CableEnd

DEFAULT_QUEUE: Final = 256
DROPS: Final = ("runt", "reserved", "same_port", "no_port", "queue_full")


@dataclass(frozen=True, slots=True)
class RelayCounts:
    """What has passed so far.

    `frames_in` = `forwarded` to one port + `flooded` to all others + drops
    but for `queue_full`; `forwarded` + `copies`, which is how many frames the
    flooded ones became, = `frames_out` + `queue_full`.
    """

    frames_in: int
    forwarded: int
    flooded: int
    copies: int
    frames_out: int
    bytes_out: int
    too_long: int
    drops: Mapping[str, int]


class RelayPort:
    """One port of a relay, numbered from 1; `end` is the end of the cable at which it sends."""

    __slots__ = ("_most", "_relay", "_waiting", "dropped", "end", "frames_in", "number")

    def __init__(self, relay: "Relay", number: int, end: CableEnd, most: int) -> None:
        self._relay = relay
        self._most = most
        # When each frame that may be waiting still will have its first bit on the wire.
        self._waiting: deque[int] = deque()
        self.number = number
        self.end = end
        self.frames_in = 0
        self.dropped = 0

    def __repr__(self) -> str:
        return f"<RelayPort {self._relay.name}.{self.number} {'up' if self.end.carrier else 'down'}>"

    @property
    def flight(self) -> int:
        """The least time, in ns, that a frame takes over this port's cable from its first bit to its last."""
        rate, delay = self.end.cable.rate, self.end.cable.delay
        return delay if rate is None else delay + (PREAMBLE + MIN_FRAME + FCS) * 8 * NS // rate

    def arrive(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Take frames from the cable (`link.Port`)."""
        self._relay.take(self, frames, times)

    def carrier(self, *, up: bool) -> None:
        """The carrier came or went."""
        self._relay.follow(self, up=up)

    def send(self, frames: Sequence[bytes], ready: Sequence[int]) -> None:
        """Queue frames, each from its time in `ready` on; what finds the queue full then is dropped."""
        if not self.end.paced:
            # What takes no time to send never waits.
            self.end.transmit_from(frames, ready)
            return
        waiting = self._waiting
        while waiting and waiting[0] <= ready[0]:
            waiting.popleft()
        if len(waiting) + len(frames) <= self._most:
            waiting.extend(self.end.transmit_from(frames, ready))
        elif len(frames) == 1:
            self.dropped += 1
        else:
            for frame, when in zip(frames, ready, strict=True):
                self.send([frame], [when])


class Coming:
    """One burst on its way in: `taken` of its frames have been handled."""

    __slots__ = ("_frames", "_times", "port", "taken")

    def __init__(self, port: RelayPort, frames: Sequence[bytes], times: Sequence[int]) -> None:
        self.port = port
        self._frames = frames
        self._times = times
        self.taken = 0

    @property
    def next_time(self) -> int | None:
        """When the next of its frames arrives; None: all are taken."""
        return self._times[self.taken] if self.taken < len(self._times) else None

    def take(self, until: int) -> tuple[Sequence[bytes], Sequence[int]]:
        """Take the frames that arrive up to `until`."""
        start, self.taken = self.taken, bisect_right(self._times, until, self.taken)
        return self._frames[start : self.taken], self._times[start : self.taken]


class Relay(ABC):
    """A box with ports; each output queue holds `queue` frames, and a frame is ready to leave `latency` ns after it came."""

    kind: str

    def __init__(self, kernel: Kernel, name: str, *, queue: int = DEFAULT_QUEUE, latency: int = 0) -> None:
        if queue < 1 or latency < 0:
            raise UsageError(
                f"{name} must have room for a frame in each queue and no negative latency, not {queue} and {latency} ns"
            )
        self.name = name
        self.ports: list[RelayPort] = []
        self.forwarded = self.flooded = self.copies = 0
        self.dropped = dict.fromkeys(DROPS, 0)
        self._kernel = kernel
        self._queue = queue
        self._latency = latency
        self._flight = 0
        self._up: list[RelayPort] = []
        # By the arrival of its next frame and the order in which it was sent.
        self._coming: list[tuple[int, int, Coming]] = []
        self._bursts = 0
        self._alarm = kernel.alarm(self._look)
        self._leaving: dict[int, tuple[list[bytes], list[int]]] = {}

    def __repr__(self) -> str:
        up = f"{len(self._up)} of {len(self.ports)} ports up"
        return f"<{type(self).__name__} {self.name}: {up}, {self.forwarded} forwarded, {self.flooded} flooded>"

    def add_port(self, end: CableEnd) -> RelayPort:
        """Return a new port, for this end of a cable; the cable plugs it."""
        port = RelayPort(self, len(self.ports) + 1, end, self._queue)
        self.ports.append(port)
        return port

    def count(self) -> RelayCounts:
        """Count what has passed until now."""
        ends = [port.end for port in self.ports]
        return RelayCounts(
            frames_in=sum(port.frames_in for port in self.ports),
            forwarded=self.forwarded,
            flooded=self.flooded,
            copies=self.copies,
            frames_out=sum(end.frames for end in ends),
            bytes_out=sum(end.bytes for end in ends),
            too_long=sum(end.too_long for end in ends),
            drops=self.dropped | {"queue_full": sum(port.dropped for port in self.ports)},
        )

    def take(self, port: RelayPort, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Frames come in at a port, now or later."""
        if not self._coming and times[-1] <= self._kernel.now + self._flight:
            self._pass(port, frames, times)
            self._send()
        else:
            self._bursts += 1
            heappush(self._coming, (times[0], self._bursts, Coming(port, frames, times)))
            self._arm()

    def follow(self, port: RelayPort, *, up: bool) -> None:
        """The carrier of a port came or went; what has arrived by now was not concerned yet."""
        self._settle(self._kernel.now)
        self._up = [port for port in self.ports if port.end.carrier]
        self._flight = min((port.flight for port in self._up), default=0)
        self._arm()

    @abstractmethod
    def route(self, port: RelayPort, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Pass frames that came in at `port`, each at its time, to the ports they belong to."""

    def put(self, port: RelayPort, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Let frames leave through a port, behind what is to leave there already."""
        held = self._leaving.get(port.number)
        if held is None:
            self._leaving[port.number] = ([*frames], [*times])
        else:
            held[0].extend(frames)
            held[1].extend(times)

    def flood(self, port: RelayPort, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Let frames that came in at `port` leave through all others."""
        others = [other for other in self._up if other is not port]
        for other in others:
            self.put(other, frames, times)
        if others:
            self.flooded += len(frames)
            self.copies += len(frames) * len(others)
        else:
            self.dropped["no_port"] += len(frames)

    def _pass(self, port: RelayPort, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Route frames, but for those shorter than any Ethernet frame: a collision's remains, or a driver's mistake."""
        port.frames_in += len(frames)
        if len(min(frames, key=len)) < MIN_FRAME:
            kept = [(frame, when) for frame, when in zip(frames, times, strict=True) if len(frame) >= MIN_FRAME]
            self.dropped["runt"] += len(frames) - len(kept)
            frames, times = [frame for frame, _ in kept], [when for _, when in kept]
        if frames:
            self.route(port, frames, times)

    def _arm(self) -> None:
        """Look again at the last nanosecond at which the next frame is not late for anybody."""
        if self._coming:
            when = max(self._coming[0][0] + max(self._latency + self._flight - 1, 0), self._kernel.now)
            if self._alarm.when is None or when < self._alarm.when:
                self._alarm.set(when)

    def _look(self) -> None:
        self._settle(self._kernel.now + self._flight)
        self._arm()

    def _settle(self, horizon: int) -> None:
        """Pass on everything that arrives up to `horizon`, in order."""
        coming = self._coming
        while coming and coming[0][0] <= horizon:
            _, order, burst = heappop(coming)
            until = horizon
            if coming:
                # The other burst's frame of the same instant comes first if it was sent first.
                first, other, _ = coming[0]
                until = min(horizon, first - (other < order))
            self._pass(burst.port, *burst.take(until))
            if (then := burst.next_time) is not None:
                heappush(coming, (then, order, burst))
        self._send()

    def _send(self) -> None:
        """Give each port what is to leave there, as one burst."""
        leaving, self._leaving = self._leaving, {}
        for number, (frames, times) in leaving.items():
            ready = [when + self._latency for when in times] if self._latency else times
            self.ports[number - 1].send(frames, ready)
