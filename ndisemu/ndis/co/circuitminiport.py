"""The entry points for circuits that miniports of all generations supply: `vc.context` is the miniport's own in each.

Source: NDIS reference 1.2, 1.4 and 6.3.
"""

from collections.abc import Awaitable

from ndisemu.ndis.co.parameters import CallParameters
from ndisemu.ndis.co.vc import VirtualCircuit
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.status import Status

Pending = Status | None | Awaitable[Status | None]
_SOURCE = "NDIS reference 1.2, 1.4, 6.3"


class CircuitMiniport:
    """What a connection-oriented miniport of any generation does with circuits."""

    ndis: object

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

    @ddi("MiniportCoRequest", irql="<= DISPATCH", kind=Kind.PEND, source="NDIS reference 1.2, 6.4")
    def co_request(self, vc: VirtualCircuit | None, request: OidRequest) -> Pending:
        """Answer a query or take a set, of one circuit or (None) of the adapter."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportCoRequest")
