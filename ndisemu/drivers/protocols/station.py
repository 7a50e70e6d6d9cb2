"""The stations: protocols that make and judge traffic, one for each generation of NDIS.

What arrives is copied out, compared, and returned at once; all the rest is in
`traffic`.
"""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.protocols.traffic import Sender, Traffic
from ndisemu.ndis import NetEvent, NetPnPEvent, Oid, Packet, PowerState, Status, v5, v6

_RESOURCES: Final = int(v6.ReceiveFlag.RESOURCES)


class Station(Traffic[Packet], v5.Protocol):
    """A station over NDIS 5.1."""

    async def bind_adapter(self, context: v5.BindContext) -> Status:
        """Open the adapter, make packets for each source, open the filter."""
        binding = context.open_adapter()
        self.senders = [
            Sender(binding, source, flow, binding.allocate_packets(source.window, source.longest), binding.send_packets)
            for source, flow in self._sources
        ]
        await binding.set(Oid.GEN_CURRENT_PACKET_FILTER, self._filter.to_bytes(4, "little"))
        return Status.SUCCESS

    async def unbind_adapter(self, binding: v5.Binding) -> None:
        """Stop sending and close."""
        self.hold()
        await binding.close()

    def send_complete(self, binding: v5.Binding, packets: Sequence[Packet], status: Status) -> None:
        """ProtocolSendComplete: the packets can be sent again."""
        if status is not Status.SUCCESS:
            self.failed += len(packets)
        self.take_back(packets)

    def status(self, binding: v5.Binding, code: Status, buffer: bytes) -> None:
        """ProtocolStatus: no sends in the middle of a reset."""
        if code is Status.RESET_START:
            self.hold()
        elif code is Status.RESET_END:
            self.go_on()

    def pnp_event(self, binding: v5.Binding, event: NetPnPEvent) -> Status:
        """ProtocolPnPEvent: no sends while the adapter sleeps."""
        if event.code is NetEvent.SET_POWER:
            if event.power is PowerState.D0:
                self.go_on()
            else:
                self.hold()
        return Status.SUCCESS

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        """ProtocolReceivePacket: copy out, judge, keep nothing."""
        self.judge([packet.read() for packet in packets], binding.system_time())
        return 0


class Station6(Traffic[v6.NetBufferList], v6.Protocol):
    """A station over NDIS 6; it sends while its binding runs, and waits while it is paused."""

    async def bind_adapter(self, context: v6.BindContext) -> Status:
        """Open the adapter, make lists for each source, open the filter."""
        binding = context.open_adapter()
        self.senders = [
            Sender(binding, source, flow, binding.allocate_nbls(source.window, source.longest), binding.send_nbls)
            for source, flow in self._sources
        ]
        await binding.set(Oid.GEN_CURRENT_PACKET_FILTER, self._filter.to_bytes(4, "little"))
        return Status.SUCCESS

    async def unbind_adapter(self, binding: v6.Binding) -> None:
        """Stop sending and close."""
        self.hold()
        await binding.close()

    async def net_pnp_event(self, binding: v6.Binding, event: v6.NetPnpEvent) -> Status:
        """ProtocolNetPnPEvent: let the sources wait while the binding is paused."""
        if event.code is v6.NetEvent.PAUSE:
            self.hold()
            return await binding.drain()
        if event.code is v6.NetEvent.RESTART:
            self.go_on()
        return Status.SUCCESS

    def send_complete(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], flags: int) -> None:
        """ProtocolSendNetBufferListsComplete: the lists can be sent again."""
        self.failed += len(nbls) - [nbl.status for nbl in nbls].count(Status.SUCCESS)
        self.take_back(nbls)

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        """ProtocolReceiveNetBufferLists: copy out, judge, return."""
        self.judge([buffer.read() for nbl in nbls for buffer in nbl.buffers], binding.system_time())
        if not flags & _RESOURCES:
            binding.return_nbls(nbls)
