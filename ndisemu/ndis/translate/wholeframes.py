"""Whole frames of a 5.x miniport that shows only their beginnings, for a protocol that knows no lookahead.

Each is fetched into memory of our own, at once or when the miniport
completes the transfer, and shown in the order in which the miniport has
shown the beginnings.

Source: NDIS reference 5.5.1 and 8.2 (lookahead is gone in NDIS 6).
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ndisemu.ndis.data.mdl import BufferPool, Mdl
from ndisemu.ndis.data.packet import Packet, PacketPool
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.context import Reader, ReceiveContext

if TYPE_CHECKING:
    from ndisemu.ndis.v5.adapter import PacketAdapter

# How many frames may be on their way at once; more are let go, and counted.
FRAMES: Final = 64


class _Frame:
    """One frame: the header's bytes and those behind it lie in one buffer; `whole` is None until the rest has come."""

    __slots__ = ("body", "head", "packet", "whole")

    def __init__(self, packet: Packet, buffer: Mdl) -> None:
        self.packet = packet
        self.head = Mdl(buffer.memory, buffer.address, buffer.capacity)
        self.body = Mdl(buffer.memory, buffer.address, buffer.capacity)
        self.whole: bool | None = None

    def begin(self, header: memoryview, size: int) -> None:
        """Put the header down, and let the packet be what comes behind it."""
        head, body, length = self.head, self.body, len(header)
        head.memory[head.address : head.address + length] = bytes(header)
        head.length = length
        body.address, body.length = head.address + length, size
        self.packet.chain(body)
        self.whole = None

    def join(self) -> Packet:
        """Return the packet as the whole frame."""
        self.packet.chain(self.head, self.body)
        return self.packet


class WholeFrames:
    """The frames that one reader fetches, in order; `show` is given each as a packet, to look at now.

    `missed` counts those that found no memory, or whose transfer failed.
    """

    def __init__(self, reader: Reader, adapter: "PacketAdapter", show: Callable[[list[Packet]], None]) -> None:
        self._reader = reader
        self._adapter = adapter
        self._show = show
        self._pool: PacketPool | None = None
        self._buffers: BufferPool | None = None
        self._free: list[_Frame] = []
        self._line: deque[_Frame] = deque()
        self._coming: dict[Packet, _Frame] = {}
        self.missed = 0

    def fetch(self, context: ReceiveContext) -> None:
        """Fetch the frame whose beginning `context` shows."""
        context.show(self._reader, self._look)
        self._move_up()

    def fetched(self, packet: Packet, status: Status) -> None:
        """The miniport has completed a transfer."""
        self._coming.pop(packet).whole = status is Status.SUCCESS
        self._move_up()

    def close(self) -> None:
        """Give memory and packets back."""
        if self._pool is not None and self._buffers is not None:
            self._adapter.library.packet_pools.remove(self._pool)
            self._buffers.close()
        self._pool = self._buffers = None
        self._free.clear()

    def _look(self, context: ReceiveContext, header: memoryview, lookahead: memoryview, size: int) -> None:
        if self._pool is None:
            self._make()
        if not self._free or len(header) + size > self._adapter.maximum_total_size:
            self.missed += 1
            return
        frame = self._free.pop()
        frame.begin(header, size)
        self._line.append(frame)
        if len(lookahead) == size:
            frame.packet.put(bytes(lookahead))
            frame.whole = True
            return
        status, count = context.transfer(self._reader, 0, size, frame.packet)
        if status is Status.PENDING:
            self._coming[frame.packet] = frame
        else:
            frame.whole = status is Status.SUCCESS and count == size

    def _move_up(self) -> None:
        """Show what is whole, as far as nothing before it is still to come."""
        while self._line and self._line[0].whole is not None:
            frame = self._line.popleft()
            if frame.whole:
                self._show([frame.join()])
            else:
                self.missed += 1
            self._free.append(frame)

    def _make(self) -> None:
        library, longest = self._adapter.library, self._adapter.maximum_total_size
        name = f"{self._adapter.name} translation"
        self._pool = library.make_packet_pool("fetched frames", name, FRAMES)
        self._buffers = library.make_buffer_pool("fetched frames", name, FRAMES, longest)
        for packet, buffer in zip(self._pool, self._buffers, strict=True):
            packet.owner = self._reader
            self._free.append(_Frame(packet, buffer))
