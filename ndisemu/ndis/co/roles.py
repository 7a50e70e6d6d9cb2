"""What clients and call managers of any generation have in common: the calls and their signalling.

Entries marked as such may pend: a plain function returns its final status,
or PENDING and calls the completion on its handle later; a coroutine that
suspends is pending until it returns. Where the DDK passes a protocol's own
context, its own handle is passed here, whose `context` that is.

A driver that is both a client and a call manager binds twice.

Not here: parties and changes of the quality of service (not supported), and
call managers inside a miniport (MCM).

Source: NDIS reference 2.1 and 6.2.
"""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from ndisemu.ndis.co.ends import CallManagerVc, ClientVc, VcEnd
from ndisemu.ndis.co.parameters import AddressFamilyId, CallParameters
from ndisemu.ndis.co.request import CoRequest
from ndisemu.ndis.co.sap import CallManagerSap, ClientSap
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.co.address_family import AfEnd, CallManagerAf, ClientAf

B = TypeVar("B")
Pending = Status | Awaitable[Status]
_SOURCE: Final = "NDIS reference 6.2"


class BaseProtocol(Generic[B]):
    """A connection-oriented protocol driver of the generation whose bindings are `B`."""

    name: str = "protocol"

    @ddi("ProtocolCoAfRegisterNotify", irql="== PASSIVE", kind=Kind.PASSIVE, source="NDIS reference 2.1")
    def co_af_register_notify(self, binding: B, family: AddressFamilyId) -> Awaitable[None] | None:
        """Learn that a call manager offers `family` on this adapter."""
        return None

    @ddi("ProtocolCoStatus", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 2.1")
    def co_status(self, binding: B, vc: VcEnd | None, status: Status, data: bytes) -> None:
        """Learn what the miniport indicates, of a circuit or (None) of the whole adapter."""

    @ddi("ProtocolCoRequest", irql="<= DISPATCH", kind=Kind.PEND, source="NDIS reference 6.4")
    def co_request(self, af: "AfEnd", vc: VcEnd | None, request: CoRequest) -> Pending:
        """Answer a request of the other side of `af`; a pending one is completed with `af.co_request_complete`."""
        return Status.NOT_SUPPORTED

    @ddi("ProtocolCoRequestComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 6.4")
    def co_request_complete(self, binding: B, vc: VcEnd | None, request: OidRequest, status: Status) -> None:
        """Learn the end of a request that was pending."""
        raise NotImplementedError(f"{type(self).__name__} makes requests and supplies no ProtocolCoRequestComplete")


AnyProtocol = BaseProtocol[Any]


class ClientRole:
    """A client: opens address families, makes and takes calls."""

    title: ClassVar[str] = "client"

    @ddi("ProtocolCoCreateVc", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 2.2")
    def co_create_vc(self, af: "ClientAf", vc: ClientVc) -> Status:
        """Learn of a circuit that the call manager has created, for an incoming call."""
        return Status.SUCCESS

    @ddi("ProtocolCoDeleteVc", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 2.2")
    def co_delete_vc(self, vc: ClientVc) -> Status:
        """Forget a circuit that the call manager deletes."""
        return Status.SUCCESS

    @ddi("ProtocolClOpenAfComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def cl_open_af_complete(self, af: "ClientAf", status: Status) -> None:
        """Learn the end of `open_address_family`, which was pending."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolClOpenAfComplete")

    @ddi("ProtocolClCloseAfComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def cl_close_af_complete(self, af: "ClientAf", status: Status) -> None:
        """Learn the end of `af.close`, which was pending."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolClCloseAfComplete")

    @ddi("ProtocolClNotifyCloseAf", irql="== PASSIVE", kind=Kind.PEND, source=_SOURCE)
    def cl_notify_close_af(self, af: "ClientAf") -> Pending:
        """Close calls, SAPs and the family, as the call manager is going."""
        return Status.NOT_SUPPORTED

    @ddi("ProtocolClRegisterSapComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def cl_register_sap_complete(self, sap: ClientSap, status: Status) -> None:
        """Learn the end of `af.register_sap`, which was pending."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolClRegisterSapComplete")

    @ddi("ProtocolClDeregisterSapComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def cl_deregister_sap_complete(self, sap: ClientSap, status: Status) -> None:
        """Learn the end of `sap.deregister`, which was pending."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolClDeregisterSapComplete")

    @ddi("ProtocolClMakeCallComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def cl_make_call_complete(self, vc: ClientVc, status: Status, parameters: CallParameters) -> None:
        """Learn the end of `vc.make_call`, which was pending; the parameters may have been changed."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolClMakeCallComplete")

    @ddi("ProtocolClCloseCallComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def cl_close_call_complete(self, vc: ClientVc, status: Status) -> None:
        """Learn the end of `vc.close_call`, which was pending."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolClCloseCallComplete")

    @ddi("ProtocolClIncomingCall", irql="<= DISPATCH", kind=Kind.PEND, source=_SOURCE)
    def cl_incoming_call(self, sap: ClientSap, vc: ClientVc, parameters: CallParameters) -> Pending:
        """Accept a call with SUCCESS, or refuse it; a pending one is answered with `vc.incoming_call_complete`."""
        return Status.NOT_ACCEPTED

    @ddi("ProtocolClCallConnected", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def cl_call_connected(self, vc: ClientVc) -> None:
        """Learn that an accepted call is connected: sends may begin."""

    @ddi("ProtocolClIncomingCloseCall", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def cl_incoming_close_call(self, vc: ClientVc, status: Status, data: bytes) -> None:
        """Learn that the other side has ended the call, and answer with `vc.close_call`."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolClIncomingCloseCall")


class ManagerRole:
    """A call manager: offers an address family, and speaks its signalling on the network."""

    title: ClassVar[str] = "call manager"

    @ddi("ProtocolCoCreateVc", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 2.2")
    def co_create_vc(self, af: "CallManagerAf", vc: CallManagerVc) -> Status:
        """Learn of a circuit that the client has created, for an outgoing call."""
        return Status.SUCCESS

    @ddi("ProtocolCoDeleteVc", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 2.2")
    def co_delete_vc(self, vc: CallManagerVc) -> Status:
        """Forget a circuit that the client deletes."""
        return Status.SUCCESS

    @ddi("ProtocolCmOpenAf", irql="== PASSIVE", kind=Kind.PEND, source=_SOURCE)
    def cm_open_af(self, af: "CallManagerAf", family: AddressFamilyId) -> Pending:
        """Let a client open the family; a pending one is answered with `af.open_complete`."""
        return Status.SUCCESS

    @ddi("ProtocolCmCloseAf", irql="<= DISPATCH", kind=Kind.PEND, source=_SOURCE)
    def cm_close_af(self, af: "CallManagerAf") -> Pending:
        """Forget a client; a pending close is ended with `af.close_complete`."""
        return Status.SUCCESS

    @ddi("ProtocolCmNotifyCloseAfComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def cm_notify_close_af_complete(self, af: "CallManagerAf", status: Status) -> None:
        """Learn the end of `af.notify_close`, which was pending."""

    @ddi("ProtocolCmRegisterSap", irql="<= DISPATCH", kind=Kind.PEND, source=_SOURCE)
    def cm_register_sap(self, sap: CallManagerSap) -> Pending:
        """Take a SAP, or refuse it with INVALID_SAP or SAP_IN_USE; a pending one: `sap.register_complete`."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolCmRegisterSap")

    @ddi("ProtocolCmDeregisterSap", irql="<= DISPATCH", kind=Kind.PEND, source=_SOURCE)
    def cm_deregister_sap(self, sap: CallManagerSap) -> Pending:
        """Forget a SAP; a pending one is ended with `sap.deregister_complete`."""
        return Status.SUCCESS

    @ddi("ProtocolCmMakeCall", irql="<= DISPATCH", kind=Kind.PEND, source=_SOURCE)
    def cm_make_call(self, vc: CallManagerVc, parameters: CallParameters) -> Pending:
        """Signal a call, activate `vc`, and return SUCCESS; a pending one is ended with `vc.make_call_complete`."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolCmMakeCall")

    @ddi("ProtocolCmCloseCall", irql="<= DISPATCH", kind=Kind.PEND, source=_SOURCE)
    def cm_close_call(self, vc: CallManagerVc, data: bytes) -> Pending:
        """Signal the end of a call; a pending one is ended with `vc.close_call_complete`."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolCmCloseCall")

    @ddi("ProtocolCmIncomingCallComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def cm_incoming_call_complete(self, vc: CallManagerVc, status: Status, parameters: CallParameters) -> None:
        """Learn whether the client takes a call that was offered, and was pending."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolCmIncomingCallComplete")

    @ddi("ProtocolCmActivateVcComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def cm_activate_vc_complete(self, vc: CallManagerVc, status: Status, parameters: CallParameters) -> None:
        """Learn the end of `vc.activate`, which was pending."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolCmActivateVcComplete")

    @ddi("ProtocolCmDeactivateVcComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def cm_deactivate_vc_complete(self, vc: CallManagerVc, status: Status) -> None:
        """Learn the end of `vc.deactivate`, which was pending."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolCmDeactivateVcComplete")
