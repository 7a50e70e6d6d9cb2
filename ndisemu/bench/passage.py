"""One passage: frames that go their way once, what that took, and the refusal of any that was not perfect.

The CPU time of exactly the passage is taken, from the first frame until
nothing is left to do; starting the adapters before it and halting them after
it is not. It counts only when every frame arrived as it was sent, in order,
and nobody broke a rule. It says what it ran on as it found it there, not as
it was asked for.

Not here: the ways that there are; each has a module of its own.
"""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from time import process_time_ns
from typing import Final, TypeAlias

from ndisemu.bench.options import IN_LISTS, Build, Driver
from ndisemu.drivers.legacy import LegacyMiniport
from ndisemu.drivers.protocols import Flow, Station, Station6
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.errors import InternalError
from ndisemu.link import Cable
from ndisemu.machine import Emulation, Slot
from ndisemu.memory import DESCRIPTOR
from ndisemu.ndis import v5, v6
from ndisemu.probe import Probe
from ndisemu.units import SECOND
from ndisemu.verifier import EVERYTHING

AnyMiniport: TypeAlias = type[v5.Miniport] | type[v6.Miniport]
AnyStation: TypeAlias = type[Station] | type[Station6]

REFERENCE: Final[dict[Driver, tuple[AnyMiniport, AnyStation]]] = {
    "ring": (RingMiniport, Station),
    "ring6": (Ring6Miniport, Station6),
    IN_LISTS: (Ring6Miniport, Station6),
    "legacy": (LegacyMiniport, Station),
}
"""What can be measured: a reference miniport, and the protocol of its generation."""
SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Load:
    """What to send: `frames` frames of `size` bytes without FCS, `burst` at a time.

    Build "free" leaves every probe hook None. Build "checked" attaches the
    event hook, which counts what it is told, and the verifier with all rules,
    but not those that watch single fields. All hosts have the same `driver`,
    with protocols of its generation.
    """

    size: int
    burst: int
    frames: int
    build: Build = "free"
    driver: Driver = "ring"

    @property
    def frames_per_list(self) -> int:
        """How many frames a list has, where frames are sent in lists."""
        return self.burst if self.driver == IN_LISTS else 1


@dataclass(frozen=True, slots=True)
class Rig:
    """What the frames went over: a cable without pace where `rate` is None.

    `window` packets can be in flight; where it is None, their sender has no packets to wait for.
    """

    hosts: int
    cpus: int
    rate: int | None
    delay: int
    tx_ring: int
    rx_ring: int
    window: int | None


def look_at(emulation: Emulation, cable: Cable, near: Slot, far: Slot, window: int | None) -> Rig:
    """Return what frames from one card to another go over, as it is once the adapters have started."""
    return Rig(
        hosts=len(emulation.hosts),
        cpus=sum(len(host.cpus) for host in emulation.hosts.values()),
        rate=cable.rate,
        delay=cable.delay,
        tx_ring=near.nic.tx.size // DESCRIPTOR,
        rx_ring=far.nic.rx.size // DESCRIPTOR,
        window=window,
    )


@dataclass(frozen=True, slots=True)
class Passage:
    """One run: its CPU time, the frames compared equal on arrival, and the rig.

    `events` are the items that the kernel ran for it, `told` what a watcher was told of.
    """

    cpu_ns: int
    compared: int
    events: int
    told: int
    rig: Rig

    @property
    def rate(self) -> int:
        """Frames per CPU second."""
        return self.compared * SECOND // max(self.cpu_ns, 1)

    @property
    def event_rate(self) -> int:
        """Events per CPU second."""
        return self.events * SECOND // max(self.cpu_ns, 1)


class Watcher:
    """Who watches: in the checked build a hook that counts what it is told, and the verifier; in the free build nobody."""

    __slots__ = ("probe", "told", "verify")

    def __init__(self, build: Build) -> None:
        self.told = 0
        self.probe = Probe()
        self.verify = EVERYTHING if build == "checked" else None
        if build == "checked":
            self.probe.event = self._note

    def _note(self, kind: str, actor: str, count: int, detail: str) -> None:
        """Count one event (`probe.EventHook`)."""
        self.told += 1


async def timed(emulation: Emulation, start: Callable[[], None]) -> tuple[int, int]:
    """Let `start` run in the kernel; returns the CPU time and the events until nothing is left to do.

    What earlier runs and this one's beginnings have left is looked through before: Python's collector would do it
    somewhere in the middle of some of the runs, which is a tenth of one.
    """
    gc.collect()
    began, before = process_time_ns(), emulation.kernel.progress
    emulation.kernel.submit(start)
    await emulation.idle()
    return process_time_ns() - began, emulation.kernel.progress - before


def refuse_unless_perfect(emulation: Emulation, flow: Flow, frames: int, failed: int) -> None:
    """Refuse the figure of a passage of `frames` frames that was not perfect; `failed` sends have failed.

    Raises:
        InternalError: A frame was lost, altered or late, or a rule was broken.
    """
    wrong = flow.altered or flow.late or flow.unexpected or failed
    if flow.intact != frames or wrong or emulation.findings:
        found = "; ".join(str(finding.text) for finding in emulation.findings[:3])
        raise InternalError(
            f"the benchmark sent {frames} frames and not all arrived as they were sent: "
            f"{flow!r}, {flow.late} late, {flow.unexpected} unexpected, {failed} failed sends"
            + (f"; {found}" if found else "")
        )
