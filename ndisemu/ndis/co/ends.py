"""The two ends of a virtual circuit, each the handle of one protocol: the client's and the call manager's.

What a protocol may do to a circuit is a method of its end, and `context`
there is its own. So nobody can make a call on the other's behalf, and NDIS
knows who created, sends, and deletes.

Source: NDIS reference 6.2 and 6.4.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ndisemu.ndis.co.parameters import CallParameters
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.co.address_family import CallManagerAf, ClientAf
    from ndisemu.ndis.co.call import Call
    from ndisemu.ndis.co.circuitbinding import AnyBinding
    from ndisemu.ndis.co.sap import CallManagerSap
    from ndisemu.ndis.co.vc import VirtualCircuit

_SOURCE: Final = "NDIS reference 6.2"


class VcEnd:
    """`NdisVcHandle` of a protocol; `context` is its ProtocolVcContext."""

    # A watcher may stand before the methods of one end.
    __slots__ = ("__dict__", "binding", "context", "vc")

    def __init__(self, vc: "VirtualCircuit", binding: "AnyBinding") -> None:
        self.vc = vc
        self.binding = binding
        self.context: Any = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.vc!r}>"

    @ddi("NdisCoSendPackets", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.2, 6.4")
    def send_packets(self, packets: Sequence[Packet]) -> None:
        """Send an array in its order; every packet comes back through `co_send_complete`."""
        self._send("NdisCoSendPackets", packets, 0, lists=False)

    @ddi("NdisCoSendNetBufferLists", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.4, 6.4")
    def send_nbls(self, nbls: Sequence[NetBufferList], flags: int = 0) -> None:
        """Send lists in their order (NDIS 6); every list comes back through `co_send_complete`."""
        self._send("NdisCoSendNetBufferLists", nbls, flags, lists=True)

    @ddi("NdisCoDeleteVc", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def delete(self) -> Status:
        """Delete the circuit, which this end has created; anything but SUCCESS means that it stays."""
        self._enter("NdisCoDeleteVc")
        return self.vc.adapter.connections.delete(self)

    # What NDIS does with it.

    @property
    def peer(self) -> "ClientVc | CallManagerVc | None":
        """The other end, if there is one."""
        return self.vc.manager if self is self.vc.client else self.vc.client

    def _send(self, call: str, items: Sequence[Packet] | Sequence[NetBufferList], flags: int, *, lists: bool) -> None:
        """Give items to the circuit, which must be this end's to send on, and of a generation that knows them."""
        binding = self.binding
        binding.adapter.running_cpu(call).preempt()
        if self.vc.user is not self:
            raise binding.refusal(
                "co-send-user",
                f"{binding.name} sends on {self.vc.name}, whose data is that of {self.vc.user.binding.name}",
            )
        if binding.carries_lists is not lists:
            raise binding.refusal(
                "co-send-generation",
                f"{binding.name} called {call} on {self.vc.name}, which speaks {binding.adapter.generation}",
            )
        if items:
            self.vc.sends.submit(binding, items, flags)

    def _enter(self, call: str) -> None:
        """Let the call in: a CPU runs it, and the circuit is still there."""
        self.binding.adapter.running_cpu(call).preempt()
        if not self.vc.live:
            raise self.binding.refusal(
                "co-vc-handle-stale",
                f"{self.binding.name} called {call} for {self.vc.name}, which has been deleted; forget the handle then",
            )

    def _call(self, name: str) -> "Call":
        """Let a call in that is about the call on the circuit."""
        self._enter(name)
        if self.vc.call is None:
            raise self.binding.refusal(
                "co-no-call",
                f"{self.binding.name} called {name} for {self.vc.name}, a signalling circuit, which has no call",
            )
        return self.vc.call


class ClientVc(VcEnd):
    """The client's end."""

    __slots__ = ("af",)

    def __init__(self, vc: "VirtualCircuit", af: "ClientAf") -> None:
        super().__init__(vc, af.binding)
        self.af = af

    @ddi("NdisClMakeCall", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def make_call(self, parameters: CallParameters) -> Status:
        """Call; PENDING means that `cl_make_call_complete` follows."""
        return self._call("NdisClMakeCall").make(parameters)

    @ddi("NdisClCloseCall", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def close_call(self, data: bytes = b"") -> Status:
        """End the call, with a last word; PENDING means that `cl_close_call_complete` follows."""
        return self._call("NdisClCloseCall").close(data)

    @ddi("NdisClIncomingCallComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def incoming_call_complete(self, status: Status, parameters: CallParameters | None = None) -> None:
        """Answer an incoming call that was pending: SUCCESS accepts it."""
        call = self._call("NdisClIncomingCallComplete")
        if parameters is not None:
            call.parameters = parameters
        call.offering.complete(status)

    @ddi("NdisClModifyCallQoS", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def modify_call_qos(self, parameters: CallParameters) -> Status:
        """Ask for another quality of service: not supported."""
        self._enter("NdisClModifyCallQoS")
        return Status.NOT_SUPPORTED

    @ddi("NdisClAddParty", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def add_party(self, parameters: CallParameters) -> Status:
        """Add a leaf to a point-to-multipoint call: not supported."""
        self._enter("NdisClAddParty")
        return Status.NOT_SUPPORTED

    @ddi("NdisClDropParty", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def drop_party(self, data: bytes = b"") -> Status:
        """Drop a leaf of a point-to-multipoint call: not supported."""
        self._enter("NdisClDropParty")
        return Status.NOT_SUPPORTED


class CallManagerVc(VcEnd):
    """The call manager's end; `af` is None for a signalling circuit."""

    __slots__ = ("af",)

    def __init__(self, vc: "VirtualCircuit", binding: "AnyBinding", af: "CallManagerAf | None") -> None:
        super().__init__(vc, binding)
        self.af = af

    @ddi("NdisCmActivateVc", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def activate(self, parameters: CallParameters) -> Status:
        """Have the miniport set the circuit up, or change it; PENDING means that `cm_activate_vc_complete` follows."""
        self._enter("NdisCmActivateVc")
        return self.vc.activate(parameters)

    @ddi("NdisCmDeactivateVc", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def deactivate(self) -> Status:
        """Have the miniport tear the circuit down; PENDING means that `cm_deactivate_vc_complete` follows."""
        self._enter("NdisCmDeactivateVc")
        return self.vc.deactivate()

    @ddi("NdisCmMakeCallComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def make_call_complete(self, status: Status, parameters: CallParameters | None = None) -> None:
        """End a pending `cm_make_call`; with SUCCESS the circuit must be active."""
        call = self._call("NdisCmMakeCallComplete")
        if parameters is not None:
            call.parameters = parameters
        call.making.complete(status)

    @ddi("NdisCmCloseCallComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def close_call_complete(self, status: Status) -> None:
        """End a pending `cm_close_call`."""
        self._call("NdisCmCloseCallComplete").closing.complete(status)

    @ddi("NdisCmDispatchIncomingCall", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def dispatch_incoming_call(self, sap: "CallManagerSap", parameters: CallParameters) -> Status:
        """Offer a call to the client that registered `sap`; PENDING means that `cm_incoming_call_complete` follows."""
        return self._call("NdisCmDispatchIncomingCall").offer(sap.client, parameters)

    @ddi("NdisCmDispatchCallConnected", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def dispatch_call_connected(self) -> None:
        """Tell the client that the call it has accepted is connected."""
        self._call("NdisCmDispatchCallConnected").connect()

    @ddi("NdisCmDispatchIncomingCloseCall", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def dispatch_incoming_close_call(self, status: Status, data: bytes = b"") -> None:
        """Tell the client that the other side has ended the call; it answers with `close_call`."""
        self._call("NdisCmDispatchIncomingCloseCall").release(status, data)

    @ddi("NdisCmDispatchIncomingCallQoSChange", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def dispatch_incoming_call_qos_change(self, parameters: CallParameters) -> Status:
        """Offer another quality of service: not supported."""
        self._enter("NdisCmDispatchIncomingCallQoSChange")
        return Status.NOT_SUPPORTED
