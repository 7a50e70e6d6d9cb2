"""Work items: a routine handed from DISPATCH_LEVEL to a system thread at PASSIVE_LEVEL.

The routine runs in an asyncio task and may await anything. A work item waits
in at most one queue at a time; queueing it again meanwhile returns False.
"""

from collections.abc import Callable

from ndisemu.errors import InternalError
from ndisemu.kernel.blame import DRIVER_ERRORS
from ndisemu.kernel.cpu import Cpu
from ndisemu.kernel.passive import run_passive


class WorkItem:
    """`NDIS_WORK_ITEM`; `failed` is told what the routine raised."""

    __slots__ = ("_cpu", "_failed", "_routine", "name", "queued")

    def __init__(
        self,
        cpu: Cpu,
        routine: Callable[[], object],
        failed: Callable[[BaseException], None],
        *,
        name: str = "work item",
    ) -> None:
        self._cpu = cpu
        self._routine = routine
        self._failed = failed
        self.name = name
        self.queued = False

    def __repr__(self) -> str:
        return f"<WorkItem {self.name} {'queued' if self.queued else 'idle'}>"

    def queue(self) -> bool:
        """Run the routine at PASSIVE_LEVEL soon; False if it waits already (`NdisScheduleWorkItem`)."""
        if self.queued:
            return False
        self.queued = True
        self._cpu.queue_thread(self._start)
        return True

    def _start(self) -> None:
        spawn = self._cpu.kernel.spawn
        if spawn is None:
            raise InternalError(f"{self!r} needs an asyncio loop, and nothing drives this kernel from one")
        spawn(self._run(), self.name)

    async def _run(self) -> None:
        self.queued = False
        try:
            await run_passive(self._routine, self._cpu)
        except DRIVER_ERRORS as error:
            self._failed(error)
