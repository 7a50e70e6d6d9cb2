"""The rules of spin locks: most of them the lock itself keeps, which refuses what cannot be right."""

from typing import Final

from ndisemu.verifier.call import Call
from ndisemu.verifier.irqltable import rows
from ndisemu.verifier.rule import EVERY, V5, Code, Refused, Rule, before

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


class IrqlWait(Refused):
    """Driver code waits for events at PASSIVE_LEVEL only."""

    id = "irql-wait"
    models = EVERY
    source = "DDK: NdisWaitEvent"
    why = "Above it, nothing else runs on the processor, and what would set the event may be among it."
    microsoft = "IrqlNdisWaitEvent"


class IrqlAwait(Refused):
    """Code at DISPATCH_LEVEL, or with a spin lock, awaits only what NDIS gives it, and never while the lock is held."""

    id = "irql-await"
    models = EVERY
    source = "ndisemu: a coroutine that suspends gives the processor away, as a wait does"
    why = "The next code on the processor would run with the lock, and the lock's owner might never come back."


class IrqlSleep(Refused):
    """NdisMSleep is called below DISPATCH_LEVEL."""

    id = "irql-msleep"
    models = EVERY
    source = "DDK: NdisMSleep"
    why = "A thread can sleep; a DPC has no thread, and stops everything on its processor."
    microsoft = "NdisMSleep"


class IrqlStall(Refused):
    """NdisStallExecution keeps a processor for 50 microseconds at most."""

    id = "irql-stall"
    models = EVERY
    source = "DDK: NdisStallExecution"
    why = "A stall is a busy loop: nothing of that level or below runs meanwhile. What takes longer is for a timer."
    microsoft = "NdisStallExecution_Delay"


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
        for lock in call.locks:
            self.broken(f"NdisMResetComplete was called while holding {lock.name}; release it before")


class SpinHeld5xCompletions(Rule):
    """All spin locks are released before a 5.x driver completes a request or ends a series of statuses."""

    id = "spin-held-5x-completions"
    models = V5
    source = "DDK: NdisMQueryInformationComplete, NdisMSetInformationComplete, NdisMIndicateStatusComplete"
    why = "The protocol that is told may ask the next question from there, and its answer needs the lock."

    @before("NdisMQueryInformationComplete", "NdisMSetInformationComplete", "NdisMIndicateStatusComplete")
    def completing(self, call: Call) -> None:
        """Look at the locks of the calling CPU."""
        for lock in call.locks:
            self.broken(f"{call.name} was called while holding {lock.name}; release it before")


RULES: Final[tuple[type[Rule], ...]] = (
    SpinRecursive, SpinReleaseUnowned, SpinVariantMismatch, SpinLifo, SpinHeldAtReturn, IrqlSynch, IrqlAtDpcLock,
    IrqlRaiseLower, IrqlWait, IrqlAwait, IrqlSleep, IrqlStall, CallNoCpu, SpinHeldNdisCall, SpinHeldResetComplete,
    SpinHeld5xCompletions,
)  # fmt: skip
