"""The calls about circuits that miniports of all generations make, on `self.ndis`.

A completion or indication for a circuit that has been deleted, or that is
another adapter's, is refused.

Source: NDIS reference 3.1, 3.3 and 6.4.
"""

from typing import TYPE_CHECKING, Final

from ndisemu.ndis.co.parameters import CallParameters
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.indication import StatusIndication
from ndisemu.ndis.miniportlibrary import BaseMiniportLibrary
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.co.circuitadapter import CircuitAdapter
    from ndisemu.ndis.co.vc import VirtualCircuit

_SOURCE: Final = "NDIS reference 3.1, 3.3, 6.4"


class CircuitLibrary(BaseMiniportLibrary):
    """What a connection-oriented miniport of any generation calls."""

    _adapter: "CircuitAdapter"

    @ddi("NdisMCoActivateVcComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def co_activate_vc_complete(
        self, vc: "VirtualCircuit", status: Status, parameters: CallParameters | None = None
    ) -> None:
        """End a pending activation; `parameters` if they are others than were asked for."""
        self._enter_for("NdisMCoActivateVcComplete", vc)
        vc.activate_complete(status, parameters)

    @ddi("NdisMCoDeactivateVcComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def co_deactivate_vc_complete(self, vc: "VirtualCircuit", status: Status) -> None:
        """End a pending deactivation, with nothing outstanding on the circuit."""
        self._enter_for("NdisMCoDeactivateVcComplete", vc)
        vc.deactivation.complete(status)

    @ddi("NdisMCoRequestComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def co_request_complete(self, request: OidRequest, status: Status) -> None:
        """Complete the pending request."""
        self._enter("NdisMCoRequestComplete")
        self._adapter.request_complete(request, status)

    @ddi("NdisMCoIndicateStatus", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def co_indicate_status(self, vc: "VirtualCircuit | None", status: Status, data: bytes = b"") -> None:
        """Indicate a status of one circuit, or (None) of the whole adapter."""
        indication = StatusIndication(status, data)
        if vc is None:
            self._enter("NdisMCoIndicateStatus")
            self._adapter.indications.indicate(indication)
            return
        self._enter_for("NdisMCoIndicateStatus", vc, rule="co-status-vc")
        for end in (vc.client, vc.manager):
            if end is not None:
                end.binding.tell_vc_status(end, indication)

    def _enter_for(self, call: str, vc: "VirtualCircuit", *, rule: str = "co-vc-handle-stale") -> None:
        """Let a call in that names a circuit, which must exist."""
        self._enter(call)
        adapter = self._adapter
        if not vc.live or vc.adapter is not adapter:
            what = f"belongs to {vc.adapter.name}" if vc.live else "has been deleted"
            raise adapter.kernel.refusal(
                rule, adapter.name, f"{adapter.name} called {call} for {vc.name}, which {what}"
            )
