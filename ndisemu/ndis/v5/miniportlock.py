"""The miniport lock: how NDIS lets one caller at a time into a serialized 5.x miniport.

An entry runs at exactly DISPATCH_LEVEL. One that comes while another runs
waits, and is run by the CPU that holds the lock as soon as that entry has
returned or suspended, first come first served. So nothing that a driver's
code sets off, by completing or indicating, comes back into the driver before
that code is done.

Its modelled time is that of a spin lock (`kernel.lock`): what an entry
charges is charged while the lock is held, and who comes with an earlier local
time than that of the last return waits until then.

Not here: MiniportISR and the other entries at DIRQL, which no lock keeps
away, and entries that NDIS makes from inside an entry on purpose
(MiniportTransferData from ProtocolReceive).

Source: NDIS reference 1.2 (entries marked SER) and 5.2.
"""

from collections import deque
from collections.abc import Callable

from ndisemu.errors import InternalError
from ndisemu.kernel import DISPATCH, Kernel

Entry = Callable[[], object]


class MiniportLock:
    """The lock of one serialized adapter; `waited` sums the modelled nanoseconds that CPUs have waited for it."""

    __slots__ = ("_free_at", "_kernel", "_name", "_waiting", "held", "waited")

    def __init__(self, kernel: Kernel, name: str) -> None:
        self._kernel = kernel
        self._name = name
        self._free_at = 0
        self._waiting: deque[Entry] = deque()
        self.held = False
        self.waited = 0

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
        if self._free_at > cpu.busy_until or cpu.costs is not None:
            self.waited += cpu.take_lock(self._free_at)
        self.held = True
        try:
            entry()
            while self._waiting:
                self._waiting.popleft()()
        finally:
            self.held = False
            self._free_at = cpu.busy_until
        cpu.lower_irql(before)
        return True

    def clear(self) -> None:
        """Forget what waits: the adapter is gone."""
        self._waiting.clear()
