"""One passage over the whole path: frames from one host's protocol to another's.

A frame is copied into a packet, submitted, posted by a reference miniport,
read and sent by its card, carried, filtered and stored by the other card,
announced by interrupt and DPC, indicated, copied out, compared with what was
sent, and returned; the sender gets its packet back. The CPU time of exactly
that is taken, from the first send until nothing is left to do; starting the
adapters before it and halting them after it is not.

A passage counts only when every frame arrived as it was sent, in order, and
nobody broke a rule. It says what it ran on as it found it there, not as it
was asked for.
"""

from dataclasses import dataclass
from random import Random
from time import process_time_ns
from typing import Final, Literal

from ndisemu.drivers.legacy import LegacyMiniport
from ndisemu.drivers.protocols import Flow, Generator, Station, Station6
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.errors import InternalError
from ndisemu.kernel import run
from ndisemu.machine import Emulation, Host
from ndisemu.memory import DESCRIPTOR
from ndisemu.ndis import v5, v6
from ndisemu.probe import Probe

Build = Literal["free", "checked"]
Driver = Literal["ring", "ring6", "legacy"]

BUILDS: Final[tuple[Build, ...]] = ("free", "checked")
DRIVERS: Final[dict[Driver, tuple[type[v5.Miniport] | type[v6.Miniport], type[Station] | type[Station6]]]] = {
    "ring": (RingMiniport, Station),
    "ring6": (Ring6Miniport, Station6),
    "legacy": (LegacyMiniport, Station),
}
"""What can be measured: a reference miniport, and the protocol of its generation."""
RING: Final = 256
WINDOW: Final = 128
SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Load:
    """What to send: `frames` frames of `size` bytes without FCS, `burst` at a time.

    Build "free" leaves every probe hook None. Build "checked" attaches the
    event hook and counts what it is told; no rules run in it, so it is the
    price of being watched and not of being judged. Both hosts have the same
    `driver`, with protocols of its generation.
    """

    size: int
    burst: int
    frames: int
    build: Build = "free"
    driver: Driver = "ring"


@dataclass(frozen=True, slots=True)
class Rig:
    """What the frames went over: `window` packets in flight, a cable without pace where `rate` is None."""

    hosts: int
    cpus: int
    rate: int | None
    delay: int
    tx_ring: int
    rx_ring: int
    window: int


@dataclass(frozen=True, slots=True)
class Passage:
    """One run: its CPU time, the frames compared equal on arrival, the events a watcher was told, and the rig."""

    cpu_ns: int
    compared: int
    events: int
    rig: Rig

    @property
    def rate(self) -> int:
        """Frames per CPU second."""
        return self.compared * 1_000_000_000 // max(self.cpu_ns, 1)


class EventCounter:
    """The least that a watcher can do: count what it is told."""

    __slots__ = ("events",)

    def __init__(self) -> None:
        self.events = 0

    def note(self, kind: str, actor: str, count: int, detail: str) -> None:
        """Count one event (`probe.EventHook`)."""
        self.events += 1


def send_through(load: Load) -> Passage:
    """Send `load` over the whole path, under the virtual clock; must not be called inside an asyncio loop.

    Raises:
        InternalError: A frame was lost, altered or late, or a rule was broken.
    """
    return run(_send_through(load))


async def _send_through(load: Load) -> Passage:
    watcher = EventCounter()
    probe = Probe()
    if load.build == "checked":
        probe.event = watcher.note
    async with Emulation(seed=SEED, probe=probe) as emulation:
        sender, receiver = emulation.host("a"), emulation.host("b")
        rings = {"tx_ring": RING, "rx_ring": RING}
        miniport, station = DRIVERS[load.driver]
        near, far = (host.nic("eth0", miniport, parameters=rings) for host in (sender, receiver))
        cable = emulation.connect(near, far, rate=None)
        flow = Flow("bench")
        source = _generator(load, near.nic.mac, far.nic.mac)
        sending, sink = station("generator", sources=[(source, flow)]), station("sink", flows=[flow])
        await receiver.bind_protocol("eth0", sink)
        await sender.bind_protocol("eth0", sending)
        rig = Rig(
            hosts=len(emulation.hosts),
            cpus=len(sender.cpus) + len(receiver.cpus),
            rate=cable.rate,
            delay=cable.delay,
            tx_ring=near.nic.tx.size // DESCRIPTOR,
            rx_ring=far.nic.rx.size // DESCRIPTOR,
            window=source.window,
        )
        watcher.events = 0
        cpu_ns = await _timed(emulation, sender, sending)
        _check(load, flow, sending, emulation)
        return Passage(cpu_ns, flow.intact, watcher.events, rig)


def _generator(load: Load, source: bytes, destination: bytes) -> Generator:
    return Generator(
        Random(SEED),
        source=source,
        destination=destination,
        frames=load.frames,
        sizes=[load.size],
        burst=load.burst,
        window=WINDOW,
    )


async def _timed(emulation: Emulation, host: Host, station: Station | Station6) -> int:
    """Let the station send all it has; returns the CPU time until nothing is left to do."""
    started = process_time_ns()
    emulation.kernel.submit(lambda: host.cpus[0].queue_thread(station.start))
    await emulation.idle()
    return process_time_ns() - started


def _check(load: Load, flow: Flow, station: Station | Station6, emulation: Emulation) -> None:
    """Refuse the figure of a passage that was not perfect."""
    wrong = flow.altered or flow.late or flow.unexpected or station.failed
    if flow.intact != load.frames or wrong or emulation.findings:
        found = "; ".join(str(finding.text) for finding in emulation.findings[:3])
        raise InternalError(
            f"the benchmark sent {load.frames} frames of {load.size} bytes and not all arrived as they were sent: "
            f"{flow!r}, {flow.late} late, {flow.unexpected} unexpected, {station.failed} failed sends"
            + (f"; {found}" if found else "")
        )
