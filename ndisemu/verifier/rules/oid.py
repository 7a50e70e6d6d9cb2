"""The rules of OID requests."""

from typing import Final

from ndisemu.frame.ethernet import HEADER
from ndisemu.ndis import Oid, OidRequest, Status
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import EVERY, V5, Code, Refused, Rule, before, ended
from ndisemu.verifier.watch import Watch

_ENTRIES: Final = ("MiniportQueryInformation", "MiniportSetInformation", "MiniportOidRequest")
_COMPLETIONS: Final = ("NdisMQueryInformationComplete", "NdisMSetInformationComplete", "NdisMOidRequestComplete")
_SHORT: Final = (Status.BUFFER_TOO_SHORT, Status.INVALID_LENGTH)
# Queries that are answered by their success, or with a list that has nothing in it.
_MAY_BE_EMPTY: Final = (Oid.E802_3_MULTICAST_LIST, Oid.PNP_QUERY_POWER)
# How long a frame may be, with its header and without.
_LONGEST: Final = (Oid.GEN_MAXIMUM_TOTAL_SIZE, Oid.GEN_MAXIMUM_FRAME_SIZE)
# What a request may end with.
STATUSES: Final = (
    Status.SUCCESS, Status.PENDING, Status.INVALID_OID, Status.NOT_SUPPORTED, Status.BUFFER_TOO_SHORT,
    Status.INVALID_LENGTH, Status.INVALID_DATA, Status.NOT_ACCEPTED, Status.REQUEST_ABORTED, Status.RESOURCES,
    Status.FAILURE, Status.INDICATION_REQUIRED, Status.MULTICAST_FULL,
)  # fmt: skip


class OidDoubleComplete(Refused):
    """A pending request is completed once, and nothing else is completed."""

    id = "oid-double-complete"
    models = EVERY
    source = "seed 000; DDK: NdisMOidRequestComplete"
    why = "The requester has its memory back since the first time, and NDIS has given the miniport the next request."
    microsoft = "DoubleCompletion"
    code = Code(0x7C, "BUGCODE_NDIS_DRIVER", ("the request is not pending",))


class OidSyncThenComplete(Refused):
    """A handler that has completed its request by a call returns NDIS_STATUS_PENDING."""

    id = "oid-sync-then-complete"
    models = EVERY
    source = "Static Driver Verifier: DoubleCompletion; DDK: MiniportOidRequest"
    why = "Any other status is a second completion, of a request that belongs to its requester, or of the next one."
    microsoft = "DoubleCompletion"


class OidAnswerBytes(Refused):
    """A query is answered with bytes."""

    id = "oid-answer-bytes"
    models = EVERY
    source = "ndisemu: a driver in Python can put anything where in C there is a buffer"
    why = "Requesters take the answer apart as the structure that the OID has."


class OidNeverCompleted(Refused):
    """A request that pends is completed."""

    id = "oid-never-completed"
    models = EVERY
    source = "seed 000; DDK: MiniportOidRequest"
    why = "NDIS gives an adapter one request at a time: all others wait behind it, and so does a close."
    microsoft = "NdisTimedOidComplete"


class OidCompletePendingStatus(Refused):
    """A request is completed with a final status, and never with NDIS_STATUS_PENDING."""

    id = "oid-complete-pending-status"
    models = EVERY
    source = "DDK: NdisMOidRequestComplete"
    why = "It would say that the end is still to come, and it does not."


class OidReturnStatus(Refused):
    """The handler of a request returns a status: a final one, or PENDING."""

    id = "oid-return-status"
    models = EVERY
    source = "DDK: MiniportOidRequest, MiniportQueryInformation, MiniportSetInformation"
    why = "Anything else is read as whatever its bits happen to say."


class OidSetPower(Refused):
    """OID_PNP_SET_POWER succeeds."""

    id = "oid-set-power"
    models = EVERY
    source = "DDK: OID_PNP_SET_POWER"
    why = "The machine goes to sleep all the same, with a card that is not prepared for it."


class OidMandatory(Refused):
    """What NDIS asks of every adapter after its start is answered."""

    id = "oid-mandatory"
    models = EVERY
    source = "NDIS reference 4.5"
    why = "Without the size of its frames and its address no protocol can bind to it."


class OidFailed(Refused):
    """A protocol that asks for what it needs gets it, or does without."""

    id = "oid-failed"
    models = EVERY
    source = "ndisemu: `await binding.query(...)` raises where the request fails"
    why = "A protocol that goes on without the answer works with what it does not know."


class Answer(Rule):
    """What is looked at when a request ends, by the return of its entry point or by its completion."""

    models = EVERY

    @ended(*_ENTRIES)
    def returned(self, call: Call) -> None:
        """The entry point is over: with PENDING, a completion has followed, or will."""
        request = call.argument("request")
        status = call.result
        if call.error is None and status is not Status.PENDING:
            self._look_at(request, status)

    @before(*_COMPLETIONS)
    def completing(self, call: Call) -> None:
        """The driver completes what is pending, which in 5.x is the only one."""
        self._look_at(call.argument("request", self.watch.adapter.requests.current), call.argument("status"))

    def _look_at(self, request: object, status: object) -> None:
        """Judge what is a request, a status and an answer at all; what is not is for other rules."""
        if isinstance(request, OidRequest) and isinstance(status, Status) and type(request.answered) is bytes:
            self.judge(request, status)

    def judge(self, request: OidRequest, status: Status) -> None:
        """Look at a request that ends with `status`."""
        raise NotImplementedError


class OidBytesWritten(Answer):
    """An answer is not longer than the buffer of its request."""

    id = "oid-bytes-written"
    source = "DDK: NDIS_OID_REQUEST (BytesWritten)"
    why = "The requester reads that many bytes, beyond what it has."
    microsoft = "OidComplete"

    def judge(self, request: OidRequest, status: Status) -> None:
        """Measure the answer."""
        if len(request.answered) > request.length:
            self.broken(
                f"the {request!r} was answered with {len(request.answered)} bytes, into a buffer of {request.length}; "
                "answer INVALID_LENGTH with the bytes needed",
                request,
            )


class OidBytesNeeded(Answer):
    """Who says that a buffer is too short says how long it must be."""

    id = "oid-bytes-needed"
    source = "DDK: NDIS_OID_REQUEST (BytesNeeded)"
    why = "The requester asks again with that size, and with 0 for ever."

    def judge(self, request: OidRequest, status: Status) -> None:
        """Look at what is said to be needed."""
        if not request.is_set and status in _SHORT and request.needed <= request.length:
            self.broken(
                f"the {request!r} ended with {status}, and {request.needed} bytes needed of the {request.length} "
                "that there are; say how many it takes",
                request,
            )


class OidQueryBytesSet(Answer):
    """A query that succeeds has an answer."""

    id = "oid-query-bytes-set"
    source = "DDK: NDIS_OID_REQUEST (BytesWritten)"
    why = "The requester takes what lay in its buffer before for the answer."

    def judge(self, request: OidRequest, status: Status) -> None:
        """Look whether there is one; an empty list is an answer."""
        asked = not request.is_set and request.length and request.oid not in _MAY_BE_EMPTY
        if asked and status is Status.SUCCESS and not request.answered:
            self.broken(f"the {request!r} succeeded without an answer; call request.answer with the bytes", request)


class OidUnknown(Answer):
    """A request ends with one of the statuses that requests end with."""

    id = "oid-unknown"
    source = "DDK: MiniportOidRequest"
    why = "Requesters look for NOT_SUPPORTED or INVALID_OID to learn that they must do without."

    def judge(self, request: OidRequest, status: Status) -> None:
        """Compare the status with those that are documented."""
        if status not in STATUSES:
            self.broken(f"the {request!r} ended with {status}; what is not known ends with NOT_SUPPORTED", request)


class OidTotalSize(Answer):
    """OID_GEN_MAXIMUM_TOTAL_SIZE is OID_GEN_MAXIMUM_FRAME_SIZE and the header."""

    id = "oid-total-size"
    models = V5
    source = "DDK: OID_GEN_MAXIMUM_TOTAL_SIZE, OID_GEN_MAXIMUM_FRAME_SIZE"
    why = "Protocols make their buffers and their frames by either: the longest frame would be too long for the other one."

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._sizes: dict[Oid, int] = {}

    def judge(self, request: OidRequest, status: Status) -> None:
        """Compare the two, as soon as somebody has asked for both."""
        if request.oid not in _LONGEST or request.is_set or status is not Status.SUCCESS:
            return
        sizes = self._sizes
        sizes[request.oid] = int.from_bytes(request.answered, "little")
        total, most = (sizes.get(oid) for oid in _LONGEST)
        if total is not None and most is not None and total < most + HEADER:
            self.broken(
                f"{self.watch.adapter.name} answers OID_GEN_MAXIMUM_TOTAL_SIZE with {total} and OID_GEN_MAXIMUM_FRAME_SIZE "
                f"with {most}; the total is with the header of {HEADER} bytes: answer {most + HEADER}",
                request,
            )


class OidSurprise(Answer):
    """A request that is completed after the card was pulled out ends with NOT_ACCEPTED, or as it ended before."""

    id = "oid-surprise"
    source = "DDK: MiniportDevicePnPEventNotify"
    why = "An answer from registers that read as all ones is no answer."

    def judge(self, request: OidRequest, status: Status) -> None:
        """Look at the status of a query that a missing card has answered."""
        if self.watch.adapter.removed and status is Status.SUCCESS and not request.is_set:
            self.broken(f"the {request!r} succeeded after the card was removed; end it with NOT_ACCEPTED", request)


RULES: Final[tuple[type[Rule], ...]] = (
    OidDoubleComplete, OidSyncThenComplete, OidAnswerBytes, OidNeverCompleted, OidCompletePendingStatus, OidReturnStatus, OidSetPower, OidMandatory, OidFailed,
    OidBytesWritten, OidBytesNeeded, OidQueryBytesSet, OidUnknown, OidTotalSize, OidSurprise,
)  # fmt: skip
