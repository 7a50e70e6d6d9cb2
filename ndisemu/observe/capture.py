"""The capture: what leaves and reaches each card, as pcapng with nanosecond times.

One interface per card. A burst's frames are noted when the card handles
them: those that leave with times that may lie ahead, those that arrive
perhaps long after they have. They are written in the order of their times,
each once no earlier frame can follow any more. For each direction of a card
times ascend, so only what is on its way to a card can be earlier than now,
and then not earlier than what that card noted last.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Final

from ndisemu.frame.pcapng import enhanced_packet, interface_description, section_header
from ndisemu.kernel import Kernel

RUN: Final = 8192
Hook = Callable[[Sequence[bytes], Sequence[int]], None]
_time_of = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Interface:
    """A NIC whose wire is recorded: its name, what carries its frames, its address and speed in bit/s (None: unpaced).

    `expects` tells whether frames are on their way to it that it has not noted yet.
    """

    name: str
    below: str
    mac: bytes
    speed: int | None
    expects: Callable[[], bool]


class CaptureLog:
    """Records the wires of `interfaces` in one kernel; `write` is given blocks of a pcapng file."""

    def __init__(
        self, kernel: Kernel, interfaces: Sequence[Interface], application: str, write: Callable[[bytes], None]
    ) -> None:
        self._kernel = kernel
        self._write = write
        self._numbers = {interface.name: number for number, interface in enumerate(interfaces)}
        self._expects = tuple(interface.expects for interface in interfaces)
        self._arrived = [0] * len(interfaces)
        self._noted: list[tuple[int, int, bool, bytes]] = []
        self._room = RUN
        self.count = 0
        write(section_header(application=application))
        for interface in interfaces:
            write(
                interface_description(
                    interface.name, f"{interface.below} of {interface.name}", mac=interface.mac, speed=interface.speed
                )
            )

    def hooks(self, nic: str) -> tuple[Hook, Hook]:
        """Return what a card is to call with the frames that leave it, and with those that reach it."""
        number = self._numbers[nic]
        return partial(self._note, number, True), partial(self._note, number, False)

    def close(self) -> None:
        """Write everything out."""
        self._flush(None)

    def _note(self, number: int, outbound: bool, frames: Sequence[bytes], times: Sequence[int]) -> None:  # noqa: FBT001
        self._noted += [(time, number, outbound, frame) for time, frame in zip(times, frames, strict=True)]
        if not outbound:
            self._arrived[number] = times[-1]
        if len(self._noted) >= self._room:
            self._flush(self._complete_until())
            # What is kept is looked through again only when as much has come again.
            self._room = max(RUN, 2 * len(self._noted))

    def _complete_until(self) -> int:
        """Return the time before which no frame can be noted any more."""
        awaited = (last for last, expects in zip(self._arrived, self._expects, strict=True) if expects())
        return min(awaited, default=self._kernel.now)

    def _flush(self, until: int | None) -> None:
        """Write what lies before `until`, in order of time; frames of one instant in the order in which they were noted."""
        self._noted.sort(key=_time_of)
        ready = len(self._noted) if until is None else bisect_left(self._noted, until, key=_time_of)
        self.count += ready
        self._write(
            b"".join(
                enhanced_packet(number, time, frame, outbound=outbound)
                for time, number, outbound, frame in self._noted[:ready]
            )
        )
        del self._noted[:ready]
