"""The capture: what leaves and reaches each card, as pcapng with nanosecond times.

One interface per card. A burst's frames are noted when the card handles
them, with times that may lie ahead; they are written in the order of their
times, each once no earlier frame can follow any more.
"""

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
    """A card whose wire is recorded: its name, address and speed in bit/s (None: unpaced)."""

    name: str
    mac: bytes
    speed: int | None


class CaptureLog:
    """Records the wires of `interfaces` in one kernel; `write` is given blocks of a pcapng file."""

    def __init__(
        self, kernel: Kernel, interfaces: Sequence[Interface], application: str, write: Callable[[bytes], None]
    ) -> None:
        self._kernel = kernel
        self._write = write
        self._numbers = {interface.name: number for number, interface in enumerate(interfaces)}
        self._noted: list[tuple[int, int, bool, bytes]] = []
        self.count = 0
        write(section_header(application=application))
        for interface in interfaces:
            write(
                interface_description(
                    interface.name, f"82540EM of {interface.name}", mac=interface.mac, speed=interface.speed
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
        if len(self._noted) >= RUN:
            self._flush(self._kernel.now)

    def _flush(self, until: int | None) -> None:
        """Write what lies before `until`, in order of time; frames of one instant in the order in which they were noted."""
        self._noted.sort(key=_time_of)
        ready = len(self._noted)
        if until is not None:
            ready = next((place for place, noted in enumerate(self._noted) if noted[0] >= until), ready)
        self.count += ready
        self._write(
            b"".join(
                enhanced_packet(number, time, frame, outbound=outbound)
                for time, number, outbound, frame in self._noted[:ready]
            )
        )
        del self._noted[:ready]
