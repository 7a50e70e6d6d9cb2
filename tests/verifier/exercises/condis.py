"""The exercises of connection-oriented drivers: a call between two hosts, and one on a trunk of NDIS 6."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any, Final

from ndisemu.drivers.faulty.condis.lists import Exchange, Subscriber, Trunk
from ndisemu.drivers.protocols import SignallingManager, Talker
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.drivers.vc import VcMiniport
from ndisemu.machine import Circuits
from ndisemu.machine.faults import FAULTS
from ndisemu.ndis import Oid, OidRequest, Packet, Status
from ndisemu.ndis.co import BindContext, ClientVc, CoBinding, VcEnd
from tests.verifier.bench import Bench

LATER: Final = 1_000_000


class Keeper(Talker):
    """A client that keeps what it hears, and returns it a little after a call has begun to end."""

    async def bind_adapter(self, context: BindContext) -> Status:
        status = await super().bind_adapter(context)
        self.kept: list[Packet] = []
        self.timer = self.binding.initialize_timer(lambda: self.binding.return_packets(self.kept))
        return status

    async def unbind_adapter(self, binding: CoBinding) -> None:
        self.timer.set(LATER)
        await super().unbind_adapter(binding)
        self.timer.cancel()

    def cl_incoming_close_call(self, vc: ClientVc, status: Status, data: bytes) -> None:
        self.timer.set(LATER)
        super().cl_incoming_close_call(vc, status, data)

    def co_receive_packets(self, vc: VcEnd, packets: Sequence[Packet]) -> int:
        super().co_receive_packets(vc, packets)
        self.kept.extend(packets)
        return 1


async def calls(bench: Bench, client: type[Talker] = Talker) -> None:
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
            elif kind is Talker:
                protocol.__class__ = client
    await circuits.bind()
    circuits.start()
    await bench.emulation.idle()
    await near.adapter.request(OidRequest.query(Oid.GEN_XMIT_OK, 64))
    await bench.emulation.hosts["c"].halt()
    await bench.emulation.idle()


async def lists(bench: Bench) -> None:
    """A trunk in a host of its own, a call on it, and a cable that is pulled; the driver is the trunk or its exchange."""
    driver: Any = bench.driver
    host = bench.emulation.host("c")
    trunk = host.nic("eth0", driver if issubclass(driver, Trunk) else Trunk)
    far = bench.emulation.host("d").nic("eth0", Ring6Miniport)
    bench.emulation.connect(trunk, far, delay="1us")
    await host.bind_circuits("eth0", driver() if issubclass(driver, Exchange) else Exchange())
    await FAULTS["link_down"].start(trunk)
    await bench.emulation.idle()
    await host.bind_circuits("eth0", Subscriber())
    await FAULTS["link_up"].start(trunk)
    await bench.emulation.idle()


EXERCISES: Final[Mapping[str, Callable[[Bench], Awaitable[None]]]] = {
    "calls": calls,
    "calls of a client that keeps packets": partial(calls, client=Keeper),
    "lists": lists,
}
