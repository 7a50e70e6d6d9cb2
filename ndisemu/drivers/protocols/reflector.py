"""Reflectors: protocols that answer each frame with the same frame, addresses exchanged; one for each generation.

Answers go out from the indication itself, as many together as came together.
Where all packets are out, frames wait in order for one to come back; so
nothing is dropped, and memory grows with what a sender has not heard back.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from ndisemu.drivers.protocols.traffic import Carrier
from ndisemu.ndis import NetEvent, NetPnPEvent, Oid, Packet, PacketFilter, ProtocolOption, Status, contents, v5, v6

PACKETS: Final = 256
FILTER: Final = PacketFilter.DIRECTED.to_bytes(4, "little")
_RESOURCES: Final = int(v6.ReceiveFlag.RESOURCES)

C = TypeVar("C", bound=Carrier)


def reflected(frame: bytes) -> bytes:
    """Return the answer to a frame: destination and source exchanged, the rest as it is."""
    return frame[6:12] + frame[:6] + frame[12:]


class Reflection(Generic[C]):
    """The packets of one reflector, and the answers that wait for them; `failed` counts sends that did."""

    name = "reflector"

    _submit: Callable[[Sequence[C]], None]

    def __init__(self) -> None:
        self.failed = 0
        self._free: list[C] = []
        self._waiting: deque[bytes] = deque()

    def begin(self, packets: Sequence[C], submit: Callable[[Sequence[C]], None]) -> None:
        """Answer from now on, with these packets and this call."""
        self._free, self._submit = [*packets], submit

    def answer(self, frames: Sequence[bytes]) -> None:
        """Send the answers to these frames, or as many as there are packets for."""
        self._waiting.extend(map(reflected, frames))
        self._send()

    def take_back(self, packets: Sequence[C], failed: int) -> None:
        """Packets were sent, of which so many failed; go on with what has waited for them."""
        self.failed += failed
        self._free += packets
        self._send()

    def end(self) -> None:
        """Answer no more."""
        self._waiting.clear()

    def _send(self) -> None:
        count = min(len(self._free), len(self._waiting))
        if not count:
            return
        packets = [self._free.pop() for _ in range(count)]
        for packet in packets:
            packet.fill(self._waiting.popleft())
        self._submit(packets)


class Reflector(Reflection[Packet], v5.Protocol):
    """A reflector over NDIS 5.1."""

    async def bind_adapter(self, context: v5.BindContext) -> Status:
        """Open the adapter, make packets and a buffer for the largest frame in each, open the filter."""
        binding = context.open_adapter()
        longest = binding.adapter.maximum_total_size
        self.begin(binding.allocate_packets(PACKETS, longest), binding.send_packets)
        await binding.set(Oid.GEN_PROTOCOL_OPTIONS, ProtocolOption.NO_LOOPBACK.to_bytes(4, "little"))
        await binding.set(Oid.GEN_CURRENT_PACKET_FILTER, FILTER)
        return Status.SUCCESS

    async def unbind_adapter(self, binding: v5.Binding) -> None:
        """Answer no more, and close."""
        self.end()
        await binding.close()

    def send_complete(self, binding: v5.Binding, packets: Sequence[Packet], status: Status) -> None:
        """ProtocolSendComplete: the packets can answer again."""
        self.take_back(packets, 0 if status is Status.SUCCESS else len(packets))

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        """ProtocolReceivePacket: copy out, answer, and keep nothing."""
        self.answer(contents.read(packets))
        return 0


class Reflector6(Reflection[v6.NetBufferList], v6.Protocol):
    """A reflector over NDIS 6."""

    async def bind_adapter(self, context: v6.BindContext) -> Status:
        """Open the adapter, make lists and a buffer for the largest frame in each, open the filter."""
        binding = context.open_adapter()
        longest = binding.adapter.maximum_total_size
        self.begin(binding.allocate_nbls(PACKETS, longest), binding.send_nbls)
        await binding.set(Oid.GEN_CURRENT_PACKET_FILTER, FILTER)
        return Status.SUCCESS

    async def unbind_adapter(self, binding: v6.Binding) -> None:
        """Answer no more, and close."""
        self.end()
        await binding.close()

    async def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:
        """ProtocolNetPnPEvent: a pause lets what waits unanswered go, and ends when every list is back."""
        if event.code is NetEvent.PAUSE:
            self.end()
            return await binding.drain()
        return Status.SUCCESS

    def send_complete(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], flags: int) -> None:
        """ProtocolSendNetBufferListsComplete: the lists can answer again."""
        self.take_back(nbls, len(nbls) - [nbl.status for nbl in nbls].count(Status.SUCCESS))

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        """ProtocolReceiveNetBufferLists: copy out, answer, and return what is ours."""
        self.answer(contents.read_lists(nbls))
        if not flags & _RESOURCES:
            binding.return_nbls(nbls)
