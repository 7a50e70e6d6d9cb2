"""The rules of spin locks that watch; the lock itself refuses what cannot be right."""

from typing import Final

from ndisemu.verifier.call import Call
from ndisemu.verifier.irqltable import rows
from ndisemu.verifier.rule import EVERY, Rule, before

# What may call back before it returns: the completions and the indications.
HANDS_OVER: Final = tuple(
    dict.fromkeys(
        row.routine
        for row in rows()
        if row.rule != "irql-entry" and (row.routine.endswith("Complete") or "Indicate" in row.routine)
    )
)


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


RULES: Final[tuple[type[Rule], ...]] = (SpinHeldNdisCall,)
