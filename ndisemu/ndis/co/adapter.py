"""A connection-oriented NDIS 5.x adapter: it lives as every 5.x adapter does, and its packets travel on circuits.

Source: NDIS reference 5.1 and 6.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from ndisemu.errors import RuleViolation
from ndisemu.ndis.co.circuitadapter import CircuitAdapter
from ndisemu.ndis.co.connections import Connections
from ndisemu.ndis.co.library import MiniportLibrary
from ndisemu.ndis.co.miniport import Miniport
from ndisemu.ndis.co.receives import VcPacketReceives
from ndisemu.ndis.co.sends import VcPackets
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.device import Device
from ndisemu.ndis.oid import Oid
from ndisemu.ndis.v5.adapter import PacketAdapter
from ndisemu.ndis.v5.receive import ReceivePath
from ndisemu.ndis.v5.send import PacketSends, SendPath
from ndisemu.probe import Probe

if TYPE_CHECKING:
    from ndisemu.ndis.co.vc import VirtualCircuit
    from ndisemu.ndis.library import NdisLibrary

# What NDIS asks a miniport right after MiniportInitialize: OID_GEN_CO_SUPPORTED_LIST, by its other name.
FIRST_QUERY: Final = {Oid.GEN_SUPPORTED_LIST: 1024}


class CircuitReceives(ReceivePath):
    """The sum of what all circuits have received; nothing is received but on a circuit."""

    __slots__ = ()

    def indicate(self, packets: Sequence[Packet]) -> None:
        """Refuse a connectionless indication."""
        raise self.adapter.kernel.refusal(
            "co-indicate-connectionless",
            self.adapter.name,
            f"{self.adapter.name} is connection-oriented and called NdisMIndicateReceivePacket; "
            "data belongs to a circuit: call NdisMCoIndicateReceivePacket",
        )


class CoAdapter(CircuitAdapter, PacketAdapter):
    """An adapter of a connection-oriented NDIS 5.x miniport."""

    miniport: Miniport
    generation: ClassVar[str] = "NDIS 5.1, connection-oriented"
    request_entry: ClassVar[str] = "MiniportCoRequest"

    def __init__(self, library: "NdisLibrary", miniport: Miniport, device: Device) -> None:
        super().__init__(library, miniport, device)
        miniport.ndis = MiniportLibrary(self)
        # Each circuit tells what happens on it; the sum tells it to nobody.
        self.sends._probe = Probe()
        self.receives = CircuitReceives(self, self, serialized=False)
        self.connections = Connections(self)

    def make_books(self, vc: "VirtualCircuit") -> tuple[VcPackets, VcPacketReceives]:
        """Make a circuit's books for packets."""
        return VcPackets(vc, self), VcPacketReceives(vc, self)

    def _send_path(self) -> PacketSends:
        """Such a driver is deserialized by definition (seed 003); this book counts for all circuits."""
        if not self.miniport.deserialized:
            name = type(self.miniport).__name__
            raise RuleViolation(
                "co-deserialized",
                f"{name} is connection-oriented and says that it is serialized; "
                "connection-oriented miniports are deserialized (deserialized = True)",
            )
        return SendPath(self)

    async def _ask_first(self) -> bool:
        """Query what NDIS must know of a connection-oriented adapter."""
        return await self.ask_for(FIRST_QUERY) is not None
