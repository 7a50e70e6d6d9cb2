"""Drivers that say that a reset is over when it is not, each beside its mended twin."""

from collections.abc import Awaitable
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
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


PAIRS: Final[tuple[Pair, ...]] = (
    Pair("st-reset-5d-abort", KeepsItsPackets, AbortsItsPackets, "busy reset"),
    Pair("st-reset-pending-io-630", KeepsItsLists, AbortsItsLists, "busy reset"),
    Pair("st-reset-addressing", ForgetsItsFilter, AsksForItsFilter),
)
