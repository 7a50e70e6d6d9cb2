"""A miniport with a WDM lower edge: NDIS 5.1 above, another driver's device below.

There is no card: no registers, no interrupt, no DMA. What a ring miniport
does with descriptors, this one does with IRPs. Start reading at
`send_packets`: each packet becomes a WRITE, sent down in order; the coroutine
awaits each and completes its packet. Receiving is in the DDK's explicit
style: `reads` READ IRPs wait below, and a completion routine indicates what
each has brought.

A READ is sent only with a packet in hand to take what it brings. So when
protocols keep all packets, the driver reads no more, what is below holds its
peer back, and no frame is lost. An IRP must not outlive its driver: halt
cancels all, and waits for each.

A driver of NDIS 5.x is compiled with NDIS_WDM defined; no attribute says so.
Such a driver must be deserialized (seed 003).
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from ndisemu.drivers.information import Information
from ndisemu.frame.ethernet import HEADER, VLAN_TAG
from ndisemu.ndis import (
    AttributeFlag,
    DescriptorPool,
    Irp,
    Mdl,
    MediaState,
    NtStatus,
    OidRequest,
    Packet,
    PacketPool,
    SharedMemory,
    SpinLock,
    Status,
    Turn,
)
from ndisemu.ndis.v5 import AdapterInfo, Miniport

# Parameters and their defaults, in the order in which `initialize` takes them.
USUAL: Final = {"mtu": 1500, "reads": 32, "packets": 64}
# How a send ends whose WRITE ended so; anything else is a FAILURE.
SEND_STATUS: Final[Mapping[NtStatus, Status]] = {
    NtStatus.SUCCESS: Status.SUCCESS,
    NtStatus.CANCELLED: Status.REQUEST_ABORTED,
    NtStatus.DEVICE_NOT_CONNECTED: Status.NO_CABLE,
}


class StreamInformation(Information):
    """The answers of a stream NIC; `connected` is what the last READ has shown."""

    connected = True

    def media_state(self) -> MediaState:
        """Connected until a READ ends because nobody is there any more."""
        return MediaState.CONNECTED if self.connected else MediaState.DISCONNECTED


class StreamMiniport(Miniport):
    """A deserialized NDIS 5.1 miniport over a device that takes READ and WRITE IRPs, a frame each."""

    deserialized = True  # NDIS_ATTRIBUTE_DESERIALIZE

    information: StreamInformation
    memory: SharedMemory
    pool: PacketPool
    buffer_pool: DescriptorPool
    lock: SpinLock

    def initialize(self, adapter: AdapterInfo) -> Status:
        """MiniportInitialize: attributes and packets; nothing is read before a protocol opens the filter."""
        self.ndis.set_attributes(AttributeFlag(0))
        parameters = adapter.parameters
        mtu, self.most_reads, count = (parameters.get(name, usual) for name, usual in USUAL.items())
        self.longest = mtu + HEADER
        self.turn = Turn()
        self.lock = self.ndis.allocate_spin_lock("reads")
        self.reads: dict[Irp, Packet] = {}
        self.free: deque[Packet] = deque()
        self.buffers: list[Mdl] = []
        self.halting = False
        station = parameters.get("network_address", 0).to_bytes(6, "big")
        self.information = StreamInformation(station, mtu, (count, count), b"ndisemu stream")
        return self.make_packets(count)

    def make_packets(self, count: int) -> Status:
        """Make receive packets of one buffer each, which is ordinary memory to us: nobody masters a bus here."""
        size = self.longest + VLAN_TAG
        memory = self.ndis.allocate_shared_memory(count * size, purpose="receive buffers")
        if memory is None:
            return Status.RESOURCES
        self.memory = memory
        self.pool = self.ndis.allocate_packet_pool(count, "receive packets")
        self.buffer_pool = self.ndis.allocate_buffer_pool(count, "receive buffers")
        for place in range(count):
            packet = self.ndis.allocate_packet(self.pool)
            buffer = self.ndis.allocate_buffer(self.buffer_pool, memory, place * size, size)
            if packet is not None and buffer is not None:
                packet.chain(buffer)
                self.buffers.append(buffer)
                self.free.append(packet)
        return Status.SUCCESS

    async def halt(self) -> None:
        """MiniportHalt: end every read, and only then give back what it would have written to."""
        self.halting = True
        for irp in tuple(self.reads):
            self.ndis.cancel_irp(irp)
            await irp
        for buffer in self.buffers:
            self.ndis.free_buffer(buffer)
        self.ndis.free_buffer_pool(self.buffer_pool)
        self.ndis.free_packet_pool(self.pool)
        self.ndis.free_shared_memory(self.memory)

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        """MiniportSendPackets: a WRITE for each packet, sent down in turn; complete each packet with its WRITE."""
        too_long = [packet for packet in packets if packet.length > self.longest]
        if too_long:
            # Before the others are completed, and nobody's to look at any more.
            packets = [packet for packet in packets if packet.length <= self.longest]
            self.ndis.send_complete(too_long, Status.INVALID_LENGTH)
        async with self.turn:
            writes = [self.ndis.call_driver(Irp.write(packet.read())) for packet in packets]
        counters = self.information.counters
        for packet, irp in zip(packets, writes, strict=True):
            status = SEND_STATUS.get(await irp, Status.FAILURE)
            if status is Status.SUCCESS:
                counters.sent += 1
            else:
                counters.send_errors += 1
            self.ndis.send_complete(packet, status)

    def read_more(self) -> None:
        """Send READs down until enough wait there, or no packet is left to take what they bring."""
        while irp := self.next_read():
            self.ndis.call_driver(irp, self.read_done)

    def next_read(self) -> Irp | None:
        """Make the next READ, with a packet to take what it brings."""
        with self.lock:
            wanted = self.information.filter and self.information.connected and not self.halting
            if not wanted or not self.free or len(self.reads) >= self.most_reads:
                return None
            irp = Irp.read(self.longest + VLAN_TAG)
            self.reads[irp] = self.free.popleft()
            return irp

    def read_done(self, irp: Irp) -> None:
        """IoCompletionRoutine of each READ: indicate the frame, and read on."""
        with self.lock:
            packet = self.reads.pop(irp)
        # Only a device whose stream is over ends a READ so; one that waits for its stream keeps it.
        self.information.connected = irp.status is not NtStatus.DEVICE_NOT_CONNECTED
        if irp.status is NtStatus.SUCCESS and not self.halting:
            packet.fill(irp.data)
            self.information.counters.received += 1
            self.ndis.indicate_receive([packet])
        else:
            # A frame that was cut is longer than the MTU allows.
            self.information.counters.receive_errors += irp.status is NtStatus.BUFFER_OVERFLOW
            self.return_packets([packet])
        self.read_more()

    def return_packets(self, packets: Sequence[Packet]) -> None:
        """MiniportReturnPacket: each can take what another READ brings."""
        with self.lock:
            self.free.extend(packets)
        self.read_more()

    def query_information(self, request: OidRequest) -> Status:
        """MiniportQueryInformation: from the table."""
        return self.information.query(request)

    def set_information(self, request: OidRequest) -> Status:
        """MiniportSetInformation: NDIS filters what we indicate; an open filter is what starts the reads."""
        status = self.information.set(request)
        self.read_more()
        return status
