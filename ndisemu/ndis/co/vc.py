"""Virtual circuits: created by a protocol, activated by a call manager, carried by a miniport.

This is the circuit itself, which is also the handle its miniport has; client
and call manager each have an end of it (`ends`). Each of the three keeps a
context in its own handle. `creator` is the end that made it and may delete
it, `user` the one whose data it carries: the client's, or the call
manager's where there is no client (a signalling circuit).

`refusal` says how a send is answered now, and is None while data moves; it
follows from the states of circuit, call and binding, and is brought up to
date by `look` whenever one of them moves. `used` says that it has been active
before, `rested`, where somebody waits, is set when neither activation nor
deactivation is under way any more.

Source: NDIS reference 6.3 and 6.4.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ndisemu.kernel import Event
from ndisemu.ndis.co.books import AnyReceives, AnySends
from ndisemu.ndis.co.exchange import Exchange
from ndisemu.ndis.co.parameters import CallParameters
from ndisemu.ndis.co.states import (
    CALL_REFUSALS,
    CARRYING,
    VC_REFUSALS,
    VC_TRANSITIONS,
    CallState,
    Refusal,
    VcEvent,
    VcState,
)
from ndisemu.ndis.operation import Naming
from ndisemu.ndis.states import Machine
from ndisemu.ndis.status import Status
from ndisemu.units import format_time

if TYPE_CHECKING:
    from ndisemu.ndis.co.call import Call
    from ndisemu.ndis.co.circuitadapter import CircuitAdapter
    from ndisemu.ndis.co.ends import CallManagerVc, ClientVc, VcEnd

ACTIVATE: Final = Naming("MiniportCoActivateVc", "NdisMCoActivateVcComplete", "co-activate-complete")
DEACTIVATE: Final = Naming(
    "MiniportCoDeactivateVc", "NdisMCoDeactivateVcComplete", "co-deactivate-complete", (Status.SUCCESS,)
)


class VirtualCircuit:
    """`NDIS_VC_HANDLE` of a miniport; `context` is the miniport's own, `parameters` are those in force."""

    __slots__ = ("_draining", "_patience", "_wanted", "activation", "adapter", "call", "client", "context", "creator", "deactivation",
                 "manager", "name", "parameters", "receives", "refusal", "rested", "sends", "state", "used", "user")  # fmt: skip

    manager: "CallManagerVc"
    creator: "VcEnd"
    user: "VcEnd"
    sends: AnySends
    receives: AnyReceives

    def __init__(self, adapter: "CircuitAdapter", number: int) -> None:
        self.adapter = adapter
        self.name = f"{adapter.name} vc#{number}"
        self.context: Any = None
        self.state: Machine[VcState, VcEvent] = Machine(self.name, VcState.CREATED, VC_TRANSITIONS)
        self.client: ClientVc | None = None
        self.call: Call | None = None
        self.parameters: CallParameters | None = None
        self.refusal: Refusal | None = VC_REFUSALS[VcState.CREATED]
        self.used = False
        self.rested: Event | None = None
        self.activation = Exchange(adapter, ACTIVATE, self._activated, self._tell_activated)
        self.deactivation = Exchange(adapter, DEACTIVATE, self._deactivated, self._tell_deactivated)
        self._wanted: CallParameters | None = None
        self._draining = False
        self._patience = adapter.kernel.alarm(self._give_up)

    def __repr__(self) -> str:
        outstanding = f"{self.sends.in_flight} sends, {self.receives.lent} receives in flight"
        return f"<VirtualCircuit {self.name} {self.state.current.value}: {outstanding}>"

    @property
    def carries(self) -> bool:
        """Whether data may move on it, as far as circuit and miniport are concerned."""
        return self.state.current in CARRYING

    @property
    def at_rest(self) -> bool:
        """Whether neither activation nor deactivation is under way."""
        return self.state.current in _REST

    @property
    def live(self) -> bool:
        """Whether its handles are valid: it has not been deleted."""
        return self.state.current is not VcState.DELETED

    @property
    def drained(self) -> bool:
        """Whether all sends are completed and all indicated packets are back."""
        return not (self.sends.in_flight or self.receives.lent)

    def move(self, event: VcEvent) -> None:
        """Move on by `event`; one that the state does not accept changes nothing."""
        self.state.apply(event)
        self.look()
        if self.at_rest:
            self._patience.cancel()
            if self.rested is not None:
                self.rested.set()

    def carry_for(self, user: "VcEnd") -> None:
        """Be a circuit for the data of `user`, with books of the adapter's generation."""
        self.user = user
        self.sends, self.receives = self.adapter.make_books(self)

    def look(self) -> None:
        """Bring `refusal` up to date."""
        refusal = VC_REFUSALS.get(self.state.current)
        if refusal is None and self.call is not None:
            refusal = CALL_REFUSALS.get(self.call.state.current)
        if refusal is None and self.user.binding.refuses is not None:
            refusal = (self.user.binding.refuses, "")
        self.refusal = refusal

    def activate(self, parameters: CallParameters) -> Status:
        """Let the miniport set it up with these parameters, also while it is active with others."""
        self.move(VcEvent.ACTIVATE)
        self._wanted = parameters
        adapter = self.adapter
        if adapter.refuses_requests is not None:
            refused = adapter.refuses_requests
            return self.activation.ask(lambda: refused)
        return self._watched(self.activation.ask(partial(adapter.miniport.co_activate_vc, self, parameters)))

    def activate_complete(self, status: Status, parameters: CallParameters | None) -> None:
        """The miniport completes the activation, perhaps with other parameters."""
        if self.activation.pending and parameters is not None:
            self._wanted = parameters
        self.activation.complete(status)

    def deactivate(self) -> Status:
        """Let the miniport tear it down; ends when nothing is outstanding on it."""
        self.move(VcEvent.DEACTIVATE)
        adapter = self.adapter
        if adapter.running:
            return self._watched(self.deactivation.ask(partial(adapter.miniport.co_deactivate_vc, self)))
        # Nobody is left who could do it, or had to.
        return self.deactivation.ask(lambda: Status.SUCCESS)

    def came_back(self) -> None:
        """A send was completed or a packet returned: end a deactivation that NDIS kept back for it."""
        if self._draining and self.drained:
            self._draining = False
            self.move(VcEvent.DEACTIVATED)
            self.deactivation.finish(Status.SUCCESS)

    def reclaim(self, status: Status) -> None:
        """Take everything from a dead miniport: sends in their order, then what it has not completed."""
        self.sends.reclaim(status)
        self.activation.abandon(status)
        self.deactivation.abandon(Status.SUCCESS)
        if self._draining:
            # What protocols still hold comes back to nobody.
            self._draining = False
            self.move(VcEvent.DEACTIVATED)
            self.deactivation.finish(Status.SUCCESS)

    def _activated(self, status: Status) -> Status:
        if status is Status.SUCCESS:
            self.parameters = self._wanted
            self.used = True
            self.move(VcEvent.ACTIVATED)
        else:
            self.move(VcEvent.ACTIVATE_FAILED)
        return status

    def _deactivated(self, _status: Status) -> Status:
        if self.drained or not self.adapter.running:
            self.move(VcEvent.DEACTIVATED)
            return Status.SUCCESS
        self.adapter.report(
            "co-deactivate-drain",
            f"the deactivation of {self.name} ended with {self.sends.in_flight} sends not completed and "
            f"{self.receives.lent} packets not returned; NDIS waits for them",
        )
        self._draining = True
        return Status.PENDING

    def _watched(self, status: Status) -> Status:
        """Lose patience with a miniport that owes the end of what is pending for too long."""
        if status is Status.PENDING:
            kernel = self.adapter.kernel
            self._patience.set(kernel.local_time() + self.adapter.hang.patience)
        return status

    def _give_up(self) -> None:
        if self.adapter.running:
            what = "deactivate" if self.state.current is VcState.DEACTIVATING else "activate"
            rule = "send-never-completed" if self.sends.in_flight else f"co-{what}-complete"
            self.adapter.stop(rule, f"{self!r} was not completed in {format_time(self.adapter.hang.patience)}")

    def _tell_activated(self, status: Status) -> None:
        end = self.manager
        end.binding.tell(
            "ProtocolCmActivateVcComplete",
            "NdisMCoActivateVcComplete",
            lambda: end.binding.manager.cm_activate_vc_complete(end, status, self._wanted or CallParameters()),
        )

    def _tell_deactivated(self, status: Status) -> None:
        end = self.manager
        end.binding.tell(
            "ProtocolCmDeactivateVcComplete",
            "NdisMCoDeactivateVcComplete",
            lambda: end.binding.manager.cm_deactivate_vc_complete(end, status),
        )


_REST: Final = (VcState.CREATED, VcState.ACTIVE, VcState.DELETED)


def call_is_idle(vc: VirtualCircuit) -> bool:
    """Whether no call is in progress on `vc`."""
    return vc.call is None or vc.call.state.current is CallState.IDLE
