"""What the documents say of connection-oriented NDIS 6, where it differs from 5.x: names, IRQLs and kinds."""

from collections.abc import Mapping
from typing import Final

from ndisemu.ndis import co

# A name, the IRQL it is called at or may be called at, and its kind.
ENTRIES: Final = """
MiniportCoSendNetBufferLists          <= DISPATCH  may pend
MiniportCoOidRequest                  <= DISPATCH  may pend
ProtocolBindAdapterEx                 == PASSIVE   PASSIVE_LEVEL only
ProtocolUnbindAdapterEx               == PASSIVE   PASSIVE_LEVEL only
ProtocolNetPnPEvent                   == PASSIVE   PASSIVE_LEVEL only
ProtocolCoSendNetBufferListsComplete  <= DISPATCH  immediate
ProtocolCoReceiveNetBufferLists       <= DISPATCH  immediate
ProtocolCoStatusEx                    <= DISPATCH  immediate
ProtocolCoOidRequest                  <= DISPATCH  may pend
ProtocolCoOidRequestComplete          <= DISPATCH  immediate
"""

CALLS: Final = """
NdisMCoSendNetBufferListsComplete     <= DISPATCH
NdisMCoIndicateReceiveNetBufferLists  <= DISPATCH
NdisMCoOidRequestComplete             <= DISPATCH
NdisMCoIndicateStatusEx               <= DISPATCH
NdisOpenAdapterEx                     == PASSIVE
NdisCompleteBindAdapterEx             <= DISPATCH
NdisReturnNetBufferLists              <= DISPATCH
NdisCoOidRequest                      <= DISPATCH
"""

FACES: Final = (
    co.v6.Miniport,
    co.v6.MiniportLibrary,
    co.v6.Protocol,
    co.v6.BindContext,
    co.v6.CoBinding,
)

ON_BOTH_SIDES: Final = ()

# Public methods that are no routine of the DDK, by the reason.
EXCEPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "called by NDIS, not by a protocol": (
        "CoBinding.circuit_received",
        "CoBinding.circuit_sent",
        "CoBinding.net_event",
        "CoBinding.refuse",
        "CoBinding.unbind",
    ),
}
