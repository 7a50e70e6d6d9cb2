"""An in-memory cable between two cards.

Each direction has a rate, shared by the frames that follow each other, and
the cable has one delay. For every frame the cable computes when its first
bit leaves and when its last bit arrives, in integer nanoseconds, and hands
the whole burst to the other end with those times; making the frames visible
no earlier is the receiving card's duty. An unpaced cable (no rate) takes no
time to transmit.

A frame too long for the cable's MTU is lost on it, and counted.

Both cards see a carrier while both are plugged in and the cable is not down.
Frames in flight when it goes have left already, and arrive.

Not here: loss, reordering and other impairments, which are links around a
link; and the frame check sequence, whose four bytes are counted but not
carried.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from ndisemu.errors import UsageError
from ndisemu.frame.ethernet import FCS, HEADER, VLAN_TAG
from ndisemu.frame.frames import Frames

# Before each frame, preamble and start delimiter; behind it, the silence that
# tells frames apart (IEEE 802.3, 4.2.7: 96 bit times).
PREAMBLE: Final = 8
INTER_FRAME_GAP: Final = 12
NS: Final = 1_000_000_000


class Port(Protocol):
    """The card at one end, as a link sees it."""

    def arrive(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Take `frames`, the last bit of each arriving at its time (ns, ascending)."""
        ...

    def carrier(self, *, up: bool) -> None:
        """The link came up or went down."""
        ...


class CableEnd:
    """One end: where a card sends. `free_at` is when the wire is idle again after what was sent.

    At rates that do not divide a second the wire is free a fraction of a
    nanosecond later than that; the next burst carries it on. `carrier` is what
    the card here has been told last.
    """

    __slots__ = ("_fraction", "_now", "bytes", "cable", "carrier", "frames", "free_at", "peer", "port", "too_long")

    def __init__(self, cable: "Cable", now: Callable[[], int]) -> None:
        self.cable = cable
        self._now = now
        self.peer = self
        self.port: Port | None = None
        self.carrier = False
        self.free_at = 0
        self._fraction = 0
        self.frames = 0
        self.bytes = 0
        self.too_long = 0

    @property
    def paced(self) -> bool:
        """Whether transmitting takes time here."""
        return self.cable.rate is not None

    def transmit(self, frames: Sequence[bytes]) -> tuple[Sequence[int], int]:
        """Send `frames` back to back; returns when each leaves, and when the last has left (ns)."""
        cable = self.cable
        now = self._now()
        frames = Frames.of(frames)
        if cable.rate is None:
            starts: Sequence[int] = [now] * len(frames)
            arrivals = starts if not cable.delay else [now + cable.delay] * len(frames)
            last = now
        else:
            starts, arrivals, last = self._pace(frames, now)
        self._deliver(frames, arrivals)
        return starts, last

    def transmit_from(self, frames: Sequence[bytes], ready: Sequence[int]) -> Sequence[int]:
        """Send each frame at its time in `ready` (ascending) or as soon as the wire is idle; returns when each leaves."""
        cable = self.cable
        frames = Frames.of(frames)
        if cable.rate is None:
            starts = ready
            arrivals = ready if not cable.delay else [when + cable.delay for when in ready]
        else:
            starts, arrivals = self._pace_from(frames, ready)
        self._deliver(frames, arrivals)
        return starts

    def unplug(self) -> None:
        """Take the card off this end; it and the card at the other end lose the carrier."""
        self.see(carrier=False)
        self.port = None
        self.cable.follow()

    def see(self, *, carrier: bool) -> None:
        """Tell the card here of the carrier, if that is news."""
        if self.port is not None and carrier != self.carrier:
            self.carrier = carrier
            self.port.carrier(up=carrier)

    def _pace(self, frames: Frames, now: int) -> tuple[list[int], list[int], int]:
        """Compute first-bit and last-bit times at the cable's rate, exact over any number of bursts back to back."""
        cable = self.cable
        rate = cable.rate or NS
        starts, arrivals = [], []
        if now > self.free_at:
            self.free_at, self._fraction = now, 0
        # Counted in units of 1/rate nanoseconds from `start` on.
        start, units = self.free_at, self._fraction
        end = start
        for size in frames.sizes:
            starts.append(start + units // rate)
            units += (PREAMBLE + size + FCS) * 8 * NS
            end = start + units // rate
            arrivals.append(end + cable.delay)
            units += cable.gap * 8 * NS
        self.free_at = start + units // rate
        self._fraction = units % rate
        return starts, arrivals, end

    def _pace_from(self, frames: Frames, ready: Sequence[int]) -> tuple[list[int], list[int]]:
        """Compute the times of frames that become ready one by one, as exactly as `_pace` those of a burst."""
        cable = self.cable
        rate = cable.rate or NS
        starts, arrivals = [], []
        start, units = self.free_at, self._fraction
        for size, earliest in zip(frames.sizes, ready, strict=True):
            free = start + units // rate
            if earliest > free:
                start = free = earliest
                units = 0
            starts.append(free)
            units += (PREAMBLE + size + FCS) * 8 * NS
            arrivals.append(start + units // rate + cable.delay)
            units += cable.gap * 8 * NS
        self.free_at = start + units // rate
        self._fraction = units % rate
        return starts, arrivals

    def _deliver(self, frames: Frames, arrivals: Sequence[int]) -> None:
        """Count frames that leave, and hand what fits to the other end."""
        self.frames += len(frames)
        self.bytes += frames.octets
        fitting: Sequence[bytes] = frames
        if frames.longest > self.cable.longest:
            fitting, arrivals = self._fitting(frames, arrivals)
        port = self.peer.port
        if port is not None and self.carrier and fitting:
            port.arrive(fitting, arrivals)

    def _fitting(self, frames: Sequence[bytes], arrivals: Sequence[int]) -> tuple[Sequence[bytes], Sequence[int]]:
        longest = self.cable.longest
        kept = [(frame, when) for frame, when in zip(frames, arrivals, strict=True) if len(frame) <= longest]
        self.too_long += len(frames) - len(kept)
        return [frame for frame, _ in kept], [when for _, when in kept]


class Cable:
    """Two ends, `rate` in bit/s (None: unpaced), `delay` in ns, `mtu` and `gap` in bytes.

    `now` is the clock of the kernel both cards run on.
    """

    __slots__ = ("_down", "a", "b", "delay", "gap", "longest", "name", "rate")

    def __init__(
        self,
        name: str,
        now: Callable[[], int],
        *,
        rate: int | None = NS,
        delay: int = 0,
        mtu: int = 1500,
        gap: int = INTER_FRAME_GAP,
    ) -> None:
        if rate is not None and rate < 1:
            raise UsageError(f"the rate of {name} must be at least 1 bit/s, not {rate}")
        if delay < 0 or gap < 0:
            raise UsageError(f"the delay and gap of {name} must not be negative, not {delay} ns and {gap} bytes")
        self.name = name
        self.rate = rate
        self.delay = delay
        self.gap = gap
        self._down = False
        # One VLAN tag rides on top of the MTU, as on real links.
        self.longest = mtu + HEADER + VLAN_TAG
        self.a = CableEnd(self, now)
        self.b = CableEnd(self, now)
        self.a.peer, self.b.peer = self.b, self.a

    def __repr__(self) -> str:
        rate = "unpaced" if self.rate is None else f"{self.rate} bit/s"
        return f"<Cable {self.name} {rate}, {self.delay} ns, {self.a.frames} + {self.b.frames} frames>"

    def plug(self, a: Port, b: Port) -> None:
        """Connect a card at each end, in place of what was there; both see the carrier unless the cable is down."""
        self.unplug()
        self.a.port, self.b.port = a, b
        self.follow()

    def unplug(self) -> None:
        """Take both cards off; what was sent has already been handed over."""
        self.a.unplug()
        self.b.unplug()

    def down(self) -> None:
        """Take the carrier from both cards, as when the cable is cut.

        Frames in flight still arrive; what is sent while the cable is down is lost. A card sends nothing without
        a carrier: its frames wait in their ring.
        """
        self._down = True
        self.follow()

    def up(self) -> None:
        """Mend the cable: both cards see the carrier again."""
        self._down = False
        self.follow()

    def follow(self) -> None:
        """Tell both cards of the carrier as it is now."""
        up = not self._down and self.a.port is not None and self.b.port is not None
        self.a.see(carrier=up)
        self.b.see(carrier=up)
