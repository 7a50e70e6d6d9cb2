"""How the frames of a list leave: in the order of the list, and all of them.

What is told here of frames that have never left is for `unsent`, which by itself can only count.
"""

from collections import deque
from collections.abc import Sequence
from itertools import repeat
from typing import Any, Final

from ndisemu.frame.ethernet import MIN_FRAME, padded, untagged
from ndisemu.ndis.status import Status
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import Model, Rule, before, quiet, wire
from ndisemu.verifier.rules.send.completion import COMPLETIONS, SUBMISSIONS
from ndisemu.verifier.rules.send.unsent import SendSuccessUnsent
from ndisemu.verifier.watch import Watch


class _Sent:
    """One submission of a list: its frames, and which of them was the last that has left."""

    __slots__ = ("frames", "last", "nbl")

    def __init__(self, nbl: Any, frames: Sequence[bytes]) -> None:
        self.nbl = nbl
        self.frames = frames
        self.last = 0


class SendNbOrder(Rule):
    """The NET_BUFFERs of a list leave the card in the order in which they are in it.

    Frames are known by their contents, so of frames on their way that are alike nothing is said. Mostly lists leave as
    they were submitted, which is one comparison for each; only when one does not are frames looked for one by one.
    """

    id = "send-nb-order"
    models = Model.NDIS6
    source = "DDK: MiniportSendNetBufferLists"
    why = "They are one flow, such as the segments of one message, and a receiver takes what overtakes for a loss."

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        # Lists of which nothing has left, in the order of their submission, which may be after their completion.
        self._waiting: deque[_Sent] = deque()
        # Frames of other lists that have not left; None where several are alike.
        self._places: dict[bytes, tuple[_Sent, int] | None] = {}
        self._lists: dict[Any, _Sent] = {}

    @before(*SUBMISSIONS)
    def submitting(self, call: Call) -> None:
        """Note the frames of lists that have several."""
        frames = call.frames()
        if frames is None or len(frames) == len(call.items):
            return
        if call.shortest() < MIN_FRAME:
            frames = [padded(frame) for frame in frames]
        start = 0
        for nbl in call.items:
            count = len(nbl.buffers)
            if count > 1:
                self._forget(self._lists.pop(nbl, None))
                sent = self._lists[nbl] = _Sent(nbl, frames[start : start + count])
                self._waiting.append(sent)
            start += count

    @wire
    def sent(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Look whether a later frame of the same list has left before."""
        if not self._places:
            frames = self._after_whole_lists(frames)
        if not frames:
            return
        self._note_waiting()
        pop = self._places.pop
        for frame in frames if self._places else ():
            found = pop(frame, None) or pop(padded(frame), None) or pop(padded(untagged(frame)), None)
            if found is None:
                continue
            sent, place = found
            if place < sent.last:
                self.broken(
                    f"the card of {self.watch.adapter.name} sent frame {place + 1} of {sent.nbl!r} after frame "
                    f"{sent.last + 1}; send the frames of a list in their order",
                    sent.nbl,
                )
            sent.last = place

    @quiet
    def look(self) -> None:
        """What has not left by now never will, and its list has not failed."""
        if self.watch.adapter.sends.in_flight:
            return
        self._note_waiting()
        unsent = next((rule for rule in self.watch.rules if isinstance(rule, SendSuccessUnsent)), None)
        for sent, place in filter(None, self._places.values()):
            # What its miniport has not completed, NDIS has ended in its place.
            if unsent is not None and self._lists.get(sent.nbl) is not sent:
                unsent.miss(sent.nbl, place + 1, len(sent.frames))
        self._places.clear()
        self._lists.clear()

    @before(*COMPLETIONS)
    def completing(self, call: Call) -> None:
        """Forget what has failed, and so may never leave."""
        for nbl in call.items if self._lists else ():
            sent = self._lists.pop(nbl, None)
            if nbl.status is not Status.SUCCESS:
                self._forget(sent)

    def _after_whole_lists(self, frames: Sequence[bytes]) -> Sequence[bytes]:
        """Return what is sent after lists that leave as they were submitted, one after the other."""
        waiting, start = self._waiting, 0
        while waiting and waiting[0].frames == frames[start : start + len(waiting[0].frames)]:
            start += len(waiting.popleft().frames)
        return frames[start:]

    def _note_waiting(self) -> None:
        """Look for the frames of all lists one by one from now on."""
        while self._waiting:
            self._note(self._waiting.popleft())

    def _note(self, sent: _Sent) -> None:
        """Note where the frames of a list are in it."""
        places, frames, count = self._places, sent.frames, len(sent.frames)
        if len(dict.fromkeys(frames)) == count and places.keys().isdisjoint(frames):
            places.update(zip(frames, zip(repeat(sent, count), range(count), strict=True), strict=True))
            return
        for place, frame in enumerate(frames):
            places[frame] = None if frame in places else (sent, place)

    def _forget(self, sent: _Sent | None) -> None:
        """A list may never leave; what has left in its place was one like it, of which nothing is said either."""
        if sent is not None:
            self._note_waiting()
            for frame in sent.frames:
                self._places.pop(frame, None)


RULES: Final[tuple[type[Rule], ...]] = (SendNbOrder,)
