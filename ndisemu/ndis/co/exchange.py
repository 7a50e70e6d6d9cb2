"""One thing a driver asks another for, through NDIS: final at once, or pending with a callback.

The asked driver's entry point is an `Operation`: it returns a final status,
or pends and is completed exactly once. NDIS does its own part of the end
first (`settle`), whose result is the status the asking driver gets: as what
its call returns, or, if it has seen PENDING, through its callback (`tell`),
never both. A `settle` that gives PENDING keeps the end back until `finish`.

Source: NDIS reference 0 and 6.2.
"""

from collections.abc import Callable

from ndisemu.ndis.call import Driver
from ndisemu.ndis.operation import Naming, Operation
from ndisemu.ndis.status import Status


class Exchange:
    """One operation of one handle, made once and asked for again and again; `asked` is the driver whose entry it is."""

    __slots__ = ("_operation", "_pended", "_settle", "_status", "_tell", "asked")

    def __init__(
        self, asked: Driver, naming: Naming, settle: Callable[[Status], Status], tell: Callable[[Status], None]
    ) -> None:
        self.asked = asked
        self._operation = Operation(asked, naming, self._ended)
        self._settle = settle
        self._tell = tell
        self._status = Status.SUCCESS
        self._pended = False

    def __repr__(self) -> str:
        return f"<Exchange: {self._operation!r}>"

    @property
    def pending(self) -> bool:
        """Whether its end has not come yet."""
        return self._status is Status.PENDING

    def ask(self, entry: Callable[[], object]) -> Status:
        """Call the entry point; returns its final status, or PENDING if the callback will follow."""
        self._status = Status.PENDING
        self._pended = False
        self._operation.enter(entry)
        self._pended = self._status is Status.PENDING
        return self._status

    def complete(self, status: Status) -> None:
        """The asked driver calls the completion."""
        self._operation.complete(status)

    def finish(self, status: Status) -> None:
        """Let the asking driver know the end, unless that is kept back."""
        if status is Status.PENDING:
            return
        self._status = status
        if self._pended:
            self._pended = False
            self._tell(status)

    def abandon(self, status: Status) -> None:
        """End it in the place of a driver that will not any more."""
        self._operation.abandon(status)

    def _ended(self, status: Status) -> None:
        self.finish(self._settle(status))
