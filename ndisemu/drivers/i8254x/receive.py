"""A driver's half of the receive ring: take what the card has filled, give buffers back.

Twice as many packets as descriptors are made, each with one buffer that
holds the longest frame; so protocols can keep a ring's worth of packets
before the card runs short. A packet is in the ring, lent, or free.

Source: 8254x manual 3.2.3 (legacy descriptors), 13.4.22 (RCTL).
"""

from collections import deque
from collections.abc import Sequence

from ndisemu.hw import registers as reg
from ndisemu.ndis import Packet, PacketFilter, SharedMemory
from ndisemu.ndis.v5 import MiniportLibrary, RegisterSpace

# How many status words are looked at first; most interrupts find fewer frames.
_GLANCE = 8
_WHOLE = reg.RX_DD | reg.RX_EOP


class RxRing:
    """`count` receive descriptors, `longest` the longest frame in bytes."""

    def __init__(self, ndis: MiniportLibrary, registers: RegisterSpace, count: int, longest: int) -> None:
        self._ndis = ndis
        self._registers = registers
        self._size = min(size for size in reg.BUFFER_SIZES if size >= max(longest, 2048))
        self._ring_memory = ndis.allocate_shared_memory(16 * count, alignment=128, purpose="RX ring")
        self._buffers = ndis.allocate_shared_memory(2 * count * self._size, alignment=4096, purpose="receive buffers")
        if self._ring_memory is None or self._buffers is None:
            raise MemoryError(f"no room for {2 * count} receive buffers of {self._size} bytes")
        self._ring = self._ring_memory.ring()
        self._pool = ndis.allocate_packet_pool(2 * count, "receive packets")
        self._empty: dict[Packet, tuple[int, int]] = {}
        self._free = deque(self._make_packets(self._buffers, 2 * count))
        self._slots: list[Packet | None] = [None] * count
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
        """Give ring, buffers and packets back."""
        for memory in (self._ring_memory, self._buffers):
            if memory is not None:
                self._ndis.free_shared_memory(memory)
        self._ring_memory = self._buffers = None
        self._ndis.free_packet_pool(self._pool)

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

    def take(self, most: int) -> list[Packet]:
        """Return up to `most` packets that the card has filled, in order, with their lengths set; in the DPC."""
        count = self._filled(min(most, self._given))
        if not count:
            return []
        status = self._ring.read_status(self._next, count)
        packets = []
        slots, place = self._slots, self._next
        for word in status:
            packet = slots[place]
            place = place + 1 if place + 1 < len(slots) else 0
            if packet is None or self._inside or word & _WHOLE != _WHOLE:
                # It is part of a frame as long as the last part has not come.
                self._inside = not word & reg.RX_EOP
                self._drop(packet)
                continue
            if packet.length != word & reg.RX_LENGTH:
                packet.resize(word & reg.RX_LENGTH)
            packets.append(packet)
        self._next = place
        self._given -= count
        if len(packets) < count:
            self.refill()
        return packets

    def give(self, packets: Sequence[Packet]) -> None:
        """Take packets back that no protocol holds any more, and put their buffers into the ring."""
        self._free.extend(packets)
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
            packet = slots[place] = free.popleft()
            words += self._empty[packet]
            place = place + 1 if place + 1 < len(slots) else 0
        self._ring.write(self._tail, words)
        self._tail = place
        self._given += count
        self._registers.write(reg.RDT, place)

    @property
    def books(self) -> tuple[int, int]:
        """How many packets are in the ring, and how many are free."""
        return self._given, len(self._free)

    def _filled(self, most: int) -> int:
        """Count the descriptors that the card has written back, up to `most`."""
        glance = min(most, _GLANCE)
        count = _leading(self._ring.read_status(self._next, glance))
        if count == glance < most:
            count += _leading(self._ring.read_status((self._next + glance) % self._ring.count, most - glance))
        return count

    def _drop(self, packet: Packet | None) -> None:
        """A part of a frame that does not fit one buffer: no frame within the MTU does that."""
        self.broken += 1
        if packet is not None:
            self._free.append(packet)

    def _make_packets(self, buffers: SharedMemory, count: int) -> list[Packet]:
        """Chain one buffer to each packet; `_empty` has the descriptor that offers it to the card."""
        packets = []
        for place in range(count):
            packet = self._ndis.allocate_packet(self._pool)
            if packet is None:
                break
            buffer = self._ndis.allocate_buffer(buffers, place * self._size, self._size)
            packet.chain(buffer)
            self._empty[packet] = (buffer.address, 0)
            packets.append(packet)
        return packets


def _leading(status: list[int]) -> int:
    """Count the written-back descriptors at the beginning of a run."""
    for count, word in enumerate(status):
        if not word & reg.RX_DD:
            return count
    return len(status)
