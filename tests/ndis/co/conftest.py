"""A miniport, a call manager and a client on one adapter, each of which answers as a test tells it, and notes its calls.

`log` has the names of all entry points in the order in which NDIS called them; `how` says for each entry that may pend
in which style it is answered, `says` with which status.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from ndisemu.errors import RuleViolation
from ndisemu.kernel import Cpu, Delay, Timer
from ndisemu.ndis import OidRequest, Packet, Status, co
from ndisemu.ndis.co.adapter import CoAdapter
from ndisemu.ndis.co.address_family import AfEnd
from ndisemu.ndis.co.circuitadapter import CircuitAdapter
from ndisemu.ndis.co.circuitbinding import AnyBinding
from ndisemu.ndis.co.circuitlibrary import CircuitLibrary
from ndisemu.ndis.co.circuitminiport import CircuitMiniport
from ndisemu.ndis.co.roles import ClientRole, ManagerRole
from tests.ndis.conftest import LATER, SLOT, Bench, Mini

FAMILY: Final = co.AddressFamilyId(co.FamilyId.Q2931, 3, 1)
SAP: Final = co.CoSap(1, b"\x00\x2a")
STYLES: Final = ("at once", "explicit", "explicit, at once", "coroutine", "coroutine, at once")
PENDING_STYLES: Final = ("explicit", "coroutine")


class Script:
    """How one driver answers, and everybody's log."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.how: dict[str, str] = {}
        self.says: dict[str, Status] = {}
        self.late: list[str] = []
        self.cpu: Cpu

    def answer(
        self, entry: str, complete: Callable[[Status], None], first: Callable[[], object] | None = None
    ) -> Status | Coroutine[Any, Any, Status]:
        """Answer an entry that may pend, in the style and with the status that the test has chosen."""
        self.log.append(entry)
        how, status = self.how.get(entry, "at once"), self.says.get(entry, Status.SUCCESS)

        def end() -> Status:
            if first is not None:
                first()
            return status

        async def later() -> Status:
            if how == "coroutine":
                await Delay(self.cpu.kernel, LATER)
            return end()

        if how == "at once":
            return end()
        if how.startswith("coroutine"):
            return later()
        if how == "explicit, at once":
            complete(end())
        else:
            Timer(self.cpu, lambda: self.complete_late(complete, end), name="later").set(LATER)
        return Status.PENDING

    def complete_late(self, complete: Callable[[Status], None], end: Callable[[], Status]) -> None:
        """Complete what was pending; a test may have ended it before."""
        try:
            complete(end())
        except RuleViolation as violation:
            self.late.append(violation.rule)


class CircuitMini(CircuitMiniport):
    """What the miniports here of either generation do with circuits."""

    script: Script
    holds = False
    context: object = "mine"

    @property
    def calls_of_circuits(self) -> CircuitLibrary:
        """The library."""
        raise NotImplementedError

    def prepare(self, script: Script) -> None:
        """Begin."""
        self.script = script
        self.asked: list[co.VirtualCircuit | None] = []

    def co_create_vc(self, vc: co.VirtualCircuit) -> Status:
        """Note it."""
        self.script.log.append("MiniportCoCreateVc")
        vc.context = self.context
        return self.script.says.get("MiniportCoCreateVc", Status.SUCCESS)

    def co_delete_vc(self, vc: co.VirtualCircuit) -> Status:
        """Note it."""
        self.script.log.append("MiniportCoDeleteVc")
        return self.script.says.get("MiniportCoDeleteVc", Status.SUCCESS)

    def co_activate_vc(
        self, vc: co.VirtualCircuit, parameters: co.CallParameters
    ) -> Status | Coroutine[Any, Any, Status]:
        """Answer as told."""
        return self.script.answer(
            "MiniportCoActivateVc", lambda status: self.calls_of_circuits.co_activate_vc_complete(vc, status)
        )

    def co_deactivate_vc(self, vc: co.VirtualCircuit) -> Status | Coroutine[Any, Any, Status]:
        """Answer as told."""
        return self.script.answer(
            "MiniportCoDeactivateVc", lambda status: self.calls_of_circuits.co_deactivate_vc_complete(vc, status)
        )

    def co_request(self, vc: co.VirtualCircuit | None, request: OidRequest) -> Status | Coroutine[Any, Any, Status]:
        """Answer as told."""
        self.asked.append(vc)
        return self.script.answer(
            "MiniportCoRequest",
            lambda status: self.calls_of_circuits.co_request_complete(request, status),
            lambda: None if request.is_set else request.answer(b"\1\0\0\0"),
        )


class CoMini(CircuitMini, Mini, co.Miniport):
    """A miniport that keeps a list of circuits, and sends at once or when it is told."""

    ndis: co.MiniportLibrary

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.prepare(script)
        self.held: list[tuple[co.VirtualCircuit, Sequence[Packet]]] = []

    @property
    def calls_of_circuits(self) -> co.MiniportLibrary:
        """The library."""
        return self.ndis

    def co_send_packets(self, vc: co.VirtualCircuit, packets: Sequence[Packet]) -> None:
        """Send at once, or hold."""
        if self.holds:
            self.held.append((vc, packets))
            return
        self.sent += [packet.read() for packet in packets]
        self.ndis.co_send_complete(vc, packets, Status.SUCCESS)


class Noting:
    """What all protocols here of either generation have in common."""

    def __init__(self, name: str, script: Script) -> None:
        self.name = name
        self.script = script
        self.received: list[bytes] = []
        self.statuses: list[tuple[object, Status, bytes]] = []
        self.ended: list[Status] = []
        self.vcs: list[co.VcEnd] = []
        self.notified: list[co.AddressFamilyId] = []

    def co_request(self, af: AfEnd, vc: co.VcEnd | None, request: co.CoRequest) -> Status | Coroutine[Any, Any, Status]:
        """Answer as told."""
        return self.script.answer(
            "ProtocolCoRequest",
            lambda status: af.co_request_complete(request, status),
            lambda: request.answer(b"peer"),
        )

    def note(self, entry: str, status: Status = Status.SUCCESS) -> None:
        """Note an entry that says how something has ended."""
        self.script.log.append(entry)
        self.ended.append(status)


class Both(Noting, co.Protocol):
    """What the client and the call manager of NDIS 5.x have in common."""

    def __init__(self, name: str, script: Script) -> None:
        super().__init__(name, script)
        self.binding: co.CoBinding
        self.packets: list[Packet] = []
        self.completed: list[tuple[Packet, Status]] = []
        self.held: list[Packet] = []
        self.kept: int | Sequence[int] = 0

    async def bind_adapter(self, context: co.BindContext) -> Status:
        """Open the adapter and make packets."""
        self.binding = context.open_adapter()
        self.packets = self.binding.allocate_packets(8, SLOT)
        return Status.SUCCESS

    def co_send_complete(self, vc: co.VcEnd, packets: Sequence[Packet], status: Status) -> None:
        """Note the completion."""
        self.completed += [(packet, status) for packet in packets]

    def co_receive_packets(self, vc: co.VcEnd, packets: Sequence[Packet]) -> int | Sequence[int]:
        """Note the frames."""
        self.received += [packet.read() for packet in packets]
        if self.kept:
            self.held += packets
        return self.kept

    def receive_complete(self, binding: co.CoBinding) -> None:
        """Note it."""
        self.script.log.append("ProtocolReceiveComplete")

    def co_status(self, binding: co.CoBinding, vc: co.VcEnd | None, status: Status, data: bytes) -> None:
        """Note it."""
        self.statuses.append((vc, status, data))

    def co_request_complete(
        self, binding: co.CoBinding, vc: co.VcEnd | None, request: OidRequest, status: Status
    ) -> None:
        """Note the end."""
        self.note("ProtocolCoRequestComplete", status)

    def co_af_register_notify(self, binding: co.CoBinding, family: co.AddressFamilyId) -> None:
        """Note it."""
        self.notified.append(family)


class CustomerCalls(Noting, ClientRole):
    """A client that does what the test calls, and notes what it is told."""

    binding: AnyBinding
    af: co.ClientAf
    sap: co.ClientSap

    def co_create_vc(self, af: co.ClientAf, vc: co.ClientVc) -> Status:
        """Take it."""
        self.script.log.append("ProtocolCoCreateVc (client)")
        self.vcs.append(vc)
        return self.script.says.get("ProtocolCoCreateVc", Status.SUCCESS)

    def co_delete_vc(self, vc: co.ClientVc) -> Status:
        """Note it."""
        self.script.log.append("ProtocolCoDeleteVc (client)")
        return self.script.says.get("ProtocolCoDeleteVc", Status.SUCCESS)

    def cl_open_af_complete(self, af: co.ClientAf, status: Status) -> None:
        """Note it."""
        self.note("ProtocolClOpenAfComplete", status)

    def cl_close_af_complete(self, af: co.ClientAf, status: Status) -> None:
        """Note it."""
        self.note("ProtocolClCloseAfComplete", status)

    def cl_notify_close_af(self, af: co.ClientAf) -> Status | Coroutine[Any, Any, Status]:
        """Answer as told."""
        return self.script.answer("ProtocolClNotifyCloseAf", af.notify_close_complete)

    def cl_register_sap_complete(self, sap: co.ClientSap, status: Status) -> None:
        """Note it."""
        self.note("ProtocolClRegisterSapComplete", status)

    def cl_deregister_sap_complete(self, sap: co.ClientSap, status: Status) -> None:
        """Note it."""
        self.note("ProtocolClDeregisterSapComplete", status)

    def cl_make_call_complete(self, vc: co.ClientVc, status: Status, parameters: co.CallParameters) -> None:
        """Note it."""
        self.note("ProtocolClMakeCallComplete", status)

    def cl_close_call_complete(self, vc: co.ClientVc, status: Status) -> None:
        """Note it."""
        self.note("ProtocolClCloseCallComplete", status)

    def cl_incoming_call(
        self, sap: co.ClientSap, vc: co.ClientVc, parameters: co.CallParameters
    ) -> Status | Coroutine[Any, Any, Status]:
        """Answer as told."""
        return self.script.answer("ProtocolClIncomingCall", vc.incoming_call_complete)

    def cl_call_connected(self, vc: co.ClientVc) -> None:
        """Note it."""
        self.script.log.append("ProtocolClCallConnected")

    def cl_incoming_close_call(self, vc: co.ClientVc, status: Status, data: bytes) -> None:
        """Note it."""
        self.note("ProtocolClIncomingCloseCall", status)


class ExchangeCalls(Noting, ManagerRole):
    """A call manager that activates a circuit for each call, and otherwise does what the test calls."""

    binding: AnyBinding

    def __init__(self, name: str, script: Script) -> None:
        super().__init__(name, script)
        self.afs: list[co.CallManagerAf] = []
        self.saps: list[co.CallManagerSap] = []
        self.activates = True
        self.parameters: co.CallParameters | None = None

    def co_create_vc(self, af: co.CallManagerAf, vc: co.CallManagerVc) -> Status:
        """Take it."""
        self.script.log.append("ProtocolCoCreateVc (call manager)")
        self.vcs.append(vc)
        return self.script.says.get("ProtocolCoCreateVc", Status.SUCCESS)

    def co_delete_vc(self, vc: co.CallManagerVc) -> Status:
        """Note it."""
        self.script.log.append("ProtocolCoDeleteVc (call manager)")
        return self.script.says.get("ProtocolCoDeleteVc", Status.SUCCESS)

    def cm_open_af(self, af: co.CallManagerAf, family: co.AddressFamilyId) -> Status | Coroutine[Any, Any, Status]:
        """Answer as told."""
        self.afs.append(af)
        return self.script.answer("ProtocolCmOpenAf", af.open_complete)

    def cm_close_af(self, af: co.CallManagerAf) -> Status | Coroutine[Any, Any, Status]:
        """Answer as told."""
        return self.script.answer("ProtocolCmCloseAf", af.close_complete)

    def cm_notify_close_af_complete(self, af: co.CallManagerAf, status: Status) -> None:
        """Note it."""
        self.note("ProtocolCmNotifyCloseAfComplete", status)

    def cm_register_sap(self, sap: co.CallManagerSap) -> Status | Coroutine[Any, Any, Status]:
        """Answer as told."""
        self.saps.append(sap)
        return self.script.answer("ProtocolCmRegisterSap", sap.register_complete)

    def cm_deregister_sap(self, sap: co.CallManagerSap) -> Status | Coroutine[Any, Any, Status]:
        """Answer as told."""
        return self.script.answer("ProtocolCmDeregisterSap", sap.deregister_complete)

    def cm_make_call(self, vc: co.CallManagerVc, parameters: co.CallParameters) -> Status | Coroutine[Any, Any, Status]:
        """Activate the circuit and answer as told."""
        return self.script.answer(
            "ProtocolCmMakeCall",
            lambda status: vc.make_call_complete(status, self.parameters),
            lambda: vc.activate(parameters) if self.activates else None,
        )

    def cm_close_call(self, vc: co.CallManagerVc, data: bytes) -> Status | Coroutine[Any, Any, Status]:
        """Answer as told."""
        return self.script.answer("ProtocolCmCloseCall", vc.close_call_complete)

    def cm_incoming_call_complete(self, vc: co.CallManagerVc, status: Status, parameters: co.CallParameters) -> None:
        """Note it."""
        self.note("ProtocolCmIncomingCallComplete", status)

    def cm_activate_vc_complete(self, vc: co.CallManagerVc, status: Status, parameters: co.CallParameters) -> None:
        """Note it."""
        self.note("ProtocolCmActivateVcComplete", status)

    def cm_deactivate_vc_complete(self, vc: co.CallManagerVc, status: Status) -> None:
        """Note it."""
        self.note("ProtocolCmDeactivateVcComplete", status)


class Customer(CustomerCalls, Both, co.Client):
    """A client of NDIS 5.x."""

    binding: co.CoBinding


class Exchange(ExchangeCalls, Both, co.CallManager):
    """A call manager of NDIS 5.x."""

    binding: co.CoBinding

    async def bind_adapter(self, context: co.BindContext) -> Status:
        """Open the adapter and offer the family."""
        await super().bind_adapter(context)
        return self.binding.register_address_family(FAMILY)


class CircuitOffice:
    """A miniport, a call manager and a client on one adapter, and the ends of what they have opened."""

    adapter: CircuitAdapter
    mini: CircuitMini
    manager: ExchangeCalls
    client: CustomerCalls

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.log: list[str] = []
        self.script = Script(self.log)
        self.script.cpu = bench.cpu

    async def open_family(self) -> None:
        """Open the family."""
        status, af = await self.bench.passive(lambda: self.client.binding.open_address_family(FAMILY, "context"))
        assert status is Status.SUCCESS
        assert af is not None
        self.client.af = af
        self.log.clear()

    async def register(self) -> co.CallManagerSap:
        """Register the SAP; returns the call manager's handle."""
        status, sap = await self.bench.passive(lambda: self.client.af.register_sap(SAP))
        assert status is Status.SUCCESS
        assert sap is not None
        self.client.sap = sap
        return self.manager.saps[-1]

    async def circuit(self) -> co.ClientVc:
        """Create a circuit for an outgoing call; returns the client's end."""
        status, vc = await self.bench.passive(self.client.af.create_vc)
        assert status is Status.SUCCESS
        assert vc is not None
        return vc

    async def call(self) -> co.ClientVc:
        """Make a call, which is connected."""
        vc = await self.circuit()
        assert await self.bench.passive(lambda: vc.make_call(co.CallParameters())) is Status.SUCCESS
        self.log.clear()
        return vc

    async def hang_up(self, vc: co.ClientVc) -> None:
        """Close a call, deactivate and delete its circuit."""
        assert await self.bench.passive(vc.close_call) is Status.SUCCESS
        assert await self.bench.passive(vc.vc.manager.deactivate) is Status.SUCCESS
        assert await self.bench.passive(vc.delete) is Status.SUCCESS

    async def leave(self) -> None:
        """Close the family."""
        assert await self.bench.passive(self.client.af.close) is Status.SUCCESS


class Office(CircuitOffice):
    """An office of NDIS 5.x."""

    adapter: CoAdapter
    mini: CoMini
    manager: Exchange
    client: Customer

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.mini = CoMini(self.script)
        self.manager = Exchange("call manager", self.script)
        self.client = Customer("client", self.script)

    async def open(self) -> None:
        """Start the adapter, bind call manager and client, and open the family."""
        adapter = await self.bench.start(self.mini)
        assert isinstance(adapter, CoAdapter)
        self.adapter = adapter
        await self.bench.library.bind_circuits(self.manager, adapter, self.bench.cpu)
        await self.bench.library.bind_circuits(self.client, adapter, self.bench.cpu)
        await self.open_family()


async def office(bench: Bench) -> Office:
    """Open an office on a bench."""
    made = Office(bench)
    await made.open()
    return made
