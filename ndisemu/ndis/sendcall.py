"""What becomes of a call of a miniport's send entry, with an array of packets or a chain of lists.

The path calls the entry itself, where it stands, and gives what came of it
to `follow_send`. The two do what `call.enter` does for any entry point,
without the callables that it takes: sends are the most frequent calls there
are (`ndisemu bench`, bursts of 1).

Source: NDIS reference 0, 5.3 and 5.4.
"""

from collections.abc import Sequence
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Protocol

from ndisemu.kernel import Fiber

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter


class SendPath(Protocol):
    """Whose call it is: the sends of one adapter or circuit. Items of a call are numbered from its `serial` on."""

    @property
    def adapter(self) -> "Adapter":
        """Whose miniport is called."""
        ...

    def returned(
        self, items: Sequence[Any], serial: int, value: object, *, suspended: bool, plain: bool = False
    ) -> None:
        """The entry has ended with `value`; a `plain` one is no coroutine, and has nothing to return."""
        ...

    def raised(self, items: Sequence[Any], serial: int, error: BaseException) -> None:
        """The entry has raised."""
        ...


class SendCall(Fiber):
    """A call that is a coroutine: of `path`, for `items`, of which the first is number `serial`.

    They are set from outside, as a constructor here would call another one.
    """

    __slots__ = ("items", "path", "serial")

    path: SendPath
    items: Sequence[Any]
    serial: int

    @property
    def actor(self) -> str:
        """The adapter."""
        return self.path.adapter.name

    def returned(self, value: object) -> None:
        """What it returns is what the call returns."""
        # As `Adapter.forget` does.
        suspended = self.path.adapter.fibers.pop(self, self) is None
        if value is not None:
            self.path.returned(self.items, self.serial, value, suspended=suspended)

    def raised(self, error: BaseException) -> None:
        """What it raises ends the call, and its adapter."""
        self.path.adapter.forget(self)
        self.path.raised(self.items, self.serial, error)


def follow_send(path: SendPath, result: object, items: Sequence[Any], serial: int) -> None:
    """Go on with what the send entry has returned: run a coroutine until it waits, at the current IRQL; or end the call."""
    if type(result) is CoroutineType:
        adapter = path.adapter
        call = SendCall(result, adapter.kernel.current or adapter.running_cpu("a send"))
        call.path = path
        call.items = items
        call.serial = serial
        if not call.step():
            adapter.remember(call)
    elif result is not None:
        path.returned(items, serial, result, suspended=False, plain=True)
