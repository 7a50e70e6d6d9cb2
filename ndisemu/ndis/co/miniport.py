"""The upper edge of a connection-oriented miniport: what NDIS calls besides a 5.x miniport's own entry points.

Its characteristics are those of NDIS 5.x with six more handlers. NDIS calls
the circuits' entry points in the place of MiniportSendPackets and
MiniportQueryInformation and MiniportSetInformation, which such a driver does
not supply. It is deserialized by definition (seeds 001 and 003).

Source: NDIS reference 1.1, 1.2 and 6.
"""

from collections.abc import Sequence

from ndisemu.ndis.co.circuitminiport import CircuitMiniport, Pending
from ndisemu.ndis.co.library import MiniportLibrary
from ndisemu.ndis.co.vc import VirtualCircuit
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.v5.miniport import Miniport as PacketMiniport


class Miniport(CircuitMiniport, PacketMiniport):
    """A connection-oriented NDIS 5.x miniport driver's entry points."""

    deserialized = True

    ndis: MiniportLibrary

    @ddi("MiniportCoSendPackets", irql="<= DISPATCH", kind=Kind.PEND, source="NDIS reference 1.2, 6.4, seed 001")
    def co_send_packets(self, vc: VirtualCircuit, packets: Sequence[Packet]) -> Pending:
        """Own `packets` until each is handed back with `ndis.co_send_complete`; in order, and never refused."""
        raise NotImplementedError(f"{type(self).__name__} supplies no MiniportCoSendPackets")
