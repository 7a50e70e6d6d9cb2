"""The rules of spin locks: most of them the lock itself keeps, which refuses what cannot be right."""

from typing import Final

from ndisemu.kernel import SpinLock
from ndisemu.units import format_time
from ndisemu.verifier.call import Call
from ndisemu.verifier.irqltable import rows
from ndisemu.verifier.rule import EVERY, V5, Code, Refused, Rule, after, before
from ndisemu.verifier.watch import Watch

# How long a driver may hold a lock, in ns.
LONGEST_HOLD: Final = 25_000
_LOCKS: Final = "DDK: Using Spin Locks"
# What may call back before it returns: the completions and the indications.
HANDS_OVER: Final = tuple(
    dict.fromkeys(
        row.routine
        for row in rows()
        if row.rule != "irql-entry" and (row.routine.endswith("Complete") or "Indicate" in row.routine)
    )
)


class SpinRecursive(Refused):
    """A processor takes no spin lock that it holds already."""

    id = "spin-recursive"
    models = EVERY
    source = _LOCKS
    why = "It would wait for itself, at DISPATCH_LEVEL, for ever."
    microsoft = "SpinLockDouble"
    code = Code(0x0F, "SPIN_LOCK_ALREADY_OWNED")


class SpinReleaseUnowned(Refused):
    """A spin lock is released by the code that has taken it, and by no other."""

    id = "spin-release-unowned"
    models = EVERY
    source = _LOCKS
    why = "The lock would open under whoever holds it, and IRQL fall to a level that belongs to somebody else."
    microsoft = "SpinLock"
    code = Code(0x10, "SPIN_LOCK_NOT_OWNED")


class SpinVariantMismatch(Refused):
    """What NdisAcquireSpinLock has taken NdisReleaseSpinLock gives back, and the Dpr call what the Dpr call has taken."""

    id = "spin-variant-mismatch"
    models = EVERY
    source = "DDK: NdisDprAcquireSpinLock, NdisReleaseSpinLock"
    why = "Only the plain calls keep the old IRQL. Mixed, the level is restored from what was never stored, or never restored."
    microsoft = "SpinLockDprRelease"


class SpinLifo(Refused):
    """Locks are released in the reverse order of being taken."""

    id = "spin-lifo"
    models = EVERY
    source = _LOCKS
    why = "Each lock keeps the level from before it was taken; in another order the last release leaves the processor too high or too low."


class SpinHeldAtReturn(Refused):
    """Driver code returns without a spin lock of its own."""

    id = "spin-held-at-return"
    models = EVERY
    source = _LOCKS
    why = "Nobody is left who would release it, and the next one to want it spins for ever."
    microsoft = "SpinlockRelease"


class IrqlSynch(Refused):
    """Locks and events are used at the level that their calls say: a spin lock is taken at DISPATCH_LEVEL or below."""

    id = "irql-synch"
    models = EVERY
    source = "DDK: NdisAcquireSpinLock, NdisSetEvent, NdisWaitEvent"
    why = "An ISR that waits for a lock waits for code that it has itself interrupted."
    microsoft = "Irql_Synch_Function"


class IrqlAtDpcLock(Refused):
    """The Dpr calls of a lock are for code that runs at DISPATCH_LEVEL."""

    id = "irql-at-dpc-lock"
    models = EVERY
    source = "DDK: NdisDprAcquireSpinLock"
    why = "They leave the level as it is. Below DISPATCH_LEVEL a DPC can interrupt the holder and wait for it on the same processor."
    microsoft = "SpinLockDpr"


class IrqlRaiseLower(Refused):
    """IRQL is raised to a higher level and lowered to the one that was saved."""

    id = "irql-raise-lower"
    models = EVERY
    source = "DDK: NDIS_RAISE_IRQL_TO_DISPATCH, NDIS_LOWER_IRQL"
    why = "Lowering by a raise lets interrupts into code that counted on being left alone."
    code = Code(0x09, "IRQL_NOT_GREATER_OR_EQUAL")


class SpinReleaseIrql(Refused):
    """A spin lock is released at DISPATCH_LEVEL, where it was held."""

    id = "spin-release-irql"
    models = EVERY
    source = "Driver Verifier 0xC4/0x32 and 0x35; DDK: NdisReleaseSpinLock"
    why = "Whoever has lowered the level meanwhile was open to a DPC that wants the same lock, on the same processor."
    code = Code(0xC4, "DRIVER_VERIFIER_DETECTED_VIOLATION", ("0x32: a lock is released at the wrong IRQL",))


class SpinFreeHeld(Refused):
    """A spin lock is freed once, when nobody holds it, and not taken any more after that."""

    id = "spin-free-held"
    models = EVERY
    source = "DDK: NdisFreeSpinLock"
    why = (
        "Who holds it gives back what is something else by then, and who takes it waits for memory that anybody writes."
    )


class CallNoCpu(Refused):
    """NDIS is called by code that runs on a processor of the host: an entry point, a timer, a work item, a bound protocol."""

    id = "call-no-cpu"
    models = EVERY
    source = "ndisemu: an asyncio task is no driver code"
    why = "There is no IRQL and no processor to which the call could belong."


class SpinHeldNdisCall(Rule):
    """No spin lock of the driver is held while it hands something over to NDIS."""

    id = "spin-held-ndis-call"
    models = EVERY
    source = "DDK: Synchronization and Notification in Network Drivers"
    why = (
        "NDIS calls on from there: a protocol may send or return from inside a completion or an indication, and the "
        "driver's own entry point then spins for ever on the lock that its own CPU holds."
    )
    advisory = True

    @before(*HANDS_OVER)
    def handing_over(self, call: Call) -> None:
        """Look at the locks of the calling CPU that are the driver's."""
        for lock in call.locks:
            if lock.actor == self.watch.adapter.name:
                self.broken(
                    f"{call.name} was called while holding {lock.name}; release it before, as NDIS may call back"
                )


class SpinHeldResetComplete(Rule):
    """All spin locks are released before NdisMResetComplete."""

    id = "spin-held-reset-complete"
    models = EVERY
    source = "DDK: NdisMResetComplete"
    why = "NDIS sends and asks again at once, from inside the call, and the driver meets its own lock."

    @before("NdisMResetComplete")
    def completing(self, call: Call) -> None:
        """Look at the locks of the calling CPU."""
        if call.held:
            self.broken(f"NdisMResetComplete was called while holding {call.held}; release before")


class SpinHeld5xCompletions(Rule):
    """All spin locks are released before a 5.x driver completes a request or ends a series of statuses."""

    id = "spin-held-5x-completions"
    models = V5
    source = "DDK: NdisMQueryInformationComplete, NdisMSetInformationComplete, NdisMIndicateStatusComplete"
    why = "The protocol that is told may ask the next question from there, and its answer needs the lock."

    @before("NdisMQueryInformationComplete", "NdisMSetInformationComplete", "NdisMIndicateStatusComplete")
    def completing(self, call: Call) -> None:
        """Look at the locks of the calling CPU."""
        if call.held:
            self.broken(f"{call.name} was called while holding {call.held}; release before")


class SpinHoldTime(Rule):
    """A spin lock is held for 25 microseconds at most."""

    id = "spin-hold-time"
    models = EVERY
    source = "DDK: NdisAcquireSpinLock"
    why = "Every processor that wants the lock meanwhile does nothing else, and on its own nothing below DISPATCH_LEVEL runs."
    advisory = True

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._told: tuple[SpinLock, int] | None = None

    @after("NdisStallExecution")
    def stalled(self, call: Call) -> None:
        """Look for how long each lock of the driver is held by now; of each hold say so once."""
        end = self.watch.kernel.local_time()
        for lock in call.locks:
            if not isinstance(lock, SpinLock) or lock.actor != self.watch.adapter.name:
                continue
            if end - lock.since > LONGEST_HOLD and self._told != (lock, lock.since):
                self._told = lock, lock.since
                held = format_time(end - lock.since)
                self.broken(f"{lock.name} is held for {held} with this stall; release it before, as others spin for it")


RULES: Final[tuple[type[Rule], ...]] = (
    SpinRecursive, SpinReleaseUnowned, SpinVariantMismatch, SpinLifo, SpinHeldAtReturn, IrqlSynch, IrqlAtDpcLock,
    IrqlRaiseLower, SpinReleaseIrql, SpinFreeHeld, CallNoCpu, SpinHeldNdisCall, SpinHeldResetComplete,
    SpinHeld5xCompletions, SpinHoldTime,
)  # fmt: skip
