"""The upper edge of a connection-oriented NDIS 6 miniport.

It pauses and restarts as every NDIS 6 miniport does; NDIS calls the circuits'
entry points in the place of MiniportSendNetBufferLists and MiniportOidRequest,
which such a driver does not supply.

Source: NDIS reference 1.4 and 6.4, seed 003.
"""

from collections.abc import Sequence

from ndisemu.ndis.co.circuitminiport import CircuitMiniport, Pending
from ndisemu.ndis.co.v6.library import MiniportLibrary
from ndisemu.ndis.co.vc import VirtualCircuit
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.v6.miniport import Miniport as ListMiniport


class Miniport(CircuitMiniport, ListMiniport):
    """A connection-oriented NDIS 6 miniport driver's entry points."""

    ndis: MiniportLibrary

    @ddi("MiniportCoSendNetBufferLists", irql="<= DISPATCH", kind=Kind.PEND, source="NDIS reference 1.4, 6.4, seed 003")
    def co_send(self, vc: VirtualCircuit, nbls: Sequence[NetBufferList], flags: int) -> Pending:
        """Own `nbls` until each is handed back with `ndis.co_send_complete`; in order, and never refused."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportCoSendNetBufferLists")

    @ddi("MiniportCoOidRequest", irql="<= DISPATCH", kind=Kind.PEND, source="NDIS reference 1.4, 6.4")
    def co_request(self, vc: VirtualCircuit | None, request: OidRequest) -> Pending:
        """Answer a query or take a set, of one circuit or (None) of the adapter."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportCoOidRequest")
