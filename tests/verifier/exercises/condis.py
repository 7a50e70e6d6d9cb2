"""The exercise of connection-oriented drivers: a call between two hosts, from its making to its end."""

from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Any, Final

from ndisemu.drivers.protocols import SignallingManager, Talker
from ndisemu.drivers.vc import VcMiniport
from ndisemu.machine import Circuits
from ndisemu.ndis import Oid, OidRequest
from tests.verifier.bench import Bench


async def calls(bench: Bench) -> None:
    """Two hosts more; the driver under test is the caller's miniport, or both hosts' call manager or client."""
    driver: Any = bench.driver
    near = bench.emulation.host("c").nic("eth0", driver if issubclass(driver, VcMiniport) else VcMiniport)
    far = bench.emulation.host("d").nic("eth0", VcMiniport)
    bench.emulation.connect(near, far, delay="1us")
    circuits = Circuits(near, far, Random(1), count=1, frames=16, burst=8)
    for kind, protocols in ((SignallingManager, circuits.managers), (Talker, circuits.talkers)):
        for protocol in protocols:
            if issubclass(driver, kind):
                protocol.__class__ = driver
    await circuits.bind()
    circuits.start()
    await bench.emulation.idle()
    await near.adapter.request(OidRequest.query(Oid.GEN_XMIT_OK, 64))
    await bench.emulation.hosts["c"].halt()
    await bench.emulation.idle()


EXERCISES: Final[Mapping[str, Callable[[Bench], Awaitable[None]]]] = {"calls": calls}
