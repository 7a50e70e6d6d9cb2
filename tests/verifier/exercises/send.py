"""Exercises for drivers that send wrongly: odd sizes, a second port, and traffic without anything else."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from random import Random
from typing import Any, Final

from ndisemu.drivers.protocols import Flow, Generator, Station
from ndisemu.drivers.ring import RingMiniport
from ndisemu.ndis import v6
from tests.verifier.bench import Bench

SHORT, LONG = 20, 1600


async def traffic(bench: Bench) -> None:
    """Traffic, and no more."""
    await bench.start()
    await bench.traffic()


async def odd_sizes(bench: Bench) -> None:
    """Frames that are too short to leave as they are, and too long to leave."""
    await send(bench, bench.near, (SHORT, LONG))


async def cancel(bench: Bench) -> None:
    """Lists or packets are sent under two ids in turn, and those of the first are cancelled at once."""
    await bench.start()
    adapter: Any = bench.near.adapter
    for place, nbl in ((place, nbl) for pool in adapter.library.nbl_pools for place, nbl in enumerate(pool)):
        nbl.info[v6.NblInfo.CANCEL_ID] = 1 + place % 2
    for place, packet in (
        (place, packet) for pool in adapter.library.packet_pools for place, packet in enumerate(pool)
    ):
        packet.cancel_id = 1 + place % 2
    binding = adapter.bindings[0]

    def send_and_cancel() -> None:
        bench.protocol.start()
        (binding.cancel_send if isinstance(binding, v6.Binding) else binding.cancel_sends)(1)

    bench.emulation.kernel.submit(partial(bench.a.cpus[0].queue_thread, send_and_cancel))
    await bench.emulation.idle()


async def several_frames(bench: Bench) -> None:
    """A list of two frames."""
    await bench.start()
    binding: Any = bench.near.adapter.bindings[0]
    nbl: v6.NetBufferList = next(iter(binding.allocate_nbls(1, 256)))
    mdl = nbl.buffers[0].mdls[0]
    nbl.buffers = tuple(v6.NetBuffer(nbl, [mdl], 128 * place, 100) for place in range(2))
    for place, frame in enumerate(nbl.buffers):
        frame.fill(bench.far.mac + bench.near.mac + b"\x88\xb5" + bytes([place]) * 86)
    bench.emulation.kernel.submit(partial(bench.a.cpus[0].queue_thread, lambda: binding.send_nbls([nbl])))
    await bench.emulation.idle()


async def two_ports(bench: Bench) -> None:
    """Two ports of one driver, each of which knows the first; only the second sends."""
    driver: Any = type(bench.near.adapter.miniport)
    second, far = bench.a.nic("eth1", driver), bench.b.nic("eth1", RingMiniport)
    bench.emulation.connect(second, far, rate="1Gbit/s", delay="1us")
    for slot in (bench.near, second):
        port: Any = slot.adapter.miniport
        port.first = bench.near.adapter.miniport
    await bench.start()
    await send(bench, second, (60,))


async def halted_port(bench: Bench) -> None:
    """Two ports of one driver, of which the first has halted when the second sends."""
    await bench.start()
    driver: Any = type(bench.near.adapter.miniport)
    second, far = bench.a.nic("eth1", driver), bench.b.nic("eth1", RingMiniport)
    bench.emulation.connect(second, far, rate="1Gbit/s", delay="1us")
    port: Any = second.adapter.miniport
    port.first = bench.near.adapter.miniport
    await bench.near.adapter.halt()
    await send(bench, second, (60,))


async def send(bench: Bench, slot: Any, sizes: tuple[int, ...]) -> None:
    """Send two frames of each of these sizes."""
    source = Generator(
        Random(1), source=slot.mac, destination=bench.far.mac, frames=2 * len(sizes), sizes=sizes, burst=1, shortest=0
    )
    station = Station("odd", sources=[(source, Flow("odd"))])
    await bench.a.bind_protocol(slot.short_name, station)
    bench.emulation.kernel.submit(partial(bench.a.cpus[0].queue_thread, station.start))
    await bench.emulation.idle()


EXERCISES: Final[Mapping[str, Callable[[Bench], Awaitable[None]]]] = {
    "traffic": traffic,
    "odd sizes": odd_sizes,
    "two ports": two_ports,
    "port that has halted": halted_port,
    "cancel": cancel,
    "several frames": several_frames,
}
