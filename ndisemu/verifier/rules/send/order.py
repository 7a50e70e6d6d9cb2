"""In which order the frames of a list leave: that of the list."""

from collections.abc import Sequence
from typing import Any, Final

from ndisemu.frame.ethernet import MIN_FRAME, untagged
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import Model, Rule, before, wire
from ndisemu.verifier.rules.send.completion import COMPLETIONS, SUBMISSIONS
from ndisemu.verifier.watch import Watch


class SendNbOrder(Rule):
    """The NET_BUFFERs of a list leave the card in the order in which they are in it.

    Frames are known by their contents, so of frames on their way that are alike nothing is said.
    """

    id = "send-nb-order"
    models = Model.NDIS6
    source = "DDK: MiniportSendNetBufferLists"
    why = "They are one flow, such as the segments of one message, and a receiver takes what overtakes for a loss."

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        # Of which list a frame is, and which of its frames; None where several are alike.
        self._places: dict[bytes, tuple[Any, int] | None] = {}
        self._frames: dict[Any, Sequence[bytes]] = {}
        self._last: dict[Any, int] = {}

    @before(*SUBMISSIONS)
    def submitting(self, call: Call) -> None:
        """Note the frames of lists that have several."""
        frames = call.frames()
        if frames is None or len(frames) == len(call.items):
            return
        start = 0
        for nbl in call.items:
            count = len(nbl.buffers)
            if count > 1:
                self._frames[nbl] = [frame.ljust(MIN_FRAME, b"\0") for frame in frames[start : start + count]]
                for place, frame in enumerate(self._frames[nbl]):
                    self._places[frame] = None if frame in self._places else (nbl, place)
            start += count

    @wire
    def sent(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Look whether a later frame of the same list has left before."""
        for frame in frames if self._places else ():
            bare = untagged(frame).ljust(MIN_FRAME, b"\0")
            nbl, place = self._places.get(frame) or self._places.get(bare) or (None, 0)
            if nbl is None:
                continue
            if place < self._last.get(nbl, 0):
                before, after = place + 1, self._last[nbl] + 1
                self.broken(
                    f"the card of {self.watch.adapter.name} sent frame {before} of {nbl!r} after frame {after}; "
                    "send the frames of a list in their order",
                    nbl,
                )
            self._last[nbl] = place

    @before(*COMPLETIONS)
    def completing(self, call: Call) -> None:
        """Forget what is on its way no more."""
        for nbl in call.items if self._frames else ():
            self._last.pop(nbl, None)
            for frame in self._frames.pop(nbl, ()):
                self._places.pop(frame, None)


RULES: Final[tuple[type[Rule], ...]] = (SendNbOrder,)
