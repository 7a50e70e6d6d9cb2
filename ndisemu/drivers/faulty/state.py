"""Drivers that break a rule of an adapter's states, each beside its mended twin."""

from contextlib import suppress
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.errors import RuleViolation
from ndisemu.hw import registers as reg
from ndisemu.ndis import Signal, Status, v6
from ndisemu.ndis.v5 import AdapterInfo


class Raises(RingMiniport):
    """It divides by what it has not looked at."""

    async def reset(self) -> Status:
        raise ZeroDivisionError


class LooksFirst(RingMiniport):
    """It looks at it."""

    async def reset(self) -> Status:
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


class StaysBehind(RingMiniport):
    """Something that it has started waits for ever, and outlives its halt."""

    async def send_packets(self, packets: object) -> None:
        await super().send_packets(packets)  # type: ignore[arg-type]
        await Signal()


class LeavesNothingBehind(RingMiniport):
    """What it starts it ends."""

    async def send_packets(self, packets: object) -> None:
        await super().send_packets(packets)  # type: ignore[arg-type]
        done = Signal()
        done.set()
        await done


class PausesTooSoon(Ring6Miniport):
    """It says that it is paused while lists are still lent to protocols or with the card."""

    async def pause(self) -> Status:
        self.receiving = False
        return Status.SUCCESS

    async def send(self, nbls: object, port: int, flags: int) -> None:
        await self.ndis.delay(50_000)
        await super().send(nbls, port, flags)  # type: ignore[arg-type]


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


class FreesInItsShutdown(RingMiniport):
    """The shutdown handler does what the halt does."""

    def shutdown(self) -> None:
        super().shutdown()
        self.ndis.deregister_interrupt(self.interrupt)


class QuiescesInItsShutdown(RingMiniport):
    """The shutdown handler stops the card, and that is all."""

    def shutdown(self) -> None:
        super().shutdown()


class LeavesTheCardOn(RingMiniport):
    """The shutdown handler is empty: the machine is switched off anyway."""

    def shutdown(self) -> None:
        """Do nothing."""


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


class HaltsWithTheCardOn(RingMiniport):
    """The halt takes everything away from a card that goes on receiving."""

    async def halt(self) -> None:
        await super().halt()
        self.registers.write(reg.RCTL, reg.RCTL_EN)


class HaltsWithTheCardOff(RingMiniport):
    """The card is stopped first, and stays so."""

    async def halt(self) -> None:
        await super().halt()


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


class KeepsPacketsInItsReset(RingMiniport):
    """The reset forgets what the ring held, and completes it when its time comes."""

    async def send_packets(self, packets: object) -> None:
        await self.ndis.delay(10_000_000)
        await super().send_packets(packets)  # type: ignore[arg-type]


PAIRS: Final = (
    Pair("bugcheck", Raises, LooksFirst),
    Pair("st-attributes-first", MapsBeforeItsAttributes, MapsAfterItsAttributes),
    Pair("st-attributes-order", GeneralFirst, RegistrationFirst),
    Pair("st-attributes-complete", SaysTooLittle, SaysEverything, "failed start"),
    Pair("st-init-status", DoesNotStart, Starts, "failed start"),
    Pair("st-halt-quiet", StaysBehind, LeavesNothingBehind),
    Pair("st-pause-timeout", PausesForEver, PausesInTime),
    Pair("st-pause-status", FailsToPause, PausesInTime),
    Pair("st-pause-complete-pairing", CompletesNoPause, PausesInTime),
    Pair("st-restart-complete-pairing", CompletesNoRestart, RestartsWithStatus),
    Pair("st-restart-status", RestartsWithoutStatus, RestartsWithStatus, implies=("st-restart-failed",)),
    Pair("st-restart-failed", FailsToRestart, RestartsWithStatus),
    Pair("st-reset-complete-unexpected", CompletesNoReset, ResetsOnce),
    Pair("st-reset-status", ResetsWithoutStatus, ResetsOnce, implies=("st-reset-failed",)),
    Pair("st-reset-failed", FailsToReset, ResetsOnce),
    Pair("st-reset-pending-lost", ForgetsItsReset, ResetsOnce),
    Pair("st-shutdown-no-free", FreesInItsShutdown, QuiescesInItsShutdown, "shutdown"),
    Pair("st-shutdown-quiesce", LeavesTheCardOn, QuiescesInItsShutdown, "shutdown"),
    Pair("st-cfh-fast", ReapsInItsHangCheck, AnswersItsHangCheck),
    Pair("st-mapio-init-only", MapsInItsReset, MapsAtStart, "removal"),
    Pair("st-halt-stop-hw", HaltsWithTheCardOn, HaltsWithTheCardOff),
    Pair("st-reset-station-address", LosesItsAddress, KeepsItsAddress),
)
