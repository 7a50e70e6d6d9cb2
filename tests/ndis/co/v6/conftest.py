"""An office of NDIS 6: the one of `tests.ndis.co.conftest`, whose circuits carry lists."""

from collections.abc import Awaitable, Callable, Sequence

from ndisemu.ndis import NetEvent, NetPnPEvent, OidRequest, Status, co, v6
from ndisemu.ndis.co.v6.adapter import CoNblAdapter
from tests.ndis.co.conftest import FAMILY, CircuitMini, CircuitOffice, CustomerCalls, ExchangeCalls, Noting, Script
from tests.ndis.conftest import SLOT, frame
from tests.ndis.v6.conftest import RESOURCES, Bench6, Mini6

Pending = Status | None | Awaitable[Status | None]


class CoMini6(CircuitMini, Mini6, co.v6.Miniport):
    """A miniport that sends at once, or in the style that a test gives it."""

    ndis: co.v6.MiniportLibrary

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.prepare(script)
        self.held: list[tuple[co.VirtualCircuit, Sequence[v6.NetBufferList]]] = []
        self.sends: Callable[[co.VirtualCircuit, Sequence[v6.NetBufferList]], Pending] = self.send_at_once

    @property
    def calls_of_circuits(self) -> co.v6.MiniportLibrary:
        """The library."""
        return self.ndis

    def co_send(self, vc: co.VirtualCircuit, nbls: Sequence[v6.NetBufferList], flags: int) -> Pending:
        """Send as told, or hold."""
        if self.holds:
            self.held.append((vc, nbls))
            return None
        return self.sends(vc, nbls)

    def send_at_once(self, vc: co.VirtualCircuit, nbls: Sequence[v6.NetBufferList]) -> None:
        """Send and complete with success."""
        self.note_sent(nbls)
        self.end(vc, nbls)

    def end(self, vc: co.VirtualCircuit, nbls: Sequence[v6.NetBufferList], status: Status = Status.SUCCESS) -> None:
        """Complete lists with one status."""
        for nbl in nbls:
            nbl.status = status
        self.ndis.co_send_complete(vc, nbls)


class Both6(Noting, co.v6.Protocol):
    """What the client and the call manager of NDIS 6 have in common; both keep what they receive if `keeps`."""

    def __init__(self, name: str, script: Script) -> None:
        super().__init__(name, script)
        self.binding: co.v6.CoBinding
        self.nbls: list[v6.NetBufferList] = []
        self.completed: list[tuple[v6.NetBufferList, Status]] = []
        self.held: list[v6.NetBufferList] = []
        self.keeps = False

    async def bind_adapter(self, context: co.v6.BindContext) -> Status:
        """Open the adapter and make lists."""
        self.binding = context.open_adapter()
        self.nbls = self.binding.allocate_nbls(8, SLOT)
        return Status.SUCCESS

    async def net_pnp_event(self, binding: co.v6.CoBinding, event: NetPnPEvent) -> Status:
        """Give back what is held, and wait for the rest."""
        self.script.log.append(f"NetEvent{event.code.name.title()} {self.name}")
        if event.code is NetEvent.PAUSE:
            held, self.held = self.held, []
            binding.return_nbls(held)
            return await binding.drain()
        return Status.SUCCESS

    def co_send_complete(self, vc: co.VcEnd, nbls: Sequence[v6.NetBufferList], flags: int) -> None:
        """Note the completion."""
        self.completed += [(nbl, nbl.status) for nbl in nbls]

    def co_receive_nbls(
        self, binding: co.v6.CoBinding, vc: co.VcEnd, nbls: Sequence[v6.NetBufferList], flags: int
    ) -> None:
        """Note the frames."""
        self.received += [buffer.read() for nbl in nbls for buffer in nbl.buffers]
        if self.keeps:
            self.held += nbls
        elif not flags & RESOURCES:
            binding.return_nbls(nbls)

    def co_status(self, binding: co.v6.CoBinding, vc: co.VcEnd | None, status: Status, data: bytes) -> None:
        """Note it."""
        self.statuses.append((vc, status, data))

    def co_request_complete(
        self, binding: co.v6.CoBinding, vc: co.VcEnd | None, request: OidRequest, status: Status
    ) -> None:
        """Note the end."""
        self.note("ProtocolCoOidRequestComplete", status)

    def co_af_register_notify(self, binding: co.v6.CoBinding, family: co.AddressFamilyId) -> None:
        """Note it."""
        self.notified.append(family)


class Customer6(CustomerCalls, Both6, co.v6.Client):
    """A client of NDIS 6."""

    binding: co.v6.CoBinding


class Exchange6(ExchangeCalls, Both6, co.v6.CallManager):
    """A call manager of NDIS 6."""

    binding: co.v6.CoBinding

    async def bind_adapter(self, context: co.v6.BindContext) -> Status:
        """Open the adapter and offer the family."""
        await super().bind_adapter(context)
        return self.binding.register_address_family(FAMILY)


class Office6(CircuitOffice):
    """An office of NDIS 6."""

    bench: Bench6
    adapter: CoNblAdapter
    mini: CoMini6
    manager: Exchange6
    client: Customer6

    def __init__(self, bench: Bench6) -> None:
        super().__init__(bench)
        self.bench = bench
        self.mini = CoMini6(self.script)
        self.manager = Exchange6("call manager", self.script)
        self.client = Customer6("client", self.script)

    async def open(self) -> None:
        """Start the adapter, bind call manager and client, and open the family."""
        adapter = await self.bench.start6(self.mini)
        assert isinstance(adapter, CoNblAdapter)
        self.adapter = adapter
        await self.bench.library.bind_circuits(self.manager, adapter, self.bench.cpu)
        await self.bench.library.bind_circuits(self.client, adapter, self.bench.cpu)
        await self.open_family()

    async def send(self, vc: co.ClientVc, *numbers: int, first: int = 0) -> list[v6.NetBufferList]:
        """Send numbered frames on a circuit, in the client's lists from the place `first`."""
        nbls = self.client.nbls[first : first + len(numbers)]
        for nbl, number in zip(nbls, numbers, strict=True):
            nbl.fill(frame(number))
        await self.bench.passive(lambda: vc.send_nbls(nbls))
        return nbls

    async def give_back(self) -> None:
        """Return everything that the client holds, at PASSIVE_LEVEL."""
        held, self.client.held = self.client.held, []
        await self.bench.passive(lambda: self.client.binding.return_nbls(held))

    async def indicate(self, vc: co.ClientVc, *frames: bytes, flags: int = 0) -> list[v6.NetBufferList]:
        """Indicate frames on a circuit, at DISPATCH_LEVEL."""
        nbls = self.mini.fill(*frames)
        await self.bench.dispatch(lambda: self.mini.ndis.co_indicate_receive(vc.vc, nbls, flags))
        return nbls


async def office6(bench: Bench6) -> Office6:
    """Open an office on a bench."""
    made = Office6(bench)
    await made.open()
    return made
