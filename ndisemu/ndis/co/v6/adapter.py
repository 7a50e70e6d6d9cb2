"""A connection-oriented NDIS 6 adapter: it pauses and restarts as every NDIS 6 adapter, and its lists travel on circuits.

While its miniport or a binding is paused, sends on circuits end with
NDIS_STATUS_PAUSED; circuits and calls stay as they are.

Source: NDIS reference 5.1 and 6.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from ndisemu.ndis.co.circuitadapter import CircuitAdapter
from ndisemu.ndis.co.connections import Connections
from ndisemu.ndis.co.v6.library import MiniportLibrary
from ndisemu.ndis.co.v6.miniport import Miniport
from ndisemu.ndis.co.v6.receives import VcListReceives
from ndisemu.ndis.co.v6.sends import VcLists
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.device import Device
from ndisemu.ndis.status import Status
from ndisemu.ndis.v6.adapter import NblAdapter
from ndisemu.ndis.v6.receive import NblReceives
from ndisemu.probe import Probe

if TYPE_CHECKING:
    from ndisemu.ndis.co.vc import VirtualCircuit
    from ndisemu.ndis.library import NdisLibrary


class CircuitReceives(NblReceives):
    """The sum of what all circuits have received; nothing is received but on a circuit."""

    __slots__ = ()

    def indicate(self, nbls: Sequence[NetBufferList], port: int, flags: int) -> None:
        """Refuse a connectionless indication."""
        raise self.adapter.kernel.refusal(
            "co-indicate-connectionless",
            self.adapter.name,
            f"{self.adapter.name} is connection-oriented and called NdisMIndicateReceiveNetBufferLists; "
            "data belongs to a circuit: call NdisMCoIndicateReceiveNetBufferLists",
        )


class CoNblAdapter(CircuitAdapter, NblAdapter):
    """An adapter of a connection-oriented NDIS 6 miniport."""

    miniport: Miniport
    generation: ClassVar[str] = "NDIS 6, connection-oriented"
    request_entry: ClassVar[str] = "MiniportCoOidRequest"

    def __init__(self, library: "NdisLibrary", miniport: Miniport, device: Device) -> None:
        super().__init__(library, miniport, device)
        miniport.ndis = MiniportLibrary(self)
        # Each circuit tells what happens on it; the sum tells it to nobody.
        self.sends._probe = Probe()
        self.receives = CircuitReceives(self, self)
        self.connections = Connections(self)

    def make_books(self, vc: "VirtualCircuit") -> tuple[VcLists, VcListReceives]:
        """Make a circuit's books for lists."""
        return VcLists(vc, self), VcListReceives(vc, self)

    def answer_request(self, request: OidRequest) -> Status | None:
        """Let the miniport answer what connectionless ones have in their attributes: OID_GEN_CO_* are of another form."""
        return self.requests.filters.answer(request)

    def reclaim(self, status: Status) -> None:
        """Take from the dead miniport what it had, circuit by circuit."""
        self.connections.reclaim(status)
        self.pausing.abandon(Status.SUCCESS)
        self.restarting.abandon(Status.FAILURE)
