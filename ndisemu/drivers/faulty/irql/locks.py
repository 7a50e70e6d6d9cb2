"""Drivers that take, hold or release a spin lock wrongly, each beside its mended twin."""

from contextlib import suppress
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import RingMiniport
from ndisemu.errors import RuleViolation
from ndisemu.ndis import PASSIVE, SpinLock, Status
from ndisemu.ndis.v5 import AdapterInfo


class Locking(RingMiniport):
    """A driver with a lock of its own."""

    own: SpinLock
    other: SpinLock

    def initialize(self, adapter: AdapterInfo) -> Status:
        self.own, self.other = self.ndis.allocate_spin_lock("own"), self.ndis.allocate_spin_lock("other")
        return super().initialize(adapter)


class LocksTwice(Locking):
    """A helper takes the lock that its caller holds."""

    def handle_interrupt(self) -> None:
        with self.own:
            self.own.acquire()
        super().handle_interrupt()


class LocksOnce(Locking):
    """The helper leaves the lock to its caller."""

    def handle_interrupt(self) -> None:
        with self.own:
            self.ready = True
        super().handle_interrupt()


class ReleasesWhatIsFree(Locking):
    """An early way out gives back what it never took."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.own.release()


class ReleasesWhatItTook(Locking):
    """Each way out has its own."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.own.acquire()
        self.own.release()


class MixesTheCalls(Locking):
    """The plain call takes it, the Dpr call gives it back."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.own.acquire()
        self.own.dpr_release()


class PairsTheCalls(Locking):
    """In a DPC both can be the Dpr calls."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.own.dpr_acquire()
        self.own.dpr_release()


class ReleasesTheFirstFirst(Locking):
    """Two locks are given back in the order of being taken."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.own.acquire()
        self.other.acquire()
        self.own.release()
        self.other.release()


class ReleasesTheLastFirst(Locking):
    """The last one first."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        with self.own, self.other:
            self.ready = True


class KeepsItsLock(Locking):
    """A branch returns inside of what the lock protects."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        if self.own.owner is None:
            self.own.dpr_acquire()


class GivesItsLockBack(Locking):
    """The lock is given back on every way."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.own.dpr_acquire()
        self.own.dpr_release()


class LocksInItsIsr(Locking):
    """The ISR takes the lock of the DPC, which it may have interrupted."""

    def isr(self) -> tuple[bool, bool]:
        with self.own:
            return super().isr()


class SynchronizesWithItsIsr(Locking):
    """What both touch is touched at DIRQL, where the ISR cannot come between."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.ndis.synchronize_with_interrupt(lambda: True)


class UsesDprAnywhere(Locking):
    """MiniportInitialize runs at PASSIVE_LEVEL, where the Dpr call protects from nothing."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        status = super().initialize(adapter)
        with suppress(RuleViolation):
            self.own.dpr_acquire()
        self.own.dpr_acquire()
        return status


class UsesDprInItsDpc(Locking):
    """A DPC runs at DISPATCH_LEVEL."""

    def handle_interrupt(self) -> None:
        self.own.dpr_acquire()
        self.own.dpr_release()
        super().handle_interrupt()


class CompletesUnderItsLock(Locking):
    """What NdisMSendComplete leads to may be the next send, which wants the same lock."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        with self.own:
            self.ndis.send_complete([], Status.SUCCESS)


class CompletesAfterItsLock(Locking):
    """What is protected ends before the call."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        with self.own:
            self.ready = True
        self.ndis.send_complete([], Status.SUCCESS)


class ResetsUnderItsLock(Locking):
    """The timer of the reset completes it in the middle of what its lock protects."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        self.after_reset = self.ndis.initialize_timer(self.is_reset, "reset")
        return super().initialize(adapter)

    def reset(self) -> Status:  # type: ignore[override]
        self.after_reset.set(1000)
        return Status.PENDING

    def is_reset(self) -> None:
        self.card.stop(Status.REQUEST_ABORTED)
        self.card.start()
        with self.own:
            self.ndis.reset_complete(Status.SUCCESS)


class ResetsAfterItsLock(ResetsUnderItsLock):
    """The lock is given back first."""

    def is_reset(self) -> None:
        self.card.stop(Status.REQUEST_ABORTED)
        with self.own:
            self.card.start()
        self.ndis.reset_complete(Status.SUCCESS)


class TellsUnderItsLock(Locking):
    """It ends its series of statuses with the lock that a request of the protocol will want."""

    def follow_link(self) -> None:
        if self.card.link_has_changed():
            self.ndis.indicate_status(Status.MEDIA_CONNECT if self.card.link_up else Status.MEDIA_DISCONNECT)
            with self.own:
                self.ndis.indicate_status_complete()


class TellsAfterItsLock(Locking):
    """It has what it needs before."""

    def follow_link(self) -> None:
        with self.own:
            changed = self.card.link_has_changed()
        if changed:
            self.ndis.indicate_status(Status.MEDIA_CONNECT if self.card.link_up else Status.MEDIA_DISCONNECT)
            self.ndis.indicate_status_complete()


class LowersUnderItsLock(Locking):
    """It lowers its level by hand, with its lock."""

    async def halt(self) -> None:
        await super().halt()
        self.own.acquire()
        self.ndis.lower_irql(PASSIVE)
        self.own.release()


class LowersByItsRelease(Locking):
    """The lock has kept the level, and restores it."""

    async def halt(self) -> None:
        await super().halt()
        self.own.acquire()
        self.own.release()


class FreesItsLockTooSoon(Locking):
    """The halt frees the lock first, and needs it once more."""

    async def halt(self) -> None:
        self.ndis.free_spin_lock(self.own)
        await super().halt()
        with self.own:
            self.ready = False


class FreesItsLockLast(Locking):
    """It frees the lock after its last use."""

    async def halt(self) -> None:
        await super().halt()
        with self.own:
            self.ready = False
        self.ndis.free_spin_lock(self.own)


class FreesItsLockInItsDpc(RingMiniport):
    """It makes a lock for one DPC, and frees it there."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.ndis.free_spin_lock(self.ndis.allocate_spin_lock())


class FreesItsLockAtPassive(Locking):
    """The lock lives as long as the adapter does."""

    async def halt(self) -> None:
        await super().halt()
        self.ndis.free_spin_lock(self.own)


class StallsUnderItsLock(Locking):
    """It waits for its card in the middle of what its lock protects."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        with self.own:
            self.ndis.stall(40_000)


class StallsBeforeItsLock(Locking):
    """It waits first."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.ndis.stall(40_000)
        with self.own:
            self.ready = True


PAIRS: Final[tuple[Pair, ...]] = (
    Pair("spin-release-irql", LowersUnderItsLock, LowersByItsRelease, implies=("spin-held-at-return",)),
    Pair("spin-free-held", FreesItsLockTooSoon, FreesItsLockLast),
    Pair("spin-free-irql-5x", FreesItsLockInItsDpc, FreesItsLockAtPassive),
    Pair("spin-hold-time", StallsUnderItsLock, StallsBeforeItsLock),
    Pair("spin-recursive", LocksTwice, LocksOnce),
    Pair("spin-release-unowned", ReleasesWhatIsFree, ReleasesWhatItTook),
    Pair("spin-variant-mismatch", MixesTheCalls, PairsTheCalls, implies=("spin-held-at-return",)),
    Pair("spin-lifo", ReleasesTheFirstFirst, ReleasesTheLastFirst, implies=("spin-held-at-return",)),
    Pair("spin-held-at-return", KeepsItsLock, GivesItsLockBack),
    Pair("irql-synch", LocksInItsIsr, SynchronizesWithItsIsr),
    Pair("irql-at-dpc-lock", UsesDprAnywhere, UsesDprInItsDpc),
    Pair("spin-held-ndis-call", CompletesUnderItsLock, CompletesAfterItsLock),
    Pair("spin-held-reset-complete", ResetsUnderItsLock, ResetsAfterItsLock, implies=("spin-held-ndis-call",)),
    Pair(
        "spin-held-5x-completions", TellsUnderItsLock, TellsAfterItsLock, implies=("spin-held-ndis-call", "status-lock")
    ),
)
