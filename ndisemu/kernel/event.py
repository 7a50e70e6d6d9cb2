"""Events and waits: how PASSIVE_LEVEL code waits for what a DPC does.

An event stays signalled until it is reset (`NdisInitializeEvent` makes a
notification event). Anybody up to DISPATCH_LEVEL may set or reset it; only
PASSIVE_LEVEL may wait.
"""

from ndisemu.errors import RuleViolation
from ndisemu.kernel.irql import DISPATCH, PASSIVE, irql_name
from ndisemu.kernel.kernel import Kernel
from ndisemu.kernel.traps import Trap, Waiter


class Event:
    """`NDIS_EVENT`."""

    __slots__ = ("_kernel", "_waits", "is_set", "name")

    def __init__(self, kernel: Kernel, name: str = "event") -> None:
        self._kernel = kernel
        self.name = name
        self.is_set = False
        self._waits: list[_Wait] = []

    def __repr__(self) -> str:
        return f"<Event {self.name} {'set' if self.is_set else 'not set'}, {len(self._waits)} waiting>"

    def set(self) -> None:
        """Signal it: everybody who waits goes on (`NdisSetEvent`, IRQL <= DISPATCH)."""
        self._check_level("set")
        self.is_set = True
        waits, self._waits = self._waits, []
        for wait in waits:
            wait.end(signalled=True)

    def reset(self) -> None:
        """Make it not signalled (`NdisResetEvent`, IRQL <= DISPATCH)."""
        self._check_level("reset")
        self.is_set = False

    async def wait(self, timeout: int | None = None) -> bool:
        """Wait until it is signalled, for at most `timeout` ns (None: for ever); whether it was.

        `NdisWaitEvent`, IRQL PASSIVE.
        """
        cpu = self._kernel.current
        if cpu is not None and cpu.irql != PASSIVE:
            raise RuleViolation(
                "irql-wait", f"{self.name} can be waited for at PASSIVE_LEVEL only, not at {irql_name(cpu.irql)}"
            )
        if self.is_set or timeout == 0:
            return self.is_set
        signalled: bool = await _Wait(self._kernel, self._waits, timeout)
        return signalled

    def _check_level(self, what: str) -> None:
        cpu = self._kernel.current
        if cpu is not None and cpu.irql > DISPATCH:
            raise RuleViolation(
                "irql-synch", f"{self.name} can be {what} at DISPATCH_LEVEL or below, not at {irql_name(cpu.irql)}"
            )


class _Wait(Trap):
    """One wait, ended by the event or by its alarm, whichever is first."""

    __slots__ = ("_alarm", "_timeout", "_waiter", "_waits")

    def __init__(self, kernel: Kernel, waits: list["_Wait"], timeout: int | None) -> None:
        self._waits = waits
        self._alarm = kernel.alarm(self._expire)
        self._timeout = None if timeout is None else kernel.local_time() + timeout
        self._waiter: Waiter | None = None

    def park(self, waiter: Waiter) -> None:
        self._waiter = waiter
        self._waits.append(self)
        if self._timeout is not None:
            self._alarm.set(self._timeout)

    def end(self, *, signalled: bool) -> None:
        self._alarm.cancel()
        if self._waiter is not None:
            self._waiter.wake(signalled)

    def _expire(self) -> None:
        self._waits.remove(self)
        self.end(signalled=False)
