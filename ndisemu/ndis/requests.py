"""OID requests: one at a time, first come first served, in every generation.

A request goes to the miniport when no other is there; until then it waits
and its caller sees PENDING. What NDIS owns it answers itself (`filterbook`).

Source: NDIS reference 4.5 and 5.8.
"""

from collections import deque
from typing import TYPE_CHECKING

from ndisemu.errors import RuleViolation
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.filterbook import FilterBook
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter


class RequestQueue:
    """The requests of one adapter; `current` is with the miniport."""

    __slots__ = ("_ended_by_call", "_passing", "_waiting", "adapter", "completed", "current", "filters", "submitted")

    def __init__(self, adapter: "Adapter") -> None:
        self.adapter = adapter
        self.current: OidRequest | None = None
        self.submitted = 0
        self.completed = 0
        self._waiting: deque[OidRequest] = deque()
        self._passing = False
        # What the miniport has ended by a call; the return of its entry point must not end it again.
        self._ended_by_call: OidRequest | None = None
        self.filters = FilterBook(adapter)

    def submit(self, request: OidRequest) -> Status:
        """Take a request; returns its final status, or PENDING if a completion will follow."""
        if self.adapter.refuses_requests is not None and not request.urgent:
            return self.adapter.refuses_requests
        if request is self.current or request in self._waiting:
            raise RuleViolation(
                "proto-reuse-pending",
                f"the {request!r} was made again on {self.adapter.name} while it is pending; wait for its completion",
            )
        request.begin()
        self.submitted += 1
        if self.current is not None or (self._waiting and not request.urgent):
            request.pended = True
            if request.urgent:
                self._waiting.appendleft(request)
            else:
                self._waiting.append(request)
            return Status.PENDING
        self._pass_down(request)
        if request.status is None:
            request.pended = True
            return Status.PENDING
        return request.status

    def complete(self, status: Status, *, is_set: bool) -> None:
        """The miniport completes the pending request (`NdisMQueryInformationComplete`, `NdisMSetInformationComplete`)."""
        request = self.current
        if request is None or request.is_set is not is_set:
            raise self.adapter.kernel.refusal(
                "oid-double-complete",
                self.adapter.name,
                f"{self.adapter.name} completed a {'set' if is_set else 'query'}, and "
                f"{f'the pending request is a {request!r}' if request else 'no request is pending'}",
            )
        self.complete_request(request, status)

    def complete_request(self, request: OidRequest, status: Status) -> None:
        """The miniport completes this request, which must be the pending one (`NdisMOidRequestComplete`)."""
        if request is not self.current or self.current is None:
            raise self.adapter.kernel.refusal(
                "oid-double-complete",
                self.adapter.name,
                f"{self.adapter.name} completed the {request!r}, which is not pending there; complete each exactly once",
            )
        if status is Status.PENDING:
            raise self.adapter.kernel.refusal(
                "oid-complete-pending-status",
                self.adapter.name,
                f"{self.adapter.name} completed the {request!r} with NDIS_STATUS_PENDING; a completion is final",
            )
        self._ended_by_call = request
        self._end(request, status)

    def withdraw(self, request: OidRequest, status: Status) -> bool:
        """End a request that still waits for its turn; returns whether it did."""
        if request not in self._waiting:
            return False
        self._waiting.remove(request)
        self._settle(request, status)
        return True

    def refuse(self, status: Status) -> None:
        """End every request that still waits for its turn."""
        for request in tuple(self._waiting):
            self.withdraw(request, status)

    def find(self, binding: object, request_id: int) -> OidRequest | None:
        """Return the pending request of a binding with this id, the oldest first."""
        pending = [*([] if self.current is None else [self.current]), *self._waiting]
        mine = (request for request in pending if request.binding is binding and request.request_id == request_id)
        return next(mine, None)

    def returned(self, request: OidRequest, value: object, *, suspended: bool) -> None:
        """The miniport's entry ended with `value`: a status is the completion."""
        if value is Status.PENDING and (not suspended or self._ended_by_call is request):
            return
        if isinstance(value, Status) and value is not Status.PENDING:
            if self.current is request:
                self._end(request, value)
            elif self._ended_by_call is request:
                self.adapter.report(
                    "oid-sync-then-complete",
                    f"the miniport answered the {request!r} with {value}, and had completed it by a call before; "
                    "after that the entry point returns NDIS_STATUS_PENDING",
                )
            return
        self.adapter.report(
            "oid-return-status", f"the miniport answered the {request!r} with {value!r}, which is no final status"
        )
        if self.current is request:
            self._end(request, Status.FAILURE)

    def raised(self, request: OidRequest, entry: str, error: BaseException) -> None:
        """The miniport's entry raised: stop the adapter, and fail the request before all that wait."""
        self.adapter.bug_check(entry, error)
        if self.current is request:
            self._end(request, Status.FAILURE)

    def reclaim(self, status: Status) -> None:
        """End every request of a dead miniport, and all that wait for it."""
        left = [*([] if self.current is None else [self.current]), *self._waiting]
        self._waiting.clear()
        for request in left:
            self._end(request, status)

    def abort(self, status: Status) -> None:
        """End the request that the miniport has forgotten; what waits goes on waiting."""
        if self.current is not None:
            self._end(self.current, status)

    def resume(self) -> None:
        """Pass down what waits, until one stays with the miniport; a loop, as thousands may wait."""
        if self._passing:
            return
        self._passing = True
        while self._waiting and self.current is None and self._may_pass(self._waiting[0]):
            self._pass_down(self._waiting.popleft())
        self._passing = False

    def _pass_down(self, request: OidRequest) -> None:
        """Answer a request whose turn it is, or give it to the miniport."""
        self.current = request
        self._ended_by_call = None
        adapter = self.adapter
        if (note := adapter.kernel.probe.event) is not None:
            note("request", adapter.name, 1, repr(request))
        own = adapter.answer_request(request)
        if request.is_set:
            adapter.power.watch(request)
        if own is not None:
            self._end(request, own)
            return
        adapter.enter_request(request)

    def _end(self, request: OidRequest, status: Status) -> None:
        """End the current request, and pass the next ones down."""
        self.current = None
        self._settle(request, status)
        self.resume()

    def _settle(self, request: OidRequest, status: Status) -> None:
        """Give a request its status, and tell its owner if it had seen PENDING."""
        self.completed += 1
        request.restore()
        if type(request.answered) is not bytes:
            status = self._no_answer(request)
        if status is Status.SUCCESS and request.applied is not None:
            request.applied()
        if (note := self.adapter.kernel.probe.event) is not None:
            note("request complete", self.adapter.name, 1, f"{request!r}: {status.name}")
        request.status = status
        if request.pended:
            if request.binding is not None:
                request.binding.request_completed(request, status)
            elif request.signal is not None:
                request.signal.set(status)

    def _no_answer(self, request: OidRequest) -> Status:
        """A query was answered with what is no bytes: say so, and fail it."""
        kind, request.answered = type(request.answered).__name__, b""
        self.adapter.report(
            "oid-answer-bytes", f"the {request!r} was answered with an object of {kind}; an answer is bytes"
        )
        return Status.FAILURE

    def _may_pass(self, request: OidRequest) -> bool:
        return request.urgent or self.adapter.refuses_requests is None
