"""How NET_BUFFER_LISTs become bursts for the transmit ring, and end when their frames have been sent.

One list may be many frames, and a burst the frames of many lists. A list has
ended with the burst that has its last frame; it has one status for all of
them, which is SUCCESS from the beginning unless a frame fails. Frames are
mapped for the card while they are on their way. Lists of different cancel ids never share a burst, so
that what is queued under one can be taken back as a whole.

Not here: whose turn it is, and waiting for room; see `ring6`.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

from ndisemu.drivers.i8254x.transmit import Burst, TxRing
from ndisemu.drivers.information import Counters
from ndisemu.ndis import SpinLock, Status, v6

_SUCCESS: Final = Status.SUCCESS
_CANCEL_ID: Final = attrgetter("nbl.cancel_id")


class ListSends:
    """The sends of one driver; `pending` is how many lists have not ended, `longest` the longest frame in bytes."""

    def __init__(
        self, ndis: v6.MiniportLibrary, tx: TxRing[v6.NetBuffer], dma: v6.DmaChannel, longest: int, counters: Counters
    ) -> None:
        self._ndis = ndis
        self._tx = tx
        self._dma = dma
        self._longest = longest
        self._counters = counters
        self._lock: SpinLock = ndis.allocate_spin_lock("sends")
        self._cancellable: dict[Burst[v6.NetBuffer], int] = {}
        self.pending = 0

    def split(self, nbls: Sequence[v6.NetBufferList]) -> list[Burst[v6.NetBuffer]]:
        """Map the frames of lists and cut them into bursts that fit the ring; a list with too long a frame fails."""
        plain, success, longest = True, _SUCCESS, self._longest
        for nbl in nbls:
            nbl.status = success
            if nbl.info:
                plain = False
        frames = _frames_of(nbls)
        for frame in frames:
            if frame.length > longest:
                nbls = self._refuse_too_long(nbls)
                frames = _frames_of(nbls)
                break
        if not frames:
            return []
        self.pending += len(nbls)
        self._dma.map(frames)
        bursts = self._tx.split(frames) if plain else self._split_by_cancel_id(frames)
        if len(bursts) == 1:
            bursts[0].ends = nbls
        else:
            for burst in bursts:
                burst.ends = [frame.nbl for frame in burst.frames if frame is frame.nbl.buffers[-1]]
        return bursts

    def wait(self, bursts: Sequence[Burst[v6.NetBuffer]]) -> None:
        """These bursts are queued from now on, and may be taken back."""
        ids = {burst: burst.frames[0].nbl.cancel_id for burst in bursts if burst.frames}
        with self._lock:
            self._cancellable |= {burst: cancel_id for burst, cancel_id in ids.items() if cancel_id}

    def begin(self, burst: Burst[v6.NetBuffer]) -> None:
        """It is this burst's turn: from now on it is not queued any more."""
        if self._cancellable:
            with self._lock:
                self._cancellable.pop(burst, None)

    def end(self, burst: Burst[v6.NetBuffer], status: Status) -> None:
        """Take the frames of a burst from the card, and complete the lists that end with it."""
        frames, ends = burst.frames, burst.ends
        self._dma.unmap(frames)
        if status is _SUCCESS:
            self._counters.sent += len(frames)
        else:
            self._fail(frames, status)
        self.pending -= len(ends)
        self._ndis.send_complete(ends)

    def cancel(self, cancel_id: int) -> None:
        """Give back what is queued under this id; lists of which the card has a part go on."""
        with self._lock:
            queued = [burst for burst, its_id in self._cancellable.items() if its_id == cancel_id and _is_whole(burst)]
            for burst in queued:
                del self._cancellable[burst]
        for burst in queued:
            self.end(burst, Status.SEND_ABORTED)
            burst.frames = burst.ends = ()
            burst.end(Status.SEND_ABORTED)

    def _split_by_cancel_id(self, frames: Sequence[v6.NetBuffer]) -> list[Burst[v6.NetBuffer]]:
        bursts: list[Burst[v6.NetBuffer]] = []
        for _, run in groupby(frames, key=_CANCEL_ID):
            bursts += self._tx.split(list(run))
        return bursts

    def _fail(self, frames: Sequence[v6.NetBuffer], status: Status) -> None:
        """Note the first failure in the lists of these frames."""
        if status is Status.INVALID_PACKET:
            # NDIS 6 has no word for a frame in too many pieces.
            status = Status.FAILURE
        for frame in frames:
            if frame.nbl.status is _SUCCESS:
                frame.nbl.status = status

    def _refuse_too_long(self, nbls: Sequence[v6.NetBufferList]) -> list[v6.NetBufferList]:
        """Fail the lists with a frame longer than MTU and header; returns the others."""
        longest = self._longest
        refused = [nbl for nbl in nbls if any(frame.length > longest for frame in nbl.buffers)]
        for nbl in refused:
            nbl.status = Status.INVALID_LENGTH
        accepted = [nbl for nbl in nbls if nbl.status is _SUCCESS]
        self._ndis.send_complete(refused)
        return accepted


def _frames_of(nbls: Sequence[v6.NetBufferList]) -> list[v6.NetBuffer]:
    """Return the frames of lists, in order."""
    try:
        return [frame for nbl in nbls for (frame,) in [nbl.buffers]]
    except ValueError:
        # One has several.
        return [frame for nbl in nbls for frame in nbl.buffers]


def _is_whole(burst: Burst[v6.NetBuffer]) -> bool:
    """Whether no list of this burst has frames in another one."""
    first, last = burst.frames[0], burst.frames[-1]
    return first is first.nbl.buffers[0] and last is last.nbl.buffers[-1]
