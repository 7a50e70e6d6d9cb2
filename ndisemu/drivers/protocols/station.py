"""A protocol that sends what its sources give and judges what its flows should bring.

Each source has its own packets and sends from a DPC of its own: at the due
time, as soon as it has packets for the burst, and never nested inside a
completion. What arrives is copied out, compared, and returned at once.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from ndisemu.drivers.protocols.flow import Flow
from ndisemu.drivers.protocols.sources import Source
from ndisemu.ndis import BaseBinding, Oid, Packet, PacketFilter, Status
from ndisemu.ndis.v5 import BindContext, Binding, Protocol

# How many bursts one DPC sends before it lets others run.
BURSTS_AT_A_TIME: Final = 16


class Sender:
    """One source's packets and its place in time, on one binding; `submit` sends packets there."""

    def __init__(
        self,
        binding: BaseBinding,
        source: Source,
        flow: Flow,
        packets: Sequence[Packet],
        submit: Callable[[Sequence[Packet]], None],
    ) -> None:
        self._binding = binding
        self._source = source
        self._flow = flow
        self._submit = submit
        self._free = deque(packets)
        self._timer = binding.initialize_timer(self.send)
        self._waiting: tuple[Sequence[bytes], Sequence[bytes]] | None = None
        self._stopped = False
        for packet in self._free:
            packet.protocol_reserved = self

    @property
    def done(self) -> bool:
        """Whether everything has been handed to NDIS."""
        return self._waiting is None and self._source.due() is None

    def start(self) -> None:
        """Send the first burst when it is due."""
        due = self._source.due()
        if due is not None:
            self._timer.set(max(due - self._binding.system_time(), 0))

    def stop(self) -> None:
        """Send no more, whatever comes back or is due."""
        self._stopped = True
        self._timer.cancel()

    def take_back(self, packets: Sequence[Packet]) -> None:
        """Packets were sent; go on if that is what the next burst waits for."""
        self._free.extend(packets)
        if self._waiting is not None and len(self._waiting[0]) <= len(self._free):
            self._timer.set(0)

    def send(self) -> None:
        """Send the bursts that are due, a few at a time, and come back for the next one; a timer's DPC."""
        if self._stopped:
            return
        wait = 0
        for _ in range(BURSTS_AT_A_TIME):
            until_next = self._send_one()
            if until_next is None:
                return
            wait = until_next
            if wait > 0:
                break
        self._timer.set(wait)

    def _send_one(self) -> int | None:
        """Send one burst; returns how long until the next one, or None if the timer has nothing to wait for."""
        burst = self._waiting or self._source.next()
        frames, arriving = burst
        free = self._free
        if len(frames) > len(free):
            self._waiting = burst
            return None
        self._waiting = None
        packets = [free.popleft() for _ in frames]
        for packet, frame in zip(packets, frames, strict=True):
            packet.fill(frame)
        now = self._binding.system_time()
        self._flow.enter(arriving, now)
        self._submit(packets)
        due = self._source.due()
        return None if due is None else max(due - now, 0)


class Station(Protocol):
    """A generator, a replayer and a sink in one: `sources` with the flow each feeds, `flows` that end here."""

    def __init__(
        self,
        name: str,
        *,
        sources: Sequence[tuple[Source, Flow]] = (),
        flows: Sequence[Flow] = (),
        packet_filter: PacketFilter = PacketFilter.DIRECTED | PacketFilter.BROADCAST,
    ) -> None:
        self.name = name
        self.senders: list[Sender] = []
        self.received = 0
        self.failed = 0
        self._sources = sources
        self._flows = tuple(flows)
        self._filter = packet_filter

    @property
    def done(self) -> bool:
        """Whether every source has handed out everything."""
        return all(sender.done for sender in self.senders)

    async def bind_adapter(self, context: BindContext) -> Status:
        """Open the adapter, make packets for each source, open the filter."""
        binding = context.open_adapter()
        self.senders = [
            Sender(binding, source, flow, binding.allocate_packets(source.window, source.longest), binding.send_packets)
            for source, flow in self._sources
        ]
        await binding.set(Oid.GEN_CURRENT_PACKET_FILTER, self._filter.to_bytes(4, "little"))
        return Status.SUCCESS

    async def unbind_adapter(self, binding: Binding) -> None:
        """Stop sending and close."""
        for sender in self.senders:
            sender.stop()
        await binding.close()

    def start(self) -> None:
        """Let every source send from its first due time on; at PASSIVE_LEVEL."""
        for sender in self.senders:
            sender.start()

    def send_complete(self, binding: Binding, packets: Sequence[Packet], status: Status) -> None:
        """ProtocolSendComplete: the packets go back to the sender they belong to."""
        if status is not Status.SUCCESS:
            self.failed += len(packets)
        if len(self.senders) == 1:
            self.senders[0].take_back(packets)
            return
        for sender in self.senders:
            sender.take_back([packet for packet in packets if packet.protocol_reserved is sender])

    def receive_packets(self, binding: Binding, packets: Sequence[Packet]) -> int:
        """ProtocolReceivePacket: copy out, judge, keep nothing."""
        frames = [packet.read() for packet in packets]
        self.received += len(frames)
        now = binding.system_time()
        if len(self._flows) == 1:
            self._flows[0].judge(frames, now)
        else:
            self._sort(frames, now)
        return 0

    def _sort(self, frames: list[bytes], now: int) -> None:
        """Give each frame to the flow that expects it, or to the first, which calls it unexpected."""
        for frame in frames:
            expecting = (flow for flow in self._flows if flow.expects(frame))
            flow = next(expecting, self._flows[0] if self._flows else None)
            if flow is not None:
                flow.judge([frame], now)
