"""Protocols that look at frames in ProtocolReceive, and miniports that indicate by lookahead, in each style."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from ndisemu.kernel import run_passive
from ndisemu.ndis import MacOption, Oid, OidRequest, Packet, PacketFilter, Status, v5
from ndisemu.ndis.v5.adapter import PacketAdapter
from ndisemu.ndis.v5.miniportlock import MiniportLock
from tests.ndis.conftest import USUAL, Bench, Card, Mini, Peer

HEADER: Final = 14


class Looker(Peer):
    """A `Peer` without ProtocolReceivePacket: it copies what it is shown, and does `look` if there is one."""

    receive_packets = v5.Protocol.receive_packets

    def __init__(self, name: str = "looker", *, types: PacketFilter = USUAL, packets: int = 8) -> None:
        super().__init__(name, types=types, packets=packets)
        self.shown: list[tuple[bytes, bytes, int]] = []
        self.look: Callable[[v5.ReceiveContext], object] | None = None
        self.results: list[tuple[Status, int]] = []
        self.transferred: list[tuple[Packet, Status, int]] = []
        self.completes = 0

    def receive(
        self,
        binding: v5.Binding,
        context: v5.ReceiveContext,
        header: memoryview,
        lookahead: memoryview,
        packet_size: int,
    ) -> Status:
        """Note what is shown."""
        self.levels.append(binding.adapter.running_cpu("a test").irql)
        self.shown.append((bytes(header), bytes(lookahead), packet_size))
        self.received.append(b"".join((header, lookahead)))
        if self.look is not None:
            self.look(context)
        return Status.SUCCESS

    def fetch(self, offset: int, length: int, packet: Packet) -> Callable[[v5.ReceiveContext], None]:
        """Return a `look` that transfers."""

        def look(context: v5.ReceiveContext) -> None:
            self.results.append(self.binding.transfer_data(context, offset, length, packet))

        return look

    def transfer_data_complete(self, binding: v5.Binding, packet: Packet, status: Status, transferred: int) -> None:
        """Note the end of a transfer."""
        self.levels.append(binding.adapter.running_cpu("a test").irql)
        self.transferred.append((packet, status, transferred))

    def receive_complete(self, binding: v5.Binding) -> None:
        """Count."""
        self.levels.append(binding.adapter.running_cpu("a test").irql)
        self.completes += 1


class Both(Looker):
    """A `Looker` that has ProtocolReceivePacket as well, in which it keeps nothing."""

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        """Note the frames as a `Peer` does."""
        Peer.receive_packets(self, binding, packets)
        return 0


class Showing(Mini):
    """Indicates by lookahead and brings the rest at once; `frames` are what it keeps, by its contexts."""

    options = MacOption(0)

    def __init__(self) -> None:
        super().__init__()
        self.frames: dict[object, bytes] = {}
        self.asked: list[tuple[object, int, int]] = []
        self.when = "before it returns"
        self.status = Status.SUCCESS

    def answer(self, request: OidRequest) -> Status:
        """Answer with these MAC options."""
        if request.oid is Oid.GEN_MAC_OPTIONS:
            return request.answer(int(self.options).to_bytes(4, "little"))
        return super().answer(request)

    def show(self, data: bytes, *, lookahead: int = 20, context: object = "frame", complete: bool = True) -> None:
        """Indicate one frame."""
        self.frames[context] = data
        rest = data[HEADER:]
        self.ndis.eth_indicate_receive(context, data[:HEADER], rest[:lookahead], len(rest))
        if complete:
            self.ndis.eth_indicate_receive_complete()

    def part(self, context: object, offset: int, length: int) -> bytes:
        """Return the part of a frame that is asked for."""
        self.asked.append((context, offset, length))
        return self.frames[context][HEADER + offset : HEADER + offset + length]

    def transfer_data(
        self, packet: Packet, context: object, offset: int, length: int
    ) -> Status | tuple[Status, int] | Awaitable[Status | tuple[Status, int]]:
        """Bring it at once."""
        packet.put(self.part(context, offset, length))
        return self.status


class Explicit(Showing):
    """Returns PENDING and calls NdisMTransferDataComplete."""

    def transfer_data(self, packet: Packet, context: object, offset: int, length: int) -> Status:
        data = self.part(context, offset, length)

        def bring() -> None:
            packet.put(data)
            self.ndis.transfer_data_complete(packet, self.status, length if self.status is Status.SUCCESS else 0)

        self.later(self.when, bring)
        return Status.PENDING


class Coroutine(Showing):
    """Suspends, and returns the end."""

    async def transfer_data(self, packet: Packet, context: object, offset: int, length: int) -> Status:
        data = self.part(context, offset, length)
        await self.wait(self.when)
        packet.put(data)
        return self.status


STYLES: Final = (Explicit, Coroutine)


async def put(bench: Bench, binding: v5.Binding, oid: Oid, number: int) -> None:
    """Let a protocol set an object that is a number."""
    await run_passive(lambda: binding.set(oid, int(number).to_bytes(4, "little")), bench.cpu)


def serialize(bench: Bench, miniport: Mini) -> PacketAdapter:
    """Register a serialized miniport, with the miniport lock, whether or not the library takes one."""
    device = bench.device()
    assert isinstance(device.registers, Card)
    miniport.card = device.registers
    adapter = PacketAdapter(bench.library, miniport, device)
    adapter.lock = adapter.lock or MiniportLock(bench.kernel, adapter.name)
    bench.library.adapters[adapter.name] = adapter
    return adapter
