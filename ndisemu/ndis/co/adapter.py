"""A connection-oriented adapter: a 5.x adapter whose packets travel on virtual circuits.

It lives as every 5.x adapter does. Its own books of sends and receives are
the sums over all circuits, those that are gone included; what reaches them
by a connectionless call is refused.

Source: NDIS reference 5.1 and 6.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from ndisemu.errors import RuleViolation
from ndisemu.ndis.binding import BaseBinding
from ndisemu.ndis.co.binding import CoBinding
from ndisemu.ndis.co.connections import Connections
from ndisemu.ndis.co.library import MiniportLibrary
from ndisemu.ndis.co.miniport import Miniport
from ndisemu.ndis.co.request import CoRequest
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.device import Device
from ndisemu.ndis.oid import Oid
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.adapter import PacketAdapter
from ndisemu.ndis.v5.receive import ReceivePath
from ndisemu.ndis.v5.send import PacketSends, SendPath
from ndisemu.probe import Probe

if TYPE_CHECKING:
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


class CoAdapter(PacketAdapter):
    """An adapter of a connection-oriented miniport; `connections` are its address families and circuits."""

    miniport: Miniport
    generation: ClassVar[str] = "NDIS 5.1, connection-oriented"

    def __init__(self, library: "NdisLibrary", miniport: Miniport, device: Device) -> None:
        super().__init__(library, miniport, device)
        miniport.ndis = MiniportLibrary(self)
        # Each circuit tells what happens on it; the sum tells it to nobody.
        self.sends._probe = Probe()
        self.receives = CircuitReceives(self, self, serialized=False)
        self.connections = Connections(self)

    def join(self, binding: BaseBinding) -> None:
        """Put a binding on top of this adapter."""
        self.bindings.append(binding)
        if isinstance(binding, CoBinding):
            self.connections.welcome(binding)

    def leave(self, binding: BaseBinding) -> None:
        """Take a binding off this adapter."""
        self.bindings.remove(binding)

    def circuit_users(self) -> list[CoBinding]:
        """Return the bindings, in the order in which they were opened."""
        return [binding for binding in self.bindings if isinstance(binding, CoBinding)]

    def enter_request(self, request: OidRequest) -> None:
        """Call MiniportCoRequest."""
        queue = self.requests
        vc = request.vc if isinstance(request, CoRequest) else None
        self.enter(
            partial(self.miniport.co_request, vc, request),
            partial(queue.returned, request),
            partial(queue.raised, request, "MiniportCoRequest"),
        )

    def request_complete(self, request: OidRequest, status: Status) -> None:
        """The miniport completes a pending request (`NdisMCoRequestComplete`), by name."""
        if request is not self.requests.current:
            raise self.kernel.refusal(
                "co-oid-complete",
                self.name,
                f"{self.name} completed the {request!r}, and {self.requests.current or 'no request'} is pending",
            )
        self.requests.complete(status, is_set=request.is_set)

    def reclaim(self, status: Status) -> None:
        """Take from the dead miniport what it had, circuit by circuit."""
        self.connections.reclaim(status)

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
