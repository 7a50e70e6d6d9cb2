"""Shared memory that is allocated while the driver goes on: one allocation on its way.

The call returns at once; the memory, or word that there is none, comes
later, also before the call has returned to the driver. A coroutine that
awaits the allocation is resumed with it; for a driver that does not,
MiniportAllocateComplete is called, or MiniportSharedMemoryAllocateComplete in
NDIS 6. Exactly one of the two happens for each allocation that was pending,
whether it succeeds or fails; one that was refused at once (`status` FAILURE)
has no completion, and awaiting it gives None.

Source: seed 002; NDIS reference 5.12. NDIS allocates at PASSIVE_LEVEL, as
memory can be had nowhere else. To a 5.x driver it calls back at
DISPATCH_LEVEL, the strictest of the levels that the documents allow; NDIS 6
says PASSIVE_LEVEL.
"""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from ndisemu.errors import RuleViolation
from ndisemu.kernel import Trap, Waiter
from ndisemu.ndis.resources import SharedMemory
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter

Allocate = Callable[[], SharedMemory | None]
Deliver = Callable[["Allocation"], None]


class Allocation(Trap):
    """One call of NdisMAllocateSharedMemoryAsync or NdisMAllocateSharedMemoryAsyncEx.

    `status` is PENDING until the end, then SUCCESS or FAILURE; `length`,
    `cached` and `context` are as the driver gave them. `memory` is what came.
    The completion, `deliver`, runs at the IRQL `level`.
    """

    __slots__ = ("_adapter", "_allocate", "_deliver", "_level", "_waiter", "cached", "context", "length", "memory",
                 "status")  # fmt: skip

    def __init__(
        self,
        adapter: "Adapter",
        length: int,
        *,
        cached: bool,
        context: object,
        allocate: Allocate,
        deliver: Deliver,
        level: int,
    ) -> None:
        self._adapter = adapter
        self._allocate = allocate
        self._deliver = deliver
        self._level = level
        self._waiter: Waiter | None = None
        self.length = length
        self.cached = cached
        self.context = context
        self.memory: SharedMemory | None = None
        self.status = Status.PENDING

    def __repr__(self) -> str:
        return f"<Allocation of {self.length} bytes for {self._adapter.name}: {self.status.name}>"

    def __await__(self) -> Generator[Trap, Any, Any]:
        if self.status is not Status.PENDING:
            return self.memory
        return (yield self)

    def park(self, waiter: Waiter) -> None:
        """Keep the one coroutine that waits for the memory."""
        if self._waiter is not None:
            raise RuleViolation("shm-async-one-waiter", f"{self!r} is awaited by a coroutine already; it takes one")
        self._waiter = waiter

    def refuse(self) -> None:
        """End it at once, without a completion."""
        self.status = Status.FAILURE

    def start(self) -> None:
        """Let it be carried out at PASSIVE_LEVEL."""
        self._adapter.resources.allocations[self] = None
        self._adapter.cpu.queue_thread(self._carry_out)

    def _carry_out(self) -> None:
        if self not in self._adapter.resources.allocations:
            return
        del self._adapter.resources.allocations[self]
        self.memory = self._allocate()
        if self.memory is None:
            self.status = Status.FAILURE
        else:
            self.status = Status.SUCCESS
            self._adapter.resources.grown += 1
        cpu = self._adapter.cpu
        before = cpu.raise_irql(self._level)
        if self._waiter is not None:
            self._waiter.wake(self.memory)
        else:
            self._deliver(self)
        cpu.lower_irql(before)
