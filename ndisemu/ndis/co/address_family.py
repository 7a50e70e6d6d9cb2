"""Address families: a client's association with a call manager, on one adapter.

Each side has its own handle with its own context. Through them circuits are
created and SAPs registered; a client closes calls, deletes the circuits it
created and deregisters its SAPs before it closes the family.

Source: NDIS reference 6.1 and 6.2.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ndisemu.ndis.co.ends import CallManagerVc, ClientVc, VcEnd
from ndisemu.ndis.co.exchange import Exchange
from ndisemu.ndis.co.parameters import AddressFamilyId, CoSap
from ndisemu.ndis.co.request import ASK, CoRequest
from ndisemu.ndis.co.sap import ClientSap
from ndisemu.ndis.co.states import HANDLE_TRANSITIONS, HandleEvent, HandleState
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.operation import Naming
from ndisemu.ndis.states import Machine
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.co.circuitbinding import AnyBinding

OPEN: Final = Naming("ProtocolCmOpenAf", "NdisCmOpenAddressFamilyComplete", "co-complete-once")
CLOSE: Final = Naming("ProtocolCmCloseAf", "NdisCmCloseAddressFamilyComplete", "co-complete-once")
NOTIFY: Final = Naming("ProtocolClNotifyCloseAf", "NdisClNotifyCloseAddressFamilyComplete", "co-complete-once")
_SOURCE: Final = "NDIS reference 6.2"


class AfEnd:
    """`NdisAfHandle` of one side; `context` is its ProtocolAfContext."""

    # A watcher may stand before the methods of one end.
    __slots__ = ("__dict__", "binding", "context", "family", "peer", "state")

    peer: "AfEnd"

    def __init__(
        self, binding: "AnyBinding", family: AddressFamilyId, state: Machine[HandleState, HandleEvent]
    ) -> None:
        self.binding = binding
        self.family = family
        self.state = state
        self.context: Any = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.state.current.value} of {self.binding.name}>"

    @ddi("NdisCoRequest", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.2, 6.4")
    def co_request(self, request: CoRequest, vc: VcEnd | None = None) -> Status:
        """Ask the other side of the family; PENDING means that `co_request_complete` follows."""
        self._enter("NdisCoRequest")
        peer = self.peer
        theirs = None if vc is None else vc.peer
        request.vc = None if vc is None else vc.vc
        request.begin()

        def tell(status: Status) -> None:
            self.binding.tell(
                "ProtocolCoRequestComplete",
                ASK.completion,
                lambda: self.binding.protocol.co_request_complete(self.binding, vc, request, status),
            )

        request.exchange = Exchange(peer.binding, ASK, lambda status: status, tell)
        return request.exchange.ask(partial(peer.binding.protocol.co_request, peer, theirs, request))

    @ddi("NdisCoRequestComplete", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 6.4")
    def co_request_complete(self, request: CoRequest, status: Status) -> None:
        """End a request of the other side that was pending."""
        self.binding.adapter.running_cpu(ASK.completion).preempt()
        if request.exchange is None:
            raise self.binding.refusal(
                "co-oid-complete", f"{self.binding.name} completed the {request!r}, which nobody has made of it"
            )
        request.exchange.complete(status)

    def _enter(self, call: str) -> None:
        """Let the call in: a CPU runs it, and the family is open."""
        self.binding.adapter.running_cpu(call).preempt()
        if self.state.current is not HandleState.OPEN:
            raise self.binding.refusal(
                "co-af-handle",
                f"{self.binding.name} called {call} for an address family that is {self.state.current.value}; "
                "its handle is valid from the open to the close",
            )


class ClientAf(AfEnd):
    """The client's side."""

    __slots__ = ("_closing", "_notifying", "_opening", "manager", "saps")

    def __init__(self, binding: "AnyBinding", manager: "AnyBinding", family: AddressFamilyId, context: object) -> None:
        name = f"the address family {family.family:#x} of {binding.name}"
        state: Machine[HandleState, HandleEvent] = Machine(name, HandleState.OPENING, HANDLE_TRANSITIONS)
        super().__init__(binding, family, state)
        self.context = context
        self.saps: list[ClientSap] = []
        self._opening = Exchange(manager, OPEN, self._opened, self._tell_opened)
        self._closing = Exchange(manager, CLOSE, self._closed, self._tell_closed)
        self._notifying = Exchange(binding, NOTIFY, lambda status: status, self._tell_notified)
        self.manager = CallManagerAf(self, manager, self._opening, self._closing, self._notifying)
        self.peer = self.manager

    @ddi("NdisCoCreateVc", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def create_vc(self, context: object = None) -> tuple[Status, ClientVc | None]:
        """Create a circuit for an outgoing call; returns SUCCESS and its end, or why not."""
        self._enter("NdisCoCreateVc")
        status, vc = self.binding.adapter.connections.create_for_client(self, context)
        return status, None if vc is None else vc.client

    @ddi("NdisClRegisterSap", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def register_sap(self, sap: CoSap, context: object = None) -> tuple[Status, ClientSap | None]:
        """Take incoming calls at `sap`; PENDING means that `cl_register_sap_complete` follows."""
        self._enter("NdisClRegisterSap")
        registered = ClientSap(self, self.manager, sap, context)
        self.saps.append(registered)
        status = registered.register()
        return status, registered if status in _BEGUN else None

    @ddi("NdisClCloseAddressFamily", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def close(self) -> Status:
        """Close the family; PENDING means that `cl_close_af_complete` follows. The handle is invalid from now on."""
        self._enter("NdisClCloseAddressFamily")
        self._check_nothing_open()
        self.state.apply(HandleEvent.CLOSE)
        return self._closing.ask(partial(self.manager.binding.manager.cm_close_af, self.manager))

    @ddi("NdisClNotifyCloseAddressFamilyComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def notify_close_complete(self, status: Status) -> None:
        """End a pending `cl_notify_close_af`."""
        self.binding.adapter.running_cpu(NOTIFY.completion).preempt()
        self._notifying.complete(status)

    # What NDIS does with it.

    def open(self) -> Status:
        """Ask the call manager for it."""
        return self._opening.ask(partial(self.manager.binding.manager.cm_open_af, self.manager, self.family))

    def abandon(self, gone: "AnyBinding") -> None:
        """End what a protocol that is gone still owes."""
        if gone is self.manager.binding:
            self._opening.abandon(Status.FAILURE)
            self._closing.abandon(Status.SUCCESS)
            for sap in tuple(self.saps):
                sap.abandon()
        else:
            self._notifying.abandon(Status.FAILURE)

    def _check_nothing_open(self) -> None:
        """Refuse a close that comes before those of calls, circuits and SAPs."""
        circuits = self.binding.adapter.connections.open_for(self)
        if circuits or self.saps:
            left = ", ".join([*(vc.name for vc in circuits), *(f"SAP {sap.sap.sap.hex()}" for sap in self.saps)])
            raise self.binding.refusal(
                "co-af-close-order",
                f"{self.binding.name} closes an address family with {left} still in use; close calls, delete circuits "
                "and deregister SAPs first",
            )

    def _opened(self, status: Status) -> Status:
        self.state.apply(HandleEvent.OPENED if status is Status.SUCCESS else HandleEvent.OPEN_FAILED)
        if status is not Status.SUCCESS:
            self.binding.adapter.connections.families.remove(self)
        return status

    def _closed(self, _status: Status) -> Status:
        self.state.apply(HandleEvent.CLOSED)
        self.binding.adapter.connections.families.remove(self)
        return Status.SUCCESS

    def _tell_opened(self, status: Status) -> None:
        self.binding.tell(
            "ProtocolClOpenAfComplete", OPEN.completion, lambda: self.binding.client.cl_open_af_complete(self, status)
        )

    def _tell_closed(self, status: Status) -> None:
        self.binding.tell(
            "ProtocolClCloseAfComplete",
            CLOSE.completion,
            lambda: self.binding.client.cl_close_af_complete(self, status),
        )

    def _tell_notified(self, status: Status) -> None:
        manager = self.manager
        manager.binding.tell(
            "ProtocolCmNotifyCloseAfComplete",
            NOTIFY.completion,
            lambda: manager.binding.manager.cm_notify_close_af_complete(manager, status),
        )


class CallManagerAf(AfEnd):
    """The call manager's side."""

    __slots__ = ("_closing", "_notifying", "_opening", "client")

    def __init__(
        self, client: ClientAf, binding: "AnyBinding", opening: Exchange, closing: Exchange, notifying: Exchange
    ) -> None:
        super().__init__(binding, client.family, client.state)
        self.client = client
        self.peer = client
        self._opening = opening
        self._closing = closing
        self._notifying = notifying

    @ddi("NdisCoCreateVc", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def create_vc(self, context: object = None) -> tuple[Status, CallManagerVc | None]:
        """Create a circuit for an incoming call; returns SUCCESS and its end, or why not."""
        self._enter("NdisCoCreateVc")
        status, vc = self.binding.adapter.connections.create_for_manager(self, context)
        return status, None if vc is None else vc.manager

    @ddi("NdisCmOpenAddressFamilyComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def open_complete(self, status: Status) -> None:
        """End a pending `cm_open_af`."""
        self.binding.adapter.running_cpu(OPEN.completion).preempt()
        self._opening.complete(status)

    @ddi("NdisCmCloseAddressFamilyComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def close_complete(self, status: Status) -> None:
        """End a pending `cm_close_af`."""
        self.binding.adapter.running_cpu(CLOSE.completion).preempt()
        self._closing.complete(status)

    @ddi("NdisCmNotifyCloseAddressFamily", irql="== PASSIVE", kind=Kind.CALL, source=_SOURCE)
    def notify_close(self) -> Status:
        """Ask the client to close the family; PENDING means that `cm_notify_close_af_complete` follows."""
        self._enter("NdisCmNotifyCloseAddressFamily")
        return self._notifying.ask(partial(self.client.binding.client.cl_notify_close_af, self.client))


_BEGUN: Final = (Status.SUCCESS, Status.PENDING)
