"""Deferred procedure calls: work an ISR leaves for later, at DISPATCH_LEVEL.

Each virtual CPU has one queue, drained when the CPU would drop below
DISPATCH_LEVEL; a DPC never interrupts another one on the same CPU. A DPC
object waits in at most one queue at a time: queueing it again returns False
and changes nothing, as `KeInsertQueueDpc` does. It leaves the queue before
its routine runs, so an interrupt meanwhile can queue it again.

Not here: threaded DPCs, which run at PASSIVE_LEVEL; see `workitem`.
"""

from collections.abc import Callable
from enum import IntEnum

from ndisemu.kernel.cpu import Cpu


class Importance(IntEnum):
    """Where in the queue a DPC enters, with the values of `KDPC_IMPORTANCE`.

    HIGH enters at the head, all others at the tail. LOW does not hurry a CPU
    on other systems; here a CPU always drains its queue as soon as it may.
    """

    LOW = 0
    MEDIUM = 1
    HIGH = 2
    MEDIUM_HIGH = 3


class Dpc:
    """One deferred procedure call.

    `cpu` is the target; None means the CPU that queues it.
    """

    __slots__ = ("_waits_on", "cpu", "importance", "name", "queued", "routine")

    def __init__(
        self,
        routine: Callable[[], None],
        *,
        name: str = "dpc",
        cpu: Cpu | None = None,
        importance: Importance = Importance.MEDIUM,
    ) -> None:
        self.routine = routine
        self.name = name
        self.cpu = cpu
        self.importance = importance
        self.queued = False
        self._waits_on: Cpu | None = None

    def __repr__(self) -> str:
        return f"<Dpc {self.name} {'queued' if self.queued else 'idle'}>"

    def queue(self, current: Cpu) -> bool:
        """Queue it on its target, or on `current`; False if it waits already (`KeInsertQueueDpc`)."""
        if self.queued:
            return False
        target = self._waits_on = self.cpu or current
        if self.importance == Importance.HIGH:
            target.queue_dpc_first(self)
        else:
            target.queue_dpc(self)
        return True

    def remove(self) -> bool:
        """Take it out of its queue (`KeRemoveQueueDpc`); False if it was in none."""
        if not self.queued or self._waits_on is None:
            return False
        self._waits_on.remove_dpc(self)
        return True
