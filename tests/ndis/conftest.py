"""A bench for NDIS without a card: hosts of one CPU or more, a register file that interrupts, small drivers.

A test is a coroutine under virtual time, `@on_bench`, that is given a `Bench`. Whatever NDIS has found must have
been looked at with `bench.rules()` before the test ends, so that no test passes over a finding in silence.
"""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar

from ndisemu.kernel import DISPATCH, Cpu, Finding, InterruptLine, Kernel, Signal, VirtualLoop, run, run_passive
from ndisemu.memory import DmaSpace, HostMemory
from ndisemu.ndis import (
    Adapter,
    Device,
    Medium,
    NdisLibrary,
    Oid,
    OidRequest,
    Packet,
    PacketFilter,
    SharedMemory,
    Status,
    Timer,
    v5,
)
from ndisemu.ndis.v5.adapter import PacketAdapter
from ndisemu.ndis.v5.miniportlock import MiniportLock

P = ParamSpec("P")
T = TypeVar("T")
B = TypeVar("B", bound="Bench")

STATION: Final = b"\x02\x00\x00\x00\x00\x01"
BROADCAST: Final = b"\xff" * 6
GROUP: Final = b"\x01\x00\x5e\x00\x00\x01"
USUAL: Final = PacketFilter.DIRECTED | PacketFilter.BROADCAST
SLOT: Final = 2048
BUFFERS: Final = 8
LATER: Final = 1000
"""How many nanoseconds a driver's timer takes here."""


def frame(number: int = 0, *, to: bytes = STATION, length: int = 60) -> bytes:
    """Make a frame that tells its number."""
    return (to + b"\x02\x00\x00\x00\x00\x99\x88\xb5" + number.to_bytes(4, "big")).ljust(length, b"\xa5")


class Card:
    """Registers that remember what is written to them, and an interrupt line."""

    def __init__(self, name: str, line: InterruptLine) -> None:
        self.name = name
        self.line = line
        self.words: dict[int, int] = {}
        self.accesses = 0
        self.powered_off = 0

    def mmio_read(self, offset: int, width: int = 4) -> int:
        """Return what was written."""
        self.accesses += 1
        return self.words.get(offset, 0)

    def mmio_write(self, offset: int, value: int, width: int = 4) -> None:
        """Remember `value`."""
        self.accesses += 1
        self.words[offset] = value

    def power_off(self) -> None:
        """Be silent."""
        self.powered_off += 1
        self.line.deassert(self.name)


class Mini(v5.Miniport):
    """A miniport that does everything at once; tests derive from it.

    `later(when, action)` runs an action before it returns, from the interrupt's DPC, from a timer, or from a work
    item.
    """

    card: Card
    memory: SharedMemory
    timer: Timer
    most = 4
    """The longest array it takes, which NDIS asks of a serialized driver."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.sets: list[tuple[Oid, bytes]] = []
        self.queries: list[Oid] = []
        self.returned: list[Packet] = []
        self.free: list[Packet] = []
        self.deferred: list[Callable[[], object]] = []

    def initialize(self, adapter: v5.AdapterInfo) -> Status | Awaitable[Status]:
        """Claim one of everything."""
        self.ndis.set_attributes()
        memory = self.ndis.allocate_shared_memory(BUFFERS * SLOT)
        assert memory is not None
        self.memory = memory
        self.pool = self.ndis.allocate_packet_pool(BUFFERS, "receive packets")
        self.buffers = self.ndis.allocate_buffer_pool(BUFFERS, "receive buffers")
        for place in range(BUFFERS):
            packet = self.ndis.allocate_packet(self.pool)
            buffer = self.ndis.allocate_buffer(self.buffers, memory, place * SLOT, SLOT)
            assert packet is not None
            assert buffer is not None
            packet.chain(buffer)
            self.free.append(packet)
        self.timer = self.ndis.initialize_timer(self.handle_interrupt)
        self.interrupt = self.ndis.register_interrupt()
        return Status.SUCCESS

    def halt(self) -> Awaitable[None] | None:
        """Give everything back."""
        self.ndis.deregister_interrupt(self.interrupt)
        self.timer.cancel()
        self.ndis.free_shared_memory(self.memory)
        self.ndis.free_packet_pool(self.pool)
        for buffer in self.buffers.leaks():
            self.ndis.free_buffer(buffer)
        self.ndis.free_buffer_pool(self.buffers)
        return None

    def send_packets(self, packets: Sequence[Packet]) -> Status | Awaitable[Status | None] | None:
        """Send at once."""
        self.sent += [packet.read() for packet in packets]
        self.ndis.send_complete(packets, Status.SUCCESS)
        return None

    def query_information(self, request: OidRequest) -> Status | Awaitable[Status | None] | None:
        """Answer at once."""
        return self.answer(request)

    def answer(self, request: OidRequest) -> Status:
        """Answer what NDIS asks first; a few more."""
        self.queries.append(request.oid)
        numbers = {
            Oid.GEN_SUPPORTED_LIST: Oid.GEN_SUPPORTED_LIST,
            Oid.GEN_MAC_OPTIONS: 0,
            Oid.GEN_MAXIMUM_TOTAL_SIZE: 1514,
            Oid.GEN_MEDIA_IN_USE: Medium.E802_3,
            Oid.GEN_LINK_SPEED: 100_000,
            Oid.GEN_MAXIMUM_SEND_PACKETS: self.most,
        }
        if request.oid is Oid.E802_3_CURRENT_ADDRESS:
            return request.answer(STATION)
        number = numbers.get(request.oid)
        return Status.INVALID_OID if number is None else request.answer(number.to_bytes(4, "little"))

    def set_information(self, request: OidRequest) -> Status | Awaitable[Status | None] | None:
        """Take it at once."""
        return self.take(request)

    def take(self, request: OidRequest) -> Status:
        """Note what was set."""
        self.sets.append((request.oid, request.data))
        return Status.SUCCESS

    def isr(self) -> tuple[bool, bool]:
        """Claim the interrupt and ask for the DPC."""
        mine = self.card.line.asserted
        self.card.line.deassert(self.card.name)
        return mine, mine

    def handle_interrupt(self) -> None:
        """Do what was deferred."""
        deferred, self.deferred = self.deferred, []
        for action in deferred:
            action()

    def return_packets(self, packets: Sequence[Packet]) -> None:
        """Note what came back."""
        self.returned += packets
        self.free += packets

    def later(self, when: str, action: Callable[[], object]) -> None:
        """Run `action` at the time that `when` names."""
        if when == "before it returns":
            action()
        elif when == "from a work item":
            self.ndis.schedule_work_item(action)
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

    def fill(self, *frames: bytes, status: Status = Status.SUCCESS) -> list[Packet]:
        """Put frames into free packets."""
        packets = [self.free.pop(0) for _ in frames]
        for packet, data in zip(packets, frames, strict=True):
            packet.fill(data)
            packet.status = status
        return packets


WHEN: Final = ("before it returns", "from a DPC", "from a timer", "from a work item")


class Peer(v5.Protocol):
    """A protocol that notes what it is told, with the IRQL of the call; `kept` is what it keeps of a packet.

    It has no ProtocolReceive, and keeps nothing of a packet that it may only copy.
    """

    def __init__(self, name: str = "peer", *, types: PacketFilter = USUAL, packets: int = 8) -> None:
        self.name = name
        self.types = types
        self.count = packets
        self.kept: int | Sequence[int] = 0
        self.packets: list[Packet] = []
        self.completed: list[tuple[Packet, Status]] = []
        self.levels: list[int] = []
        self.received: list[bytes] = []
        self.held: list[Packet] = []
        self.ended: list[tuple[OidRequest, Status]] = []
        self.binding: v5.Binding

    async def bind_adapter(self, context: v5.BindContext) -> Status:
        """Open the adapter, make packets, open the filter."""
        self.binding = context.open_adapter()
        self.packets = self.binding.allocate_packets(self.count, SLOT)
        if self.types:
            await self.binding.set(Oid.GEN_CURRENT_PACKET_FILTER, self.types.to_bytes(4, "little"))
        return Status.SUCCESS

    def send_complete(self, binding: v5.Binding, packets: Sequence[Packet], status: Status) -> None:
        """Note the completion."""
        self.levels.append(binding.adapter.running_cpu("a test").irql)
        self.completed += [(packet, status) for packet in packets]

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int | Sequence[int]:
        """Note the frames."""
        self.levels.append(binding.adapter.running_cpu("a test").irql)
        self.received += [packet.read() for packet in packets]
        if packets[0].status is Status.RESOURCES:
            return 0
        if self.kept:
            self.held += packets
        return self.kept

    def request_complete(self, binding: v5.Binding, request: OidRequest, status: Status) -> None:
        """Note the end of a request."""
        self.levels.append(binding.adapter.running_cpu("a test").irql)
        self.ended.append((request, status))

    @property
    def statuses(self) -> list[Status]:
        """The statuses of what was completed, in order."""
        return [status for _, status in self.completed]


class Bench:
    """One host in the running virtual loop: CPUs, memory and NDIS."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self.settled: list[Callable[[], None]] = []
        self.cpus = [Cpu(self.kernel, f"cpu{place}", self.settled) for place in range(2)]
        self.cpu = self.cpus[0]
        self.memory = HostMemory("host", 1 << 20)
        self.library = NdisLibrary("host", self.memory)
        self.tasks: dict[asyncio.Task[object], None] = {}
        self._seen = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.attach(self.kernel)
        self.kernel.spawn = self._spawn
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                for adapter in self.library.adapters.values():
                    await adapter.halt()
                await self.pass_time()
                assert self.rules() == []
                assert not self.tasks
        finally:
            for task in tuple(self.tasks):
                task.cancel()
            self.memory.close()

    @property
    def findings(self) -> list[Finding]:
        """Everything that was found."""
        return self.kernel.findings

    def rules(self) -> list[str]:
        """Return the rules of the findings since the last look."""
        new = self.findings[self._seen :]
        self._seen = len(self.findings)
        return [finding.rule for finding in new]

    def device(self, name: str = "nic0") -> Device:
        """Make a device."""
        line = InterruptLine(self.cpu, f"{name} line")
        card = Card(name, line)
        return Device(name, card, line, DmaSpace(self.memory, name), self.memory, self.cpu)

    def add(self, miniport: Mini, name: str = "nic0") -> PacketAdapter:
        """Register a miniport for a new device."""
        device = self.device(name)
        assert isinstance(device.registers, Card)
        miniport.card = device.registers
        return self.library.add_adapter(miniport, device)

    async def start(self, miniport: Mini, name: str = "nic0") -> PacketAdapter:
        """Register a miniport and initialize its adapter, which must succeed."""
        adapter = self.add(miniport, name)
        assert await adapter.initialize()
        return adapter

    def serialize(self, adapter: PacketAdapter) -> None:
        """Let an adapter's entries run under a miniport lock from now on, as those of a serialized miniport do."""
        adapter.lock = MiniportLock(self.kernel, adapter.name)

    async def bind(self, adapter: Adapter, peer: Peer | None = None) -> Peer:
        """Bind a protocol, which must succeed."""
        peer = peer or Peer()
        assert await self.library.bind(peer, adapter, self.cpu) is peer.binding
        return peer

    async def pair(self, miniport: Mini, peer: Peer | None = None) -> Peer:
        """Start a miniport and bind one protocol to it."""
        return await self.bind(await self.start(miniport), peer)

    async def passive(self, routine: Callable[[], T], *, cpu: int = 0) -> T:
        """Call `routine` at PASSIVE_LEVEL."""
        outcome: list[T] = []
        await run_passive(lambda: outcome.append(routine()), self.cpus[cpu])
        return outcome[0]

    async def dispatch(self, routine: Callable[[], T], *, cpu: int = 0) -> T:
        """Call `routine` at DISPATCH_LEVEL."""

        def raised() -> T:
            before = self.cpus[cpu].raise_irql(DISPATCH)
            try:
                return routine()
            finally:
                self.cpus[cpu].lower_irql(before)

        return await self.passive(raised, cpu=cpu)

    async def send(self, peer: Peer, count: int = 1, *, first: int = 0, at: str = "passive") -> list[Packet]:
        """Send `count` of a protocol's packets, from the place `first`."""
        packets = peer.packets[first : first + count]
        for number, packet in enumerate(packets, first):
            packet.fill(frame(number))
        call = self.passive if at == "passive" else self.dispatch
        await call(lambda: peer.binding.send_packets(packets))
        return packets

    async def pass_time(self, ns: int = 10 * LATER) -> None:
        """Let time pass, in which everything that is ready happens."""
        await asyncio.sleep(ns / 1e9)

    def _spawn(self, coroutine: Coroutine[Any, Any, object], name: str) -> asyncio.Task[object]:
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self.tasks[task] = None
        task.add_done_callback(lambda done: self.tasks.pop(done, None))
        return task


def bench_runner(
    make: Callable[[], B],
) -> Callable[[Callable[Concatenate[B, P], Awaitable[None]]], Callable[P, None]]:
    """Return the decorator of tests that take a bench of this kind first, under virtual time."""

    def decorate(test: Callable[Concatenate[B, P], Awaitable[None]]) -> Callable[P, None]:
        @functools.wraps(test)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
            async def main() -> None:
                async with make() as bench:
                    await test(bench, *args, **kwargs)

            run(main())

        signature = inspect.signature(test)
        rest = list(signature.parameters.values())[1:]
        wrapper.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]  # what pytest reads
        return wrapper

    return decorate


def on_bench(test: Callable[Concatenate[Bench, P], Awaitable[None]]) -> Callable[P, None]:
    """Run a test that takes a `Bench` first, under virtual time."""
    return bench_runner(Bench)(test)
