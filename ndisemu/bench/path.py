"""The whole path, one way: frames from one host's protocol to another's.

A frame is copied into a packet, submitted, posted by a reference miniport,
read and sent by its card, carried, filtered and stored by the other card,
announced by interrupt and DPC, indicated, copied out, compared with what was
sent, and returned; the sender gets its packet back.
"""

from random import Random
from typing import Final

from ndisemu.bench.passage import REFERENCE, SEED, Load, Passage, Watcher, look_at, refuse_unless_perfect, timed
from ndisemu.drivers.protocols import Flow, Generator
from ndisemu.kernel import run
from ndisemu.machine import Emulation

RING: Final = 256
# As many whole bursts of 64 as the transmit ring takes, so that a DPC finds several.
WINDOW: Final = 192
# A window may be sent twice before the receiver's DPC has its turn.
RX_RING: Final = 2 * WINDOW


def send_through(load: Load) -> Passage:
    """Send `load` over the whole path, under the virtual clock; must not be called inside an asyncio loop.

    Raises:
        InternalError: A frame was lost, altered or late, or a rule was broken.
    """
    return run(_send_through(load))


async def _send_through(load: Load) -> Passage:
    watcher = Watcher(load.build)
    async with Emulation(seed=SEED, probe=watcher.probe, verify=watcher.verify) as emulation:
        sender, receiver = emulation.host("a"), emulation.host("b")
        rings = {"tx_ring": RING, "rx_ring": RX_RING}
        miniport, station = REFERENCE[load.driver]
        near, far = (host.nic("eth0", miniport, parameters=rings) for host in (sender, receiver))
        cable = emulation.connect(near, far, rate=None)
        flow = Flow("bench")
        source = _generator(load, near.nic.mac, far.nic.mac)
        sending, sink = station("generator", sources=[(source, flow)]), station("sink", flows=[flow])
        await receiver.bind_protocol("eth0", sink)
        await sender.bind_protocol("eth0", sending)
        rig = look_at(emulation, cable, near, far, source.window)
        watcher.told = 0
        cpu_ns, events = await timed(emulation, lambda: sender.cpus[0].queue_thread(sending.start))
        refuse_unless_perfect(emulation, flow, load.frames, sending.failed)
        return Passage(cpu_ns, flow.intact, events, watcher.told, rig)


def _generator(load: Load, source: bytes, destination: bytes) -> Generator:
    return Generator(
        Random(SEED),
        source=source,
        destination=destination,
        frames=load.frames,
        sizes=[load.size],
        burst=load.burst,
        frames_per_list=load.frames_per_list,
        window=WINDOW,
    )
