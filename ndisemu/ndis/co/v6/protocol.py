"""The lower edge of connection-oriented NDIS 6 protocols: what NDIS calls of a client and of a call manager.

Calls and signalling are the same in all generations (`roles`); here is how
such a protocol binds, what becomes of its lists, and what has another name in
NDIS 6.

Source: NDIS reference 2.2 and 6.4.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

from ndisemu.ndis.bindcontext import BaseBindContext
from ndisemu.ndis.co.ends import VcEnd
from ndisemu.ndis.co.request import CoRequest
from ndisemu.ndis.co.roles import BaseProtocol, ClientRole, ManagerRole, Pending
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.pnp import NetEvent, NetPnPEvent
from ndisemu.ndis.status import Status
from ndisemu.ndis.v6.flags import ReceiveFlag
from ndisemu.ndis.v6.protocol import BindParameters

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter
    from ndisemu.ndis.co.address_family import AfEnd
    from ndisemu.ndis.co.v6.binding import CoBinding

_SOURCE: Final = "NDIS reference 2.2, 6.4"
_RESOURCES: Final = int(ReceiveFlag.RESOURCES)


class BindContext(BaseBindContext["CoBinding"]):
    """What ProtocolBindAdapterEx is given: the adapter's parameters, and the right to open it once."""

    def __init__(
        self, protocol: str, adapter: "Adapter", parameters: BindParameters, open_adapter: "Callable[[], CoBinding]"
    ) -> None:
        super().__init__(protocol, adapter, open_adapter)
        self.parameters = parameters

    @ddi("NdisOpenAdapterEx", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 3.4")
    def open_adapter(self) -> "CoBinding":
        """Open the adapter; the binding is paused."""
        self._open_once("ProtocolBindAdapterEx")
        return self._open()

    @ddi("NdisCompleteBindAdapterEx", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.4")
    def complete(self, status: Status) -> None:
        """Complete a ProtocolBindAdapterEx that has returned PENDING."""
        self._complete(status)


class Protocol(BaseProtocol["CoBinding"]):
    """What clients and call managers have in common."""

    @ddi("ProtocolBindAdapterEx", irql="== PASSIVE", kind=Kind.PASSIVE, source=_SOURCE)
    def bind_adapter(self, context: BindContext) -> Status | Awaitable[Status]:
        """Open the adapter; a call manager offers its address family."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolBindAdapterEx")

    @ddi("ProtocolUnbindAdapterEx", irql="== PASSIVE", kind=Kind.PASSIVE, source=_SOURCE)
    def unbind_adapter(self, binding: "CoBinding") -> Awaitable[None] | None:
        """Close calls, delete circuits, close address families, and close the binding, which has been paused before."""
        return binding.close()

    @ddi("ProtocolNetPnPEvent", irql="== PASSIVE", kind=Kind.PASSIVE, source=_SOURCE)
    def net_pnp_event(self, binding: "CoBinding", event: NetPnPEvent) -> Status | Awaitable[Status]:
        """Start to send at RESTART; at PAUSE send no more, and end when every list is back, sent and received."""
        return binding.drain() if event.code is NetEvent.PAUSE else Status.SUCCESS

    @ddi("ProtocolCoSendNetBufferListsComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def co_send_complete(self, vc: VcEnd, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Take back lists that were sent on `vc`, each with its own `status`."""
        raise NotImplementedError(f"{type(self).__name__} sends and supplies no ProtocolCoSendNetBufferListsComplete")

    @ddi("ProtocolCoReceiveNetBufferLists", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def co_receive_nbls(self, binding: "CoBinding", vc: VcEnd, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Take lists that were received on `vc`, and return each once with `binding.return_nbls`.

        With the flag RESOURCES they are only lent for this call: copy them, and return none.
        """
        if not flags & _RESOURCES:
            binding.return_nbls(nbls)

    @ddi("ProtocolCoStatusEx", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def co_status(self, binding: "CoBinding", vc: VcEnd | None, status: Status, data: bytes) -> None:
        """Learn what the miniport indicates, of a circuit or (None) of the whole adapter."""

    @ddi("ProtocolCoOidRequest", irql="<= DISPATCH", kind=Kind.PEND, source=_SOURCE)
    def co_request(self, af: "AfEnd", vc: VcEnd | None, request: CoRequest) -> Pending:
        """Answer a request of the other side of `af`; a pending one is completed with `af.co_request_complete`."""
        return Status.NOT_SUPPORTED

    @ddi("ProtocolCoOidRequestComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def co_request_complete(self, binding: "CoBinding", vc: VcEnd | None, request: OidRequest, status: Status) -> None:
        """Learn the end of a request that was pending."""
        raise NotImplementedError(f"{type(self).__name__} makes requests and supplies no ProtocolCoOidRequestComplete")


class Client(Protocol, ClientRole):
    """A connection-oriented client: opens address families, makes and takes calls."""


class CallManager(Protocol, ManagerRole):
    """A call manager: offers an address family, and speaks its signalling on the network."""
