"""What was completed and has not left the card: sends are counted in frames, of which a list may have several."""

from collections.abc import Sequence
from typing import Final

from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.status import Status
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, Model, Rule, before, quiet, wire
from ndisemu.verifier.watch import Watch


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

    @before("NdisMSendNetBufferListsComplete")
    def completing(self, call: Call) -> None:
        """Count further frames, while the lists are as they were submitted."""
        frames = call.frames()
        # Mostly a list is a frame, which the copies tell that are made of a burst anyhow.
        if frames is not None and len(frames) != len(call.items):
            self._further += self._further_of(call.items)

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

    def miss(self, nbl: object, place: int, count: int) -> None:
        """Tell that one frame of a list has never left, unless something like it has been told."""
        if not self._told:
            self._told = True
            name = self.watch.adapter.name
            text = f"{name} has completed {nbl!r} with NDIS_STATUS_SUCCESS, and its card never sent frame {place} of {count}"
            self.broken(f"{text}; complete what is not sent with the status that says why", nbl)

    def _further_of(self, nbls: Sequence[NetBufferList]) -> int:
        """Return how many frames the lists with SUCCESS have beyond the first of each; none where NDIS will refuse them."""
        mine, success = self.watch.adapter.sends, Status.SUCCESS
        if len({*nbls}) < len(nbls) or any(nbl.owner is not mine for nbl in nbls):
            return 0
        return sum(len(nbl.submitted) - 1 for nbl in nbls if nbl.frame is None and nbl.status is success)


RULES: Final[tuple[type[Rule], ...]] = (SendSuccessUnsent,)
