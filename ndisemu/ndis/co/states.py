"""The machines of connection-oriented NDIS, as tables: VC, call, address family and SAP.

A pair that is not in a table is an error, and there is no other way to
change state. A circuit that is active may be activated again with other
parameters; until that has succeeded, the old ones are in force.

Source: NDIS reference 6.3.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from ndisemu.ndis.status import Status


class VcState(Enum):
    """Where a virtual circuit is in its life."""

    CREATED = "Created"
    ACTIVATING = "Activating"
    ACTIVE = "Active"
    REACTIVATING = "Active, activating again"
    DEACTIVATING = "Deactivating"
    DELETED = "Deleted"


class VcEvent(Enum):
    """What moves a virtual circuit on."""

    ACTIVATE = "NdisCmActivateVc"
    ACTIVATED = "NdisMCoActivateVcComplete with SUCCESS"
    ACTIVATE_FAILED = "NdisMCoActivateVcComplete with a failure"
    DEACTIVATE = "NdisCmDeactivateVc"
    DEACTIVATED = "NdisMCoDeactivateVcComplete"
    DELETE = "NdisCoDeleteVc"


class CallState(Enum):
    """Where a call is, as its client sees it."""

    IDLE = "Idle"
    CALLING = "Calling"
    OFFERED = "Offered"
    ACCEPTED = "Accepted"
    CONNECTED = "Connected"
    RELEASED = "Released by the other side"
    CLOSING = "Closing"


class CallEvent(Enum):
    """What moves a call on."""

    MAKE = "NdisClMakeCall"
    MADE = "NdisCmMakeCallComplete with SUCCESS"
    MAKE_FAILED = "NdisCmMakeCallComplete with a failure"
    OFFER = "NdisCmDispatchIncomingCall"
    ACCEPT = "NdisClIncomingCallComplete with SUCCESS"
    REJECT = "NdisClIncomingCallComplete with a failure"
    CONNECT = "NdisCmDispatchCallConnected"
    RELEASE = "NdisCmDispatchIncomingCloseCall"
    CLOSE = "NdisClCloseCall"
    CLOSED = "NdisCmCloseCallComplete"


class HandleState(Enum):
    """Where an open address family, or a registered SAP, is in its life."""

    OPENING = "Opening"
    OPEN = "Open"
    CLOSING = "Closing"
    CLOSED = "Closed"


class HandleEvent(Enum):
    """What moves an address family (or a SAP) on."""

    OPENED = "the completion of the open (or registration) with SUCCESS"
    OPEN_FAILED = "the completion of the open (or registration) with a failure"
    CLOSE = "NdisClCloseAddressFamily (or NdisClDeregisterSap)"
    CLOSED = "the completion of the close (or deregistration)"


_V, _E = VcState, VcEvent

VC_TRANSITIONS: Final[Mapping[VcState, Mapping[VcEvent, VcState]]] = MappingProxyType(
    {
        _V.CREATED: {_E.ACTIVATE: _V.ACTIVATING, _E.DELETE: _V.DELETED},
        _V.ACTIVATING: {_E.ACTIVATED: _V.ACTIVE, _E.ACTIVATE_FAILED: _V.CREATED},
        _V.ACTIVE: {_E.ACTIVATE: _V.REACTIVATING, _E.DEACTIVATE: _V.DEACTIVATING},
        _V.REACTIVATING: {_E.ACTIVATED: _V.ACTIVE, _E.ACTIVATE_FAILED: _V.ACTIVE},
        _V.DEACTIVATING: {_E.DEACTIVATED: _V.CREATED},
        _V.DELETED: {},
    }
)

CARRYING: Final = (VcState.ACTIVE, VcState.REACTIVATING)
"""The states in which data moves."""

_C, _F = CallState, CallEvent

CALL_TRANSITIONS: Final[Mapping[CallState, Mapping[CallEvent, CallState]]] = MappingProxyType(
    {
        _C.IDLE: {_F.MAKE: _C.CALLING, _F.OFFER: _C.OFFERED},
        _C.CALLING: {_F.MADE: _C.CONNECTED, _F.MAKE_FAILED: _C.IDLE},
        _C.OFFERED: {_F.ACCEPT: _C.ACCEPTED, _F.REJECT: _C.IDLE},
        _C.ACCEPTED: {_F.CONNECT: _C.CONNECTED, _F.RELEASE: _C.RELEASED, _F.CLOSE: _C.CLOSING},
        _C.CONNECTED: {_F.RELEASE: _C.RELEASED, _F.CLOSE: _C.CLOSING},
        _C.RELEASED: {_F.CLOSE: _C.CLOSING},
        _C.CLOSING: {_F.CLOSED: _C.IDLE},
    }
)

_H, _G = HandleState, HandleEvent

HANDLE_TRANSITIONS: Final[Mapping[HandleState, Mapping[HandleEvent, HandleState]]] = MappingProxyType(
    {
        _H.OPENING: {_G.OPENED: _H.OPEN, _G.OPEN_FAILED: _H.CLOSED},
        _H.OPEN: {_G.CLOSE: _H.CLOSING},
        _H.CLOSING: {_G.CLOSED: _H.CLOSED},
        _H.CLOSED: {},
    }
)

# How NDIS answers a send that cannot be carried, and the rule that the sender has broken, if any.
Refusal = tuple[Status, str]

VC_REFUSALS: Final[Mapping[VcState, Refusal]] = MappingProxyType(
    {
        _V.CREATED: (Status.VC_NOT_ACTIVATED, "co-activate-before-data"),
        _V.ACTIVATING: (Status.VC_NOT_ACTIVATED, "co-activate-before-data"),
        _V.DEACTIVATING: (Status.CLOSING, ""),
        _V.DELETED: (Status.VC_NOT_ACTIVATED, "co-vc-handle-stale"),
    }
)

CALL_REFUSALS: Final[Mapping[CallState, Refusal]] = MappingProxyType(
    {
        _C.IDLE: (Status.VC_NOT_ACTIVATED, "co-client-waits-connected"),
        _C.CALLING: (Status.VC_NOT_ACTIVATED, "co-client-waits-connected"),
        _C.OFFERED: (Status.VC_NOT_ACTIVATED, "co-client-waits-connected"),
        _C.ACCEPTED: (Status.VC_NOT_ACTIVATED, "co-client-waits-connected"),
        _C.RELEASED: (Status.CLOSING, ""),
        _C.CLOSING: (Status.CLOSING, "co-close-drain"),
    }
)
