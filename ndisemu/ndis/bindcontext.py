"""What every generation's bind entry point is given: the right to open one adapter, once, and to pend.

Source: NDIS reference 3.2 and 3.4.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from ndisemu.errors import RuleViolation
from ndisemu.kernel import Event
from ndisemu.ndis.binding import BaseBinding
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter

B = TypeVar("B", bound=BaseBinding)


class BaseBindContext(Generic[B]):
    """One call of a protocol's bind entry point; each generation gives its parts their names."""

    def __init__(self, protocol: str, adapter: "Adapter", open_adapter: Callable[[], B]) -> None:
        self.adapter_name = adapter.name
        self._adapter = adapter
        self._open = open_adapter
        self._opened = False
        self._ended = Event(adapter.kernel, f"bind of {protocol}")
        self._status = Status.FAILURE

    async def completed(self) -> Status | None:
        """Wait for the end of a bind that pends, at PASSIVE_LEVEL; None if that does not come."""
        return self._status if await self._ended.wait(self._adapter.hang.patience) else None

    def _open_once(self, entry: str) -> None:
        """Refuse to open the adapter again in one call of `entry`."""
        if self._opened:
            raise RuleViolation(
                "proto-open-in-bind",
                f"{self.adapter_name} was opened twice in one bind; one {entry} opens it once",
            )
        self._opened = True

    def _complete(self, status: Status) -> None:
        """End a bind that pends."""
        self._status = status
        self._ended.set()
