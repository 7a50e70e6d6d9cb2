"""A NIC in a host: its adapter, and whatever is below its driver.

A run counts, records and harms NICs of two kinds, cards on cables (`Slot`)
and devices that carry a stream (`StreamSlot`, in `stream`). What they have
in common is `BaseSlot`, so that nobody else has to ask which one it is.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ndisemu.frame.ethernet import MIN_FRAME
from ndisemu.hw import Nic
from ndisemu.kernel import InterruptLine
from ndisemu.link import Cable
from ndisemu.ndis import Adapter

if TYPE_CHECKING:
    from ndisemu.machine.host import Host

Hook: TypeAlias = Callable[[Sequence[bytes], Sequence[int]], None]
"""What is told of frames and the time of each (ns)."""


@dataclass(frozen=True, slots=True)
class WireCounts:
    """What has passed between a NIC and its wire so far, in frames but for `bytes_out`.

    `frames_in` = what is in `drops`, by reason, and `kept` for the driver. `too_long` of the frames that left were
    lost on the way. `posted` buffers wait below the driver for what comes next.
    """

    frames_out: int
    bytes_out: int
    too_long: int
    frames_in: int
    kept: int
    drops: Mapping[str, int]
    posted: int
    interrupts: int


class BaseSlot(ABC):
    """A NIC in a host; `name` is host and NIC, such as `a.eth0`.

    `below` says for people what carries its frames, `shortest` to how many bytes that pads them.
    """

    below: str
    shortest: int

    def __init__(self, host: "Host", name: str, adapter: Adapter, mac: bytes) -> None:
        self.host = host
        self.name = name
        self.adapter = adapter
        self.mac = mac
        # Two tasks that need the adapter start it once.
        self.starting = asyncio.Lock()

    @property
    def short_name(self) -> str:
        """Its name within its host, such as `eth0`."""
        return self.name.removeprefix(f"{self.host.name}.")

    @property
    @abstractmethod
    def rate(self) -> int | None:
        """How fast its wire is, in bit/s; None: unpaced."""

    @abstractmethod
    def expects_frames(self) -> bool:
        """Whether frames with known times are on their way to it that it has not taken from the wire yet."""

    @abstractmethod
    def count(self) -> WireCounts:
        """Count what has passed until now."""

    @abstractmethod
    def record(self, sent: Hook | None, received: Hook | None, placed: Hook | None = None) -> None:
        """Tell these, too, of every frame that leaves from now on, of every one that comes, and of what the driver gets of those."""


class Slot(BaseSlot):
    """A card in a host, with its interrupt line, its adapter and, once connected, its cable."""

    below = "82540EM"
    shortest = MIN_FRAME

    def __init__(self, host: "Host", nic: Nic, line: InterruptLine, adapter: Adapter, mtu: int) -> None:
        super().__init__(host, nic.name, adapter, nic.mac)
        self.nic = nic
        self.line = line
        self.mtu = mtu
        self.cable: Cable | None = None

    def __repr__(self) -> str:
        return f"<Slot {self.name}: {self.adapter!r}>"

    @property
    def rate(self) -> int | None:
        """The rate of its cable."""
        return self.cable.rate if self.cable else None

    def expects_frames(self) -> bool:
        """Whether the cable has carried more to this card than the card has taken."""
        end = self.nic.end
        return end is not None and end.peer.frames - end.peer.too_long > self.nic.rx.arrived

    def count(self) -> WireCounts:
        """Count what the card and its end of the cable have seen."""
        tx, rx, end = self.nic.tx, self.nic.rx, self.nic.end
        return WireCounts(
            frames_out=tx.wire_frames,
            bytes_out=end.bytes if end else 0,
            too_long=end.too_long if end else 0,
            frames_in=rx.arrived,
            kept=rx.delivered + rx.waiting,
            drops=rx.dropped,
            posted=rx.given,
            interrupts=self.nic.causes.assertions,
        )

    def record(self, sent: Hook | None, received: Hook | None, placed: Hook | None = None) -> None:
        """Let the card's two engines tell."""
        tx, rx = self.nic.tx, self.nic.rx
        tx.sent, rx.received = both(tx.sent, sent), both(rx.received, received)
        rx.placed = both(rx.placed, placed)


def both(first: Hook | None, second: Hook | None) -> Hook | None:
    """Return a hook that tells two, the first one first; None if there is nobody to tell."""
    if first is None or second is None:
        return first or second

    def tell(frames: Sequence[bytes], times: Sequence[int]) -> None:
        first(frames, times)
        second(frames, times)

    return tell
