"""A bench for NDIS 6: the one of `tests.ndis.conftest`, with a small miniport and a small protocol of NDIS 6.

A test is a coroutine under virtual time, `@on_bench6`, that is given a `Bench6`. What NDIS does to drivers is noted
in `bench.calls`, in order, so that a test can say what happens before what.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Concatenate, Final, ParamSpec

from ndisemu.kernel import Signal
from ndisemu.ndis import Adapter, NetEvent, NetPnPEvent, Oid, OidRequest, PacketFilter, SharedMemory, Status, Timer, v6
from ndisemu.ndis.v6.adapter import NblAdapter
from tests.ndis.conftest import BUFFERS, LATER, SLOT, STATION, USUAL, Bench, Card, bench_runner, frame

P = ParamSpec("P")
Pending = Status | None | Awaitable[Status | None]

RESOURCES: Final = int(v6.ReceiveFlag.RESOURCES)
ATTRIBUTES: Final = v6.GeneralAttributes(STATION, supported_oids=(Oid.GEN_VENDOR_ID,))


class Mini6(v6.Miniport):
    """An NDIS 6 miniport that does everything at once; tests derive from it."""

    card: Card
    memory: SharedMemory
    timer: Timer

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.sent: list[bytes] = []
        self.requests: list[tuple[Oid, bytes | None]] = []
        self.cancelled: list[int] = []
        self.returned: list[v6.NetBufferList] = []
        self.free: list[v6.NetBufferList] = []
        self.deferred: list[Callable[[], object]] = []
        self.actions: list[v6.HaltAction] = []

    def initialize(self, parameters: v6.InitParameters) -> Status | Awaitable[Status]:
        """Claim one of everything, in order."""
        self.calls.append("MiniportInitializeEx")
        self.ndis.set_attributes(v6.RegistrationAttributes())
        self.ndis.set_attributes(ATTRIBUTES)
        self.dma = self.ndis.register_scatter_gather_dma()
        memory = self.ndis.allocate_shared_memory(BUFFERS * SLOT)
        assert memory is not None
        self.memory = memory
        self.pool = self.ndis.allocate_nbl_pool(BUFFERS, "receive lists")
        for place in range(BUFFERS):
            nbl = self.ndis.allocate_nbl(self.pool, self.ndis.allocate_mdl(memory, place * SLOT, SLOT))
            assert nbl is not None
            self.free.append(nbl)
        self.timer = self.ndis.allocate_timer_object(self.do_deferred)
        self.line = self.ndis.register_interrupt()
        return Status.SUCCESS

    def halt(self, action: v6.HaltAction) -> Awaitable[None] | None:
        """Give everything back."""
        self.calls.append("MiniportHaltEx")
        self.actions.append(action)
        self.ndis.deregister_interrupt(self.line)
        self.timer.cancel()
        self.ndis.free_shared_memory(self.memory)
        self.ndis.free_nbl_pool(self.pool)
        self.ndis.deregister_scatter_gather_dma()
        return None

    def pause(self) -> Pending:
        """Be quiet at once."""
        self.calls.append("MiniportPause")
        return Status.SUCCESS

    def restart(self) -> Pending:
        """Run at once."""
        self.calls.append("MiniportRestart")
        return Status.SUCCESS

    def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> Pending:
        """Send at once."""
        self.note_sent(nbls)
        self.complete(nbls)
        return None

    def note_sent(self, nbls: Sequence[v6.NetBufferList]) -> None:
        """Note the frames."""
        self.sent += [buffer.read() for nbl in nbls for buffer in nbl.buffers]

    def complete(self, nbls: Sequence[v6.NetBufferList], status: Status = Status.SUCCESS) -> None:
        """Complete lists with one status."""
        for nbl in nbls:
            nbl.status = status
        self.ndis.send_complete(nbls)

    def cancel_send(self, cancel_id: int) -> None:
        """Note it."""
        self.cancelled.append(cancel_id)

    def return_nbls(self, nbls: Sequence[v6.NetBufferList], flags: int) -> None:
        """Note what came back."""
        self.returned += nbls
        self.free += nbls

    def oid_request(self, request: OidRequest) -> Pending:
        """Take every set; answer one query."""
        return self.answer(request)

    def answer(self, request: OidRequest) -> Status:
        """Note a request, and answer it."""
        self.requests.append((request.oid, request.data if request.is_set else None))
        if request.is_set:
            return Status.SUCCESS
        return request.answer(b"\xff\xff\xff\0") if request.oid is Oid.GEN_VENDOR_ID else Status.NOT_SUPPORTED

    def cancel_oid_request(self, request_id: int) -> None:
        """Note it."""
        self.cancelled.append(request_id)

    def interrupt(self) -> tuple[bool, bool, int]:
        """Claim the interrupt and ask for the default DPC."""
        mine = self.card.line.asserted
        self.card.line.deassert(self.card.name)
        return mine, mine, 0

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        """Do what was deferred."""
        self.do_deferred()

    def do_deferred(self) -> None:
        """Do what was deferred."""
        deferred, self.deferred = self.deferred, []
        for action in deferred:
            action()

    def later(self, when: str, action: Callable[[], object]) -> None:
        """Run `action` at the time that `when` names, one of `tests.ndis.conftest.WHEN`."""
        if when == "before it returns":
            action()
        elif when == "from a work item":
            self.ndis.queue_io_work_item(action)
        else:
            self.deferred.append(action)
            if when == "from a timer":
                self.timer.set(LATER)
            else:
                self.card.line.assert_(self.card.name)

    async def wait(self, when: str) -> None:
        """Wait for the time that `when` names."""
        if when != "before it returns":
            signal = Signal()
            self.later(when, signal.set)
            await signal

    def fill(self, *frames: bytes) -> list[v6.NetBufferList]:
        """Put frames into free lists."""
        nbls = [self.free.pop(0) for _ in frames]
        for nbl, data in zip(nbls, frames, strict=True):
            nbl.fill(data)
            nbl.status = Status.SUCCESS
        return nbls


class Peer6(v6.Protocol):
    """A protocol that notes what it is told; it keeps what it is given if `keeps`."""

    binding: v6.Binding

    def __init__(
        self, name: str = "peer", *, types: PacketFilter = USUAL, lists: int = 8, calls: list[str] | None = None
    ) -> None:
        self.name = name
        self.types = types
        self.count = lists
        self.keeps = False
        self.calls = [] if calls is None else calls
        self.nbls: list[v6.NetBufferList] = []
        self.completed: list[tuple[v6.NetBufferList, Status]] = []
        self.received: list[tuple[bytes, int]] = []
        self.chains: list[int] = []
        self.held: list[v6.NetBufferList] = []
        self.ended: list[tuple[OidRequest, Status]] = []

    async def bind_adapter(self, context: v6.BindContext) -> Status:
        """Open the adapter, make lists, open the filter."""
        self.calls.append(f"ProtocolBindAdapterEx {self.name}")
        self.binding = context.open_adapter()
        self.nbls = self.binding.allocate_nbls(self.count, SLOT)
        if self.types:
            await self.binding.set(Oid.GEN_CURRENT_PACKET_FILTER, self.types.to_bytes(4, "little"))
        return Status.SUCCESS

    async def unbind_adapter(self, binding: v6.Binding) -> None:
        """Close."""
        self.calls.append(f"ProtocolUnbindAdapterEx {self.name}")
        await binding.close()

    async def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:
        """Give back what is held, and wait for the rest."""
        self.calls.append(f"NetEvent{event.code.name.title()} {self.name}")
        if event.code is NetEvent.PAUSE:
            self.give_back()
            return await binding.drain()
        return Status.SUCCESS

    def send_complete(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], flags: int) -> None:
        """Note the completion."""
        self.completed += [(nbl, nbl.status) for nbl in nbls]

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        """Note the frames, with the flags they came with, and how many lists came at once."""
        self.received += [(buffer.read(), flags) for nbl in nbls for buffer in nbl.buffers]
        self.chains.append(len(nbls))
        if flags & RESOURCES:
            return
        if self.keeps:
            self.held += nbls
        else:
            binding.return_nbls(nbls)

    def request_complete(self, binding: v6.Binding, request: OidRequest, status: Status) -> None:
        """Note the end of a request."""
        self.ended.append((request, status))

    def give_back(self) -> None:
        """Return what is held."""
        held, self.held = self.held, []
        if held:
            self.binding.return_nbls(held)

    @property
    def statuses(self) -> list[Status]:
        """The statuses of what was completed, in order."""
        return [status for _, status in self.completed]


class Bench6(Bench):
    """One host in the running virtual loop, for drivers of NDIS 6; `calls` is what they were called, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def add6(self, miniport: Mini6, name: str = "nic0") -> NblAdapter:
        """Register a miniport for a new device."""
        device = self.device(name)
        assert isinstance(device.registers, Card)
        miniport.card = device.registers
        miniport.calls = self.calls
        return self.library.add_adapter(miniport, device)

    async def start6(self, miniport: Mini6, name: str = "nic0") -> NblAdapter:
        """Register a miniport and initialize its adapter, which must succeed."""
        adapter = self.add6(miniport, name)
        assert await adapter.initialize()
        return adapter

    async def bind6(self, adapter: Adapter, peer: Peer6 | None = None) -> Peer6:
        """Bind a protocol, which must succeed."""
        peer = peer or Peer6()
        peer.calls = self.calls
        assert await self.library.bind(peer, adapter, self.cpu) is peer.binding
        return peer

    async def pair6(self, miniport: Mini6, peer: Peer6 | None = None) -> Peer6:
        """Start a miniport and bind one protocol to it."""
        return await self.bind6(await self.start6(miniport), peer)

    async def send6(
        self, peer: Peer6, count: int = 1, *, first: int = 0, at: str = "passive", flags: int = 0
    ) -> list[v6.NetBufferList]:
        """Send `count` of a protocol's lists, from the place `first`."""
        nbls = peer.nbls[first : first + count]
        for number, nbl in enumerate(nbls, first):
            nbl.fill(frame(number))
        call = self.passive if at == "passive" else self.dispatch
        await call(lambda: peer.binding.send_nbls(nbls, 0, flags))
        return nbls

    async def indicate(self, miniport: Mini6, *frames: bytes, flags: int = 0) -> list[v6.NetBufferList]:
        """Indicate frames at DISPATCH_LEVEL."""
        nbls = miniport.fill(*frames)
        await self.dispatch(lambda: miniport.ndis.indicate_receive(nbls, 0, flags))
        return nbls


def on_bench6(test: Callable[Concatenate[Bench6, P], Awaitable[None]]) -> Callable[P, None]:
    """Run a test that takes a `Bench6` first, under virtual time."""
    return bench_runner(Bench6)(test)
