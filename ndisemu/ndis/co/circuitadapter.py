"""What is connection-oriented about an adapter of any generation: it has circuits, and its requests may be about one.

Its own books of sends and receives are the sums over all circuits, those that
are gone included; what reaches them by a connectionless call is refused.

Source: NDIS reference 6.
"""

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from ndisemu.ndis.adapter import Adapter
from ndisemu.ndis.binding import BaseBinding
from ndisemu.ndis.co.books import AnyReceives, AnySends
from ndisemu.ndis.co.circuitbinding import AnyBinding, CircuitBinding
from ndisemu.ndis.co.circuitminiport import CircuitMiniport
from ndisemu.ndis.co.connections import Connections
from ndisemu.ndis.co.request import CoRequest
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.co.vc import VirtualCircuit


class CircuitAdapter(Adapter):
    """An adapter of a connection-oriented miniport; `connections` are its address families and circuits."""

    request_entry: ClassVar[str]

    miniport: CircuitMiniport
    connections: Connections

    @abstractmethod
    def make_books(self, vc: "VirtualCircuit") -> tuple[AnySends, AnyReceives]:
        """Make the books of a circuit: for packets or for lists."""

    def join(self, binding: BaseBinding) -> None:
        """Put a binding on top of this adapter."""
        self.bindings.append(binding)
        if isinstance(binding, CircuitBinding):
            self.connections.welcome(binding)

    def leave(self, binding: BaseBinding) -> None:
        """Take a binding off this adapter."""
        self.bindings.remove(binding)

    def circuit_users(self) -> list[AnyBinding]:
        """Return the bindings, in the order in which they were opened."""
        return [binding for binding in self.bindings if isinstance(binding, CircuitBinding)]

    def enter_request(self, request: OidRequest) -> None:
        """Call MiniportCoRequest, or MiniportCoOidRequest, at any IRQL <= DISPATCH."""
        queue = self.requests
        vc = request.vc if isinstance(request, CoRequest) else None
        self.enter(
            partial(self.miniport.co_request, vc, request),
            partial(queue.returned, request),
            partial(queue.raised, request, self.request_entry),
        )

    def request_complete(self, request: OidRequest, status: Status) -> None:
        """The miniport completes a pending request, by name."""
        if request is not self.requests.current:
            raise self.kernel.refusal(
                "co-oid-complete",
                self.name,
                f"{self.name} completed the {request!r}, and {self.requests.current or 'no request'} is pending",
            )
        self.requests.complete_request(request, status)

    def reclaim(self, status: Status) -> None:
        """Take from the dead miniport what it had, circuit by circuit."""
        self.connections.reclaim(status)
