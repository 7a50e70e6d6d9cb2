"""The lower edge of an NDIS 5.1 protocol: what NDIS calls, as a class to derive from.

Source: NDIS reference 2.1. What a protocol calls is on its `Binding`.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from ndisemu.errors import RuleViolation
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.context import ReceiveContext

if TYPE_CHECKING:
    from ndisemu.ndis.v5.binding import Binding


class BindContext:
    """What ProtocolBindAdapter is given: an adapter's name, and the right to open it once."""

    __slots__ = ("_open", "_opened", "adapter_name")

    def __init__(self, adapter_name: str, open_adapter: Callable[[], "Binding"]) -> None:
        self.adapter_name = adapter_name
        self._open = open_adapter
        self._opened = False

    @ddi("NdisOpenAdapter", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 3.2")
    def open_adapter(self) -> "Binding":
        """Open the adapter; reception stays off until the binding sets a packet filter."""
        if self._opened:
            raise RuleViolation(
                "proto-open-in-bind",
                f"{self.adapter_name} was opened twice in one bind; one ProtocolBindAdapter opens it once",
            )
        self._opened = True
        return self._open()


class Protocol:
    """An NDIS 5.1 protocol driver's entry points."""

    name: str = "protocol"

    @ddi("ProtocolBindAdapter", irql="== PASSIVE", kind=Kind.PASSIVE, source="NDIS reference 2.1")
    def bind_adapter(self, context: BindContext) -> Status | Awaitable[Status]:
        """Open the adapter, set a packet filter, allocate packets."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolBindAdapter")

    @ddi("ProtocolUnbindAdapter", irql="== PASSIVE", kind=Kind.PASSIVE, source="NDIS reference 2.1")
    def unbind_adapter(self, binding: "Binding") -> Awaitable[None] | None:
        """Stop sending, return what is held, and close the binding."""
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
