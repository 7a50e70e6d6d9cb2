"""A driver's half of the transmit ring: post descriptors, reap what the card has sent.

Frames are posted in bursts, and only the last descriptor of a burst asks
for a report (RS); so one look at one DD bit tells the fate of a whole burst.
The lock is the driver's: the ring is filled from sends and emptied by the
DPC.

Source: 8254x manual 3.3.3, 3.4 (legacy descriptors, the transmit ring).
"""

from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

from ndisemu.drivers.i8254x.library import RingLibrary, TxFrame
from ndisemu.hw import registers as reg
from ndisemu.ndis import SharedMemory, Signal, SpinLock, Status
from ndisemu.ndis.v5 import RegisterSpace

BURST = 64
_COMMAND = reg.TX_EOP | reg.TX_IFCS


F = TypeVar("F", bound=TxFrame)


class Burst(Generic[F]):
    """Frames that are posted together, and the words of their descriptors.

    `sent` is set to their status when the card has taken the last of them.
    """

    __slots__ = ("frames", "last", "sent", "words")

    def __init__(self, frames: Sequence[F]) -> None:
        self.frames = frames
        self.last = 0
        self.sent = Signal()
        words: list[int] = []
        for frame in frames:
            for address, length in frame.segments:
                words += (address, length | _COMMAND)
            if len(frame.segments) > 1:
                _clear_end_of_packet(words, len(frame.segments))
        words[-1] |= reg.TX_RS
        self.words = words

    @property
    def descriptors(self) -> int:
        """How many descriptors it takes."""
        return len(self.words) // 2


class TxRing(Generic[F]):
    """`count` transmit descriptors; one stays free so that a full ring does not look empty."""

    def __init__(self, ndis: RingLibrary, registers: RegisterSpace, count: int) -> None:
        self._ndis = ndis
        self._registers = registers
        self._memory: SharedMemory | None = ndis.allocate_shared_memory(16 * count, alignment=128, purpose="TX ring")
        if self._memory is None:
            raise MemoryError(f"no room for a TX ring of {count} descriptors")
        self._ring = self._memory.ring()
        self._lock: SpinLock = ndis.allocate_spin_lock("TX ring")
        self._posted: deque[Burst[F]] = deque()
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

    def split(self, frames: Sequence[F]) -> list[Burst[F]]:
        """Cut frames into bursts that fit the ring, in order; a frame of too many buffers has failed already."""
        if len(frames) <= BURST:
            burst = Burst(frames)
            if burst.descriptors < self._ring.count:
                return [burst]
            if len(frames) == 1:
                # There will never be room for it.
                burst.sent.set(Status.INVALID_PACKET)
                return [burst]
        half = len(frames) // 2
        return self.split(frames[:half]) + self.split(frames[half:])

    def has_room(self, burst: Burst[F]) -> bool:
        """Whether `burst` fits into the ring now."""
        return self._free >= burst.descriptors

    def room(self) -> Signal:
        """Await this for some room; one coroutine at a time, which the driver's turn sees to."""
        self._room = Signal()
        return self._room

    def post(self, burst: Burst[F]) -> None:
        """Write the descriptors of `burst`, for which there is room, and ring the doorbell."""
        count = burst.descriptors
        ring = self._ring
        with self._lock:
            ring.write(self._tail, burst.words)
            burst.last = (self._tail + count - 1) % ring.count
            self._tail = (burst.last + 1) % ring.count
            self._free -= count
            self._posted.append(burst)
            self._registers.write(reg.TDT, self._tail)

    def reap(self) -> None:
        """Find the bursts the card has sent, oldest first, and wake who waits for them; in the DPC."""
        posted, words = self._posted, self._ring.words
        self._lock.dpr_acquire()
        done = []
        while posted and words[2 * posted[0].last + 1] & reg.TX_DD:
            burst = posted.popleft()
            self._free += burst.descriptors
            done.append(burst)
        room, self._room = self._room if done else None, None if done else self._room
        self._lock.dpr_release()
        for burst in done:
            burst.sent.set(Status.SUCCESS)
        if room is not None:
            room.set()

    @property
    def _ring_address(self) -> int:
        return self._memory.address if self._memory is not None else 0


def _clear_end_of_packet(words: list[int], segments: int) -> None:
    """Only the last descriptor of a frame ends it."""
    for place in range(len(words) - 2 * segments + 1, len(words) - 1, 2):
        words[place] &= ~reg.TX_EOP
