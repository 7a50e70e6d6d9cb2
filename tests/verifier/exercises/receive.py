"""The exercises of the receive path: short rings, slow clients, shortages, and frames of all kinds."""

from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Final, cast

from ndisemu.drivers.protocols import Flow, Generator, Replay, Station6
from ndisemu.frame.ethernet import BROADCAST
from ndisemu.machine.faults import FAULTS
from ndisemu.ndis import v6
from tests.verifier.bench import BURST, SIZES, Bench

RING: Final = 8
KEEPS: Final = 1_000_000
BATCH: Final = 100_000
STRANGER: Final = bytes.fromhex("02ffffffffff")


async def slow_client(bench: Bench) -> None:
    """More frames than a short ring and its pool hold, for a protocol that keeps each for a millisecond."""
    _configure(bench, "rx_ring", RING)
    many = Generator(
        Random(1), source=bench.far.mac, destination=bench.near.mac, frames=8 * RING, sizes=SIZES, burst=BURST
    )
    bench.protocol = type(bench.protocol)("near", flows=[bench.flows[1]], keeps=KEEPS)
    bench.peer = type(bench.peer)("far", sources=[(many, bench.flows[1])])
    await bench.start()
    await bench.traffic()


async def slow_client_again(bench: Bench) -> None:
    """Two loads for a protocol that keeps each frame for a millisecond: the second one when all are back."""
    _configure(bench, "rx_ring", RING)
    bench.protocol = type(bench.protocol)("near", flows=[bench.flows[1]], keeps=KEEPS)
    loads = [
        Generator(
            Random(1),
            source=bench.far.mac,
            destination=bench.near.mac,
            frames=count,
            sizes=SIZES,
            burst=BURST,
            start=start,
        )
        for count, start in ((8 * RING, 0), (4 * RING, 2 * KEEPS))
    ]
    bench.peer = type(bench.peer)("far", sources=[(load, Flow("again")) for load in loads])
    await bench.start()
    await bench.traffic()


async def shortage(bench: Bench) -> None:
    """Traffic while the receiving driver is short of buffers, so that the first burst is only shown."""
    await bench.start()
    bench.near.adapter.miniport.rx.pool.low = True  # type: ignore[attr-defined]
    await bench.traffic()


async def two_bindings(bench: Bench) -> None:
    """Traffic for a protocol, and for a second one behind it, which is the one that owns what both want."""
    await bench.start()
    await bench.a.bind_protocol("eth0", Station6("second", flows=[Flow("again")]))
    await bench.traffic()


async def bound_twice(bench: Bench) -> None:
    """Traffic for a protocol that is bound to the same adapter twice."""
    await bench.start()
    await bench.a.bind_protocol("eth0", bench.protocol)
    await bench.traffic()


async def all_kinds(bench: Bench) -> None:
    """A burst of two EtherTypes, for the adapter, for everybody, and for a stranger."""
    frames = [
        (0, to + bench.far.mac + kind + bytes(46))
        for to in (bench.near.mac, BROADCAST, STRANGER)
        for kind in (b"\x88\xb5", b"\x08\x00")
    ]
    _configure(bench, "itr", BATCH)
    bench.protocol = type(bench.protocol)("near")
    bench.peer = type(bench.peer)("far", sources=[(Replay(frames), Flow("all kinds"))])
    await bench.start()
    await bench.traffic()


async def batches(bench: Bench) -> None:
    """Traffic that interrupts seldom, so that a DPC finds several frames."""
    _configure(bench, "itr", BATCH)
    await bench.start()
    await bench.traffic()


async def throttled(bench: Bench) -> None:
    """Traffic that interrupts seldom, while a DPC may indicate two lists and no more."""
    _configure(bench, "itr", BATCH)
    await bench.start()
    interrupt = bench.near.adapter.resources.interrupt
    assert isinstance(interrupt, v6.Interrupt)
    interrupt.max_nbls = 2
    await bench.traffic()


async def paused(bench: Bench) -> None:
    """Traffic that arrives while the adapter is paused."""
    await bench.start()
    await FAULTS["pause"].start(bench.near)
    await bench.traffic()
    await FAULTS["restart"].start(bench.near)
    await bench.emulation.idle()


def _configure(bench: Bench, name: str, value: int) -> None:
    """Set a parameter of the driver under test, before it starts."""
    cast("dict[str, int]", bench.near.adapter.device.parameters)[name] = value


EXERCISES: Final[Mapping[str, Callable[[Bench], Awaitable[None]]]] = {
    "slow client": slow_client,
    "slow client again": slow_client_again,
    "shortage": shortage,
    "two bindings": two_bindings,
    "bound twice": bound_twice,
    "all kinds": all_kinds,
    "batches": batches,
    "throttled": throttled,
    "paused": paused,
}
