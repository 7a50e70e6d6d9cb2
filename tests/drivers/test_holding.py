"""A station that keeps what it receives for a while: how long, in which order, and that nothing stays behind."""

import asyncio
from random import Random
from typing import Final

import pytest

from ndisemu import Emulation, Ring6Miniport, RingMiniport, run
from ndisemu.drivers.protocols import Flow, Generator, Station, Station6
from ndisemu.machine import Slot
from ndisemu.ndis import v5, v6

MICROSECOND: Final = 1_000
HOLD: Final = 200 * MICROSECOND
GENERATIONS: Final = [(RingMiniport, Station), (Ring6Miniport, Station6)]


class Pair:
    """A sender and a receiver that keeps packets for `HOLD`, on a gigabit cable; `rx_ring` is the receiver's."""

    def __init__(
        self, emu: Emulation, miniport: type[v5.Miniport | v6.Miniport], station: type[Station | Station6]
    ) -> None:
        self.hosts = [emu.host(name) for name in ("a", "b")]
        self.slots: list[Slot] = [host.nic("eth0", miniport, parameters={"rx_ring": 16}) for host in self.hosts]
        emu.connect(*self.slots)
        self.flow = Flow("there")
        self._station = station

    async def send(self, frames: int, *, burst: int, every: int) -> None:
        """Let frames flow from a to b."""
        there, here = self.slots[1].nic.mac, self.slots[0].nic.mac
        source = Generator(
            Random(1), source=here, destination=there, frames=frames, sizes=[60], burst=burst, every=every
        )
        sender = self._station("a", sources=[(source, self.flow)])
        receiver = self._station("b", flows=[self.flow], keeps=HOLD)
        for host, station in zip(self.hosts[::-1], (receiver, sender), strict=True):
            await host.bind_protocol("eth0", station)
        kernel = self.hosts[0].kernel
        kernel.submit(lambda: self.hosts[0].cpus[0].queue_thread(sender.start))

    @property
    def lent(self) -> int:
        """How many packets the receiver keeps."""
        return self.slots[1].adapter.receives.lent


@pytest.mark.parametrize(("miniport", "station"), GENERATIONS)
def test_packets_are_kept_for_their_time(
    miniport: type[v5.Miniport | v6.Miniport], station: type[Station | Station6]
) -> None:
    """Frames are judged as they arrive; a burst is kept for the time that was said, and then goes back."""

    async def main() -> None:
        async with Emulation() as emu:
            pair = Pair(emu, miniport, station)
            await pair.send(12, burst=4, every=50 * MICROSECOND)
            lent = []
            for _ in range(8):
                await asyncio.sleep(50e-6)
                lent.append(pair.lent)
            assert pair.flow.intact == 12
            assert lent == [4, 8, 12, 12, 8, 4, 0, 0]
        assert emu.findings == []

    run(main())


@pytest.mark.parametrize(("miniport", "station"), GENERATIONS)
def test_slow_protocols_let_a_pool_grow(
    miniport: type[v5.Miniport | v6.Miniport], station: type[Station | Station6]
) -> None:
    """More than a ring's worth is kept at a time, nothing is lost, and all of it is back in the end."""

    async def main() -> None:
        async with Emulation() as emu:
            pair = Pair(emu, miniport, station)
            await pair.send(400, burst=16, every=50 * MICROSECOND)
            await emu.idle()
            adapter = pair.slots[1].adapter
            assert (pair.flow.intact, pair.flow.late, pair.lent) == (400, 0, 0)
            assert adapter.resources.grown > 0
            assert adapter.receives.starved == 0
        assert emu.findings == []

    run(main())


@pytest.mark.parametrize(("miniport", "station"), GENERATIONS)
def test_what_is_kept_is_returned_when_the_station_ends(
    miniport: type[v5.Miniport | v6.Miniport], station: type[Station | Station6]
) -> None:
    """A halt in the middle finds nothing lent, and the timer does nothing afterwards."""

    async def main() -> None:
        async with Emulation() as emu:
            pair = Pair(emu, miniport, station)
            await pair.send(8, burst=8, every=50 * MICROSECOND)
            await asyncio.sleep(50e-6)
            assert pair.lent == 8
            adapter = pair.slots[1].adapter
            if isinstance(pair.slots[1].adapter.miniport, v6.Miniport):
                await adapter.pause()
                assert pair.lent == 0
            await pair.hosts[1].halt()
            assert pair.lent == 0
            await asyncio.sleep(1e-3)
        assert emu.findings == []

    run(main())
