"""The lower edge of connection-oriented NDIS 5.x protocols: what NDIS calls of a client and of a call manager.

Calls and signalling are the same in all generations (`roles`); here is how
such a protocol binds, and what becomes of its packets.

Source: NDIS reference 2.1 and 6.4.
"""

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

from ndisemu.ndis.bindcontext import BaseBindContext
from ndisemu.ndis.co.ends import VcEnd
from ndisemu.ndis.co.roles import BaseProtocol, ClientRole, ManagerRole
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.co.binding import CoBinding


class BindContext(BaseBindContext["CoBinding"]):
    """What ProtocolBindAdapter is given: an adapter's name, and the right to open it once."""

    @ddi("NdisOpenAdapter", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 3.2")
    def open_adapter(self) -> "CoBinding":
        """Open the adapter."""
        self._open_once("ProtocolBindAdapter")
        return self._open()

    @ddi("NdisCompleteBindAdapter", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 3.2")
    def complete(self, status: Status) -> None:
        """Complete a ProtocolBindAdapter that has returned PENDING."""
        self._complete(status)


class Protocol(BaseProtocol["CoBinding"]):
    """What clients and call managers have in common."""

    @ddi("ProtocolBindAdapter", irql="== PASSIVE", kind=Kind.PASSIVE, source="NDIS reference 2.1")
    def bind_adapter(self, context: BindContext) -> Status | Awaitable[Status]:
        """Open the adapter; a call manager offers its address family."""
        raise NotImplementedError(f"{type(self).__name__} supplies no ProtocolBindAdapter")

    @ddi("ProtocolUnbindAdapter", irql="== PASSIVE", kind=Kind.PASSIVE, source="NDIS reference 2.1")
    def unbind_adapter(self, binding: "CoBinding") -> Awaitable[None] | None:
        """Close calls, delete circuits, close address families, and close the binding."""
        return binding.close()

    @ddi("ProtocolCoSendComplete", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 2.1")
    def co_send_complete(self, vc: VcEnd, packets: Sequence[Packet], status: Status) -> None:
        """Take back packets that were sent on `vc`, all with one status."""
        raise NotImplementedError(f"{type(self).__name__} sends packets and supplies no ProtocolCoSendComplete")

    @ddi("ProtocolCoReceivePacket", irql="<= DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 2.1, 6.4")
    def co_receive_packets(self, vc: VcEnd, packets: Sequence[Packet]) -> int | Sequence[int]:
        """Look at received packets; returns how many references it keeps of each (one number for all, or one each).

        Of packets whose status is RESOURCES none may be kept.
        """
        return 0

    @ddi("ProtocolReceiveComplete", irql="== DISPATCH", kind=Kind.IMMEDIATE, source="NDIS reference 2.1")
    def receive_complete(self, binding: "CoBinding") -> None:
        """Work on what was received, after one or more indications."""


class Client(Protocol, ClientRole):
    """A connection-oriented client: opens address families, makes and takes calls."""


class CallManager(Protocol, ManagerRole):
    """A call manager: offers an address family, and speaks its signalling on the network."""
