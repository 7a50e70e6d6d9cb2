"""A driver's half of the transmit ring: post descriptors, reap what the card has sent.

Packets are posted in bursts, and only the last descriptor of a burst asks
for a report (RS); so one look at one DD bit tells the fate of a whole burst.
The lock is the driver's: the ring is filled from sends and emptied by the
DPC.

Source: 8254x manual 3.3.3, 3.4 (legacy descriptors, the transmit ring).
"""

from collections import deque
from collections.abc import Sequence

from ndisemu.hw import registers as reg
from ndisemu.ndis import Packet, SharedMemory, Signal, SpinLock, Status
from ndisemu.ndis.v5 import MiniportLibrary, RegisterSpace

BURST = 64
_COMMAND = reg.TX_EOP | reg.TX_IFCS


class Burst:
    """Packets that are posted together, and the words of their descriptors.

    `sent` is set to their status when the card has taken the last of them,
    or when nothing is left of them to post.
    """

    __slots__ = ("last", "packets", "sent", "words")

    def __init__(self, packets: Sequence[Packet]) -> None:
        self.packets = packets
        self.last = 0
        self.sent = Signal()
        self.words = _descriptors(packets)

    @property
    def descriptors(self) -> int:
        """How many descriptors it takes."""
        return len(self.words) // 2

    def give_up(self, cancel_id: int) -> list[Packet]:
        """Take the packets of a cancelled send out, as long as the burst is not posted."""
        given_up = [packet for packet in self.packets if packet.cancel_id == cancel_id]
        if given_up:
            self.packets = [packet for packet in self.packets if packet.cancel_id != cancel_id]
            self.words = _descriptors(self.packets)
            if not self.packets:
                self.sent.set(Status.REQUEST_ABORTED)
        return given_up


class TxRing:
    """`count` transmit descriptors; one stays free so that a full ring does not look empty."""

    def __init__(self, ndis: MiniportLibrary, registers: RegisterSpace, count: int) -> None:
        self._ndis = ndis
        self._registers = registers
        self._memory: SharedMemory | None = ndis.allocate_shared_memory(16 * count, alignment=128, purpose="TX ring")
        if self._memory is None:
            raise MemoryError(f"no room for a TX ring of {count} descriptors")
        self._ring = self._memory.ring()
        self._lock: SpinLock = ndis.allocate_spin_lock("TX ring")
        # What `split` has made and `post` has not been given yet, in order.
        self._waiting: dict[Burst, None] = {}
        self._posted: deque[Burst] = deque()
        self._tail = 0
        self._free = count - 1
        self._room: Signal | None = None

    def start(self) -> None:
        """Tell the card where the ring is, and let it transmit, padding short frames."""
        write = self._registers.write
        write(reg.TDBAL, self._ring_address & 0xFFFFFFFF)
        write(reg.TDBAH, self._ring_address >> 32)
        write(reg.TDLEN, 16 * self._ring.count)
        write(reg.TDH, 0)
        write(reg.TDT, 0)
        write(reg.TCTL, reg.TCTL_EN | reg.TCTL_PSP)

    def free(self) -> None:
        """Give the ring's memory back."""
        if self._memory is not None:
            self._ndis.free_shared_memory(self._memory)
            self._memory = None

    def split(self, packets: Sequence[Packet]) -> list[Burst]:
        """Cut an array into bursts that fit the ring, in order, to be posted; a packet of too many buffers has failed already."""
        if len(packets) <= BURST:
            burst = Burst(packets)
            if burst.descriptors < self._ring.count:
                self._waiting[burst] = None
                return [burst]
            if len(packets) == 1:
                # There will never be room for it.
                burst.sent.set(Status.INVALID_PACKET)
                return [burst]
        half = len(packets) // 2
        return self.split(packets[:half]) + self.split(packets[half:])

    def has_room(self, burst: Burst) -> bool:
        """Whether `burst` fits into the ring now."""
        return self._free >= burst.descriptors

    def room(self) -> Signal:
        """Await this for some room; one coroutine at a time, which the driver's turn sees to."""
        self._room = Signal()
        return self._room

    def post(self, burst: Burst) -> None:
        """Write the descriptors of `burst`, for which there is room, and ring the doorbell."""
        ring = self._ring
        with self._lock:
            self._waiting.pop(burst, None)
            count = burst.descriptors
            if not count:
                return
            ring.write(self._tail, burst.words)
            burst.last = (self._tail + count - 1) % ring.count
            self._tail = (burst.last + 1) % ring.count
            self._free -= count
            self._posted.append(burst)
            self._registers.write(reg.TDT, self._tail)

    def give_up(self, cancel_id: int) -> list[Packet]:
        """Take the packets of a cancelled send out of all bursts that are not posted yet; returns them, in order."""
        with self._lock:
            given_up = [packet for burst in self._waiting for packet in burst.give_up(cancel_id)]
            self._waiting = {burst: None for burst in self._waiting if burst.packets}
        return given_up

    def reap(self) -> None:
        """Find the bursts the card has sent, oldest first, and wake who waits for them; in the DPC."""
        done = self.take_sent()
        room, self._room = self._room if done else None, None if done else self._room
        for burst in done:
            burst.sent.set(Status.SUCCESS)
        if room is not None:
            room.set()

    def take_sent(self) -> list[Burst]:
        """Return the bursts the card has sent, oldest first, and make room of their descriptors; in the DPC."""
        posted, words = self._posted, self._ring.words
        self._lock.dpr_acquire()
        done = []
        while posted and words[2 * posted[0].last + 1] & reg.TX_DD:
            burst = posted.popleft()
            self._free += burst.descriptors
            done.append(burst)
        self._lock.dpr_release()
        return done

    @property
    def _ring_address(self) -> int:
        return self._memory.address if self._memory is not None else 0


def _descriptors(packets: Sequence[Packet]) -> list[int]:
    """Return the words that offer `packets` to the card, the last of which asks for a report."""
    words: list[int] = []
    for packet in packets:
        for address, length in packet.segments:
            words += (address, length | _COMMAND)
        if len(packet.segments) > 1:
            _clear_end_of_packet(words, len(packet.segments))
    if words:
        words[-1] |= reg.TX_RS
    return words


def _clear_end_of_packet(words: list[int], segments: int) -> None:
    """Only the last descriptor of a frame ends it."""
    for place in range(len(words) - 2 * segments + 1, len(words) - 1, 2):
        words[place] &= ~reg.TX_EOP
