"""A driver's half of the receive ring: take what the card has filled, give buffers back.

A frame is in the ring, lent, or free, and has one buffer that holds the
longest; there are twice as many frames as descriptors, and more where the
driver lets the `pool` grow. What a frame is depends on the driver: a packet
(`PacketRing`), or a list of one NET_BUFFER (`ListRing`), so that what the
card has filled is indicated, and what comes back is put in, as it is.

The DPC takes and fills up the ring; frames come back on any CPU. So the ring
has a lock, which a return needs only when the ring has run short.

Source: 8254x manual 3.2.3 (legacy descriptors), 13.4.22 (RCTL).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from ndisemu.drivers.i8254x.library import RingLibrary
from ndisemu.drivers.i8254x.pool import ListBuffers, PacketBuffers, ReceivePool
from ndisemu.hw import registers as reg
from ndisemu.ndis import Packet, PacketFilter, RegisterSpace, SharedMemory, SpinLock, Status, Tag, v5, v6

_WHOLE: Final = reg.RX_DD | reg.RX_EOP
_LENGTH: Final = reg.RX_LENGTH
# How many rings' worth of frames a pool may grow to, where the driver's parameters do not say.
GROWTH: Final = 8

F = TypeVar("F")


class RxRing(ABC, Generic[F]):
    """`count` receive descriptors over `pool`; `longest` is the longest frame in bytes.

    With `tagged` each frame is given the 802.1Q tag that the card has taken
    out of it; with a `vlan`, the card lets no other one in. `broken` counts
    parts of frames that do not fit one buffer.
    """

    def __init__(
        self, ndis: RingLibrary, registers: RegisterSpace, count: int, longest: int, pool: ReceivePool[F]
    ) -> None:
        self._ndis = ndis
        self._registers = registers
        self._memory: SharedMemory | None = ndis.allocate_shared_memory(16 * count, alignment=128, purpose="RX ring")
        if self._memory is None:
            raise MemoryError(f"no room for an RX ring of {count} descriptors")
        self._ring = self._memory.ring()
        self._lock: SpinLock = ndis.allocate_spin_lock("RX ring")
        self.pool = pool
        self._free = pool.free
        # Which frame is behind each descriptor that the card has; what stands at others has no meaning.
        self._slots = pool.free[:count]
        self._next = 0
        self._tail = 0
        self._given = 0
        self._control = reg.RCTL_EN | reg.RCTL_SECRC | reg.BUFFER_SIZES[buffer_size(longest)]
        if longest > 1518:
            self._control |= reg.RCTL_LPE
        self.tagged = False
        self.vlan = 0
        self.broken = 0
        self.taken = 0
        self._inside = False
        self._started = False

    def start(self) -> None:
        """Tell the card where the ring is and fill it; the filter opens when a protocol sets one."""
        self._started = True
        write = self._registers.write
        address = self._memory.address if self._memory is not None else 0
        write(reg.RDBAL, address & 0xFFFFFFFF)
        write(reg.RDBAH, address >> 32)
        write(reg.RDLEN, 16 * self._ring.count)
        write(reg.RDH, 0)
        write(reg.RDT, 0)
        self.refill()

    def stop(self) -> None:
        """The card was reset: take the packets in the ring back; frames in them are lost."""
        with self._lock:
            self._started = False
            self._free.extend(self._behind(self._next, self._given))
            self._next = self._tail = self._given = 0
            self._inside = False

    def free(self) -> None:
        """Give ring, buffers and frames back."""
        if self._memory is not None:
            self._ndis.free_shared_memory(self._memory)
            self._memory = None
        self.pool.give_back()

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
        if self.vlan and not wanted & PacketFilter.PROMISCUOUS:
            self._let_in_vlan()
            control |= reg.RCTL_VFE
        self._registers.write(reg.RCTL, control)

    def _let_in_vlan(self) -> None:
        """Let in frames of `vlan`, and those that have a priority only."""
        table = [1] + [0] * 127
        table[self.vlan >> 5] |= 1 << (self.vlan & 31)
        for place, word in enumerate(table):
            self._registers.write(reg.VFTA + 4 * place, word)

    def take(self, most: int) -> list[F]:
        """Return up to `most` frames that the card has filled, in order, with their lengths set; in the DPC.

        Free frames take their places in the ring. `taken` descriptors were emptied, which may be more than there are frames.
        """
        self._lock.dpr_acquire()
        frames: list[F] = []
        count = self.taken = self._filled(min(most, self._given))
        if count:
            self._harvest(count, frames)
            self._fill_up()
        self._lock.dpr_release()
        return frames

    def _harvest(self, count: int, frames: list[F]) -> None:
        """Move the frames of the next `count` descriptors to `frames`."""
        status = self._ring.read_status(self._next, count)
        if self.tagged:
            self._read_tags(status)
        taken = self._behind(self._next, count)
        self._next = (self._next + count) % len(self._slots)
        self._given -= count
        # Mostly a whole burst has one length, and nothing but whole frames.
        alike = status == status[:1] * count
        kinds = status[:1] if alike else dict.fromkeys(status)
        if self._inside or any(word & _WHOLE != _WHOLE for word in kinds):
            taken, lengths = self._without_parts(taken, status)
            self._resize(taken, lengths)
        elif alike:
            self._resize_all(taken, status[0] & _LENGTH)
        else:
            self._resize(taken, [word & _LENGTH for word in status])
        frames += taken

    @abstractmethod
    def _resize_all(self, frames: Sequence[F], length: int) -> None:
        """Give all frames this length, where they have another one (170 instructions a frame less, bursts of 64)."""

    @abstractmethod
    def _resize(self, frames: Sequence[F], lengths: Sequence[int]) -> None:
        """Give each frame the length beside it, if it has another one."""

    def _without_parts(self, taken: Sequence[F], status: Sequence[int]) -> tuple[list[F], list[int]]:
        """Leave out the parts of frames that do not fit one buffer: no frame within the MTU does that; returns lengths too."""
        frames, lengths = [], []
        for frame, word in zip(taken, status, strict=True):
            if self._inside or word & _WHOLE != _WHOLE:
                # It is part of a frame as long as the last part has not come.
                self._inside = not word & reg.RX_EOP
                self.broken += 1
                self._free.append(frame)
            else:
                frames.append(frame)
                lengths.append(word & _LENGTH)
        return frames, lengths

    def _behind(self, start: int, count: int) -> list[F]:
        """Return the frames of `count` descriptors from `start`."""
        slots, over = self._slots, start + count - len(self._slots)
        return slots[start : start + count] if over <= 0 else slots[start:] + slots[:over]

    def give(self, frames: Sequence[F]) -> None:
        """Take frames back that no protocol holds any more; they go into the ring where it has run short."""
        free = self._free
        free.extend(frames)
        # Whoever takes from the ring looks at what is free afterwards, so one of the two sees the other.
        if self._given < len(self._slots) - 1:
            self.refill()
        if self.pool.low and len(free) >= self.pool.enough:
            self.pool.low = False

    def refill(self) -> None:
        """Give the card as many free buffers as the ring takes."""
        with self._lock:
            self._fill_up()

    # How the pool grows.

    @property
    def low(self) -> bool:
        """Whether frames are to be shown instead of lent, as no more can be had."""
        return self.pool.low

    def keep_up(self) -> None:
        """Ask for more frames if protocols have kept so many that few are free; in the DPC, after an indication."""
        if len(self._free) < self.pool.enough:
            self.pool.ask()

    def grow(self, memory: SharedMemory | None) -> None:
        """Take the memory that `keep_up` has asked for, or None: in MiniportAllocateComplete."""
        self.pool.take_in(memory)
        self.refill()

    def _fill_up(self) -> None:
        """Give the card free buffers, under the lock; one descriptor stays unused."""
        count = min(self._ring.count - 1 - self._given, len(self._free))
        if not count or not self._started:
            return
        # Those that came back last are still in the processor's cache.
        frames, empty = self._free[-count:], self.pool.empty
        del self._free[-count:]
        self._ring.put(self._tail, [empty[frame] for frame in frames])
        self._put_behind(self._tail, frames)
        self._tail = (self._tail + count) % len(self._slots)
        self._given += count
        self._registers.write(reg.RDT, self._tail)

    def _put_behind(self, start: int, frames: list[F]) -> None:
        slots = self._slots
        room = len(slots) - start
        slots[start : start + len(frames)] = frames[:room]
        slots[: len(frames[room:])] = frames[room:]

    @property
    def books(self) -> tuple[int, int]:
        """How many frames are in the ring, and how many are free."""
        return self._given, len(self._free)

    def _filled(self, most: int) -> int:
        """Count the descriptors that the card has written back, up to `most`.

        The card does so in order, so the end is found by doubling steps and then halving them.
        """
        words, count, first = self._ring.words, self._ring.count, self._next - 1
        filled, beyond = 0, 1
        while beyond <= most and words[2 * ((first + beyond) % count) + 1] & reg.RX_DD:
            filled, beyond = beyond, 2 * beyond
        beyond = min(beyond, most + 1)
        while beyond - filled > 1:
            middle = (filled + beyond) // 2
            if words[2 * ((first + middle) % count) + 1] & reg.RX_DD:
                filled = middle
            else:
                beyond = middle
        return filled

    def _read_tags(self, status: Sequence[int]) -> None:
        """Note beside each frame the tag that the card has taken out of it: where the frame has a place for one."""


class PacketRing(RxRing[Packet]):
    """A receive ring of an NDIS 5.1 driver, whose pool may grow to `most` packets; `GROWTH` rings' worth by default."""

    _ndis: v5.MiniportLibrary

    def __init__(
        self, ndis: v5.MiniportLibrary, registers: RegisterSpace, count: int, longest: int, most: int | None = None
    ) -> None:
        pool = PacketBuffers(ndis, count, buffer_size(longest), GROWTH * count if most is None else most)
        super().__init__(ndis, registers, count, longest, pool)

    def indicate(self, packets: Sequence[Packet]) -> None:
        """Lend packets to the protocols; while the pool is low only show them, and have them back at once."""
        if not self.pool.low:
            self._ndis.indicate_receive(packets)
            return
        for packet in packets:
            packet.status = Status.RESOURCES
        self._ndis.indicate_receive(packets)
        for packet in packets:
            packet.status = Status.SUCCESS
        self.give(packets)

    def _resize_all(self, frames: Sequence[Packet], length: int) -> None:
        for packet in frames:
            if packet.length != length:
                packet.resize(length)

    def _resize(self, frames: Sequence[Packet], lengths: Sequence[int]) -> None:
        for packet, length in zip(frames, lengths, strict=True):
            if packet.length != length:
                packet.resize(length)

    def _read_tags(self, status: Sequence[int]) -> None:
        for packet, word in zip(self._behind(self._next, len(status)), status, strict=True):
            special = word >> reg.SPECIAL_SHIFT if word & reg.RX_VP else 0
            packet.ieee8021q = Tag.from_wire(special).pack()


class ListRing(RxRing[v6.NetBufferList]):
    """A receive ring of an NDIS 6 driver, whose pool may grow to `most` lists; `GROWTH` rings' worth by default."""

    def __init__(
        self, ndis: v6.MiniportLibrary, registers: RegisterSpace, count: int, longest: int, most: int | None = None
    ) -> None:
        pool = ListBuffers(ndis, count, buffer_size(longest), GROWTH * count if most is None else most)
        super().__init__(ndis, registers, count, longest, pool)

    def _resize_all(self, frames: Sequence[v6.NetBufferList], length: int) -> None:
        for nbl in frames:
            if nbl.frame.length != length:  # type: ignore[union-attr]
                nbl.frame.resize(length)  # type: ignore[union-attr]

    def _resize(self, frames: Sequence[v6.NetBufferList], lengths: Sequence[int]) -> None:
        for nbl, length in zip(frames, lengths, strict=True):
            frame = nbl.frame
            if frame.length != length:  # type: ignore[union-attr]
                frame.resize(length)  # type: ignore[union-attr]


def buffer_size(longest: int) -> int:
    """Return the size of buffers that hold a frame of `longest` bytes: the card's smallest that does, from 2048 on."""
    return min(size for size in reg.BUFFER_SIZES if size >= max(longest, 2048))
