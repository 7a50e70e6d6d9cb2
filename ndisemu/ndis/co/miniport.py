"""The upper edge of a connection-oriented miniport: what NDIS calls besides a 5.x miniport's own entry points.

Its characteristics are those of NDIS 5.x with six more handlers. NDIS calls
the circuits' entry points in the place of MiniportSendPackets and
MiniportQueryInformation and MiniportSetInformation, which such a driver does
not supply. It is deserialized by definition (seeds 001 and 003).

Source: NDIS reference 1.1, 1.2 and 6.
"""

from collections.abc import Awaitable, Sequence

from ndisemu.ndis.co.library import MiniportLibrary
from ndisemu.ndis.co.parameters import CallParameters
from ndisemu.ndis.co.vc import VirtualCircuit
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.miniport import Miniport as PacketMiniport, Pending

_SOURCE = "NDIS reference 1.2, 6.3"


class Miniport(PacketMiniport):
    """A connection-oriented miniport driver's entry points; `vc.context` is its own in each circuit."""

    deserialized = True

    ndis: MiniportLibrary

    @ddi("MiniportCoCreateVc", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def co_create_vc(self, vc: VirtualCircuit) -> Status:
        """Make room for a circuit and put it into `vc.context`; SUCCESS or RESOURCES."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportCoCreateVc")

    @ddi("MiniportCoDeleteVc", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def co_delete_vc(self, vc: VirtualCircuit) -> Status:
        """Forget an inactive circuit."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportCoDeleteVc")

    @ddi("MiniportCoActivateVc", irql="<= DISPATCH", kind=Kind.PEND, source=_SOURCE)
    def co_activate_vc(self, vc: VirtualCircuit, parameters: CallParameters) -> Status | Awaitable[Status]:
        """Set the circuit up, or change it; INVALID_DATA for what cannot be had, which leaves it as it was."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportCoActivateVc")

    @ddi("MiniportCoDeactivateVc", irql="<= DISPATCH", kind=Kind.PEND, source=_SOURCE)
    def co_deactivate_vc(self, vc: VirtualCircuit) -> Status | Awaitable[Status]:
        """Tear the circuit down: end when its sends are completed and its packets are back."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportCoDeactivateVc")

    @ddi("MiniportCoSendPackets", irql="<= DISPATCH", kind=Kind.PEND, source="NDIS reference 1.2, 6.4, seed 001")
    def co_send_packets(self, vc: VirtualCircuit, packets: Sequence[Packet]) -> Pending:
        """Own `packets` until each is handed back with `ndis.co_send_complete`; in order, and never refused."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportCoSendPackets")

    @ddi("MiniportCoRequest", irql="<= DISPATCH", kind=Kind.PEND, source="NDIS reference 1.2, 6.4")
    def co_request(self, vc: VirtualCircuit | None, request: OidRequest) -> Pending:
        """Answer a query or take a set, of one circuit or (None) of the adapter."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportCoRequest")
