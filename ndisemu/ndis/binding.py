"""A binding: one protocol's open of one adapter, and what the protocol may do with it.

Its methods are the NDIS calls of a protocol; what comes back goes to the
protocol's entry points at DISPATCH_LEVEL. A protocol that raises loses its
binding's callbacks, is reported, and disturbs nobody else.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, DRIVER_ERRORS, Event, Signal, Timer
from ndisemu.ndis.constants import ProtocolOption
from ndisemu.ndis.data.mdl import BufferPool
from ndisemu.ndis.data.packet import Packet, PacketPool
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, check_immediate, ddi
from ndisemu.ndis.filter import BindingFilter
from ndisemu.ndis.oid import Oid
from ndisemu.ndis.states import BINDING_TRANSITIONS, BindingEvent, BindingState, Machine
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter
    from ndisemu.ndis.v5.protocol import Protocol

# How long a close waits for what is outstanding: twice the hang-check interval (5.7).
CLOSE_PATIENCE: Final = 4_000_000_000


class Binding:
    """`NDIS_BINDING_HANDLE`; it owns the packets its protocol allocated.

    `sends_pending` counts packets the protocol has submitted and not got
    back, `receives_held` the references it has promised to return.
    """

    __slots__ = ("_buffer_pools", "_packet_pools", "_quiet", "_submit", "adapter", "failed", "filter", "name", "protocol",
                 "protocol_options", "receives_held", "requests_pending", "sends_pending", "state")  # fmt: skip

    def __init__(self, protocol: "Protocol", adapter: "Adapter") -> None:
        self.protocol = protocol
        self.adapter = adapter
        self.name = f"{protocol.name} on {adapter.name}"
        self.filter = BindingFilter(adapter.station_address)
        self.state: Machine[BindingState, BindingEvent] = Machine(self.name, BindingState.OPENING, BINDING_TRANSITIONS)
        self.sends_pending = 0
        self.receives_held = 0
        self.requests_pending = 0
        self.protocol_options = ProtocolOption(0)
        self.failed = False
        self._packet_pools: list[PacketPool] = []
        self._buffer_pools: list[BufferPool] = []
        self._quiet = Event(adapter.kernel, f"{self.name} quiet")
        # Where sends go; a binding that closes refuses them there, which costs an open one nothing.
        self._submit = adapter.sends.submit

    def __repr__(self) -> str:
        return self.name

    # What a protocol calls.

    @ddi("NdisSendPackets", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.2")
    def send_packets(self, packets: Sequence[Packet]) -> None:
        """Send an array in its order; every packet comes back through `send_complete`."""
        self.adapter.running_cpu("NdisSendPackets").preempt()
        if packets:
            self._submit(self, packets)

    @ddi("NdisReturnPackets", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.2")
    def return_packets(self, packets: Sequence[Packet]) -> None:
        """Drop one reference of each packet that `receive_packets` has kept."""
        self.adapter.running_cpu("NdisReturnPackets").preempt()
        self.adapter.receives.release(packets)
        self.receives_held -= len(packets)
        self._look_whether_quiet()

    @ddi("NdisRequest", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.2")
    def request(self, request: OidRequest) -> Status:
        """Query or set; PENDING means that `request_complete` follows."""
        self.adapter.running_cpu("NdisRequest").preempt()
        if self.state.current is not BindingState.OPEN:
            return Status.CLOSING
        request.binding = self
        status = self.adapter.requests.submit(request)
        if status is Status.PENDING:
            self.requests_pending += 1
        return status

    @ddi("NdisAllocatePacketPoolEx", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.1")
    def allocate_packets(self, count: int, size: int) -> list[Packet]:
        """Make `count` packets of this binding's, each with one buffer of `size` bytes, for as long as it is open."""
        library = self.adapter.library
        pool = library.make_packet_pool("send packets", self.name, count)
        self._packet_pools.append(pool)
        buffers = library.make_buffer_pool("send buffers", self.name, count, size)
        self._buffer_pools.append(buffers)
        packets = []
        for packet, buffer in zip(pool, buffers, strict=True):
            pool.allocate(self)
            buffers.allocate(self)
            packet.chain(buffer)
            packets.append(packet)
        return packets

    @ddi("NdisGetCurrentSystemTime", irql="any", kind=Kind.CALL, source="NDIS reference 3.2")
    def system_time(self) -> int:
        """Return the virtual time in ns, as the running CPU sees it."""
        return self.adapter.kernel.local_time()

    @ddi("NdisInitializeTimer", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 5.10")
    def initialize_timer(self, routine: Callable[[], None]) -> Timer:
        """Make a timer whose `routine` runs at DISPATCH_LEVEL; what it raises is the protocol's failure."""
        check_immediate("timer", routine)

        def expired() -> None:
            if not self.failed:
                try:
                    routine()
                except DRIVER_ERRORS as error:
                    self._fail("ProtocolTimer", error)

        return Timer(self.adapter.cpu, expired, name=f"{self.name} timer")

    async def query(self, oid: Oid, length: int = 256) -> bytes:
        """Query `oid` and wait for the answer, at PASSIVE_LEVEL; a failure raises `RuleViolation`."""
        request = OidRequest.query(oid, length)
        await self._finished(request)
        return request.answered

    async def set(self, oid: Oid, data: bytes) -> None:
        """Set `oid` and wait for the end, at PASSIVE_LEVEL; a failure raises `RuleViolation`."""
        await self._finished(OidRequest.set(oid, data))

    @ddi("NdisCloseAdapter", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 3.2")
    async def close(self) -> None:
        """Close the adapter: refuses new work, and waits for sends, requests and lent packets."""
        self.state.apply(BindingEvent.CLOSE)
        self._submit = self.adapter.sends.refuse
        if not self._is_quiet() and not await self._wait_until_quiet():
            self.adapter.stuck(self)
            if not self._is_quiet():
                # The stopped adapter gives everything back in a moment.
                await self._quiet.wait(CLOSE_PATIENCE)
        self.adapter.bindings.remove(self)
        for request in self.adapter.requests.filters.close(self):
            await self.adapter.request(request)
        self._free_pools()
        self.state.apply(BindingEvent.CLOSED)

    # What the adapter tells it.

    def sends_completed(self, packets: Sequence[Packet], status: Status) -> None:
        """Give packets back to the protocol: ProtocolSendComplete, at DISPATCH_LEVEL."""
        self.sends_pending -= len(packets)
        cpu = self.adapter.running_cpu("NdisMSendComplete")
        before, cpu.irql = cpu.irql, max(cpu.irql, DISPATCH)
        try:
            if not self.failed:
                self.protocol.send_complete(self, packets, status)
        except DRIVER_ERRORS as error:
            self._fail("ProtocolSendComplete", error)
        cpu.lower_irql(before)
        if self.state.current is BindingState.CLOSING:
            self._look_whether_quiet()

    def received(self, packets: Sequence[Packet]) -> int | Sequence[int]:
        """Offer packets to the protocol: ProtocolReceivePacket, at DISPATCH_LEVEL; returns the references it keeps."""
        if self.state.current is not BindingState.OPEN or self.failed:
            return 0
        cpu = self.adapter.running_cpu("NdisMIndicateReceivePacket")
        before, cpu.irql = cpu.irql, max(cpu.irql, DISPATCH)
        kept: int | Sequence[int] = 0
        try:
            kept = self.protocol.receive_packets(self, packets)
        except DRIVER_ERRORS as error:
            self._fail("ProtocolReceivePacket", error)
        cpu.lower_irql(before)
        return kept

    def request_completed(self, request: OidRequest, status: Status) -> None:
        """Tell the protocol that a pending request has ended: ProtocolRequestComplete."""
        self.requests_pending -= 1
        if request.signal is not None:
            request.signal.set(status)
        elif not self.failed:
            cpu = self.adapter.running_cpu("NdisRequest")
            before, cpu.irql = cpu.irql, max(cpu.irql, DISPATCH)
            try:
                self.protocol.request_complete(self, request, status)
            except DRIVER_ERRORS as error:
                self._fail("ProtocolRequestComplete", error)
            cpu.lower_irql(before)
        self._look_whether_quiet()

    def returned_too_much(self) -> None:
        """The protocol returned packets, inside ProtocolReceivePacket, of which it kept no reference."""
        self.adapter.report(
            "proto-return-not-held",
            f"{self.name} returned {-self.receives_held} packets more than ProtocolReceivePacket has promised",
        )
        self.receives_held = 0

    async def _finished(self, request: OidRequest) -> None:
        request.signal = Signal()
        status = self.request(request)
        if status is Status.PENDING:
            status = await self.adapter.patiently(request)
        if status is not Status.SUCCESS:
            raise RuleViolation("oid-failed", f"{self.name}: {request!r} ended with {status}")

    async def _wait_until_quiet(self) -> bool:
        """Wait for what is outstanding, for as long as time passes; a driver that never lets it pass gets no more."""
        kernel = self.adapter.kernel
        before, kernel.stalled = kernel.stalled, self._quiet.set
        try:
            return await self._quiet.wait(CLOSE_PATIENCE) and self._is_quiet()
        finally:
            kernel.stalled = before
            self._quiet.reset()

    def _fail(self, entry: str, error: BaseException) -> None:
        """The protocol raised: report it, and call it no more."""
        self.failed = True
        self.adapter.report("bugcheck", f"{entry} of {self.protocol.name} raised {error!r}", error)

    def _free_pools(self) -> None:
        """Give packets and buffers back; a packet that is sent after this belongs to nobody."""
        for pool in self._packet_pools:
            for packet in pool:
                if packet.owner is self:
                    pool.free(packet, self)
            self.adapter.library.packet_pools.remove(pool)
        for buffers in self._buffer_pools:
            buffers.close()

    def _is_quiet(self) -> bool:
        return not (self.sends_pending or self.receives_held or self.requests_pending)

    def _look_whether_quiet(self) -> None:
        if self.state.current is BindingState.CLOSING and self._is_quiet():
            self._quiet.set()
