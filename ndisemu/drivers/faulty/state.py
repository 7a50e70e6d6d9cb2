"""Drivers that break a rule of an adapter's states, each beside its mended twin."""

import asyncio
from contextlib import suppress
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.errors import RuleViolation
from ndisemu.ndis import Status, v6
from ndisemu.ndis.v5 import AdapterInfo


class Raises(RingMiniport):
    """It divides by what it has not looked at."""

    async def reset(self) -> Status:
        raise ZeroDivisionError


class LooksFirst(RingMiniport):
    """It looks at it."""

    async def reset(self) -> Status:
        return await super().reset()


class CountsInATask(RingMiniport):
    """It counts its resets in a task of its own, beginning with nothing."""

    resets: int | None = None
    task: asyncio.Task[None] | None = None

    async def reset(self) -> Status:
        self.task = asyncio.get_running_loop().create_task(self.count())
        return await super().reset()

    async def count(self) -> None:
        self.resets += 1  # type: ignore[operator]


class CountsAtOnce(RingMiniport):
    """It counts them where it resets."""

    resets = 0

    async def reset(self) -> Status:
        self.resets += 1
        return await super().reset()


class MapsBeforeItsAttributes(RingMiniport):
    """Its registers come first, and what it is is said afterwards."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        with suppress(RuleViolation):
            self.ndis.map_io_space()
        return super().initialize(adapter)


class MapsAfterItsAttributes(RingMiniport):
    """It says what it is before it asks for anything."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        return super().initialize(adapter)


class GeneralFirst(Ring6Miniport):
    """The general attributes are set before the registration attributes."""

    def initialize(self, parameters: v6.InitParameters) -> Status:
        with suppress(RuleViolation):
            self.ndis.set_attributes(v6.GeneralAttributes(bytes(6)))
        return super().initialize(parameters)


class RegistrationFirst(Ring6Miniport):
    """What the driver is comes before what the adapter can."""

    def initialize(self, parameters: v6.InitParameters) -> Status:
        return super().initialize(parameters)


class SaysTooLittle(Ring6Miniport):
    """It starts, and has never said what the adapter can."""

    def initialize(self, parameters: v6.InitParameters) -> Status:
        self.ndis.set_attributes(v6.RegistrationAttributes(v6.RegistrationFlag.BUS_MASTER))
        return Status.SUCCESS


class SaysEverything(Ring6Miniport):
    """Both kinds of attributes are set before it returns."""

    def initialize(self, parameters: v6.InitParameters) -> Status:
        return super().initialize(parameters)


class DoesNotStart(RingMiniport):
    """It finds no card that it knows."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        return Status.ADAPTER_NOT_FOUND


class Starts(RingMiniport):
    """It takes the card that is there."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        return super().initialize(adapter)


class TakesSilenceForAHang(RingMiniport):
    """Its check for hang complains when nothing was sent since the last one, as nobody had anything to send."""

    def check_for_hang(self) -> bool:
        return not self.tx.posted


class TakesOldSendsForAHang(RingMiniport):
    """Its check for hang complains when what was to be sent does not move."""

    def check_for_hang(self) -> bool:
        return self.tx.is_stuck()


class ReapsInItsHangCheck(RingMiniport):
    """The check for hang helps the card along."""

    def check_for_hang(self) -> bool:
        self.ndis.send_complete([], Status.SUCCESS)
        return super().check_for_hang()


class AnswersItsHangCheck(RingMiniport):
    """It answers from what it knows."""

    def check_for_hang(self) -> bool:
        return super().check_for_hang()


class MapsInItsReset(RingMiniport):
    """The reset maps the registers anew."""

    async def pnp_event_notify(self, event: object) -> None:
        self.ndis.map_io_space()
        await super().pnp_event_notify(event)  # type: ignore[arg-type]


class MapsAtStart(RingMiniport):
    """The registers are mapped once."""

    async def pnp_event_notify(self, event: object) -> None:
        await super().pnp_event_notify(event)  # type: ignore[arg-type]


class CannotBeMade(RingMiniport):
    """It opens a log when it is loaded, in a folder that only its author has."""

    def __init__(self) -> None:
        raise FileNotFoundError("driver.log")


class IsMade(RingMiniport):
    """It needs nothing before it is asked to start."""


PAIRS: Final = (
    Pair("driver", CannotBeMade, IsMade, "loading"),
    Pair("bugcheck", Raises, LooksFirst),
    Pair("stray-error", CountsInATask, CountsAtOnce),
    Pair("st-attributes-first", MapsBeforeItsAttributes, MapsAfterItsAttributes),
    Pair("st-attributes-order", GeneralFirst, RegistrationFirst),
    Pair("st-attributes-complete", SaysTooLittle, SaysEverything, "failed start"),
    Pair("st-init-status", DoesNotStart, Starts, "failed start"),
    Pair("st-hang-reset", TakesSilenceForAHang, TakesOldSendsForAHang),
    Pair("st-cfh-fast", ReapsInItsHangCheck, AnswersItsHangCheck),
    Pair("st-mapio-init-only", MapsInItsReset, MapsAtStart, "removal"),
)
