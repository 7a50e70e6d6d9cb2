"""Service access points: at which address a client takes incoming calls.

The call manager decides what a SAP means and whether it is free; NDIS keeps
the two handles and the state. A call manager finds the SAP of an incoming
call among those it has registered, usually by equality.

Source: NDIS reference 6.1 and 6.2.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ndisemu.ndis.co.exchange import Exchange
from ndisemu.ndis.co.parameters import CoSap
from ndisemu.ndis.co.states import HANDLE_TRANSITIONS, HandleEvent, HandleState
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.operation import Naming
from ndisemu.ndis.states import Machine
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.co.address_family import CallManagerAf, ClientAf

REGISTER: Final = Naming("ProtocolCmRegisterSap", "NdisCmRegisterSapComplete", "co-complete-once")
DEREGISTER: Final = Naming("ProtocolCmDeregisterSap", "NdisCmDeregisterSapComplete", "co-complete-once")
_SOURCE: Final = "NDIS reference 6.2"


class ClientSap:
    """`NdisSapHandle` of the client that registered it; `context` is its ProtocolSapContext."""

    __slots__ = ("_deregistering", "_manager", "_registering", "af", "context", "sap", "state")

    def __init__(self, af: "ClientAf", manager: "CallManagerAf", sap: CoSap, context: object) -> None:
        self.af = af
        self.sap = sap
        self.context: Any = context
        name = f"the SAP {sap.sap.hex()} of {af.binding.name}"
        self.state: Machine[HandleState, HandleEvent] = Machine(name, HandleState.OPENING, HANDLE_TRANSITIONS)
        self._registering = Exchange(manager.binding, REGISTER, self._registered, self._tell_registered)
        self._deregistering = Exchange(manager.binding, DEREGISTER, self._deregistered, self._tell_deregistered)
        self._manager = CallManagerSap(self, manager, self._registering, self._deregistering)

    def __repr__(self) -> str:
        return repr(self.state)

    @ddi("NdisClDeregisterSap", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def deregister(self) -> Status:
        """Take no more calls there; PENDING means that `cl_deregister_sap_complete` follows."""
        self.af.binding.adapter.running_cpu("NdisClDeregisterSap").preempt()
        self.state.apply(HandleEvent.CLOSE)
        manager = self._manager
        return self._deregistering.ask(partial(manager.af.binding.manager.cm_deregister_sap, manager))

    # What NDIS does with it.

    def register(self) -> Status:
        """Ask the call manager for it."""
        manager = self._manager
        return self._registering.ask(partial(manager.af.binding.manager.cm_register_sap, manager))

    def abandon(self) -> None:
        """End what a call manager that is gone still owes."""
        self._registering.abandon(Status.FAILURE)
        self._deregistering.abandon(Status.SUCCESS)

    def _registered(self, status: Status) -> Status:
        if status is Status.SUCCESS:
            self.state.apply(HandleEvent.OPENED)
        else:
            self.state.apply(HandleEvent.OPEN_FAILED)
            self.af.saps.remove(self)
        return status

    def _deregistered(self, _status: Status) -> Status:
        self.state.apply(HandleEvent.CLOSED)
        self.af.saps.remove(self)
        return Status.SUCCESS

    def _tell_registered(self, status: Status) -> None:
        binding = self.af.binding
        binding.tell(
            "ProtocolClRegisterSapComplete",
            REGISTER.completion,
            lambda: binding.client.cl_register_sap_complete(self, status),
        )

    def _tell_deregistered(self, status: Status) -> None:
        binding = self.af.binding
        binding.tell(
            "ProtocolClDeregisterSapComplete",
            DEREGISTER.completion,
            lambda: binding.client.cl_deregister_sap_complete(self, status),
        )


class CallManagerSap:
    """`NdisSapHandle` of the call manager; `context` is its CallMgrSapContext."""

    __slots__ = ("_deregistering", "_registering", "af", "client", "context")

    def __init__(self, client: ClientSap, af: "CallManagerAf", registering: Exchange, deregistering: Exchange) -> None:
        self.client = client
        self.af = af
        self.context: Any = None
        self._registering = registering
        self._deregistering = deregistering

    def __repr__(self) -> str:
        return repr(self.client)

    @property
    def sap(self) -> CoSap:
        """What the client has asked for."""
        return self.client.sap

    @ddi("NdisCmRegisterSapComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def register_complete(self, status: Status) -> None:
        """End a pending `cm_register_sap`."""
        self.af.binding.adapter.running_cpu("NdisCmRegisterSapComplete").preempt()
        self._registering.complete(status)

    @ddi("NdisCmDeregisterSapComplete", irql="<= DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def deregister_complete(self, status: Status) -> None:
        """End a pending `cm_deregister_sap`."""
        self.af.binding.adapter.running_cpu("NdisCmDeregisterSapComplete").preempt()
        self._deregistering.complete(status)
