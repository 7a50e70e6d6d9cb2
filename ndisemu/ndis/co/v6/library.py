"""The library as a connection-oriented NDIS 6 miniport sees it: lists that belong to a circuit.

The calls of a connectionless data path reach nobody here, and are refused.

Source: NDIS reference 3.3 and 6.4.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ndisemu.ndis.co.circuitlibrary import CircuitLibrary
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.status import Status
from ndisemu.ndis.v6.library import MiniportLibrary as ListLibrary

if TYPE_CHECKING:
    from ndisemu.ndis.co.v6.adapter import CoNblAdapter
    from ndisemu.ndis.co.vc import VirtualCircuit

_SOURCE: Final = "NDIS reference 3.3, 6.4"


class MiniportLibrary(CircuitLibrary, ListLibrary):
    """The calls of one connection-oriented adapter's miniport."""

    _adapter: "CoNblAdapter"

    @ddi("NdisMCoSendNetBufferListsComplete", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 6.4, seed 003")
    def co_send_complete(self, vc: "VirtualCircuit", nbls: Sequence[NetBufferList], flags: int = 0) -> None:
        """Hand lists back to the protocol that sent them on `vc`, exactly once each, the `status` of each set before."""
        self._enter_for("NdisMCoSendNetBufferListsComplete", vc)
        if len(nbls) > 0:
            vc.sends.complete(nbls, flags)

    @ddi("NdisMCoIndicateReceiveNetBufferLists", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def co_indicate_receive(self, vc: "VirtualCircuit", nbls: Sequence[NetBufferList], flags: int = 0) -> None:
        """Give lists to the protocol whose circuit it is; they come back through `return_nbls`.

        With the flag RESOURCES they are the miniport's again when this returns.
        """
        self._enter_for("NdisMCoIndicateReceiveNetBufferLists", vc)
        if len(nbls) > 0:
            vc.receives.indicate(nbls, flags)

    @ddi("NdisMCoOidRequestComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def co_request_complete(self, request: OidRequest, status: Status) -> None:
        """Complete the pending request."""
        super().co_request_complete(request, status)

    @ddi("NdisMCoIndicateStatusEx", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def co_indicate_status(self, vc: "VirtualCircuit | None", status: Status, data: bytes = b"") -> None:
        """Indicate a status of one circuit, or (None) of the whole adapter."""
        super().co_indicate_status(vc, status, data)
