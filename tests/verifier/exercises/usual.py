"""The exercises that most drivers are put through."""

import asyncio
from typing import Final

from ndisemu.drivers.faulty.oid import Completes
from ndisemu.drivers.ring import RingMiniport
from ndisemu.machine.faults import FAULTS
from ndisemu.ndis import Oid, OidRequest, PowerState, v6
from tests.verifier.bench import RINGS, Bench

ASKED: Final = (
    Oid.GEN_CURRENT_PACKET_FILTER, Oid.GEN_LINK_SPEED, Oid.GEN_XMIT_OK, Oid.GEN_MAXIMUM_FRAME_SIZE,
    Oid.E802_3_PERMANENT_ADDRESS,
)  # fmt: skip


async def life(bench: Bench) -> None:
    """Traffic, requests, link down and up, a reset, sleep, and a pause if it is NDIS 6; the halt comes by itself."""
    await bench.start()
    await bench.traffic()
    adapter = bench.near.adapter
    for oid in ASKED:
        await adapter.request(OidRequest.query(oid, 64))
    for word in ("link_down", "link_up", "reset"):
        await FAULTS[word].start(bench.near)
        await bench.emulation.idle()
    await adapter.set_power(PowerState.D3)
    await adapter.set_power(PowerState.D0)
    if isinstance(adapter.miniport, v6.Miniport):
        await FAULTS["pause"].start(bench.near)
        await FAULTS["restart"].start(bench.near)
    await bench.emulation.idle()
    # Long enough for a check for hang or two.
    await asyncio.sleep(5)


async def slow_answers(bench: Bench) -> None:
    """Traffic between two hosts more, of which the near one has a miniport that answers a counter's query later."""
    hosts = bench.a, bench.b = bench.emulation.host("c"), bench.emulation.host("d")
    near, far = (
        host.nic("eth0", driver, mac=slot.mac, parameters=RINGS)
        for host, driver, slot in zip(hosts, (Completes, RingMiniport), (bench.near, bench.far), strict=True)
    )
    bench.emulation.connect(near, far, delay="1us")
    await bench.start()
    await bench.traffic()


async def busy_reset(bench: Bench) -> None:
    """A reset while the card cannot send what it has, as its cable is out; then the cable is put in again."""
    await bench.start()
    await FAULTS["link_down"].start(bench.near)
    bench.begin()
    await asyncio.sleep(1e-3)
    await FAULTS["reset"].start(bench.near)
    await FAULTS["link_up"].start(bench.near)
    await bench.emulation.idle()


async def removal(bench: Bench) -> None:
    """Traffic, and the card is pulled out after somebody has asked for a counter."""
    await bench.start()
    await bench.traffic()
    asked = asyncio.ensure_future(bench.near.adapter.request(OidRequest.query(Oid.GEN_XMIT_OK, 64)))
    await asyncio.sleep(1e-6)
    await FAULTS["surprise_remove"].start(bench.near)
    await asked
    await bench.emulation.idle()


async def shutdown(bench: Bench) -> None:
    """Traffic, and the machine is switched off."""
    await bench.start()
    await bench.traffic()
    await bench.near.adapter.shutdown()
    await bench.emulation.idle()


async def failed_start(bench: Bench) -> None:
    """A start, and nothing else: for drivers that do not get further."""
    await bench.near.adapter.initialize()
    await bench.emulation.idle()
