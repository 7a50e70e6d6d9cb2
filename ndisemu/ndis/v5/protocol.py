"""The lower edge of an NDIS 5.1 protocol: what NDIS calls, as a class to derive from.

Source: NDIS reference 2.1. What a protocol calls is on its `Binding`.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from ndisemu.kernel import WorkItem
from ndisemu.ndis.bindcontext import BaseBindContext
from ndisemu.ndis.binding import binding_name
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.pnp import NetPnPEvent
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.context import ReceiveContext

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter
    from ndisemu.ndis.v5.binding import Binding

Pending = Status | None | Awaitable[Status | None]


class BindContext(BaseBindContext["Binding"]):
    """What ProtocolBindAdapter is given: an adapter's name, and the right to open it once."""

    def __init__(self, protocol: "Protocol", adapter: "Adapter", open_adapter: Callable[[], "Binding"]) -> None:
        super().__init__(protocol.name, adapter, open_adapter)
        self._protocol = protocol

    @ddi("NdisOpenAdapter", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 3.2")
    def open_adapter(self) -> "Binding":
        """Open the adapter; reception stays off until the binding sets a packet filter."""
        self._open_once("ProtocolBindAdapter")
        return self._open()

    def start_open(self) -> Status:
        """Open the adapter without waiting: PENDING, and `open_adapter_complete` follows."""
        self._open_once("ProtocolBindAdapter")
        WorkItem(self._adapter.cpu, self._open_now, self._not_opened, name=f"open by {self._protocol.name}").queue()
        return Status.PENDING

    @ddi("NdisCompleteBindAdapter", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 3.2")
    def complete(self, status: Status) -> None:
        """Complete a ProtocolBindAdapter that has returned PENDING."""
        self._complete(status)

    def _open_now(self) -> object:
        return self._protocol.open_adapter_complete(self._open(), Status.SUCCESS)

    def _not_opened(self, error: BaseException) -> None:
        name, text = self._protocol.name, f"ProtocolOpenAdapterComplete raised {error!r}"
        self._adapter.kernel.report("bugcheck", name, text, error, by=binding_name(name, self._adapter))
        self._complete(Status.FAILURE)


class Protocol:
    """An NDIS 5.1 protocol driver's entry points."""

    name: str = "protocol"

    @ddi("ProtocolBindAdapter", irql="== PASSIVE", kind=Kind.PASSIVE, source="NDIS reference 2.1")
    def bind_adapter(self, context: BindContext) -> Status | Awaitable[Status]:
        """Open the adapter, set a packet filter, allocate packets."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolBindAdapter")

    @ddi("ProtocolUnbindAdapter", irql="== PASSIVE", kind=Kind.PASSIVE, source="NDIS reference 2.1")
    def unbind_adapter(self, binding: "Binding") -> Awaitable[None] | Status | None:
        """Stop sending, return what is held, and close the binding; PENDING: `binding.complete_unbind` follows."""
        return binding.close()

    @ddi("ProtocolSendComplete", irql="== DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 2.1")
    def send_complete(self, binding: "Binding", packets: Sequence[Packet], status: Status) -> None:
        """Take back packets that were sent, all with one status."""
        raise NotImplementedError(f"{type(self).__name__} sends packets and supplies no ProtocolSendComplete")

    @ddi("ProtocolReceive", irql="== DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 2.1, 5.5.1; seed 002")
    def receive(
        self, binding: "Binding", context: ReceiveContext, header: memoryview, lookahead: memoryview, packet_size: int
    ) -> Status:
        """Look at a frame that cannot be kept; returns SUCCESS, or NOT_ACCEPTED for what is not its own.

        It is given what `receive_packets` is not: frames that the miniport keeps, packets marked
        NDIS_STATUS_RESOURCES, frames looped back, and every packet if there is no `receive_packets`. Header and
        lookahead are valid only during this call. Where the lookahead is shorter than `packet_size`, the rest is
        fetched with `binding.transfer_data`, from inside this call.
        """
        return Status.NOT_ACCEPTED

    @ddi("ProtocolReceiveComplete", irql="== DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 2.1")
    def receive_complete(self, binding: "Binding") -> None:
        """Do what is better done once for all frames shown since the last time."""

    @ddi("ProtocolTransferDataComplete", irql="== DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 2.1")
    def transfer_data_complete(self, binding: "Binding", packet: Packet, status: Status, transferred: int) -> None:
        """Learn the end of a transfer that was pending; `transferred` bytes have come into `packet`."""
        raise NotImplementedError(f"{type(self).__name__} transfers data and supplies no ProtocolTransferDataComplete")

    @ddi("ProtocolReceivePacket", irql="== DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 5.5.2")
    def receive_packets(self, binding: "Binding", packets: Sequence[Packet]) -> int | Sequence[int]:
        """Look at received packets; returns how many references it keeps of each (one number for all, or one each).

        Each reference is given back later with `binding.return_packets`. A protocol that leaves this out is
        shown every packet in `receive`; one that leaves `receive` out is shown packets marked NDIS_STATUS_RESOURCES
        here, and returns 0 for them.
        """
        return 0

    @ddi("ProtocolRequestComplete", irql="== DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 2.1")
    def request_complete(self, binding: "Binding", request: OidRequest, status: Status) -> None:
        """Learn the end of a request that was pending."""
        raise NotImplementedError(f"{type(self).__name__} makes requests and supplies no ProtocolRequestComplete")

    @ddi("ProtocolResetComplete", irql="== DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 2.1")
    def reset_complete(self, binding: "Binding", status: Status) -> None:
        """Learn the end of a reset that this protocol asked for."""
        raise NotImplementedError(f"{type(self).__name__} resets its adapter and supplies no ProtocolResetComplete")

    @ddi("ProtocolStatus", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 2.1")
    def status(self, binding: "Binding", code: Status, buffer: bytes) -> None:
        """Learn what the miniport indicates, or that a reset begins or ends."""

    @ddi("ProtocolStatusComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 2.1")
    def status_complete(self, binding: "Binding") -> None:
        """Learn that a series of indications is at its end: time to act on it."""

    @ddi("ProtocolPnPEvent", irql="== PASSIVE", kind=Kind.PEND, source="NDIS reference 2.1")
    def pnp_event(self, binding: "Binding", event: NetPnPEvent) -> Pending:
        """Answer a plug and play event; NOT_SUPPORTED to a power event asks NDIS to unbind."""
        return Status.NOT_SUPPORTED

    @ddi("ProtocolOpenAdapterComplete", irql="== PASSIVE", kind=Kind.PASSIVE, source="NDIS reference 2.1")
    def open_adapter_complete(self, binding: "Binding", status: Status) -> Awaitable[None] | None:
        """Learn the end of `start_open`; queries and sets may follow at once."""
        raise NotImplementedError(f"{type(self).__name__} opens and supplies no ProtocolOpenAdapterComplete")

    @ddi("ProtocolCloseAdapterComplete", irql="== PASSIVE", kind=Kind.PASSIVE, source="NDIS reference 2.1")
    def close_adapter_complete(self, binding: "Binding", status: Status) -> Awaitable[None] | None:
        """Learn the end of `start_close`."""
        raise NotImplementedError(f"{type(self).__name__} closes and supplies no ProtocolCloseAdapterComplete")
