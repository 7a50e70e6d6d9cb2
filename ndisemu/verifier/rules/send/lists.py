"""What a miniport makes of the NET_BUFFER_LISTs that it is given to send."""

from typing import Final

from ndisemu.frame.ethernet import HEADER
from ndisemu.ndis.status import Status
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import Model, Refused, Rule, before
from ndisemu.verifier.watch import Watch

_COMPLETION: Final = "NdisMSendNetBufferListsComplete"
# Asked of each list; on a class of Python 3.11 a member is dear.
_SUCCESS: Final = Status.SUCCESS


class SendNblStatusSet(Refused):
    """A miniport sets the status of a list before it completes it."""

    id = "send-nbl-status-set"
    models = Model.NDIS6
    source = "seed 003; DDK: NdisMSendNetBufferListsComplete"
    why = "The completion has no status of its own. What is left in the list is that of another send, and often a success."


class SendNblStatusValue(Refused):
    """A list ends with one of the statuses that NDIS has for the end of a send."""

    id = "send-nbl-status-value"
    models = Model.NDIS6
    source = "DDK: NdisMSendNetBufferListsComplete"
    why = "A protocol decides by the status whether to send again, to wait or to give up, and knows no others."


class SendNbListUnmodified(Refused):
    """The NET_BUFFERs of a list are the same when it is completed as when it was submitted."""

    id = "send-nb-list-unmodified"
    models = Model.NDIS6
    source = "DDK: NdisMSendNetBufferListsComplete"
    why = "The protocol frees what it finds in the list. What was unlinked is never freed."


class SendAsyncOnly6(Refused):
    """MiniportSendNetBufferLists returns nothing, unless it is a coroutine that ends with how its lists have ended."""

    id = "send-async-only-6"
    models = Model.NDIS6
    source = "seed 003; ndisemu: coroutines as entry points"
    why = "Lists end by their completion. A value that is returned in its place is not seen, and they stay pending."


class SendStatusMatchesReason(Rule):
    """A list that fails says why: SEND_ABORTED after a cancel, PAUSED in a pause, RESET_IN_PROGRESS in a reset, INVALID_LENGTH."""

    id = "send-status-matches-reason"
    models = Model.NDIS6
    source = "DDK: NdisMSendNetBufferListsComplete"
    why = "A protocol that is told of a cancel or a reset which never was waits for the wrong thing, or for nothing."
    advisory = True

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._cancelled: dict[int, None] = {}

    @before("MiniportCancelSend")
    def cancelling(self, call: Call) -> None:
        """Note what may end with SEND_ABORTED from now on; an id that is none is the protocol's mistake, and has been told."""
        cancelled = call.argument("cancel_id")
        if isinstance(cancelled, int):
            self._cancelled[cancelled] = None

    @before(_COMPLETION)
    def completing(self, call: Call) -> None:
        """Look for a reason that does not fit."""
        statuses = [nbl.status for nbl in call.items]
        if statuses.count(_SUCCESS) == len(statuses):
            return
        for nbl, status in zip(call.items, statuses, strict=True):
            if status is not _SUCCESS and not self._fits(status, nbl):
                self.broken(
                    f"{self.watch.adapter.name} completed {nbl!r} with {status}, for which there is no reason now; "
                    "NDIS_STATUS_FAILURE says no more than that it failed",
                    nbl,
                )
                return

    def _fits(self, status: object, nbl: object) -> bool:
        adapter = self.watch.adapter
        if status is Status.SEND_ABORTED:
            return getattr(nbl, "cancel_id", None) in self._cancelled
        if status is Status.PAUSED:
            return not adapter.running or adapter.refuses_sends is Status.PAUSED
        if status is Status.RESET_IN_PROGRESS:
            return adapter.resetting.in_progress
        if status is Status.INVALID_LENGTH:
            longest = adapter.maximum_total_size
            return any(not HEADER <= buffer.length <= longest for buffer in getattr(nbl, "buffers", ()))
        return True


RULES: Final[tuple[type[Rule], ...]] = (
    SendNblStatusSet,
    SendNblStatusValue,
    SendNbListUnmodified,
    SendAsyncOnly6,
    SendStatusMatchesReason,
)
