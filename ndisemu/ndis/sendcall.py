"""One call of a miniport's send entry: an array of packets, or a chain of lists.

What `call.enter` does for any entry point, without the callables it takes:
sends are the most frequent calls there are (`ndisemu bench`, bursts of 1).

Source: NDIS reference 0, 5.3 and 5.4.
"""

from collections.abc import Callable, Sequence
from types import CoroutineType
from typing import Any, Protocol

from ndisemu.kernel import Fiber, driver_errors
from ndisemu.kernel.traps import DriverCoroutine
from ndisemu.ndis.call import Driver


class SendPath(Protocol):
    """Whose call it is: the sends of one adapter or circuit. Items of a call are numbered from its `serial` on."""

    def returned(
        self, items: Sequence[Any], serial: int, value: object, *, suspended: bool, plain: bool = False
    ) -> None:
        """The entry has ended with `value`; a `plain` one is no coroutine, and has nothing to return."""
        ...

    def raised(self, items: Sequence[Any], serial: int, error: BaseException) -> None:
        """The entry has raised."""
        ...


class SendCall(Fiber):
    """A call that is a coroutine."""

    __slots__ = ("_driver", "_items", "_path", "_serial")

    def __init__(
        self, driver: Driver, path: SendPath, coroutine: DriverCoroutine, items: Sequence[Any], serial: int
    ) -> None:
        Fiber.__init__(self, coroutine, driver.kernel.current or driver.running_cpu("a send"))
        self._driver = driver
        self._path = path
        self._items = items
        self._serial = serial

    @property
    def actor(self) -> str:
        """The adapter."""
        return self._driver.name

    def returned(self, value: object) -> None:
        """What it returns is what the call returns."""
        suspended = self._driver.forget(self)
        if value is not None:
            self._path.returned(self._items, self._serial, value, suspended=suspended)

    def raised(self, error: BaseException) -> None:
        """What it raises ends the call, and its adapter."""
        self._driver.forget(self)
        self._path.raised(self._items, self._serial, error)


def enter_send(
    driver: Driver, path: SendPath, entry: Callable[..., object], items: Sequence[Any], serial: int, *arguments: object
) -> None:
    """Call the send entry of the driver with `items` and the other arguments, at the current IRQL."""
    try:
        # An empty spread would still make a list and a tuple for each single send.
        result = entry(items, *arguments) if arguments else entry(items)
    except driver_errors() as error:
        path.raised(items, serial, error)
        return
    if type(result) is CoroutineType:
        call = SendCall(driver, path, result, items, serial)
        if not call.step():
            driver.remember(call)
    elif result is not None:
        path.returned(items, serial, result, suspended=False, plain=True)
