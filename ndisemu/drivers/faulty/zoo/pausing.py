"""Pauses that are over too soon, and lists that are walked while they change."""

from collections.abc import Sequence

from ndisemu.drivers.protocols import Station6
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import NetEvent, NetPnPEvent, Status, v6


class PausesWithLists(Station6):
    """It sends no more and says that it is paused; what it holds it returns when it is done with it."""

    async def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:
        if event.code is not NetEvent.PAUSE:
            return await super().net_pnp_event(binding, event)
        self.hold()
        return Status.SUCCESS


class PausesWithoutLists(Station6):
    """It returns what it holds, waits for what it has sent, and is paused then."""


class WalksWhatChanges(Ring6Miniport):
    """A reset waits for the lists on their way, one after the other; their ends take them out of what it walks."""

    def initialize(self, parameters: v6.InitParameters) -> Status:
        self.under_way: dict[v6.NetBufferList, None] = {}
        return super().initialize(parameters)

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        mine = tuple(nbls)
        self.under_way.update(dict.fromkeys(mine))
        await super().send(nbls, port, flags)
        for nbl in mine:
            self.under_way.pop(nbl)
        self.tell_who_waits()

    async def reset(self) -> Status:
        self.card.stop(Status.RESET_IN_PROGRESS)
        await self.all_are_back()
        self.card.start()
        return Status.SUCCESS

    async def all_are_back(self) -> None:
        """Wait for each list."""
        for nbl in self.under_way:
            while nbl in self.under_way:
                await self.change()


class LooksAgain(WalksWhatChanges):
    """It looks whether any is left, and if so waits for a change and looks again."""

    async def all_are_back(self) -> None:
        await self.until(lambda: not self.under_way)
