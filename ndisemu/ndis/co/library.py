"""The library as a connection-oriented miniport sees it: the calls that name a circuit.

A completion or indication for a circuit that has been deleted is refused.
The calls of a connectionless data path reach nobody here, and are refused too.

Source: NDIS reference 3.1 and 6.4.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ndisemu.ndis.co.parameters import CallParameters
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.indication import StatusIndication
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.library import MiniportLibrary as PacketLibrary

if TYPE_CHECKING:
    from ndisemu.ndis.co.adapter import CoAdapter
    from ndisemu.ndis.co.vc import VirtualCircuit

_SOURCE: Final = "NDIS reference 3.1, 6.4"


class MiniportLibrary(PacketLibrary):
    """The calls of one connection-oriented adapter's miniport."""

    def __init__(self, adapter: "CoAdapter") -> None:
        super().__init__(adapter)
        self._co_adapter = adapter

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

    @ddi("NdisMCoSendComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def co_send_complete(self, vc: "VirtualCircuit", packets: Packet | Sequence[Packet], status: Status) -> None:
        """Hand packets back to the protocol that sent them on `vc`, exactly once each."""
        self._enter_for("NdisMCoSendComplete", vc)
        if isinstance(packets, Packet):
            packets = (packets,)
        if packets:
            vc.sends.complete(packets, status)

    @ddi("NdisMCoIndicateReceivePacket", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def co_indicate_receive(self, vc: "VirtualCircuit", packets: Sequence[Packet]) -> None:
        """Offer packets to the protocol whose circuit it is; they come back through `return_packets`.

        Packets whose status is RESOURCES are the miniport's again when this returns.
        """
        self._enter_for("NdisMCoIndicateReceivePacket", vc)
        if packets:
            vc.receives.indicate(packets)

    @ddi("NdisMCoReceiveComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def co_receive_complete(self) -> None:
        """Let the protocols work on what has been indicated."""
        self._enter("NdisMCoReceiveComplete")
        for binding in self._co_adapter.circuit_users():
            binding.receive_complete()

    @ddi("NdisMCoRequestComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def co_request_complete(self, request: OidRequest, status: Status) -> None:
        """Complete the pending request."""
        self._enter("NdisMCoRequestComplete")
        self._co_adapter.request_complete(request, status)

    @ddi("NdisMCoIndicateStatus", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def co_indicate_status(self, vc: "VirtualCircuit | None", status: Status, data: bytes = b"") -> None:
        """Indicate a status of one circuit, or (None) of the whole adapter."""
        indication = StatusIndication(status, data)
        if vc is None:
            self._enter("NdisMCoIndicateStatus")
            self._co_adapter.indications.indicate(indication)
            return
        self._enter_for("NdisMCoIndicateStatus", vc, rule="co-status-vc")
        for end in (vc.client, vc.manager):
            if end is not None:
                end.binding.tell_vc_status(end, indication)

    def _enter_for(self, call: str, vc: "VirtualCircuit", *, rule: str = "co-vc-handle-stale") -> None:
        """Let a call in that names a circuit, which must exist."""
        self._enter(call)
        if not vc.live:
            adapter = self._co_adapter
            raise adapter.kernel.refusal(
                rule, adapter.name, f"{adapter.name} called {call} for {vc.name}, which has been deleted"
            )
