"""NDIS 6 drivers of circuits that call at the wrong IRQL, each beside its mended twin.

A trunk is a card whose circuits end in it: what is sent there is complete at
once, and nothing comes back. That is all that these rules need below them.

Not here: circuits that carry anything; see `drivers.vc`, which is NDIS 5.1.
"""

from collections.abc import Awaitable, Sequence
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import NetEvent, NetPnPEvent, Oid, OidRequest, Status, co, v6

FAMILY: Final = co.AddressFamilyId(co.FamilyId.Q2931)
SLOT: Final = 64
SOON: Final = 1000
LISTS: Final = "lists"


class Trunk(Ring6Miniport, co.v6.Miniport):
    """A miniport whose circuits are all there at once, and swallow what is sent on them."""

    ndis: co.v6.MiniportLibrary

    def co_create_vc(self, vc: co.VirtualCircuit) -> Status:
        """MiniportCoCreateVc: there is always room."""
        vc.context = self
        return Status.SUCCESS

    def co_delete_vc(self, vc: co.VirtualCircuit) -> Status:
        """MiniportCoDeleteVc: nothing is kept."""
        vc.context = None
        return Status.SUCCESS

    def co_activate_vc(self, vc: co.VirtualCircuit, parameters: co.CallParameters) -> Status:
        """MiniportCoActivateVc: nothing has to be set up."""
        return Status.SUCCESS

    def co_deactivate_vc(self, vc: co.VirtualCircuit) -> Status:
        """MiniportCoDeactivateVc: nothing is ever outstanding."""
        return Status.SUCCESS

    def co_send(self, vc: co.VirtualCircuit, nbls: Sequence[v6.NetBufferList], flags: int) -> None:
        """MiniportCoSendNetBufferLists: all are sent."""
        for nbl in nbls:
            nbl.status = Status.SUCCESS
        self.complete(vc, nbls)

    def complete(self, vc: co.VirtualCircuit, nbls: Sequence[v6.NetBufferList]) -> None:
        """Give back what was sent."""
        self.ndis.co_send_complete(vc, nbls)

    def co_request(self, vc: co.VirtualCircuit | None, request: OidRequest) -> Status | Awaitable[Status]:
        """MiniportCoOidRequest: as for the whole card."""
        return self.oid_request(request)

    def tell_link(self) -> None:
        """Tell the protocols that the link has come or gone."""
        self.ndis.co_indicate_status(None, Status.MEDIA_CONNECT if self.card.link_up else Status.MEDIA_DISCONNECT)


class Exchange(co.v6.CallManager):
    """A call manager that offers its family when it binds, and connects every call."""

    name = "exchange"

    async def bind_adapter(self, context: co.v6.BindContext) -> Status:
        """Open the adapter and offer the family."""
        self.binding = context.open_adapter()
        self.offer()
        return Status.SUCCESS

    def offer(self) -> None:
        """Offer the family."""
        self.binding.register_address_family(FAMILY)

    def cm_make_call(self, vc: co.CallManagerVc, parameters: co.CallParameters) -> Status:
        """Activate the circuit, and the call is made."""
        return vc.activate(parameters)

    def cm_close_call(self, vc: co.CallManagerVc, data: bytes) -> Status:
        """Deactivate the circuit, and the call has ended."""
        return vc.deactivate()


class Subscriber(co.v6.Client):
    """A client that makes one call, sends two lists on it, and hangs up when it unbinds.

    Whenever the link changes it asks for two counters, one after the other.
    """

    name = "subscriber"

    async def bind_adapter(self, context: co.v6.BindContext) -> Status:
        """Open the adapter; the call waits until sends are admitted."""
        self.binding = context.open_adapter()
        self.nbls = self.binding.allocate_nbls(2, SLOT)
        return Status.SUCCESS

    def net_pnp_event(self, binding: co.v6.CoBinding, event: NetPnPEvent) -> Status | Awaitable[Status]:
        """Call as soon as the binding runs."""
        if event.code is NetEvent.RESTART:
            self.call()
        return super().net_pnp_event(binding, event)

    def call(self) -> None:
        """Open the family, make a circuit and a call, and send."""
        _, af = self.binding.open_address_family(FAMILY)
        vc = None if af is None else af.create_vc()[1]
        if af is None or vc is None:
            return
        self.af, self.vc = af, vc
        vc.make_call(co.CallParameters())
        for nbl in self.nbls:
            nbl.fill(bytes(SLOT))
        vc.send_nbls(self.nbls)

    async def unbind_adapter(self, binding: co.v6.CoBinding) -> None:
        """Hang up, and leave."""
        self.vc.close_call()
        self.vc.delete()
        self.af.close()
        await binding.close()

    def co_send_complete(self, vc: co.VcEnd, nbls: Sequence[v6.NetBufferList], flags: int) -> None:
        """Keep the lists for another call."""

    def co_status(self, binding: co.v6.CoBinding, vc: co.VcEnd | None, status: Status, data: bytes) -> None:
        """Ask how much was sent."""
        self.ask(Oid.GEN_XMIT_OK)

    def ask(self, oid: Oid) -> None:
        """Ask for a counter."""
        request = co.CoRequest.query(oid, 8)
        if (status := self.binding.co_request(request)) is not Status.PENDING:
            self.co_request_complete(self.binding, None, request, status)

    def co_request_complete(
        self, binding: co.v6.CoBinding, vc: co.VcEnd | None, request: OidRequest, status: Status
    ) -> None:
        """Ask how much was received, if this was how much was sent."""
        if request.oid is Oid.GEN_XMIT_OK:
            self.ask(Oid.GEN_RCV_OK)


class CompletesAtDirql(Trunk):
    """It gives back what was sent from the routine that is synchronized with its ISR."""

    def complete(self, vc: co.VirtualCircuit, nbls: Sequence[v6.NetBufferList]) -> None:
        def synchronized() -> bool:
            self.ndis.co_send_complete(vc, nbls)
            return True

        self.ndis.synchronize_with_interrupt(synchronized)


class CompletesAtDispatch(Trunk):
    """It synchronizes what it must, and completes after that."""

    def complete(self, vc: co.VirtualCircuit, nbls: Sequence[v6.NetBufferList]) -> None:
        self.ndis.synchronize_with_interrupt(lambda: True)
        super().complete(vc, nbls)


class AnswersAtDirql(Trunk):
    """It answers a request from there, so what its client asks next it asks at DIRQL."""

    def co_request(self, vc: co.VirtualCircuit | None, request: OidRequest) -> Status:
        answer = self.information.query(request)
        if request.oid is not Oid.GEN_XMIT_OK:
            return answer
        self.ndis.allocate_timer_object(lambda: self.answer(request, answer)).set(SOON)
        return Status.PENDING

    def answer(self, request: OidRequest, status: Status) -> None:
        """Complete a request."""

        def synchronized() -> bool:
            self.ndis.co_request_complete(request, status)
            return True

        self.ndis.synchronize_with_interrupt(synchronized)


class AnswersAtDispatch(AnswersAtDirql):
    """It answers from its timer."""

    def answer(self, request: OidRequest, status: Status) -> None:
        self.ndis.co_request_complete(request, status)


class OffersWhenTheLinkComes(Exchange):
    """It offers its family as soon as there is a network, from a status handler."""

    offered = False

    def offer(self) -> None:
        self.offered = False

    def co_status(self, binding: co.v6.CoBinding, vc: co.VcEnd | None, status: Status, data: bytes) -> None:
        if not self.offered:
            self.offered = True
            binding.register_address_family(FAMILY)


class OffersWhenItBinds(Exchange):
    """It offers its family in its bind handler, which is at PASSIVE_LEVEL."""


PAIRS: Final[tuple[Pair, ...]] = (
    Pair("irql-mco", CompletesAtDirql, CompletesAtDispatch, LISTS),
    Pair("irql-connection", AnswersAtDirql, AnswersAtDispatch, LISTS, ("irql-mco", "irql-entry", "irql-oid")),
    Pair("irql-callmanager", OffersWhenTheLinkComes, OffersWhenItBinds, LISTS),
)
