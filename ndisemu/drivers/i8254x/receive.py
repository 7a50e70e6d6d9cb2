"""A driver's half of the receive ring: take what the card has filled, give buffers back.

Twice as many frames as descriptors are made, each with one buffer that holds
the longest; so protocols can keep a ring's worth before the card runs short.
A frame is in the ring, lent, or free. What it is depends on the driver: a
packet (`PacketRing`), or a NET_BUFFER in a list of its own (`ListRing`).

Source: 8254x manual 3.2.3 (legacy descriptors), 13.4.22 (RCTL).
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

from ndisemu.drivers.i8254x.library import RingLibrary, RxFrame
from ndisemu.hw import registers as reg
from ndisemu.ndis import Packet, PacketFilter, PacketPool, RegisterSpace, SharedMemory, v5, v6

# How many status words are looked at first; most interrupts find fewer frames.
_GLANCE = 8
_WHOLE = reg.RX_DD | reg.RX_EOP


F = TypeVar("F", bound=RxFrame)


class RxRing(ABC, Generic[F]):
    """`count` receive descriptors, `longest` the longest frame in bytes."""

    def __init__(self, ndis: RingLibrary, registers: RegisterSpace, count: int, longest: int) -> None:
        self._ndis = ndis
        self._registers = registers
        self._size = min(size for size in reg.BUFFER_SIZES if size >= max(longest, 2048))
        self._ring_memory = ndis.allocate_shared_memory(16 * count, alignment=128, purpose="RX ring")
        self._buffers = ndis.allocate_shared_memory(2 * count * self._size, alignment=4096, purpose="receive buffers")
        if self._ring_memory is None or self._buffers is None:
            raise MemoryError(f"no room for {2 * count} receive buffers of {self._size} bytes")
        self._ring = self._ring_memory.ring()
        # The descriptor that offers each frame to the card.
        self._empty = {frame: (address, 0) for frame, address in self._make_frames(self._buffers, 2 * count)}
        self._free = deque(self._empty)
        self._slots: list[F | None] = [None] * count
        self._next = 0
        self._tail = 0
        self._given = 0
        self._control = reg.RCTL_EN | reg.RCTL_SECRC | reg.BUFFER_SIZES[self._size]
        if longest > 1518:
            self._control |= reg.RCTL_LPE
        self.broken = 0
        self._inside = False
        self._started = False

    def start(self) -> None:
        """Tell the card where the ring is and fill it; the filter opens when a protocol sets one."""
        self._started = True
        write = self._registers.write
        address = self._ring_memory.address if self._ring_memory is not None else 0
        write(reg.RDBAL, address & 0xFFFFFFFF)
        write(reg.RDBAH, address >> 32)
        write(reg.RDLEN, 16 * self._ring.count)
        write(reg.RDH, 0)
        write(reg.RDT, 0)
        self.refill()

    def stop(self) -> None:
        """The card was reset: take the packets in the ring back; frames in them are lost."""
        self._started = False
        slots = self._slots
        for place in range(self._next, self._next + self._given):
            packet = slots[place % len(slots)]
            if packet is not None:
                self._free.append(packet)
        self._next = self._tail = self._given = 0
        self._inside = False

    def free(self) -> None:
        """Give ring, buffers and frames back."""
        for memory in (self._ring_memory, self._buffers):
            if memory is not None:
                self._ndis.free_shared_memory(memory)
        self._ring_memory = self._buffers = None
        self._free_pool()

    def set_filter(self, wanted: PacketFilter, multicast: Sequence[bytes]) -> None:
        """Open the card's filters for what NDIS asked for."""
        control = self._control if wanted else self._control & ~reg.RCTL_EN
        if wanted & PacketFilter.PROMISCUOUS:
            control |= reg.RCTL_UPE | reg.RCTL_MPE | reg.RCTL_BAM
        if wanted & PacketFilter.ALL_MULTICAST:
            control |= reg.RCTL_MPE
        if wanted & PacketFilter.BROADCAST:
            control |= reg.RCTL_BAM
        table = [0] * 128
        if wanted & PacketFilter.MULTICAST:
            for address in multicast:
                place = (address[4] | address[5] << 8) >> 4
                table[place >> 5] |= 1 << (place & 31)
        for place, word in enumerate(table):
            self._registers.write(reg.MTA + 4 * place, word)
        self._registers.write(reg.RCTL, control)

    def take(self, most: int) -> list[F]:
        """Return up to `most` frames that the card has filled, in order, with their lengths set; in the DPC."""
        count = self._filled(min(most, self._given))
        if not count:
            return []
        status = self._ring.read_status(self._next, count)
        frames = []
        slots, place = self._slots, self._next
        for word in status:
            frame = slots[place]
            place = place + 1 if place + 1 < len(slots) else 0
            if frame is None or self._inside or word & _WHOLE != _WHOLE:
                # It is part of a frame as long as the last part has not come.
                self._inside = not word & reg.RX_EOP
                self._drop(frame)
                continue
            if frame.length != word & reg.RX_LENGTH:
                frame.resize(word & reg.RX_LENGTH)
            frames.append(frame)
        self._next = place
        self._given -= count
        if len(frames) < count:
            self.refill()
        return frames

    def give(self, frames: Sequence[F]) -> None:
        """Take frames back that no protocol holds any more, and put their buffers into the ring."""
        self._free.extend(frames)
        self.refill()

    def refill(self) -> None:
        """Give the card as many free buffers as the ring takes, one descriptor staying unused."""
        room = self._ring.count - 1 - self._given if self._started else 0
        count = min(room, len(self._free))
        if not count:
            return
        words: list[int] = []
        slots, place, free = self._slots, self._tail, self._free
        for _ in range(count):
            frame = slots[place] = free.popleft()
            words += self._empty[frame]
            place = place + 1 if place + 1 < len(slots) else 0
        self._ring.write(self._tail, words)
        self._tail = place
        self._given += count
        self._registers.write(reg.RDT, place)

    @property
    def books(self) -> tuple[int, int]:
        """How many frames are in the ring, and how many are free."""
        return self._given, len(self._free)

    def _filled(self, most: int) -> int:
        """Count the descriptors that the card has written back, up to `most`."""
        glance = min(most, _GLANCE)
        count = _leading(self._ring.read_status(self._next, glance))
        if count == glance < most:
            count += _leading(self._ring.read_status((self._next + glance) % self._ring.count, most - glance))
        return count

    def _drop(self, frame: F | None) -> None:
        """A part of a frame that does not fit one buffer: no frame within the MTU does that."""
        self.broken += 1
        if frame is not None:
            self._free.append(frame)

    @abstractmethod
    def _make_frames(self, buffers: SharedMemory, count: int) -> Iterator[tuple[F, int]]:
        """Make `count` frames of one buffer each; gives each with the bus address of its buffer."""

    @abstractmethod
    def _free_pool(self) -> None:
        """Give the frames' descriptors back."""


class PacketRing(RxRing[Packet]):
    """A receive ring of an NDIS 5.1 driver."""

    _ndis: v5.MiniportLibrary
    _pool: PacketPool

    def _make_frames(self, buffers: SharedMemory, count: int) -> Iterator[tuple[Packet, int]]:
        self._pool = self._ndis.allocate_packet_pool(count, "receive packets")
        for place in range(count):
            packet = self._ndis.allocate_packet(self._pool)
            buffer = self._ndis.allocate_buffer(buffers, place * self._size, self._size)
            if packet is not None:
                packet.chain(buffer)
                yield packet, buffer.address

    def _free_pool(self) -> None:
        self._ndis.free_packet_pool(self._pool)


class ListRing(RxRing[v6.NetBuffer]):
    """A receive ring of an NDIS 6 driver: each NET_BUFFER is the one frame of its list."""

    _ndis: v6.MiniportLibrary
    _pool: v6.NblPool

    def _make_frames(self, buffers: SharedMemory, count: int) -> Iterator[tuple[v6.NetBuffer, int]]:
        self._pool = self._ndis.allocate_nbl_pool(count, "receive lists")
        for place in range(count):
            mdl = self._ndis.allocate_mdl(buffers, place * self._size, self._size)
            nbl = self._ndis.allocate_nbl(self._pool, mdl)
            if nbl is not None:
                yield nbl.buffers[0], mdl.address

    def _free_pool(self) -> None:
        self._ndis.free_nbl_pool(self._pool)


def _leading(status: list[int]) -> int:
    """Count the written-back descriptors at the beginning of a run."""
    for count, word in enumerate(status):
        if not word & reg.RX_DD:
            return count
    return len(status)
