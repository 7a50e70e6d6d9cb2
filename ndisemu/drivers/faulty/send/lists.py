"""NDIS 6 drivers that end their lists wrongly, each beside its mended twin."""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import Status, v6

SECOND: Final = 1_000_000_000


class Refusing(Ring6Miniport):
    """A driver that fails the first list of each burst, for its own reasons."""

    reason: Status = Status.FAILURE

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        nbls[0].status = self.reason
        self.ndis.send_complete(nbls[:1])
        if len(nbls) > 1:
            await super().send(nbls[1:], port, flags)


class LeavesTheStatus(Ring6Miniport):
    """The first list of each burst is completed as it came, without a status."""

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        self.ndis.send_complete(nbls[:1])
        if len(nbls) > 1:
            await super().send(nbls[1:], port, flags)


class InventsAStatus(Refusing):
    """A list is failed with the status of a request."""

    reason = Status.INVALID_OID


class BlamesACancel(Refusing):
    """A list is failed as one that was cancelled, which nobody has done."""

    reason = Status.SEND_ABORTED


class UnlinksTheFrames(Ring6Miniport):
    """The driver takes the frames out of a list that it refuses, and completes it empty."""

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        nbls[0].buffers = ()
        nbls[0].status = Status.FAILURE
        self.ndis.send_complete(nbls[:1])
        if len(nbls) > 1:
            await super().send(nbls[1:], port, flags)


class ReturnsACount(Ring6Miniport):
    """The send entry returns how many lists it has taken."""

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        await super().send(nbls, port, flags)
        return len(nbls)  # type: ignore[return-value]


class ReturnsNothing(Ring6Miniport):
    """The send entry tells by its completions what it has taken."""

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        await super().send(nbls, port, flags)


class PostsFromAStack(Ring6Miniport):
    """The frames of a list are put on a stack, and posted as they come off it: the last one first."""

    step = -1

    def initialize(self, parameters: v6.InitParameters) -> Status:
        status = super().initialize(parameters)
        split = self.tx.split
        self.tx.split = lambda frames: split(frames[:: self.step])  # type: ignore[method-assign]
        return status


class PostsFromAQueue(PostsFromAStack):
    """The frames of a list are posted in their order."""

    step = 1


class LinksAListTwice(Ring6Miniport):
    """The first list of a burst stands twice in the chain that is completed."""

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        nbls[0].status = Status.FAILURE
        self.ndis.send_complete([nbls[0], nbls[0]])


class TakesALongTime(Ring6Miniport):
    """The driver keeps each burst for a while before the card gets it."""

    seconds = 1

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        await self.ndis.delay(self.seconds * SECOND)
        await super().send(nbls, port, flags)


class StandsStill(TakesALongTime):
    """For most of half a minute nothing is completed."""

    seconds = 25


class TakesTooLong(TakesALongTime):
    """Each send takes longer than half a minute."""

    seconds = 31


class KeepsListsForLater(Ring6Miniport):
    """Lists wait for a second before the card gets them, and a cancel gives back those of its id."""

    def initialize(self, parameters: v6.InitParameters) -> Status:
        self.held: dict[v6.NetBufferList, None] = {}
        return super().initialize(parameters)

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        self.held |= dict.fromkeys(nbls)
        await self.ndis.delay(SECOND)
        left = [nbl for nbl in nbls if nbl in self.held]
        for nbl in left:
            del self.held[nbl]
        if left:
            await super().send(left, port, flags)

    def cancel_send(self, cancel_id: int) -> None:
        gone = [nbl for nbl in self.held if self.is_meant(nbl, cancel_id)]
        for nbl in gone:
            del self.held[nbl]
            nbl.status = Status.SEND_ABORTED
        self.ndis.send_complete(gone)

    def is_meant(self, nbl: v6.NetBufferList, cancel_id: int) -> bool:
        return nbl.cancel_id == cancel_id


class CancelsEverything(KeepsListsForLater):
    """A cancel empties the whole queue."""

    def is_meant(self, nbl: v6.NetBufferList, cancel_id: int) -> bool:
        return True


PAIRS: Final = (
    Pair("send-nbl-status-set", LeavesTheStatus, Refusing),
    Pair("send-nbl-status-value", InventsAStatus, Refusing),
    Pair("send-nb-list-unmodified", UnlinksTheFrames, Refusing),
    Pair("send-nb-order", PostsFromAStack, PostsFromAQueue, "several frames"),
    Pair("send-async-only-6", ReturnsACount, ReturnsNothing),
    Pair("send-status-matches-reason", BlamesACancel, Refusing),
    Pair("send-chain-wellformed", LinksAListTwice, Refusing, implies=("send-double-complete",)),
    Pair("send-cancel-wrong-target", CancelsEverything, KeepsListsForLater, "cancel", ("send-status-matches-reason",)),
    Pair("send-timed-progress", StandsStill, TakesALongTime, "traffic"),
    Pair("send-timed-complete", TakesTooLong, TakesALongTime, "traffic", ("send-timed-progress",)),
)
