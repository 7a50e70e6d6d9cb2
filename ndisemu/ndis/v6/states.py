"""The life of an NDIS 6 adapter and of a binding to it, as tables.

An adapter runs in two steps: MiniportInitializeEx brings it to Paused, where
it owns its resources and moves no data, MiniportRestart to Running. Bindings
go the same way above it. Reset and link state are not here: both may change
in any of these states.

Halting and Failed are ours. The documents call an adapter Halted as soon as
NDIS calls MiniportHaltEx; here the driver's code may still run then. A bug
check stops one adapter here, not the machine.

Source: NDIS reference 5.1 (table) and 2.2 (binding states).
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from ndisemu.ndis.states import BindingEvent


class AdapterState(Enum):
    """Where an NDIS 6 adapter is in its life."""

    HALTED = "Halted"
    INITIALIZING = "Initializing"
    PAUSED = "Paused"
    RESTARTING = "Restarting"
    RUNNING = "Running"
    PAUSING = "Pausing"
    HALTING = "Halting"
    SHUTDOWN = "Shutdown"
    FAILED = "Failed"


class AdapterEvent(Enum):
    """What moves an NDIS 6 adapter on."""

    INITIALIZE = "MiniportInitializeEx"
    INITIALIZED = "MiniportInitializeEx returned SUCCESS"
    INITIALIZE_FAILED = "MiniportInitializeEx failed"
    RESTART = "MiniportRestart"
    RESTARTED = "MiniportRestart completed with SUCCESS"
    RESTART_FAILED = "MiniportRestart failed"
    PAUSE = "MiniportPause"
    PAUSED = "MiniportPause completed"
    HALT = "MiniportHaltEx"
    HALTED = "MiniportHaltEx returned"
    SHUT_DOWN = "MiniportShutdownEx"
    BUG_CHECK = "a bug check"


class BindingState(Enum):
    """Where a binding of an NDIS 6 protocol is in its life."""

    OPENING = "Opening"
    PAUSED = "Paused"
    RESTARTING = "Restarting"
    RUNNING = "Running"
    PAUSING = "Pausing"
    CLOSING = "Closing"
    CLOSED = "Closed"


class FlowEvent(Enum):
    """What starts and stops the flow of data over a binding, besides the `BindingEvent`s that every binding has."""

    RESTART = "NetEventRestart"
    RESTARTED = "NetEventRestart completed with SUCCESS"
    RESTART_FAILED = "NetEventRestart failed"
    PAUSE = "NetEventPause"
    PAUSED = "NetEventPause completed"


_A, _E = AdapterState, AdapterEvent

ADAPTER_TRANSITIONS: Final[Mapping[AdapterState, Mapping[AdapterEvent, AdapterState]]] = MappingProxyType(
    {
        _A.HALTED: {_E.INITIALIZE: _A.INITIALIZING},
        _A.INITIALIZING: {
            _E.INITIALIZED: _A.PAUSED,
            _E.INITIALIZE_FAILED: _A.HALTED,
            _E.BUG_CHECK: _A.FAILED,
        },
        _A.PAUSED: {
            _E.RESTART: _A.RESTARTING,
            _E.HALT: _A.HALTING,
            _E.SHUT_DOWN: _A.SHUTDOWN,
            _E.BUG_CHECK: _A.FAILED,
        },
        _A.RESTARTING: {
            _E.RESTARTED: _A.RUNNING,
            _E.RESTART_FAILED: _A.PAUSED,
            _E.SHUT_DOWN: _A.SHUTDOWN,
            _E.BUG_CHECK: _A.FAILED,
        },
        _A.RUNNING: {_E.PAUSE: _A.PAUSING, _E.SHUT_DOWN: _A.SHUTDOWN, _E.BUG_CHECK: _A.FAILED},
        _A.PAUSING: {_E.PAUSED: _A.PAUSED, _E.SHUT_DOWN: _A.SHUTDOWN, _E.BUG_CHECK: _A.FAILED},
        _A.HALTING: {_E.HALTED: _A.HALTED, _E.BUG_CHECK: _A.FAILED},
        _A.SHUTDOWN: {},
        _A.FAILED: {},
    }
)

_B, _O, _F = BindingState, BindingEvent, FlowEvent

BINDING_TRANSITIONS: Final[Mapping[BindingState, Mapping[BindingEvent | FlowEvent, BindingState]]] = MappingProxyType(
    {
        _B.OPENING: {_O.OPENED: _B.PAUSED, _O.OPEN_FAILED: _B.CLOSED},
        _B.PAUSED: {_F.RESTART: _B.RESTARTING, _O.CLOSE: _B.CLOSING},
        _B.RESTARTING: {_F.RESTARTED: _B.RUNNING, _F.RESTART_FAILED: _B.PAUSED},
        _B.RUNNING: {_F.PAUSE: _B.PAUSING},
        _B.PAUSING: {_F.PAUSED: _B.PAUSED},
        _B.CLOSING: {_O.CLOSED: _B.CLOSED},
        _B.CLOSED: {},
    }
)
