"""Protocols for endurance runs: they send whatever they can, keep what they receive for a while, and keep count.

One for each generation; what they have in common is `Talk`. A packet is an
NDIS_PACKET or a NET_BUFFER_LIST of one frame. Each that comes back must have
been out, or that is a mistake and noted.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, Generic, TypeVar

from ndisemu.drivers.protocols.traffic import Carrier
from ndisemu.ndis import BaseBinding, NetEvent, NetPnPEvent, Oid, Packet, PacketFilter, Status, StatusIndication, v5, v6

PACKETS: Final = 192
BURST: Final = 64
SIZES: Final = (60, 60, 60, 590, 1514)
# How long received packets are kept, and how long one waits who was refused, in ns.
A_WHILE: Final = 20_000
FILTER: Final = (PacketFilter.DIRECTED | PacketFilter.BROADCAST).to_bytes(4, "little")
_RESOURCES: Final = int(v6.ReceiveFlag.RESOURCES)

C = TypeVar("C", bound=Carrier)


class Talk(Generic[C]):
    """`left` frames for `peer`, sent with all packets there are; `ends` counts how sends ended."""

    def __init__(self, random: Random, peer: bytes, frames: int) -> None:
        self.left = frames
        self.received = 0
        self.reset_statuses: list[Status] = []
        self.ends: dict[Status, int] = {}
        self.mistakes: list[str] = []
        self._random = random
        self._peer = peer
        self._free: list[C] = []
        self._out: dict[C, None] = {}
        self._held: list[C] = []
        self._paused = False

    @property
    def out(self) -> int:
        """How many packets have not come back."""
        return len(self._out)

    def begin(
        self,
        binding: BaseBinding,
        packets: Sequence[C],
        submit: Callable[[Sequence[C]], None],
        give_back: Callable[[Sequence[C]], None],
    ) -> None:
        """Send as soon as something lets time pass, with these packets and these calls."""
        self._free = [*packets]
        self._header = self._peer + binding.adapter.station_address + b"\x88\xb5"
        self._submit, self._return = submit, give_back
        self._later = binding.initialize_timer(self._go_on)
        self._later.set(0)

    def end(self) -> None:
        """Send no more, and give back what is held."""
        self.left = 0
        self._later.cancel()
        self._give_back()

    def pause(self, *, paused: bool) -> None:
        """Send nothing, or go on; what is held goes back in its time."""
        self._paused = paused
        self._later.set(0)

    def take_back(self, packets: Sequence[C], status: Status) -> None:
        """Take packets back, each of which must be out; send on, a little later if this was refused."""
        for packet in packets:
            if packet not in self._out:
                self.mistakes.append(f"{packet!r} came back twice")
            self._out.pop(packet, None)
        self._free += packets
        self.ends[status] = self.ends.get(status, 0) + len(packets)
        self._later.set(0 if status is Status.SUCCESS else A_WHILE)

    def keep(self, packets: Sequence[C]) -> bool:
        """Count what has come, and keep every other burst for a while; returns whether this one."""
        self.received += len(packets)
        if self._random.randrange(2):
            return False
        self._held += packets
        self._later.set(A_WHILE)
        return True

    def _go_on(self) -> None:
        self._give_back()
        while self._free and self.left and not self._paused:
            count = min(len(self._free), self.left, self._random.randint(1, BURST))
            packets, self._free = self._free[:count], self._free[count:]
            for packet in packets:
                packet.fill(self._header.ljust(self._random.choice(SIZES), b"\xa5"))
                self._out[packet] = None
            self.left -= count
            self._submit(packets)

    def _give_back(self) -> None:
        held, self._held = self._held, []
        if held:
            self._return(held)


class Talker(Talk[Packet], v5.Protocol):
    """Over NDIS 5.1; it goes on sending while an adapter is reset, and is refused."""

    name = "talker"
    binding: v5.Binding

    async def bind_adapter(self, context: v5.BindContext) -> Status:
        """Open the adapter, make packets, open the filter."""
        binding = self.binding = context.open_adapter()
        await binding.set(Oid.GEN_CURRENT_PACKET_FILTER, FILTER)
        packets = binding.allocate_packets(PACKETS, max(SIZES))
        self.begin(binding, packets, binding.send_packets, binding.return_packets)
        return Status.SUCCESS

    async def unbind_adapter(self, binding: v5.Binding) -> None:
        """End and close."""
        self.end()
        await binding.close()

    def send_complete(self, binding: v5.Binding, packets: Sequence[Packet], status: Status) -> None:
        """ProtocolSendComplete."""
        self.take_back(packets, status)

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        """ProtocolReceivePacket."""
        return int(self.keep(packets))

    def reset_complete(self, binding: v5.Binding, status: Status) -> None:
        """ProtocolResetComplete: note how a reset ended."""
        self.reset_statuses.append(status)

    def status(self, binding: v5.Binding, code: Status, buffer: bytes) -> None:
        """ProtocolStatus: send no more when the link is gone."""
        if code is Status.MEDIA_DISCONNECT:
            self.left = 0


class Talker6(Talk[v6.NetBufferList], v6.Protocol):
    """Over NDIS 6; it sends nothing while its binding is paused."""

    name = "talker"
    binding: v6.Binding

    async def bind_adapter(self, context: v6.BindContext) -> Status:
        """Open the adapter, make lists, open the filter; the binding is paused."""
        binding = self.binding = context.open_adapter()
        await binding.set(Oid.GEN_CURRENT_PACKET_FILTER, FILTER)
        self._paused = True
        self.begin(binding, binding.allocate_nbls(PACKETS, max(SIZES)), binding.send_nbls, binding.return_nbls)
        return Status.SUCCESS

    async def unbind_adapter(self, binding: v6.Binding) -> None:
        """End and close."""
        self.end()
        await binding.close()

    async def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:
        """ProtocolNetPnPEvent: a pause ends when everything is back."""
        if event.code is NetEvent.PAUSE:
            self.pause(paused=True)
            return await binding.drain()
        if event.code is NetEvent.RESTART:
            self.pause(paused=False)
        return Status.SUCCESS

    def send_complete(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], flags: int) -> None:
        """ProtocolSendNetBufferListsComplete."""
        for nbl in nbls:
            self.take_back([nbl], nbl.status)

    def status(self, binding: v6.Binding, indication: StatusIndication) -> None:
        """ProtocolStatusEx: send no more when the link is gone."""
        if indication.code is Status.LINK_STATE and not binding.link_up:
            self.left = 0

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        """ProtocolReceiveNetBufferLists."""
        if not flags & _RESOURCES and not self.keep(nbls):
            binding.return_nbls(nbls)
