"""The asyncio face of a binding: `send`, `receive` and `request` for application tasks.

It is an NDIS 5.1 protocol like any other. What a task asks for is queued as
PASSIVE_LEVEL work on the binding's CPU and never runs on the task's own
stack; the protocol raises to DISPATCH_LEVEL around its send. Received
packets are held until the application takes them: their bytes are copied
out, then the buffers go back to the miniport. What cannot be held is copied
when it is shown, and taken in its turn.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence

from ndisemu.drivers.protocols import Gathering
from ndisemu.errors import UsageError
from ndisemu.frame.ethernet import HEADER
from ndisemu.kernel import DISPATCH, Cpu
from ndisemu.ndis import (
    NetEvent,
    NetPnPEvent,
    Oid,
    OidRequest,
    Packet,
    PacketFilter,
    PowerState,
    ProtocolOption,
    Status,
)
from ndisemu.ndis.v5 import BindContext, Binding, Protocol, ReceiveContext

# Packets an application may have in flight; further sends wait.
SEND_PACKETS = 256
# What waits to be taken before copies are made no more; packets of the miniport are held besides.
MOST_HELD = 1 << 16
# A cancel id is the protocol's high byte and a number of the call.
CANCEL_ID_BITS = 56
USUAL_FILTER = PacketFilter.DIRECTED | PacketFilter.MULTICAST | PacketFilter.BROADCAST


class _Send:
    """One call of `send`: its frames, and the statuses as they come."""

    __slots__ = ("cancel_id", "frames", "future", "left", "started", "statuses")

    def __init__(self, frames: Sequence[bytes], future: "asyncio.Future[list[Status]]") -> None:
        self.frames = frames
        self.future = future
        self.cancel_id = 0
        self.statuses = [Status.PENDING] * len(frames)
        self.started = 0
        self.left = len(frames)

    def finish(self, place: int, status: Status) -> None:
        self.statuses[place] = status
        self.left -= 1
        if not self.left and not self.future.done():
            self.future.set_result(self.statuses)


class ApplicationProtocol(Protocol):
    """The protocol behind one `Application`; `held` are the packets and copied frames it has not taken yet."""

    gathering: Gathering

    def __init__(self, name: str, cpu: Cpu, packet_filter: PacketFilter) -> None:
        self.name = name
        self._cpu = cpu
        self._filter = packet_filter
        self._free: deque[Packet] = deque()
        self._queue: deque[_Send] = deque()
        self._calls: dict[Packet, tuple[_Send, int]] = {}
        self._next_cancel_id = 0
        self._wanted: dict[OidRequest, asyncio.Future[Status]] = {}
        self._asked: dict[OidRequest, asyncio.Future[Status]] = {}
        self.held: deque[Packet | bytes] = deque()
        self.arrived: Callable[[], None] | None = None
        self.binding: Binding | None = None
        self.closed = False
        # While the adapter is being reset or sleeps, sends wait here instead of being refused there.
        self._holds = False

    async def bind_adapter(self, context: BindContext) -> Status:
        """Open the adapter, open the filter, make packets."""
        binding = context.open_adapter()
        longest = int.from_bytes(await binding.query(Oid.GEN_MAXIMUM_TOTAL_SIZE), "little")
        self._free.extend(binding.allocate_packets(SEND_PACKETS, longest))
        self._next_cancel_id = binding.adapter.library.generate_partial_cancel_id() << CANCEL_ID_BITS
        self.gathering = Gathering(binding, self._hold)
        await binding.set(Oid.GEN_PROTOCOL_OPTIONS, ProtocolOption.NO_LOOPBACK.to_bytes(4, "little"))
        await binding.set(Oid.GEN_CURRENT_PACKET_FILTER, self._filter.to_bytes(4, "little"))
        self.binding = binding
        return Status.SUCCESS

    async def unbind_adapter(self, binding: Binding) -> None:
        """Give back what the application has not taken, fail what was not begun yet, close."""
        self.closed = True
        for future in self._wanted.values():
            if not future.done():
                future.set_result(Status.CLOSING)
        self._wanted.clear()
        while self._queue:
            send = self._queue.popleft()
            for place in range(send.started, len(send.frames)):
                send.finish(place, Status.CLOSING)
        packets = [held for held in self.held if isinstance(held, Packet)]
        self.held.clear()
        if packets:
            binding.return_packets(packets)
        if self.arrived is not None:
            self.arrived()
        await binding.close()

    def enter(self, send: _Send) -> None:
        """Take a call of `send`, from the application's task; `pump` begins it, or a close fails it."""
        self._next_cancel_id += 1
        send.cancel_id = self._next_cancel_id
        self._queue.append(send)

    def want(self, request: OidRequest, future: "asyncio.Future[Status]") -> None:
        """Take a request, from the application's task; `ask` begins it, or a close fails it."""
        self._wanted[request] = future

    def withdraw(self, send: _Send) -> None:
        """Forget the frames of a call that have not been submitted."""
        if send in self._queue:
            self._queue.remove(send)

    def cancel(self, send: _Send) -> None:
        """Let NDIS give up what it has of a call and has not transmitted; at PASSIVE_LEVEL."""
        if send.left and self.binding is not None:
            self.binding.cancel_sends(send.cancel_id)

    def send_complete(self, binding: Binding, packets: Sequence[Packet], status: Status) -> None:
        """ProtocolSendComplete: tell each packet's call, and send what waits for packets."""
        for packet in packets:
            send, place = self._calls.pop(packet)
            send.finish(place, status)
        self._free.extend(packets)
        if self._queue:
            self._cpu.queue_thread(self.pump)

    def ask(self, request: OidRequest) -> None:
        """Make a wanted request, whose future gets its final status; at PASSIVE_LEVEL."""
        future = self._wanted.pop(request, None)
        if future is None or self.binding is None:
            return
        self._asked[request] = future
        status = self.binding.request(request)
        if status is not Status.PENDING:
            self.request_complete(self.binding, request, status)

    def request_complete(self, binding: Binding, request: OidRequest, status: Status) -> None:
        """ProtocolRequestComplete: the task that asked goes on."""
        future = self._asked.pop(request)
        if not future.done():
            future.set_result(status)

    def receive_packets(self, binding: Binding, packets: Sequence[Packet]) -> int:
        """ProtocolReceivePacket: hold one reference of each until the application takes it, which it no longer does once closed."""
        if self.closed:
            return 0
        self.held.extend(packets)
        if self.arrived is not None:
            self.arrived()
        return 1

    def status(self, binding: Binding, code: Status, buffer: bytes) -> None:
        """ProtocolStatus: sends wait for the end of a reset."""
        if code in {Status.RESET_START, Status.RESET_END}:
            self._pause(holds=code is Status.RESET_START)

    def pnp_event(self, binding: Binding, event: NetPnPEvent) -> Status:
        """ProtocolPnPEvent: sends wait until the adapter is awake."""
        if event.code is NetEvent.SET_POWER:
            self._pause(holds=event.power is not PowerState.D0)
        return Status.SUCCESS

    def _pause(self, *, holds: bool) -> None:
        self._holds = holds
        if not holds and self._queue:
            self._cpu.queue_thread(self.pump)

    def receive(
        self, binding: Binding, context: ReceiveContext, header: memoryview, lookahead: memoryview, packet_size: int
    ) -> Status:
        """ProtocolReceive: copy what cannot be held, up to a limit; an application that takes nothing loses the rest."""
        if len(self.held) >= MOST_HELD:
            self.gathering.missed += 1
            return Status.NOT_ACCEPTED
        return self.gathering.take(context, header, lookahead, packet_size)

    def transfer_data_complete(self, binding: Binding, packet: Packet, status: Status, transferred: int) -> None:
        """ProtocolTransferDataComplete: the rest of a frame has come."""
        self.gathering.transferred(packet, status, transferred)

    def _hold(self, frame: bytes) -> None:
        self.held.append(frame)
        if self.arrived is not None:
            self.arrived()

    def pump(self) -> None:
        """Fill free packets with waiting frames, in turn, and send them at DISPATCH_LEVEL."""
        binding = self.binding
        while self._queue and self._free and binding is not None and not (self.closed or self._holds):
            send = self._queue[0]
            count = min(len(self._free), len(send.frames) - send.started)
            packets = [self._free.popleft() for _ in range(count)]
            for place, packet in enumerate(packets, send.started):
                packet.fill(send.frames[place])
                packet.cancel_id = send.cancel_id
                self._calls[packet] = (send, place)
            send.started += count
            if send.started == len(send.frames):
                self._queue.popleft()
            before = self._cpu.raise_irql(DISPATCH)
            binding.send_packets(packets)
            self._cpu.lower_irql(before)


class Application:
    """An application's hold of a NIC: `await send(frames)`, `await receive()`, `async for frame in ...`."""

    def __init__(self, protocol: ApplicationProtocol, binding: Binding, cpu: Cpu) -> None:
        self._protocol = protocol
        self._binding = binding
        self._cpu = cpu
        self._waiting: asyncio.Future[None] | None = None
        self._taken: deque[bytes] = deque()
        protocol.arrived = self._wake

    def __repr__(self) -> str:
        return f"<Application {self._binding.name}: {len(self._protocol.held)} frames to take>"

    @property
    def binding(self) -> Binding:
        """The NDIS binding underneath."""
        return self._binding

    @property
    def link_up(self) -> bool:
        """Whether the NIC has a link, as its driver has last said."""
        return self._binding.link_up

    async def send(self, frames: Sequence[bytes]) -> list[Status]:
        """Send frames in order; returns the status of each once NDIS has completed all of them.

        Cancelling the wait takes back the frames that NDIS does not have yet, and asks it for those that it has; what
        is on the card is sent.
        """
        self._check_open()
        longest = self._binding.adapter.maximum_total_size
        for frame in frames:
            if not HEADER <= len(frame) <= longest:
                raise UsageError(
                    f"{self._binding.adapter.name} sends frames of {HEADER} to {longest} bytes without FCS, not {len(frame)}"
                )
        if not frames:
            return []
        future: asyncio.Future[list[Status]] = asyncio.get_running_loop().create_future()
        send = _Send([bytes(frame) for frame in frames], future)
        self._protocol.enter(send)
        self._submit(self._protocol.pump)
        try:
            return await future
        except asyncio.CancelledError:
            self._protocol.withdraw(send)
            if send.started:
                self._submit(lambda: self._protocol.cancel(send))
            raise

    async def receive(self) -> list[bytes]:
        """Wait for frames and take all that have arrived; an empty list means that the binding was closed."""
        if self._taken:
            left = list(self._taken)
            self._taken.clear()
            return left
        held = self._protocol.held
        while not held:
            if self._protocol.closed:
                return []
            if self._waiting is not None:
                raise UsageError(f"{self._binding.name} has a task waiting in receive() already; one at a time")
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        packets = [one for one in held if isinstance(one, Packet)]
        frames = [one.read() if isinstance(one, Packet) else one for one in held]
        held.clear()
        if packets:
            self._submit(lambda: self._binding.return_packets(packets))
        return frames

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield frames as they arrive, until the binding is closed; a loop that ends early leaves the rest for later."""
        while frames := await self.receive():
            self._taken.extend(frames)
            while self._taken:
                yield self._taken.popleft()

    async def request(self, oid: Oid, data: bytes | None = None) -> bytes:
        """Query `oid`, or set it to `data`; a failure raises `UsageError` with the status."""
        self._check_open()
        future: asyncio.Future[Status] = asyncio.get_running_loop().create_future()
        request = OidRequest.query(oid, 1024) if data is None else OidRequest.set(oid, data)
        self._protocol.want(request, future)
        self._submit(lambda: self._protocol.ask(request))
        status = await future
        if status is not Status.SUCCESS:
            raise UsageError(f"{self._binding.name}: {request!r} ended with {status}")
        return request.answered

    def _submit(self, work: Callable[[], None]) -> None:
        """Queue PASSIVE_LEVEL work on the binding's CPU."""
        self._cpu.kernel.submit(lambda: self._cpu.queue_thread(work))

    def _check_open(self) -> None:
        if self._protocol.closed:
            raise UsageError(f"{self._binding.name} is closed")

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
