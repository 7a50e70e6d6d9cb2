"""A call on a virtual circuit: made by the client or offered by the call manager, and closed by the client.

The machine is the client's view (`states.CALL_TRANSITIONS`). What the call
manager does out of turn is refused: a call is offered on an active circuit,
connected after it was accepted, and completed as made only when its circuit
carries data.

Not here: parties, and changes of a call's quality of service, which NDIS
answers with NDIS_STATUS_NOT_SUPPORTED.

Source: NDIS reference 6.2 and 6.3.
"""

from functools import partial
from typing import TYPE_CHECKING, Final

from ndisemu.ndis.co.exchange import Exchange
from ndisemu.ndis.co.parameters import CallParameters
from ndisemu.ndis.co.states import CALL_TRANSITIONS, CallEvent, CallState
from ndisemu.ndis.operation import Naming
from ndisemu.ndis.states import Machine
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.co.circuitbinding import AnyBinding
    from ndisemu.ndis.co.ends import CallManagerVc, ClientVc
    from ndisemu.ndis.co.sap import ClientSap
    from ndisemu.ndis.co.vc import VirtualCircuit

MAKE: Final = Naming("ProtocolCmMakeCall", "NdisCmMakeCallComplete", "co-complete-once")
CLOSE: Final = Naming("ProtocolCmCloseCall", "NdisCmCloseCallComplete", "co-complete-once")
OFFER: Final = Naming("ProtocolClIncomingCall", "NdisClIncomingCallComplete", "co-complete-once")


class Call:
    """The call on one circuit, or the place for one; `parameters` are those of its last operation."""

    __slots__ = ("_client", "_manager", "_vc", "closing", "making", "offering", "parameters", "state")

    def __init__(self, vc: "VirtualCircuit", client: "ClientVc", manager: "CallManagerVc") -> None:
        self._vc = vc
        self._client = client
        self._manager = manager
        self.parameters = CallParameters()
        self.state: Machine[CallState, CallEvent] = Machine(f"the call on {vc.name}", CallState.IDLE, CALL_TRANSITIONS)
        self.making = Exchange(manager.binding, MAKE, self._made, self._tell_made)
        self.closing = Exchange(manager.binding, CLOSE, self._closed, self._tell_closed)
        self.offering = Exchange(client.binding, OFFER, self._answered, self._tell_answered)

    def __repr__(self) -> str:
        return repr(self.state)

    def make(self, parameters: CallParameters) -> Status:
        """The client calls."""
        self._move(CallEvent.MAKE)
        self.parameters = parameters
        return self.making.ask(partial(self._manager.binding.manager.cm_make_call, self._manager, parameters))

    def offer(self, sap: "ClientSap", parameters: CallParameters) -> Status:
        """The call manager offers a call that has come for `sap`, on an active circuit."""
        if not self._vc.carries:
            raise self._out_of_order("offered", "which must be active first")
        self._move(CallEvent.OFFER)
        self.parameters = parameters
        return self.offering.ask(partial(self._client.binding.client.cl_incoming_call, sap, self._client, parameters))

    def connect(self) -> None:
        """The call manager says that an accepted call is connected."""
        if self.state.current is not CallState.ACCEPTED:
            raise self._out_of_order("connected", "and is connected after the client has accepted it")
        self._move(CallEvent.CONNECT)
        client = self._client
        client.binding.tell(
            "ProtocolClCallConnected",
            "NdisCmDispatchCallConnected",
            lambda: client.binding.client.cl_call_connected(client),
        )

    def release(self, status: Status, data: bytes) -> None:
        """The call manager says that the other side has ended the call, which the client must now close."""
        self._move(CallEvent.RELEASE)
        client = self._client
        client.binding.tell(
            "ProtocolClIncomingCloseCall",
            "NdisCmDispatchIncomingCloseCall",
            lambda: client.binding.client.cl_incoming_close_call(client, status, data),
        )

    def close(self, data: bytes) -> Status:
        """The client closes the call; none of its packets may be on its way."""
        if self._vc.sends.in_flight:
            raise self._client.binding.refusal(
                "co-close-drain",
                f"{self._client.binding.name} closes the call on {self._vc.name} while {self._vc.sends.in_flight} of its "
                "packets are on their way; wait for them",
            )
        self._move(CallEvent.CLOSE)
        return self.closing.ask(partial(self._manager.binding.manager.cm_close_call, self._manager, data))

    def abandon(self, gone: "AnyBinding | None" = None) -> None:
        """End, as a failure, what is pending with a protocol that is gone, or (None) with anybody."""
        for exchange in (self.making, self.closing, self.offering):
            if gone is None or exchange.asked is gone:
                exchange.abandon(Status.FAILURE)

    def _move(self, event: CallEvent) -> None:
        self.state.apply(event)
        self._vc.look()

    def _made(self, status: Status) -> Status:
        if status is Status.SUCCESS and not self._vc.carries:
            self._manager.binding.report(
                "co-makecall-complete-order",
                f"{self._manager.binding.name} completed the call on {self._vc.name} with SUCCESS while the circuit is "
                f"{self._vc.state.current.value}; activate it first. The call has failed",
            )
            status = Status.FAILURE
        self._move(CallEvent.MADE if status is Status.SUCCESS else CallEvent.MAKE_FAILED)
        return status

    def _closed(self, status: Status) -> Status:
        self._move(CallEvent.CLOSED)
        return status

    def _answered(self, status: Status) -> Status:
        self._move(CallEvent.ACCEPT if status is Status.SUCCESS else CallEvent.REJECT)
        return status

    def _tell_made(self, status: Status) -> None:
        client = self._client
        client.binding.tell(
            "ProtocolClMakeCallComplete",
            MAKE.completion,
            lambda: client.binding.client.cl_make_call_complete(client, status, self.parameters),
        )

    def _tell_closed(self, status: Status) -> None:
        client = self._client
        client.binding.tell(
            "ProtocolClCloseCallComplete",
            CLOSE.completion,
            lambda: client.binding.client.cl_close_call_complete(client, status),
        )

    def _tell_answered(self, status: Status) -> None:
        manager = self._manager
        manager.binding.tell(
            "ProtocolCmIncomingCallComplete",
            OFFER.completion,
            lambda: manager.binding.manager.cm_incoming_call_complete(manager, status, self.parameters),
        )

    def _out_of_order(self, what: str, right: str) -> BaseException:
        binding = self._manager.binding
        return binding.refusal(
            "co-incoming-sequence",
            f"a call was {what} by {binding.name} on {self._vc.name}, which is {self._vc.state.current.value}, its call "
            f"{self.state.current.value}, {right}",
        )
