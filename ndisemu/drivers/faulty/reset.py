"""Drivers that break a rule of resets, each beside its mended twin."""

from collections.abc import Awaitable
from contextlib import suppress
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.errors import RuleViolation
from ndisemu.hw import registers as reg
from ndisemu.ndis import OidRequest, Status


class KeepsItsPackets(RingMiniport):
    """The card seems well, so it goes on with what it has."""

    async def reset(self) -> Status:
        return Status.SUCCESS


class AbortsItsPackets(RingMiniport):
    """What the card has is completed first, with NDIS_STATUS_REQUEST_ABORTED."""

    async def reset(self) -> Status:
        await self.stop(Status.REQUEST_ABORTED)
        self.card.start()
        return Status.SUCCESS


class KeepsItsLists(Ring6Miniport):
    """The card seems well, so it goes on with what it has."""

    async def reset(self) -> Status:
        return Status.SUCCESS


class AbortsItsLists(Ring6Miniport):
    """What the card has is completed first, with NDIS_STATUS_RESET_IN_PROGRESS."""

    async def reset(self) -> Status:
        await self.stop(Status.RESET_IN_PROGRESS)
        self.card.start()
        return Status.SUCCESS


class ForgetsItsFilter(RingMiniport):
    """The reset wants the filter set anew, which is refused as long as the reset is remembered."""

    forgetful = False

    async def reset(self) -> tuple[Status, bool]:  # type: ignore[override]
        status = await super().reset()
        self.forgetful = True
        return status, True

    def set_information(self, request: OidRequest) -> Status | Awaitable[Status]:
        if self.forgetful:
            self.forgetful = False
            return Status.FAILURE
        return super().set_information(request)


class AsksForItsFilter(RingMiniport):
    """What is set anew after the reset is taken."""

    async def reset(self) -> tuple[Status, bool]:  # type: ignore[override]
        return await super().reset(), True


class CompletesNoReset(RingMiniport):
    """The reset is complete by its return, and the timer completes it, too."""

    async def reset(self) -> Status:
        status = await super().reset()
        self.ndis.schedule_work_item(self.once_more)
        return status

    def once_more(self) -> None:
        """Complete it."""
        with suppress(RuleViolation):
            self.ndis.reset_complete(Status.SUCCESS)


class ResetsOnce(RingMiniport):
    """Its return is the completion."""

    async def reset(self) -> Status:
        return await super().reset()


class ResetsWithoutStatus(RingMiniport):
    """Its reset falls off its end."""

    async def reset(self) -> Status:
        await super().reset()
        return None  # type: ignore[return-value]


class FailsToReset(RingMiniport):
    """It has no idea how to reset its card."""

    async def reset(self) -> Status:
        await super().reset()
        return Status.HARD_ERRORS


class ForgetsItsReset(RingMiniport):
    """It says that it is pending, and never ends."""

    def reset(self) -> Status:  # type: ignore[override]
        return Status.PENDING


class LosesItsAddress(RingMiniport):
    """The reset reads the address from where it is not."""

    async def reset(self) -> Status:
        status = await super().reset()
        self.registers.write(reg.RAL0, 0x11223344)
        return status


class KeepsItsAddress(RingMiniport):
    """The card loads its address itself."""

    async def reset(self) -> Status:
        return await super().reset()


PAIRS: Final[tuple[Pair, ...]] = (
    Pair("st-reset-5d-abort", KeepsItsPackets, AbortsItsPackets, "busy reset"),
    Pair("st-reset-pending-io-630", KeepsItsLists, AbortsItsLists, "busy reset"),
    Pair("st-reset-addressing", ForgetsItsFilter, AsksForItsFilter),
    Pair("st-reset-complete-unexpected", CompletesNoReset, ResetsOnce),
    Pair("st-reset-status", ResetsWithoutStatus, ResetsOnce, implies=("st-reset-failed",)),
    Pair("st-reset-failed", FailsToReset, ResetsOnce),
    Pair("st-reset-pending-lost", ForgetsItsReset, ResetsOnce),
    Pair("st-reset-station-address", LosesItsAddress, KeepsItsAddress),
)
