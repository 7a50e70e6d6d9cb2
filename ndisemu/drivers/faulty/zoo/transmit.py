"""Sends that are lost, kept or delayed: wake-ups that do not come, indexes that overflow, queues that nobody empties."""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.hw import registers as reg
from ndisemu.ndis import Signal, v6

# What a signed index of 16 bits counts to before it is negative.
_SHORT: Final = 1 << 15


def short(value: int) -> int:
    """Return what a signed integer of 16 bits keeps of a number."""
    return (value + _SHORT) % (2 * _SHORT) - _SHORT


class WakesItsWorkerOnce(RingMiniport):
    """A worker reaps what was sent; it is queued if it is not, and nobody notes that it has run."""

    busy = False

    def handle_interrupt(self) -> None:
        self.pending_causes, sent = self.pending_causes & ~reg.TXDW, self.pending_causes & reg.TXDW
        if sent and not self.busy:
            self.busy = True
            self.ndis.schedule_work_item(self.reap)
        super().handle_interrupt()

    def reap(self) -> None:
        """Complete what the card has sent, at the level of a DPC."""
        passive = self.ndis.raise_irql()
        self.tx.reap()
        self.ndis.lower_irql(passive)

    def check_for_hang(self) -> bool:
        return False


class WakesItsWorkerAgain(WakesItsWorkerOnce):
    """The worker says that it may be queued again, and looks after that."""

    def reap(self) -> None:
        self.busy = False
        super().reap()


class CountsUpwards(Ring6Miniport):
    """It counts lists in signed shorts, and compares the counts, to know whether the ring has room."""

    posted = done = 0

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        self.posted = short(self.posted + len(nbls))
        if not self.has_room():
            # The interrupt that makes room would end this, if there were anything in the ring.
            await Signal()
        await super().send(nbls, port, flags)
        self.done = short(self.done + len(nbls))

    def has_room(self) -> bool:
        """Whether what is posted is at least what is done, as it is until the first count overflows."""
        return self.posted >= self.done


class CountsAround(CountsUpwards):
    """It compares by the difference, which overflows as the counts do."""

    def has_room(self) -> bool:
        return short(self.posted - self.done) >= 0


class LeavesTheRestToNdis(Ring6Miniport):
    """Ported from a serialized driver: what the ring has no room for NDIS keeps, or so it did in 5.x."""

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        bursts = self.sends.split(nbls)
        left = self.tx.post(bursts)
        for burst in bursts[: len(bursts) - len(left)]:
            self.sends.end(burst, await burst)


class KeepsTheRest(Ring6Miniport):
    """An NDIS 6 driver has a queue of its own."""
