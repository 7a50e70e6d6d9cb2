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

from ndisemu.kernel import DRIVER_ERRORS, Fiber
from ndisemu.kernel.traps import DriverCoroutine

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter

Failed = Callable[[BaseException], None]


class Ended(Protocol):
    """Who is told what an entry point returned, and whether it had suspended before."""

    def __call__(self, value: object, *, suspended: bool) -> None:
        """The call has ended with `value`."""
        ...


class EntryCall(Fiber):
    """A call of an entry point that is a coroutine; it resumes under the adapter's lock, where that has one."""

    __slots__ = ("_adapter", "_ended", "_failed")

    def __init__(self, adapter: "Adapter", coroutine: DriverCoroutine, ended: Ended, failed: Failed) -> None:
        super().__init__(coroutine, adapter.running_cpu("an entry point"))
        self._adapter = adapter
        self._ended = ended
        self._failed = failed

    @property
    def actor(self) -> str:
        """The adapter."""
        return self._adapter.name

    def routine(self) -> None:
        """Resume, as soon as no other entry of a serialized adapter runs."""
        if self._adapter.lock is None:
            super().routine()
        else:
            self._adapter.lock.run(super().routine)

    def returned(self, value: object) -> None:
        """What it returns is the end of the call."""
        self._ended(value, suspended=self._adapter.forget(self))

    def raised(self, error: BaseException) -> None:
        """What it raises ends the call, and its adapter."""
        self._adapter.forget(self)
        self._failed(error)


def enter(adapter: "Adapter", routine: Callable[[], object], ended: Ended, failed: Failed) -> None:
    """Call `routine`, an entry point of the adapter's miniport, at the current IRQL."""
    try:
        result = routine()
    except DRIVER_ERRORS as error:
        failed(error)
        return
    if type(result) is CoroutineType:
        call = EntryCall(adapter, result, ended, failed)
        if not call.step():
            adapter.remember(call)
    else:
        ended(result, suspended=False)
