"""Drivers that break a rule of memory, pools and handles, each beside its mended twin."""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.protocols import Station6
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import Status, v6
from ndisemu.ndis.v5 import AdapterInfo


class Pooling(RingMiniport):
    """A driver with a pool of its own."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        status = super().initialize(adapter)
        self.spare = self.ndis.allocate_packet_pool(4, "spare")
        return status

    async def halt(self) -> None:
        self.give_back()
        await super().halt()

    def give_back(self) -> None:
        """Free the pool."""
        self.ndis.free_packet_pool(self.spare)


class FreesItsPoolTwice(Pooling):
    """Two ways lead through the clean-up."""

    def give_back(self) -> None:
        super().give_back()
        super().give_back()


class FreesItsPoolOnce(Pooling):
    """What is freed is forgotten."""


class KeepsItsPool(Pooling):
    """The halt forgets the pool that came last."""

    def give_back(self) -> None:
        """Free nothing."""


class ClaimsMoreThanItHas(Ring6Miniport):
    """It takes the length from the descriptor, whatever the buffer has."""

    def pause(self) -> Status:  # type: ignore[override]
        self.rx.pool.free[0].buffers[0].resize(1 << 20)
        return Status.SUCCESS


class ClaimsWhatItHas(Ring6Miniport):
    """A length is at most what the buffer has."""

    async def pause(self) -> Status:
        buffer = self.rx.pool.free[0].buffers[0]
        buffer.resize(buffer.length)
        return await super().pause()


class AdvancesBeyond(Station6):
    """It skips more of a frame than there is."""

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        nbls[0].buffers[0].advance(1 << 20)
        super().receive_nbls(binding, nbls, port, flags)


class AdvancesWithin(Station6):
    """It skips the header, and takes it back before it returns the list."""

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        frame = nbls[0].buffers[0]
        frame.advance(14)
        frame.retreat(14)
        super().receive_nbls(binding, nbls, port, flags)


class FreesForeignContext(Ring6Miniport):
    """It frees context space that it has not allocated."""

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        nbls[0].pop_context()
        await super().send(nbls, port, flags)


class FreesItsContext(Ring6Miniport):
    """It frees what it has allocated, before the list goes back."""

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        nbls[0].push_context(8)
        nbls[0].pop_context()
        await super().send(nbls, port, flags)


class FreesTheOriginal(Ring6Miniport):
    """It frees a list when it has made a clone of it."""

    async def reset(self) -> Status:
        pool = self.ndis.allocate_nbl_pool(2)
        original = self.ndis.allocate_nbl(pool, self.rx.pool.free[0].buffers[0].mdls[0])
        if original is not None:
            self.free(pool, original, pool.clone(original, original.owner))
        self.ndis.free_nbl_pool(pool)
        return await super().reset()

    def free(self, pool: v6.NblPool, original: v6.NetBufferList, clone: v6.NetBufferList | None) -> None:
        """Free both."""
        pool.free(original, original.owner)
        if clone is not None:
            pool.free(clone, clone.owner)


class FreesTheCloneFirst(FreesTheOriginal):
    """The clone's MDLs are over the original's memory, so it goes first."""

    def free(self, pool: v6.NblPool, original: v6.NetBufferList, clone: v6.NetBufferList | None) -> None:
        if clone is not None:
            pool.free(clone, clone.owner)
        pool.free(original, original.owner)


PAIRS: Final = (
    Pair("mem-double-free", FreesItsPoolTwice, FreesItsPoolOnce),
    Pair("pool-leak", KeepsItsPool, FreesItsPoolOnce),
    Pair("nb-too-short", ClaimsMoreThanItHas, ClaimsWhatItHas),
    Pair("nb-advance", AdvancesBeyond, AdvancesWithin),
    Pair("nbl-clone-free", FreesTheOriginal, FreesTheCloneFirst),
    Pair("nbl-context", FreesForeignContext, FreesItsContext),
)
