"""The stations: protocols that make and judge traffic, one for each generation of NDIS.

What arrives is copied out, compared, and returned, at once or after a while;
what a station sends itself it does not want to hear again. All the rest is in
`traffic`.
"""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.protocols.flow import Entry
from ndisemu.drivers.protocols.gathering import Gathering
from ndisemu.drivers.protocols.holding import Holding
from ndisemu.drivers.protocols.lists import Chains
from ndisemu.drivers.protocols.sources import Source
from ndisemu.drivers.protocols.traffic import Sender, Traffic
from ndisemu.ndis import (
    NetEvent,
    NetPnPEvent,
    Oid,
    Packet,
    PowerState,
    ProtocolOption,
    Status,
    StatusIndication,
    contents,
    v5,
    v6,
)

_SUCCESS: Final = Status.SUCCESS
_RESOURCES: Final = int(v6.ReceiveFlag.RESOURCES)


class Station(Traffic[Packet], v5.Protocol):
    """A station over NDIS 5.1."""

    gathering: Gathering

    async def bind_adapter(self, context: v5.BindContext) -> Status:
        """Open the adapter, make packets for each source, open the filter."""
        binding = context.open_adapter()
        self.send_by(self._sender(binding, source, flow) for source, flow in self._sources)
        self.gathering = Gathering(binding, lambda frame: self.judge([frame], binding.system_time()))
        if self._keeps:
            self.holding = Holding(binding, self._keeps, binding.return_packets)
        await binding.set(Oid.GEN_PROTOCOL_OPTIONS, ProtocolOption.NO_LOOPBACK.to_bytes(4, "little"))
        await binding.set(Oid.GEN_CURRENT_PACKET_FILTER, self._filter.to_bytes(4, "little"))
        return Status.SUCCESS

    async def unbind_adapter(self, binding: v5.Binding) -> None:
        """Stop sending, return what is kept, and close."""
        self.hold()
        self.let_go()
        await binding.close()

    def send_complete(self, binding: v5.Binding, packets: Sequence[Packet], status: Status) -> None:
        """ProtocolSendComplete: the packets can be sent again."""
        if status is not _SUCCESS:
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
        """ProtocolReceivePacket: copy out, judge, and keep one reference of each or none."""
        now = binding.system_time()
        self.judge(contents.read(packets), now)
        if self.holding is None:
            return 0
        self.holding.keep(packets, now)
        return 1

    def receive(
        self,
        binding: v5.Binding,
        context: v5.ReceiveContext,
        header: memoryview,
        lookahead: memoryview,
        packet_size: int,
    ) -> Status:
        """ProtocolReceive: what cannot be kept is copied, whole, and judged like the rest."""
        return self.gathering.take(context, header, lookahead, packet_size)

    def transfer_data_complete(self, binding: v5.Binding, packet: Packet, status: Status, transferred: int) -> None:
        """ProtocolTransferDataComplete: the rest of a frame has come."""
        self.gathering.transferred(packet, status, transferred)

    def _sender(self, binding: v5.Binding, source: Source, flow: Entry) -> Sender[Packet]:
        packets = binding.allocate_packets(source.window, source.longest)
        return Sender(binding, source, flow, packets, binding.send_packets, contents.fill)


class Station6(Traffic[v6.NetBufferList], v6.Protocol):
    """A station over NDIS 6; it sends while its binding runs, and waits while that is paused, or the adapter reset."""

    _paused: bool
    _resetting: bool

    async def bind_adapter(self, context: v6.BindContext) -> Status:
        """Open the adapter, make lists for each source, open the filter."""
        binding = context.open_adapter()
        self._paused, self._resetting = True, False
        self.send_by(self._sender(binding, source, flow) for source, flow in self._sources)
        # The binding is paused.
        self.hold()
        if self._keeps:
            self.holding = Holding(binding, self._keeps, binding.return_nbls)
        await binding.set(Oid.GEN_CURRENT_PACKET_FILTER, self._filter.to_bytes(4, "little"))
        return Status.SUCCESS

    async def unbind_adapter(self, binding: v6.Binding) -> None:
        """Stop sending, return what is kept, and close."""
        self.hold()
        self.let_go()
        await binding.close()

    async def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:
        """ProtocolNetPnPEvent: let the sources wait while the binding is paused."""
        if event.code is NetEvent.PAUSE:
            self._paused = True
            self.hold()
            self.let_go()
            return await binding.drain()
        if event.code is NetEvent.RESTART:
            self._paused = False
            self._go_on_if_it_may()
        return Status.SUCCESS

    def status(self, binding: v6.Binding, indication: StatusIndication) -> None:
        """ProtocolStatusEx: no sends in the middle of a reset."""
        if indication.code is Status.RESET_START:
            self._resetting = True
            self.hold()
        elif indication.code is Status.RESET_END:
            self._resetting = False
            self._go_on_if_it_may()

    def send_complete(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], flags: int) -> None:
        """ProtocolSendNetBufferListsComplete: the lists can be sent again."""
        for nbl in nbls:
            if nbl.status is not _SUCCESS:
                self.failed += 1
        self.take_back(nbls)

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        """ProtocolReceiveNetBufferLists: copy out, judge, and return what is ours, or keep it for a while."""
        now = binding.system_time()
        self.judge(contents.read_lists(nbls), now)
        if flags & _RESOURCES:
            return
        if self.holding is None:
            binding.return_nbls(nbls)
        else:
            self.holding.keep(nbls, now)

    def _sender(self, binding: v6.Binding, source: Source, flow: Entry) -> Sender[v6.NetBufferList]:
        together = min(source.frames_per_list, source.burst)
        # Each burst begins a list, so of several frames there are as many lists as whole bursts in the window take.
        count = source.window if together == 1 else source.window // source.burst * -(-source.burst // together)
        nbls = binding.allocate_nbls(count, source.longest, together)
        fill = contents.fill_lists if together == 1 else Chains(nbls).fill
        return Sender(binding, source, flow, nbls, binding.send_nbls, fill, together)

    def _go_on_if_it_may(self) -> None:
        if not (self._paused or self._resetting):
            self.go_on()
