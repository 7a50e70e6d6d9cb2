"""What was completed and has not left the card: sends are counted in frames, of which a list may have several."""

from collections.abc import Sequence
from typing import Final

from ndisemu.ndis.status import Status
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, Model, Rule, after, before, quiet, wire
from ndisemu.verifier.watch import Watch

_LISTS: Final = "NdisMSendNetBufferListsComplete"


class SendSuccessUnsent(Rule):
    """A send that ends with SUCCESS has left the card: every NET_BUFFER of a list."""

    id = "send-success-unsent"
    models = ANY
    source = "DDK: NdisMSendComplete, NdisMSendNetBufferListsComplete"
    why = (
        "The sender forgets what it believes to be on its way, and waits for an answer that nobody has been asked for."
    )

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._sent = 0
        # What lists that ended with SUCCESS had beyond their first frames.
        self._further = 0
        self._told = bool(watch.model & Model.CIRCUITS) or watch.adapter.device.target is not None

    @wire
    def sent(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Count what leaves."""
        self._sent += len(frames)

    @before(_LISTS)
    def completing(self, call: Call) -> None:
        """Count further frames, while the lists are as they were submitted."""
        self._further += self._further_of(call)

    @after(_LISTS)
    def completed(self, call: Call) -> None:
        """Take back what was counted of a call that NDIS has refused."""
        if call.error is not None:
            self._further -= self._further_of(call)

    @before("MiniportReset", "MiniportResetEx", "MiniportHalt", "MiniportHaltEx")
    def ending(self, call: Call) -> None:
        """Look before a driver does something about it."""
        self.look()

    @quiet
    def look(self) -> None:
        """Compare, once; what NDIS loops back itself needs no card."""
        adapter, further = self.watch.adapter, self._further
        loops = getattr(adapter, "loopback", None)
        ended = adapter.sends.completed + further
        if self._told or ended <= self._sent or (loops is not None and loops.looped):
            return
        self._told = True
        sends = f"lists of {ended} NET_BUFFERs" if further else "sends"
        every = "send every NET_BUFFER of a list, and " if further else ""
        self.broken(
            f"{adapter.name} has completed {adapter.sends.completed} {sends} with NDIS_STATUS_SUCCESS, and its card has "
            f"sent {self._sent} frames; {every}complete what is not sent with the status that says why"
        )

    def _further_of(self, call: Call) -> int:
        """Return how many frames the lists of a completion with SUCCESS have beyond the first of each."""
        frames = call.frames()
        # Mostly a list is a frame, which the copies tell that are made of a burst anyhow.
        if frames is None or len(frames) == len(call.items):
            return 0
        mine, success = self.watch.adapter.sends, Status.SUCCESS
        return sum(len(nbl.sent) - 1 for nbl in call.items if nbl.owner is mine and nbl.status is success)


RULES: Final[tuple[type[Rule], ...]] = (SendSuccessUnsent,)
