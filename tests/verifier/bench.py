"""Two hosts on a cable, with the driver under test in one of them."""

from functools import partial
from random import Random
from typing import Any, Final

from ndisemu.drivers.protocols import Flow, Generator, Station, Station6
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.machine import Emulation
from ndisemu.machine.slot import Slot
from ndisemu.ndis import v5, v6

# Short, as each buffer takes its time to make.
RINGS: Final = {"tx_ring": 32, "rx_ring": 32}
# Two bursts each way, of frames as short and as long as there are.
SIZES: Final = (60, 61, 590, 1514)
FRAMES: Final = 16
BURST: Final = 8


class Bench:
    """Two hosts on a cable: the driver under test at `near`, reference drivers everywhere else."""

    def __init__(self, emulation: Emulation, driver: type) -> None:
        self.emulation = emulation
        self.driver = driver
        six = issubclass(driver, v6.Miniport | v6.Protocol)
        self.is_miniport = issubclass(driver, v5.Miniport | v6.Miniport)
        reference, station = (Ring6Miniport, Station6) if six else (RingMiniport, Station)
        self.a, self.b = emulation.host("a", cpus=2), emulation.host("b")
        self.near: Slot = self.a.nic("eth0", driver if self.is_miniport else reference, parameters=RINGS)
        self.far: Slot = self.b.nic("eth0", reference, parameters=RINGS)
        emulation.connect(self.near, self.far, rate="1Gbit/s", delay="1us")
        self.flows = Flow("out"), Flow("in")
        out, back = self.flows
        mine: Any = driver if issubclass(driver, v5.Protocol | v6.Protocol) else station
        self.protocol: Any = mine("near", sources=[(self._source(self.near, self.far), out)], flows=[back])
        self.peer: Any = station("far", sources=[(self._source(self.far, self.near), back)], flows=[out])

    def _source(self, source: Slot, destination: Slot) -> Generator:
        return Generator(
            Random(1),
            source=source.mac,
            destination=destination.mac,
            frames=FRAMES,
            sizes=SIZES,
            burst=BURST,
            every=20_000,
        )

    async def start(self) -> None:
        """Bind both protocols and let both send."""
        await self.b.bind_protocol("eth0", self.peer)
        await self.a.bind_protocol("eth0", self.protocol)

    async def traffic(self) -> None:
        """Send what there is to send, both ways, until nothing is left to do."""
        self.begin()
        await self.emulation.idle()

    def begin(self) -> None:
        """Let both protocols send what there is to send."""
        for host, protocol in ((self.a, self.protocol), (self.b, self.peer)):
            self.emulation.kernel.submit(partial(host.cpus[0].queue_thread, protocol.start))
