"""The library as a connection-oriented NDIS 5.x miniport sees it: packets that belong to a circuit.

The calls of a connectionless data path reach nobody here, and are refused.

Source: NDIS reference 3.1 and 6.4.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ndisemu.ndis.co.binding import CoBinding
from ndisemu.ndis.co.circuitlibrary import CircuitLibrary
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.library import MiniportLibrary as PacketLibrary

if TYPE_CHECKING:
    from ndisemu.ndis.co.adapter import CoAdapter
    from ndisemu.ndis.co.vc import VirtualCircuit

_SOURCE: Final = "NDIS reference 3.1, 6.4"


class MiniportLibrary(CircuitLibrary, PacketLibrary):
    """The calls of one connection-oriented adapter's miniport."""

    _adapter: "CoAdapter"

    @ddi("NdisMCoSendComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def co_send_complete(self, vc: "VirtualCircuit", packets: Packet | Sequence[Packet], status: Status) -> None:
        """Hand packets back to the protocol that sent them on `vc`, exactly once each."""
        self._enter_for("NdisMCoSendComplete", vc)
        if isinstance(packets, Packet):
            packets = (packets,)
        if len(packets) > 0:
            vc.sends.complete(packets, status)

    @ddi("NdisMCoIndicateReceivePacket", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def co_indicate_receive(self, vc: "VirtualCircuit", packets: Sequence[Packet]) -> None:
        """Offer packets to the protocol whose circuit it is; they come back through `return_packets`.

        Packets whose status is RESOURCES are the miniport's again when this returns.
        """
        self._enter_for("NdisMCoIndicateReceivePacket", vc)
        if len(packets) > 0:
            vc.receives.indicate(packets, 0)

    @ddi("NdisMCoReceiveComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def co_receive_complete(self) -> None:
        """Let the protocols work on what has been indicated."""
        self._enter("NdisMCoReceiveComplete")
        for binding in self._adapter.circuit_users():
            if isinstance(binding, CoBinding):
                binding.receive_complete()
