"""Drivers that use a reader/writer lock wrongly, each beside its mended twin."""

from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import LockState, RwLock, Status, v6


class Reading(Ring6Miniport):
    """A driver with a table that many read and few change."""

    table: RwLock

    def initialize(self, parameters: v6.InitParameters) -> Status:
        self.table = self.ndis.allocate_rw_lock("table")
        self.known = False
        return super().initialize(parameters)


class WritesWhatItReads(Reading):
    """It finds nothing in the table, and enters it in place."""

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        with self.table.acquire_read():
            if not self.known:
                with self.table.acquire_write():
                    self.known = True
        super().interrupt_dpc(context, throttle)


class LooksAgainBeforeItWrites(Reading):
    """It stops reading; as somebody may have been faster, it looks again."""

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        with self.table.acquire_read():
            known = self.known
        if not known:
            with self.table.acquire_write():
                self.known = True
        super().interrupt_dpc(context, throttle)


class CarriesItsLockAway(Reading):
    """One processor takes the lock, and the DPC of another gives it back."""

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        if isinstance(context, LockState):
            self.table.release(context)
        else:
            super().interrupt_dpc(context, throttle)
            self.ndis.queue_dpc(self.line, 0b10, self.table.acquire_read())


class TakesItsLockThere(Reading):
    """Each processor takes and releases its own."""

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        if context == "there":
            with self.table.acquire_read():
                return
        super().interrupt_dpc(context, throttle)
        self.ndis.queue_dpc(self.line, 0b10, "there")


class ForgetsItsLock(Reading):
    """Where nothing is found, nothing is released."""

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        super().interrupt_dpc(context, throttle)
        state = self.table.acquire_read()
        if self.known:
            self.table.release(state)


class RemembersItsLock(Reading):
    """With `with` there is no way out without the release."""

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        super().interrupt_dpc(context, throttle)
        with self.table.acquire_read():
            if self.known:
                return


PAIRS: Final[tuple[Pair, ...]] = (
    Pair("rwlock-no-upgrade", WritesWhatItReads, LooksAgainBeforeItWrites),
    Pair("rwlock-same-cpu", CarriesItsLockAway, TakesItsLockThere, implies=("rwlock-balanced",)),
    Pair("rwlock-balanced", ForgetsItsLock, RemembersItsLock),
)
