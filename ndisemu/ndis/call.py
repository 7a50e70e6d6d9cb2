"""One call of an entry point that may pend, in either style.

An entry point that may pend is a plain function or a coroutine. A plain one
that returns a status other than PENDING has ended; PENDING, or None where
the DDK has void, means that a completion will follow. A coroutine is stepped
at once: if it ends, the call was synchronous; if it suspends, NDIS saw
PENDING, and what it returns later is its completion. Either way the call
ends here, in `ended` or `failed`, exactly once.

Source: design "A coroutine that suspends is PENDING", NDIS reference 0.
"""

from collections.abc import Callable
from types import CoroutineType
from typing import TYPE_CHECKING, Protocol

from ndisemu.kernel import Cpu, Fiber, Kernel, driver_errors
from ndisemu.kernel.traps import DriverCoroutine

if TYPE_CHECKING:
    from ndisemu.ndis.v5.miniportlock import MiniportLock

Failed = Callable[[BaseException], None]


class Ended(Protocol):
    """Who is told what an entry point returned, and whether it had suspended before."""

    def __call__(self, value: object, *, suspended: bool) -> None:
        """The call has ended with `value`."""
        ...


class Driver(Protocol):
    """Whose entry points are called: an adapter for its miniport, a binding for its protocol."""

    name: str
    kernel: Kernel
    lock: "MiniportLock | None"

    def running_cpu(self, call: str) -> Cpu:
        """Return the CPU whose code makes an NDIS call; there must be one."""
        ...

    def enter(self, routine: Callable[[], object], ended: Ended, failed: Failed) -> None:
        """Call an entry point that may pend, under the driver's lock where there is one."""
        ...

    def remember(self, fiber: Fiber) -> None:
        """A coroutine of the driver has suspended."""
        ...

    def forget(self, fiber: Fiber) -> bool:
        """A coroutine of the driver has ended; returns whether it had suspended before."""
        ...

    def report(self, rule: str, text: str, error: BaseException | None = None) -> None:
        """Record a rule that the driver has broken."""
        ...

    def bug_check(self, entry: str, error: BaseException) -> None:
        """Stop the driver, which raised `error` in `entry`."""
        ...


class EntryCall(Fiber):
    """A call of an entry point that is a coroutine; it resumes under the driver's lock, where that has one."""

    __slots__ = ("_driver", "_ended", "_failed")

    def __init__(self, driver: Driver, coroutine: DriverCoroutine, ended: Ended, failed: Failed) -> None:
        super().__init__(coroutine, driver.running_cpu("an entry point"))
        self._driver = driver
        self._ended = ended
        self._failed = failed

    @property
    def actor(self) -> str:
        """The adapter or binding."""
        return self._driver.name

    def routine(self) -> bool:
        """Resume, as soon as no other entry of a serialized miniport runs."""
        if self._driver.lock is None:
            return self.step()
        self._driver.lock.run(self.step)
        return self.done

    def returned(self, value: object) -> None:
        """What it returns is the end of the call."""
        self._ended(value, suspended=self._driver.forget(self))

    def raised(self, error: BaseException) -> None:
        """What it raises ends the call, and its driver."""
        self._driver.forget(self)
        self._failed(error)


def enter(driver: Driver, routine: Callable[[], object], ended: Ended, failed: Failed) -> None:
    """Call `routine`, an entry point of the driver, at the current IRQL."""
    try:
        result = routine()
    except driver_errors() as error:
        failed(error)
        return
    if type(result) is CoroutineType:
        call = EntryCall(driver, result, ended, failed)
        if not call.step():
            driver.remember(call)
    else:
        ended(result, suspended=False)
