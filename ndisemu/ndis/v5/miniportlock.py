"""The miniport lock: how NDIS lets one caller at a time into a serialized 5.x miniport.

An entry runs at exactly DISPATCH_LEVEL. One that comes while another runs
waits, and is run by the CPU that holds the lock as soon as that entry has
returned or suspended, first come first served. So nothing that a driver's
code sets off, by completing or indicating, comes back into the driver before
that code is done.

What an entry charges is charged while the lock is held, and CPUs wait for it
in modelled time as for a spin lock.

Not here: MiniportISR and the other entries at DIRQL, which no lock keeps
away, and entries that NDIS makes from inside an entry on purpose
(MiniportTransferData from ProtocolReceive).

Source: NDIS reference 1.2 (entries marked SER) and 5.2.
"""

from collections import deque
from collections.abc import Callable

from ndisemu.errors import InternalError
from ndisemu.kernel import DISPATCH, Contended, Kernel

Entry = Callable[[], object]


class MiniportLock(Contended):
    """The lock of one serialized adapter."""

    __slots__ = ("_kernel", "_name", "_waiting", "held")

    def __init__(self, kernel: Kernel, name: str) -> None:
        super().__init__()
        self._kernel = kernel
        self._name = name
        self._waiting: deque[Entry] = deque()
        self.held = False

    def __repr__(self) -> str:
        return f"<MiniportLock of {self._name} {'held' if self.held else 'free'}, {len(self._waiting)} waiting>"

    def run(self, entry: Entry) -> bool:
        """Run `entry` under the lock, now or when it is free; returns whether it has run, IRQL <= DISPATCH."""
        if self.held:
            self._waiting.append(entry)
            return False
        cpu = self._kernel.current
        if cpu is None:
            raise InternalError(f"{self!r} was asked for outside any virtual CPU")
        before = cpu.raise_irql(DISPATCH)
        if self._kernel.timed:
            self.enter(cpu)
        self.held = True
        try:
            entry()
            while self._waiting:
                self._waiting.popleft()()
        finally:
            self.held = False
            if self._kernel.timed:
                self.leave(cpu)
        cpu.lower_irql(before)
        return True

    def clear(self) -> None:
        """Forget what waits: the adapter is gone."""
        self._waiting.clear()
