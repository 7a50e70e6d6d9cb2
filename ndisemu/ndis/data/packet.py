"""Packet descriptors: NDIS_PACKET with its out-of-band block, and their pools.

A packet is a chain of buffers and some words about them. Who may touch it is
said by `owner` at all times, and changes in one place for each direction: a
binding owns what its protocol allocated, an adapter what was submitted to it
or what its miniport allocated, the receive path what is lent to protocols.
"""

from typing import Any

from ndisemu.memory import WORD, Mappable, Pool
from ndisemu.ndis.constants import PacketFlag
from ndisemu.ndis.data.mdl import NO_MEMORY, Mdl
from ndisemu.ndis.status import Status

NO_FLAGS = PacketFlag(0)


class OobBlock:
    """NDIS_PACKET_OOB_DATA, but for Status, which lies in the packet.

    Times are nanoseconds of virtual time here (100 ns units on Windows). For
    a sending miniport everything but Status is read-only.
    """

    __slots__ = ("header_size", "media_specific", "time_received", "time_sent", "time_to_send")

    def __init__(self) -> None:
        self.time_to_send = 0
        self.time_sent = 0
        self.time_received = 0
        self.header_size = 14
        self.media_specific = b""


class Packet(Mappable):
    """NDIS_PACKET.

    `length` is the sum over the chain (`Private.TotalLength`), `segments` the
    same chain as pairs of bus address and length, which NDIS maps for the card
    while a send is in flight (`ScatterGatherListPacketInfo`); there is a
    `window` where it is one buffer that is not empty, a slice of `memory`. `first_word` is where it begins in
    the `words` of its host's memory, or None if its first buffer does not begin with a whole word. `serial` numbers
    submissions, `binding` is who submitted it, `references` what protocols
    still owe of a received packet. `status` is None while a serialized
    miniport has it to send and has not said what becomes of it. `cancel_id` (PacketCancelId)
    is 0 for none; `ieee8021q` is the TagHeader of Ieee8021QInfo (`data.tag`).
    The two `reserved` slots belong to protocol and miniport while they own it.
    """

    __slots__ = ("binding", "cancel_id", "first_word", "flags", "head", "ieee8021q", "length", "memory", "miniport_reserved",
                 "number", "oob", "owner", "protocol_reserved", "references", "serial", "status")  # fmt: skip

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.owner: object | None = None
        self.binding: object | None = None
        self.head: Mdl | None = None
        self.length = 0
        self.memory = NO_MEMORY
        self.first_word: int | None = None
        self.status: Status | None = Status.SUCCESS
        self.oob = OobBlock()
        self.flags = NO_FLAGS
        self.cancel_id = 0
        self.ieee8021q = 0
        self.serial = -1
        self.references = 0
        self.protocol_reserved: object | None = None
        self.miniport_reserved: object | None = None

    def __repr__(self) -> str:
        return f"packet#{self.number}"

    def __getstate__(self) -> object:
        """Return what a copy of the descriptor is made of: a copy is nobody's, so NDIS takes it for none of its own."""
        state: Any = super().__getstate__()
        return None, state[1] | {"owner": None, "binding": None}

    def chain(self, *buffers: Mdl) -> None:
        """Make `buffers` the packet's whole chain (`NdisChainBufferAtBack`)."""
        for buffer, following in zip(buffers, (*buffers[1:], None), strict=False):
            buffer.next = following
        self.head = buffers[0] if buffers else None
        self.recount()

    def recount(self) -> None:
        """Bring length and segments up to date after a buffer's length has changed (`NdisRecalculatePacketCounts`)."""
        self.leave()
        segments = []
        buffer = self.head
        while buffer is not None:
            segments.append((buffer.address, buffer.length))
            buffer = buffer.next
        self.segments = tuple(segments)
        self.length = sum(length for _, length in segments)
        first = self.head
        self.address, self.window, self.first_word = 0, None, None
        if first is not None:
            self.memory = first.memory
            start = first.address
            if first.length >= WORD and not start % WORD:
                self.first_word = start // WORD
            if first.next is None and first.length:
                self.address, self.window = start, slice(start, start + first.length)

    def resize(self, length: int) -> None:
        """Set the length of a packet of one buffer: how many bytes of it are frame (`NdisAdjustBufferLength`)."""
        buffer = self.head
        if buffer is None or buffer.next is not None or length > buffer.capacity:
            raise ValueError(f"{self!r} is not one buffer of at least {length} bytes")
        buffer.length = length
        start = buffer.address
        if start != self.address or length < WORD or self.length < WORD:
            # It lies elsewhere, or its first word comes or goes.
            self.recount()
            return
        self.length = length
        self.segments = ((start, length),)
        self.window = slice(start, start + length)

    def fill(self, data: bytes) -> None:
        """Copy a frame into the packet's one buffer and set its length."""
        if self.length != len(data) or self.window is None:
            self.resize(len(data))
            if not data:
                return
        self.memory[self.window] = data  # type: ignore[index]

    def put(self, data: bytes) -> None:
        """Copy bytes into the chain from its beginning; lengths stay (`NdisCopyFromPacketToPacket`)."""
        buffer, place = self.head, 0
        while buffer is not None and place < len(data):
            part = data[place : place + buffer.length]
            buffer.memory[buffer.address : buffer.address + len(part)] = part
            place += len(part)
            buffer = buffer.next

    def read(self) -> bytes:
        """Return a copy of the whole frame."""
        if self.window is not None:
            return self.memory[self.window]
        parts, buffer = [], self.head
        while buffer is not None:
            parts.append(buffer.read())
            buffer = buffer.next
        return b"".join(parts)


class PacketPool(Pool[Packet]):
    """A pool of packet descriptors (`NdisAllocatePacketPoolEx`), numbered from `first`."""

    __slots__ = ()

    def __init__(self, name: str, owner: str, count: int, first: int) -> None:
        super().__init__(name, owner, [Packet(first + place) for place in range(count)])

    def free(self, item: Packet, owner: object) -> None:
        """Take a descriptor back, unchained and reset (`NdisFreePacket`)."""
        super().free(item, owner)
        item.leave()
        item.head = None
        item.segments = ()
        item.address, item.window, item.first_word = 0, None, None
        item.length = 0
        item.flags = NO_FLAGS
        item.status = Status.SUCCESS
        item.oob = OobBlock()
        item.cancel_id = 0
        item.ieee8021q = 0
        item.protocol_reserved = item.miniport_reserved = None
