"""Drivers that break a rule of pause and restart, each beside its mended twin."""

from contextlib import suppress
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.errors import RuleViolation
from ndisemu.ndis import Signal, Status


class PausesForEver(Ring6Miniport):
    """It waits for what has happened already."""

    async def pause(self) -> Status:
        await Signal()
        return Status.SUCCESS


class PausesInTime(Ring6Miniport):
    """It waits until every list is back."""

    async def pause(self) -> Status:
        return await super().pause()


class FailsToPause(Ring6Miniport):
    """It refuses to be paused."""

    async def pause(self) -> Status:
        await super().pause()
        return Status.FAILURE


class CompletesNoPause(Ring6Miniport):
    """It completes its pause by the call, twice."""

    async def pause(self) -> Status:
        self.ndis.pause_complete()
        with suppress(RuleViolation):
            self.ndis.pause_complete()
        return await super().pause()


class CompletesNoRestart(Ring6Miniport):
    """It completes its restart by its return, and once more by the call."""

    def restart(self) -> Status:
        self.ndis.queue_io_work_item(self.once_more)
        return super().restart()

    def once_more(self) -> None:
        """Complete it."""
        with suppress(RuleViolation):
            self.ndis.restart_complete(Status.SUCCESS)


class RestartsWithoutStatus(Ring6Miniport):
    """Its restart falls off its end."""

    async def restart(self) -> Status:  # type: ignore[override]
        await self.ndis.delay(1000)
        return None  # type: ignore[return-value]


class RestartsWithStatus(Ring6Miniport):
    """It says how it went."""

    async def restart(self) -> Status:  # type: ignore[override]
        await self.ndis.delay(1000)
        return super().restart()


class FailsToRestart(Ring6Miniport):
    """It starts, and after a pause it does not find its card any more."""

    paused = False

    async def pause(self) -> Status:
        self.paused = self.information.counters.sent > 0
        return await super().pause()

    def restart(self) -> Status:
        return Status.FAILURE if self.paused else super().restart()


PAIRS: Final = (
    Pair("st-pause-timeout", PausesForEver, PausesInTime),
    Pair("st-pause-status", FailsToPause, PausesInTime),
    Pair("st-pause-complete-pairing", CompletesNoPause, PausesInTime),
    Pair("st-restart-complete-pairing", CompletesNoRestart, RestartsWithStatus),
    Pair("st-restart-status", RestartsWithoutStatus, RestartsWithStatus, implies=("st-restart-failed",)),
    Pair("st-restart-failed", FailsToRestart, RestartsWithStatus),
)
