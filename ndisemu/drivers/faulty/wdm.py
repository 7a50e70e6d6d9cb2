"""Drivers with a WDM lower edge that lose count of their IRPs, each beside its mended twin."""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.stream import StreamMiniport
from ndisemu.ndis import Irp, NtStatus, Packet


class CompletesWhatIsBelow(StreamMiniport):
    """It completes a request that it has sent itself, which the driver below has done already."""

    def read_done(self, irp: Irp) -> None:
        super().read_done(irp)
        irp.complete(NtStatus.SUCCESS)


class LooksAtWhatIsBelow(StreamMiniport):
    """Whoever sends a request looks how it was completed."""

    def read_done(self, irp: Irp) -> None:
        super().read_done(irp)
        self.last = irp.status


class CompletesWhatItKeeps(StreamMiniport):
    """A request that it does not need any more it completes, as if it had come from above."""

    def return_packets(self, packets: Sequence[Packet]) -> None:
        Irp.read(self.longest).complete(NtStatus.CANCELLED)
        super().return_packets(packets)


class DropsWhatItKeeps(StreamMiniport):
    """A request that was never sent is nobody's but its own."""

    def return_packets(self, packets: Sequence[Packet]) -> None:
        self.spare = Irp.read(self.longest)
        super().return_packets(packets)


class LeavesItsReads(StreamMiniport):
    """It forgets its reads, and halts."""

    async def halt(self) -> None:
        self.reads.clear()
        await super().halt()


class LeavesLockingToNdis(StreamMiniport):
    """It is serialized, over a device that it has to wait for."""

    deserialized = False


class LocksItself(StreamMiniport):
    """It is deserialized, as it has to be, and its lock is held for moments."""


PAIRS: Final[tuple[Pair, ...]] = (
    Pair("irp-double-complete", CompletesWhatIsBelow, LooksAtWhatIsBelow, "stream"),
    Pair("st-deserialize-flag", LeavesLockingToNdis, LocksItself, "stream"),
    Pair("irp-state", CompletesWhatItKeeps, DropsWhatItKeeps, "stream"),
    Pair("irp-outstanding-at-halt", LeavesItsReads, LooksAtWhatIsBelow, "stream"),
)
