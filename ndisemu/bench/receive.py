"""Mode `receive`: the receiving half alone, from the wire to the protocol and back to the ring.

The sender is a bare end of a cable: no host, no driver and no card, only
frames that are made beforehand. So what is paid for is what the receiver
does: the card filters and stores, raises its interrupt, the miniport
indicates, the protocol copies and compares, the buffer goes back.
"""

from collections.abc import Sequence
from random import Random
from typing import Final

from ndisemu.bench.conditions import conditions, drivers_named
from ndisemu.bench.measure import measure
from ndisemu.bench.options import Options
from ndisemu.bench.passage import REFERENCE, SEED, Load, Passage, Watcher, look_at, refuse_unless_perfect, timed
from ndisemu.bench.path import RING
from ndisemu.bench.rates import chart, columns, loads, rows
from ndisemu.bench.section import Section
from ndisemu.drivers.protocols import Flow, Generator, Source
from ndisemu.kernel import Kernel, run
from ndisemu.link import Cable, CableEnd
from ndisemu.machine import Emulation
from ndisemu.units import MICROSECOND

SENDER: Final = bytes.fromhex("020000ffff01")
# A burst comes this often. A host's instructions take no virtual time, so it has always dealt with the one before.
EVERY: Final = MICROSECOND

PATH: Final = (
    "Path: frames put on the wire by a bare end of the cable, a burst every microsecond of virtual time; the "
    "{drivers} miniport on the 82540EM from the wire to indication, comparison and return; each burst has its own interrupt"
)


class BareEnd:
    """What sends at the end of a cable without being a card (`link.Port`): a source's bursts when they are due."""

    def __init__(self, kernel: Kernel, end: CableEnd, source: Source, flow: Flow) -> None:
        self._kernel = kernel
        self._end = end
        self._source = source
        self._flow = flow

    def send(self) -> None:
        """Put a burst on the wire, and come back for the next one."""
        _, frames = self._source.next()
        self._flow.enter(frames, self._kernel.now)
        self._end.transmit(frames)
        due = self._source.due
        if due is not None:
            self._kernel.call_at(due, self.send)

    def arrive(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Let what comes go by."""

    def carrier(self, *, up: bool) -> None:
        """Take no notice of the link."""


def receive(options: Options) -> Section:
    """Measure the receiving half alone, from the wire to the protocol."""
    options = options.of_miniports()
    figures = measure(loads(options), options.runs, receive_from_wire, options.progress)
    return Section(
        name="receive",
        title="Frames per CPU second, receiving half, every frame verified",
        columns=columns(options),
        rows=rows(figures),
        charts=chart("The receiving half", figures),
        notes=conditions(figures, PATH.format(drivers=drivers_named(options.drivers))),
    )


def receive_from_wire(load: Load) -> Passage:
    """Let one host receive `load`, under the virtual clock; must not be called inside an asyncio loop.

    Raises:
        InternalError: A frame was lost, altered or late, or a rule was broken.
    """
    return run(_receive_from_wire(load))


async def _receive_from_wire(load: Load) -> Passage:
    watcher = Watcher(load.build)
    async with Emulation(seed=SEED, probe=watcher.probe, verify=watcher.verify) as emulation:
        host = emulation.host("b")
        miniport, station = REFERENCE[load.driver]
        slot = host.nic("eth0", miniport, parameters={"tx_ring": RING, "rx_ring": RING})
        flow = Flow("bench")
        source = Generator(
            Random(SEED),
            source=SENDER,
            destination=slot.mac,
            frames=load.frames,
            sizes=[load.size],
            burst=load.burst,
            every=EVERY,
        )
        cable = Cable("the wire - b.eth0", lambda: emulation.kernel.now, rate=None)
        sender = BareEnd(emulation.kernel, cable.a, source, flow)
        slot.nic.plug(cable.b)
        cable.plug(sender, slot.nic)
        await host.bind_protocol("eth0", station("sink", flows=[flow]))
        rig = look_at(emulation, cable, slot, slot, None)
        watcher.told = 0
        cpu_ns, events = await timed(emulation, sender.send)
        refuse_unless_perfect(emulation, flow, load.frames, failed=0)
        return Passage(cpu_ns, flow.intact, events, watcher.told, rig)
