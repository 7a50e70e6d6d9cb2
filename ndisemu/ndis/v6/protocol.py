"""The lower edge of an NDIS 6 protocol: what NDIS calls, as a class to derive from.

A binding is paused when it has been opened, and each time bindings of its
adapter change; only between NetEventRestart and NetEventPause may a protocol
send. What a protocol calls is on its `Binding`.

Source: NDIS reference 2.2.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ndisemu.ndis.bindcontext import BaseBindContext
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.indication import StatusIndication
from ndisemu.ndis.pnp import NetEvent, NetPnPEvent
from ndisemu.ndis.status import Status
from ndisemu.ndis.v6.flags import ReceiveFlag

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter
    from ndisemu.ndis.v6.binding import Binding

_SOURCE = "NDIS reference 2.2"
_RESOURCES = int(ReceiveFlag.RESOURCES)


@dataclass(frozen=True, slots=True)
class BindParameters:
    """`NDIS_BIND_PARAMETERS`: what a protocol need not query."""

    adapter_name: str
    current_address: bytes
    mtu: int


class BindContext(BaseBindContext["Binding"]):
    """What ProtocolBindAdapterEx is given: the adapter's parameters, and the right to open it once."""

    def __init__(
        self, protocol: str, adapter: "Adapter", parameters: BindParameters, open_adapter: "Callable[[], Binding]"
    ) -> None:
        super().__init__(protocol, adapter, open_adapter)
        self.parameters = parameters

    @ddi("NdisOpenAdapterEx", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 3.4")
    def open_adapter(self) -> "Binding":
        """Open the adapter; the binding is paused, and reception stays off until it sets a packet filter."""
        self._open_once("ProtocolBindAdapterEx")
        return self._open()

    @ddi("NdisCompleteBindAdapterEx", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.4")
    def complete(self, status: Status) -> None:
        """Complete a ProtocolBindAdapterEx that has returned PENDING."""
        self._complete(status)


class Protocol:
    """An NDIS 6 protocol driver's entry points."""

    name: str = "protocol"

    @ddi("ProtocolBindAdapterEx", irql="== PASSIVE", kind=Kind.PASSIVE, source=_SOURCE)
    def bind_adapter(self, context: BindContext) -> Status | Awaitable[Status]:
        """Open the adapter, set a packet filter, allocate lists."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolBindAdapterEx")

    @ddi("ProtocolUnbindAdapterEx", irql="== PASSIVE", kind=Kind.PASSIVE, source=_SOURCE)
    def unbind_adapter(self, binding: "Binding") -> Awaitable[None] | None:
        """Close the binding, which has been paused before."""
        return binding.close()

    @ddi("ProtocolNetPnPEvent", irql="== PASSIVE", kind=Kind.PASSIVE, source=_SOURCE)
    def net_pnp_event(self, binding: "Binding", event: NetPnPEvent) -> Status | Awaitable[Status]:
        """Start to send at RESTART; at PAUSE send no more, and end when every list is back, sent and received."""
        return binding.drain() if event.code is NetEvent.PAUSE else Status.SUCCESS

    @ddi("ProtocolSendNetBufferListsComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def send_complete(self, binding: "Binding", nbls: Sequence[NetBufferList], flags: int) -> None:
        """Take back lists that were sent, each with its own `status`."""
        raise NotImplementedError(f"{type(self).__name__} sends and supplies no ProtocolSendNetBufferListsComplete")

    @ddi("ProtocolReceiveNetBufferLists", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 5.6")
    def receive_nbls(self, binding: "Binding", nbls: Sequence[NetBufferList], port: int, flags: int) -> None:
        """Take received lists, and return each once with `binding.return_nbls`.

        With the flag RESOURCES they are only lent for this call: copy them, and return none.
        """
        if not flags & _RESOURCES:
            binding.return_nbls(nbls)

    @ddi("ProtocolOidRequestComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source=_SOURCE)
    def request_complete(self, binding: "Binding", request: OidRequest, status: Status) -> None:
        """Learn the end of a request that was pending."""
        raise NotImplementedError(f"{type(self).__name__} makes requests and supplies no ProtocolOidRequestComplete")

    @ddi("ProtocolStatusEx", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 2.2, 5.7")
    def status(self, binding: "Binding", indication: StatusIndication) -> None:
        """Learn of a reset, of the link (LINK_STATE, with an NDIS_LINK_STATE), or of what else the miniport indicates."""
