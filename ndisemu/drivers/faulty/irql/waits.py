"""Drivers that wait where nothing may wait, or too long, each beside its mended twin."""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.faulty.irql.locks import Locking
from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import RingMiniport
from ndisemu.ndis import Packet, Status
from ndisemu.ndis.v5 import AdapterInfo


class WaitsInItsDpc(RingMiniport):
    """A DPC has no thread that could wait; the event is set by a later one."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        await self.done.wait()
        await super().send_packets(packets)

    def initialize(self, adapter: AdapterInfo) -> Status:
        self.done = self.ndis.initialize_event("done")
        return super().initialize(adapter)


class WaitsAtPassive(RingMiniport):
    """The halt runs in a thread."""

    async def halt(self) -> None:
        self.done.set()
        await self.done.wait()
        await super().halt()

    def initialize(self, adapter: AdapterInfo) -> Status:
        self.done = self.ndis.initialize_event("done")
        return super().initialize(adapter)


class AwaitsWithItsLock(Locking):
    """It lets go of the processor in the middle of what its lock protects."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        with self.own:
            await self.ndis.delay(1000)
        await super().send_packets(packets)


class AwaitsWithoutItsLock(Locking):
    """The lock is for what is done at once."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        with self.own:
            self.ready = True
        await self.ndis.delay(1000)
        await super().send_packets(packets)


class SleepsInItsDpc(RingMiniport):
    """It gives the card a microsecond to settle, as if it had a thread."""

    def handle_interrupt(self) -> None:
        self.ndis.sleep(1000)
        super().handle_interrupt()


class StallsInItsDpc(RingMiniport):
    """A microsecond can be waited for by the processor itself."""

    def handle_interrupt(self) -> None:
        self.ndis.stall(1000)
        super().handle_interrupt()


class StallsForLong(RingMiniport):
    """Two milliseconds for the PHY, in one stall."""

    async def reset(self) -> Status:
        self.ndis.stall(2_000_000)
        return await super().reset()


class WaitsForLong(RingMiniport):
    """A timer lets others run meanwhile."""

    async def reset(self) -> Status:
        await self.ndis.delay(2_000_000)
        return await super().reset()


class StallsManyTimes(RingMiniport):
    """Two milliseconds for the PHY, in forty stalls."""

    async def reset(self) -> Status:
        for _ in range(40):
            self.ndis.stall(50_000)
        return await super().reset()


class WaitsManyTimes(RingMiniport):
    """It looks as often, and lets others run in between."""

    async def reset(self) -> Status:
        for _ in range(40):
            await self.ndis.delay(50_000)
        return await super().reset()


PAIRS: Final[tuple[Pair, ...]] = (
    Pair("irql-stall-loop", StallsManyTimes, WaitsManyTimes),
    Pair("irql-wait", WaitsInItsDpc, WaitsAtPassive),
    Pair("irql-await", AwaitsWithItsLock, AwaitsWithoutItsLock),
    Pair("irql-msleep", SleepsInItsDpc, StallsInItsDpc, implies=("irql-table-5x",)),
    Pair("irql-stall", StallsForLong, WaitsForLong),
)
