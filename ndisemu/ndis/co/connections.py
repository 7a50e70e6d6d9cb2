"""What is connection-oriented about one adapter: who offers which family, and which circuits exist.

Circuits come and go here, synchronously: NDIS calls the miniport and the
protocol at the other end, and neither may pend.

Source: NDIS reference 6.2 and 6.3.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ndisemu.kernel import Event, WorkItem, driver_errors
from ndisemu.ndis.call import Driver
from ndisemu.ndis.co.address_family import CallManagerAf, ClientAf
from ndisemu.ndis.co.call import Call
from ndisemu.ndis.co.ends import CallManagerVc, ClientVc, VcEnd
from ndisemu.ndis.co.parameters import AddressFamilyId
from ndisemu.ndis.co.states import CallState, VcEvent, VcState
from ndisemu.ndis.co.vc import VirtualCircuit, call_is_idle
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.co.circuitadapter import CircuitAdapter
    from ndisemu.ndis.co.circuitbinding import AnyBinding

Created = tuple[Status, VirtualCircuit | None]


class Connections:
    """The families that call managers offer on one adapter, those that are open, and the circuits, oldest first."""

    def __init__(self, adapter: "CircuitAdapter") -> None:
        self._adapter = adapter
        self._created = 0
        self.offered: dict[AddressFamilyId, AnyBinding] = {}
        self.families: list[ClientAf] = []
        self.circuits: list[VirtualCircuit] = []

    def __repr__(self) -> str:
        return f"<Connections of {self._adapter.name}: {len(self.families)} families, {len(self.circuits)} circuits>"

    # Address families.

    def offer(self, binding: "AnyBinding", family: AddressFamilyId) -> Status:
        """Let a call manager offer `family` (`NdisCmRegisterAddressFamily`), and tell everybody who is bound."""
        if family in self.offered:
            return Status.FAILURE
        self.offered[family] = binding
        for other in self._adapter.circuit_users():
            if other is not binding:
                self._notify(other, family)
        return Status.SUCCESS

    def welcome(self, binding: "AnyBinding") -> None:
        """Tell a new binding which families are offered."""
        for family in self.offered:
            self._notify(binding, family)

    def open(self, binding: "AnyBinding", family: AddressFamilyId, context: object) -> tuple[Status, ClientAf | None]:
        """Associate a client with the call manager of `family`."""
        manager = self.offered.get(family)
        if manager is None:
            return Status.FAILURE, None
        af = ClientAf(binding, manager, family, context)
        self.families.append(af)
        status = af.open()
        return status, af if status in {Status.SUCCESS, Status.PENDING} else None

    def open_for(self, af: ClientAf) -> list[VirtualCircuit]:
        """Return the circuits that keep `af` from being closed: the client's own, and those with a call."""
        return [
            vc
            for vc in self.circuits
            if vc.client is not None and vc.client.af is af and (vc.creator is vc.client or not call_is_idle(vc))
        ]

    def _notify(self, binding: "AnyBinding", family: AddressFamilyId) -> None:
        """Call ProtocolCoAfRegisterNotify at PASSIVE_LEVEL, unless the binding closes before."""

        def notify() -> object:
            if binding.is_open and not binding.failed:
                return binding.protocol.co_af_register_notify(binding, family)
            return None

        entry = "ProtocolCoAfRegisterNotify"
        WorkItem(self._adapter.cpu, notify, partial(binding.fail, entry), name=f"{binding.name} {entry}").queue()

    # Circuits.

    def create_for_client(self, af: ClientAf, context: object) -> Created:
        """Create a circuit of `af` on behalf of its client; the call manager is told."""
        vc, client = self._between(af)
        vc.creator = client
        client.context = context
        manager = af.manager.binding.manager
        return self._create(vc, vc.manager, lambda: manager.co_create_vc(af.manager, vc.manager))

    def create_for_manager(self, af: CallManagerAf, context: object) -> Created:
        """Create a circuit of `af` on behalf of its call manager; the client is told."""
        vc, client = self._between(af.client)
        vc.creator = vc.manager
        vc.manager.context = context
        return self._create(vc, client, lambda: client.binding.client.co_create_vc(af.client, client))

    def create_signalling(self, binding: "AnyBinding", context: object) -> Created:
        """Create a circuit that is the call manager's alone."""
        vc = self._number()
        vc.creator = vc.manager = CallManagerVc(vc, binding, None)
        vc.carry_for(vc.manager)
        vc.manager.context = context
        return self._create(vc, None, None)

    def delete(self, end: VcEnd) -> Status:
        """Delete a circuit for `end`, which must have created it; nobody may use it."""
        vc = end.vc
        if vc.creator is not end:
            raise end.binding.refusal(
                "co-delete-by-creator",
                f"{end.binding.name} deletes {vc.name}, which {vc.creator.binding.name} has created and may delete",
            )
        if vc.state.current is not VcState.CREATED or not call_is_idle(vc):
            call = "" if vc.call is None else f", its call {vc.call.state.current.value}"
            end.binding.report(
                "co-delete-inactive",
                f"{end.binding.name} deletes {vc.name}, which is {vc.state.current.value}{call}; "
                "close the call, and delete the circuit when it has been deactivated",
            )
            closing = vc.state.current is VcState.DEACTIVATING or _is_closing(vc)
            return Status.CLOSING if closing else Status.NOT_ACCEPTED
        status = self._tell_peer(vc, end)
        if status is Status.SUCCESS:
            self._remove(vc)
        return status

    async def clear(self, binding: "AnyBinding") -> None:
        """Take away what a closing binding has left, at PASSIVE_LEVEL; that it has left something is its mistake."""
        circuits = [vc for vc in self.circuits if binding in _bindings(vc)]
        families = [af for af in self.families if binding in {af.binding, af.manager.binding}]
        _report_left(binding, circuits, families)
        for family in [family for family, manager in self.offered.items() if manager is binding]:
            del self.offered[family]
        for vc in reversed(circuits):
            if vc.call is not None:
                vc.call.abandon()
            await self._take_down(vc)
            if vc.live:
                other = vc.manager if binding is not vc.manager.binding else vc.client
                if other is not None:
                    self._tell(other, "ProtocolCoDeleteVc", "co-deletevc-sync", _deletion(other))
                self._remove(vc)
        for af in families:
            af.abandon(af.binding)
            af.abandon(af.manager.binding)
        self.families = [af for af in self.families if af not in families]

    def abandon(self, gone: "AnyBinding") -> None:
        """End, as failures, what a protocol that is gone still owes to others."""
        for vc in tuple(self.circuits):
            if vc.call is not None:
                vc.call.abandon(gone)
        for af in tuple(self.families):
            if gone in {af.binding, af.manager.binding}:
                af.abandon(gone)

    def reclaim(self, status: Status) -> None:
        """Take everything from a dead miniport."""
        for vc in tuple(self.circuits):
            vc.reclaim(status)

    # Their parts.

    def _number(self) -> VirtualCircuit:
        self._created += 1
        return VirtualCircuit(self._adapter, self._created)

    def _between(self, af: ClientAf) -> tuple[VirtualCircuit, ClientVc]:
        """Make a circuit with an end for each side of `af`; returns the client's, too."""
        vc = self._number()
        vc.manager = CallManagerVc(vc, af.manager.binding, af.manager)
        vc.client = client = ClientVc(vc, af)
        vc.carry_for(client)
        vc.call = Call(vc, client, vc.manager)
        return vc, client

    def _create(self, vc: VirtualCircuit, peer: VcEnd | None, tell: Callable[[], Status] | None) -> Created:
        """MiniportCoCreateVc, then ProtocolCoCreateVc of the other end; what fails leaves nothing behind."""
        adapter = self._adapter
        if adapter.refuses_requests is not None:
            return adapter.refuses_requests, None
        status = self._immediate("MiniportCoCreateVc", "co-createvc-sync", lambda: adapter.miniport.co_create_vc(vc))
        if status is not Status.SUCCESS:
            return status, None
        if vc.context is None:
            text = f"MiniportCoCreateVc returned SUCCESS for {vc.name} and left no context in it; set vc.context"
            adapter.report("co-vc-context", text)
        if peer is not None and tell is not None:
            status = self._tell(peer, "ProtocolCoCreateVc", "co-createvc-sync", tell)
            if status is not Status.SUCCESS:
                self._remove_from_miniport(vc)
                return status, None
        self.circuits.append(vc)
        return Status.SUCCESS, vc

    def _tell_peer(self, vc: VirtualCircuit, end: VcEnd) -> Status:
        """Ask the other end whether the circuit may go: ProtocolCoDeleteVc."""
        other = end.peer
        if other is None or other.binding.failed:
            return Status.SUCCESS
        return self._tell(other, "ProtocolCoDeleteVc", "co-deletevc-sync", _deletion(other))

    def _remove(self, vc: VirtualCircuit) -> None:
        self.circuits.remove(vc)
        self._remove_from_miniport(vc)
        vc.move(VcEvent.DELETE)

    def _remove_from_miniport(self, vc: VirtualCircuit) -> None:
        """MiniportCoDeleteVc: it has no reason to refuse, as nothing is going on on the circuit."""
        adapter = self._adapter
        if not adapter.running:
            return
        entry, rule = "MiniportCoDeleteVc", "co-deletevc-sync"
        status = self._immediate(entry, rule, lambda: adapter.miniport.co_delete_vc(vc))
        if status is not Status.SUCCESS and adapter.running:
            adapter.report(
                "co-delete-refused", f"{entry} returned {status} for {vc.name}, which is inactive; it is deleted"
            )

    async def _take_down(self, vc: VirtualCircuit) -> None:
        """Bring a circuit whose protocol is gone to rest, deactivated."""
        await self._rest(vc)
        if vc.carries:
            vc.deactivate()
            await self._rest(vc)

    async def _rest(self, vc: VirtualCircuit) -> None:
        """Wait for the end of an activation or deactivation; a circuit has limited patience with its miniport."""
        if not vc.at_rest:
            vc.rested = Event(self._adapter.kernel, f"{vc.name} at rest")
            await vc.rested.wait()

    def _immediate(self, entry: str, rule: str, routine: Callable[[], object]) -> Status:
        """Run an entry point of the miniport that may not pend."""
        try:
            return _judged(self._adapter, entry, rule, routine())
        except driver_errors() as error:
            self._adapter.bug_check(entry, error)
            return Status.FAILURE

    def _tell(self, end: VcEnd, entry: str, rule: str, routine: Callable[[], object]) -> Status:
        """Run an entry point of the protocol at `end` that may not pend."""
        binding = end.binding
        result = binding.tell(entry, "NdisCoCreateVc or NdisCoDeleteVc", routine)
        return Status.FAILURE if binding.failed else _judged(binding, entry, rule, result)


def _report_left(binding: "AnyBinding", circuits: list[VirtualCircuit], families: list[ClientAf]) -> None:
    """Say what a binding has left open when it closes."""
    left = [*(vc.name for vc in circuits), *(f"an address family {af.state.current.value}" for af in families)]
    if left:
        binding.report(
            "co-af-close-order",
            f"{binding.name} closes its binding and leaves {', '.join(left)}; close calls, delete circuits and "
            "close address families first",
        )
    for vc in circuits:
        ended = vc.call is not None and vc.call.state.current is CallState.RELEASED
        if ended and vc.manager.binding is not binding:
            binding.report(
                "co-incoming-close",
                f"{binding.name} was told that its call on {vc.name} has ended, and has not closed it; "
                "ProtocolClIncomingCloseCall leads to NdisClCloseCall",
            )


def _judged(driver: Driver, entry: str, rule: str, value: object) -> Status:
    """Take the status that an entry point gave which may not pend."""
    if type(value) is Status and value is not Status.PENDING:
        return value
    driver.report(rule, f"{entry} returned {value!r}; it does its work at once and returns a final status")
    return Status.FAILURE


def _deletion(end: ClientVc | CallManagerVc) -> Callable[[], Status]:
    if isinstance(end, ClientVc):
        return lambda: end.binding.client.co_delete_vc(end)
    return lambda: end.binding.manager.co_delete_vc(end)


def _bindings(vc: VirtualCircuit) -> "tuple[AnyBinding, ...]":
    return (vc.manager.binding,) if vc.client is None else (vc.manager.binding, vc.client.binding)


def _is_closing(vc: VirtualCircuit) -> bool:
    return vc.call is not None and vc.call.state.current is CallState.CLOSING
