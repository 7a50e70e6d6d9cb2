"""A driver's half of the transmit ring: post descriptors, reap what the card has sent.

Frames are posted in bursts, and only the last descriptor of a burst asks
for a report (RS); so one look at one DD bit tells the fate of a whole burst.
The lock is the driver's: the ring is filled from sends and emptied by the
DPC.

Source: 8254x manual 3.3.3, 3.4 (legacy descriptors, the transmit ring).
"""

from array import array
from collections import deque
from collections.abc import Callable, MutableSequence, Sequence
from typing import Generic, TypeVar, cast

from ndisemu.drivers.i8254x.library import RingLibrary, TxFrame
from ndisemu.hw import registers as reg
from ndisemu.ndis import RegisterSpace, SharedMemory, Signal, SpinLock, Status, v6

BURST = 64
_COMMAND = reg.TX_EOP | reg.TX_IFCS
_LAST = _COMMAND | reg.TX_RS
_DONE = reg.TX_DD
_SUCCESS, _PENDING = Status.SUCCESS, Status.PENDING


F = TypeVar("F", bound=TxFrame)


class Burst(Signal, Generic[F]):
    """Frames that are posted together, and the words of their descriptors; awaiting it gives the status it ended with.

    It ends, and is `set` to how, when the card has taken the last of them, or
    when nothing is left of them to post. `longest` is the length of the
    longest frame. `ends` are the lists whose last frame is in it, where frames
    come in lists; `descriptors` is how many it takes, none if one of the
    frames has nothing in it.
    """

    __slots__ = ("descriptors", "ends", "frames", "last", "longest", "words")

    def __init__(self, frames: Sequence[F]) -> None:
        # As a `Signal` does, without another call for each single send.
        self.is_set = False
        self.value = None
        self._waiter = None
        self.frames = frames
        self.ends: Sequence[v6.NetBufferList] = ()
        self.last = 0
        self._describe()

    @property
    def status(self) -> Status:
        """With what it has ended, and PENDING until then."""
        return cast("Status", self.value) if self.is_set else _PENDING

    def leave_out(self, gone: Callable[[F], bool]) -> list[F]:
        """Take frames out that are not to be sent, as long as the burst is not posted; returns them."""
        out = [] if self.is_set else [frame for frame in self.frames if gone(frame)]
        if out:
            self.frames = [frame for frame in self.frames if not gone(frame)]
            if self.frames:
                self._describe()
            else:
                self.set(Status.REQUEST_ABORTED)
        return out

    def _describe(self) -> None:
        """Make the words that offer the frames to the card, none if one is empty; the last of them asks for a report."""
        frames = self.frames
        self.words: MutableSequence[int]
        if len(frames) == 1 and (address := frames[0].address):
            self.longest = length = frames[0].length
            self.words = [address, length | _LAST]
            self.descriptors = 1
            return
        lengths = [frame.length for frame in frames]
        # Mostly a whole burst has one length.
        alike = lengths.count(lengths[0]) == len(lengths)
        self.longest = longest = lengths[0] if alike else max(lengths)
        addresses = [frame.address for frame in frames]
        if all(addresses):
            # Each is in one piece (an eighth of the time of the general way).
            words = array("Q", [longest | _COMMAND]) * (2 * len(frames))
            words[::2] = array("Q", addresses)
            if not alike:
                words[1::2] = array("Q", [length | _COMMAND for length in lengths])
        else:
            parts = [_parts(frame.segments) for frame in frames]
            words = array("Q", [word for part in parts for word in part] if all(parts) else [])
        if words:
            words[-1] |= reg.TX_RS
        self.words = words
        self.descriptors = len(words) // 2


class TxRing(Generic[F]):
    """`count` transmit descriptors; one stays free so that a full ring does not look empty.

    `longest` is the length of the longest frame that may be sent.
    """

    def __init__(self, ndis: RingLibrary, registers: RegisterSpace, count: int, longest: int) -> None:
        self.longest = longest
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
        self._stopped: Status | None = None
        self._suspect: tuple[Burst[F] | None, int] = (None, 0)

    def start(self) -> None:
        """Tell the card where the ring is, and let it transmit, padding short frames."""
        self._stopped = None
        write = self._registers.write
        write(reg.TDBAL, self._ring_address & 0xFFFFFFFF)
        write(reg.TDBAH, self._ring_address >> 32)
        write(reg.TDLEN, 16 * self._ring.count)
        write(reg.TDH, 0)
        write(reg.TDT, 0)
        write(reg.TCTL, reg.TCTL_EN | reg.TCTL_PSP)

    def stop(self, status: Status) -> Sequence[Burst[F]]:
        """The card was reset: end with `status` what it has not sent, and what is posted until the next start.

        Returns the bursts that the ring had.
        """
        words = self._ring.words
        with self._lock:
            self._stopped = status
            posted = tuple(self._posted)
            self._posted.clear()
            self._tail = 0
            self._free = self._ring.count - 1
            room, self._room = self._room, None
        for burst in posted:
            burst.set(Status.SUCCESS if words[2 * burst.last + 1] & _DONE else status)
        if room is not None:
            room.set()
        return posted

    def is_stuck(self) -> bool:
        """Whether the card has moved nothing since this was asked last, and has something to send."""
        before = self._suspect
        self._suspect = (self._posted[0] if self._posted else None, self._registers.read(reg.TDH))
        return self._suspect == before and before[0] is not None

    def free(self) -> None:
        """Give the ring's memory back."""
        if self._memory is not None:
            self._ndis.free_shared_memory(self._memory)
            self._memory = None

    def split(self, frames: Sequence[F]) -> list[Burst[F]]:
        """Cut frames into bursts that fit the ring, in order; that of a frame which never can be sent has ended already."""
        if len(frames) <= BURST:
            burst = Burst(frames)
            if burst.longest <= self.longest and 0 < burst.descriptors < self._ring.count:
                return [burst]
            if len(frames) == 1:
                burst.set(self._misfit(burst))
                return [burst]
        half = len(frames) // 2
        return self.split(frames[:half]) + self.split(frames[half:])

    def _misfit(self, burst: Burst[F]) -> Status:
        """Say why a frame can never be posted: it is too long, or has nothing in it, or has too many buffers."""
        wrong = burst.longest > self.longest or not burst.words
        return Status.INVALID_LENGTH if wrong else Status.INVALID_PACKET

    @property
    def posted(self) -> int:
        """How many bursts the card has."""
        return len(self._posted)

    def has_room(self, burst: Burst[F]) -> bool:
        """Whether `burst` fits into the ring now."""
        return self._free >= burst.descriptors

    def room(self) -> Signal:
        """Await this for some room; one coroutine at a time, which the driver's turn sees to."""
        room = Signal()
        with self._lock:
            if self._posted:
                self._room = room
        if self._room is not room:
            # All of it, since somebody looked.
            room.set()
        return room

    def post(self, bursts: Sequence[Burst[F]]) -> Sequence[Burst[F]]:
        """Write the descriptors of `bursts` in order, and ring the doorbell; returns those for which there is no room.

        One that has ended is passed over; a stopped ring ends them all.
        """
        ring = self._ring
        left: Sequence[Burst[F]] = ()
        self._lock.acquire()
        try:
            size, tail, stopped = ring.count, self._tail, self._stopped
            for burst in bursts:
                if burst.is_set:
                    continue
                if stopped is not None:
                    burst.set(stopped)
                    continue
                count = burst.descriptors
                if count > self._free:
                    left = bursts[bursts.index(burst) :]
                    break
                ring.write(tail, burst.words)
                tail += count
                if tail > size:
                    tail -= size
                burst.last = tail - 1
                if tail == size:
                    tail = 0
                self._free -= count
                self._posted.append(burst)
            if tail != self._tail:
                self._tail = tail
                self._registers.write(reg.TDT, tail)
        finally:
            self._lock.release()
        return left

    def reap(self) -> list[Burst[F]]:
        """End the bursts the card has sent, oldest first, and make room of their descriptors; in the DPC.

        Returns them, for drivers that do not wait for each.
        """
        posted, words = self._posted, self._ring.words
        self._lock.dpr_acquire()
        done = []
        room = None
        while posted and words[2 * posted[0].last + 1] & _DONE:
            burst = posted.popleft()
            self._free += burst.descriptors
            done.append(burst)
        if done:
            room, self._room = self._room, None
        self._lock.dpr_release()
        for burst in done:
            burst.set(_SUCCESS)
        if room is not None:
            room.set()
        return done

    @property
    def _ring_address(self) -> int:
        return self._memory.address if self._memory is not None else 0


def _parts(segments: Sequence[tuple[int, int]]) -> list[int]:
    """Return the words of one frame, of which the last descriptor ends it; none if there is nothing in it."""
    words = [word for address, length in segments if length for word in (address, length | reg.TX_IFCS)]
    if words:
        words[-1] |= reg.TX_EOP
    return words
