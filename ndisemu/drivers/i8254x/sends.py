"""How NET_BUFFER_LISTs become bursts for the transmit ring, and end when their frames have been sent.

One list may be many frames, and a burst the frames of many lists. A list has
ended with the burst that has its last frame; it has one status for all of
them, which is SUCCESS from the beginning unless a frame fails. Frames are
mapped for the card while they are on their way. What is queued can be taken
back, list by list, if all of its frames are in one burst.

Not here: whose turn it is, and waiting for room; see `ring6`.
"""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.i8254x.transmit import Burst, TxRing
from ndisemu.drivers.information import Counters
from ndisemu.ndis import SpinLock, Status, v6

_SUCCESS: Final = Status.SUCCESS


class ListSends:
    """The sends of one driver; `pending` is how many lists have not ended."""

    def __init__(
        self, ndis: v6.MiniportLibrary, tx: TxRing[v6.NetBuffer], dma: v6.DmaChannel, counters: Counters
    ) -> None:
        self._ndis = ndis
        self._tx = tx
        self._dma = dma
        self._counters = counters
        self._lock: SpinLock = ndis.allocate_spin_lock("sends")
        self._queued: dict[Burst[v6.NetBuffer], None] = {}
        self.pending = 0

    def split(self, nbls: Sequence[v6.NetBufferList]) -> list[Burst[v6.NetBuffer]]:
        """Map the frames of lists and cut them into bursts that fit the ring; a list with too long a frame fails."""
        success, longest = _SUCCESS, self._tx.longest
        for nbl in nbls:
            nbl.status = success
        frames = _frames_of(nbls)
        bursts = self._tx.split(frames)
        for burst in bursts:
            if burst.longest > longest:
                nbls = self._refuse_too_long(nbls)
                return self.split(nbls) if nbls else []
        self.pending += len(nbls)
        self._dma.map(frames)
        if len(bursts) == 1:
            bursts[0].ends = nbls
        else:
            for burst in bursts:
                burst.ends = [frame.nbl for frame in burst.frames if frame is frame.nbl.buffers[-1]]
        return bursts

    def wait(self, bursts: Sequence[Burst[v6.NetBuffer]]) -> None:
        """These bursts are queued from now on, and may be taken back."""
        with self._lock:
            self._queued |= dict.fromkeys(bursts)

    def begin(self, burst: Burst[v6.NetBuffer]) -> None:
        """It is this burst's turn: from now on it is not queued any more."""
        with self._lock:
            del self._queued[burst]

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
        gone: list[v6.NetBufferList] = []
        with self._lock:
            for burst in self._queued:
                gone += _take_out(burst, cancel_id)
        for nbl in gone:
            nbl.status = Status.SEND_ABORTED
        self._dma.unmap(_frames_of(gone))
        self.pending -= len(gone)
        self._ndis.send_complete(gone)

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
        longest = self._tx.longest
        refused = [nbl for nbl in nbls if any(frame.length > longest for frame in nbl.buffers)]
        for nbl in refused:
            nbl.status = Status.INVALID_LENGTH
        accepted = [nbl for nbl in nbls if nbl.status is _SUCCESS]
        self._ndis.send_complete(refused)
        return accepted


def _frames_of(nbls: Sequence[v6.NetBufferList]) -> Sequence[v6.NetBuffer]:
    """Return the frames of lists, in order."""
    if len(nbls) == 1:
        return nbls[0].buffers
    alone = [nbl.frame for nbl in nbls]
    if all(alone):
        return alone  # type: ignore[return-value]
    frames: list[v6.NetBuffer] = []
    for nbl in nbls:
        frames += nbl.buffers
    return frames


def _take_out(burst: Burst[v6.NetBuffer], cancel_id: int) -> list[v6.NetBufferList]:
    """Take the lists of this id out of a burst that is queued, if they begin and end in it; returns them."""
    if burst.is_set or not cancel_id:
        return []
    gone = [nbl for nbl in burst.ends if nbl.cancel_id == cancel_id and nbl.buffers[0] in burst.frames]
    burst.ends = [nbl for nbl in burst.ends if nbl not in gone]
    burst.leave_out(lambda frame: frame.nbl in gone)
    return gone
