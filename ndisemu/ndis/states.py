"""The life of an NDIS 5.x adapter and of a binding, as tables.

A pair that is not in a table is an error, and there is no other way to
change state. Reset and link state are not here: both may change while an
adapter runs.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from ndisemu.errors import RuleViolation


class AdapterState(Enum):
    """Where an adapter is in its life."""

    UNINITIALIZED = "Uninitialized"
    INITIALIZING = "Initializing"
    RUNNING = "Running"
    HALTING = "Halting"
    HALTED = "Halted"
    FAILED = "Failed"
    SHUTDOWN = "Shutdown"


class AdapterEvent(Enum):
    """What moves an adapter on."""

    INITIALIZE = "MiniportInitialize"
    INITIALIZED = "MiniportInitialize returned SUCCESS"
    INITIALIZE_FAILED = "MiniportInitialize failed"
    HALT = "MiniportHalt"
    HALTED = "MiniportHalt returned"
    BUG_CHECK = "a bug check"
    SHUT_DOWN = "MiniportShutdown"


class BindingState(Enum):
    """Where a binding of a protocol to an adapter is in its life."""

    OPENING = "Opening"
    OPEN = "Open"
    CLOSING = "Closing"
    CLOSED = "Closed"


class BindingEvent(Enum):
    """What moves a binding on."""

    OPENED = "NdisOpenAdapter completed"
    OPEN_FAILED = "NdisOpenAdapter failed"
    CLOSE = "NdisCloseAdapter"
    CLOSED = "NdisCloseAdapter completed"


_A, _E = AdapterState, AdapterEvent

ADAPTER_TRANSITIONS: Final[Mapping[AdapterState, Mapping[AdapterEvent, AdapterState]]] = MappingProxyType(
    {
        _A.UNINITIALIZED: {_E.INITIALIZE: _A.INITIALIZING},
        _A.INITIALIZING: {
            _E.INITIALIZED: _A.RUNNING,
            _E.INITIALIZE_FAILED: _A.UNINITIALIZED,
            _E.BUG_CHECK: _A.FAILED,
        },
        _A.RUNNING: {_E.HALT: _A.HALTING, _E.BUG_CHECK: _A.FAILED, _E.SHUT_DOWN: _A.SHUTDOWN},
        _A.HALTING: {_E.HALTED: _A.HALTED, _E.BUG_CHECK: _A.FAILED},
        _A.HALTED: {_E.INITIALIZE: _A.INITIALIZING},
        _A.FAILED: {},
        _A.SHUTDOWN: {},
    }
)

_B, _F = BindingState, BindingEvent

BINDING_TRANSITIONS: Final[Mapping[BindingState, Mapping[BindingEvent, BindingState]]] = MappingProxyType(
    {
        _B.OPENING: {_F.OPENED: _B.OPEN, _F.OPEN_FAILED: _B.CLOSED},
        _B.OPEN: {_F.CLOSE: _B.CLOSING},
        _B.CLOSING: {_F.CLOSED: _B.CLOSED},
        _B.CLOSED: {},
    }
)

S = TypeVar("S", bound=Enum)
E = TypeVar("E", bound=Enum)


class Machine(Generic[S, E]):
    """The current state of one subject, and the only way to change it."""

    __slots__ = ("_subject", "_table", "current")

    def __init__(self, subject: str, start: S, table: Mapping[S, Mapping[E, S]]) -> None:
        self._subject = subject
        self._table = table
        self.current = start

    def __repr__(self) -> str:
        return f"<{self._subject} {self.current.value}>"

    def apply(self, event: E) -> S:
        """Move on by `event`; an event that the state does not accept changes nothing."""
        accepted = self._table[self.current]
        if event not in accepted:
            legal = ", ".join(other.value for other in accepted) or "nothing more"
            raise RuleViolation(
                "st-illegal", f"{self._subject}: {event.value} in state {self.current.value}, which accepts {legal}"
            )
        self.current = accepted[event]
        return self.current
