"""Drivers that break a rule of OID requests, each beside its mended twin."""

from collections.abc import Awaitable
from contextlib import suppress
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.errors import RuleViolation
from ndisemu.ndis import DeviceEvent, Oid, OidRequest, Status


class CompletesTwice(Ring6Miniport):
    """The handler answers, and the worker that it has queued completes, too."""

    def oid_request(self, request: OidRequest) -> Status | Awaitable[Status]:
        if request.oid is not Oid.GEN_XMIT_OK:
            return super().oid_request(request)
        status = super().oid_request(request)
        if not isinstance(status, Status):
            return status
        self.ndis.oid_request_complete(request, status)
        with suppress(RuleViolation):
            self.ndis.oid_request_complete(request, status)
        return Status.PENDING


class CompletesOnce(Ring6Miniport):
    """The answer of the handler is the completion."""

    def oid_request(self, request: OidRequest) -> Status | Awaitable[Status]:
        return super().oid_request(request)


class CompletesAndReturns(RingMiniport):
    """It completes its request, and says once more how it went."""

    def query_information(self, request: OidRequest) -> Status:
        status = super().query_information(request)
        self.ndis.query_information_complete(status)
        return status


class CompletesAndPends(RingMiniport):
    """It completes its request, and leaves it at that."""

    def query_information(self, request: OidRequest) -> Status:
        self.ndis.query_information_complete(super().query_information(request))
        return Status.PENDING


class AnswersWithANumber(RingMiniport):
    """It answers with the number that was asked for."""

    def query_information(self, request: OidRequest) -> Status:
        if request.oid is not Oid.GEN_XMIT_OK:
            return super().query_information(request)
        request.answered = self.information.counters.sent  # type: ignore[assignment]
        return Status.SUCCESS


class AnswersWithBytes(RingMiniport):
    """It answers with the number as it lies in memory."""

    def query_information(self, request: OidRequest) -> Status:
        if request.oid is not Oid.GEN_XMIT_OK:
            return super().query_information(request)
        return request.answer(self.information.counters.sent.to_bytes(8, "little"))


class NeverCompletes(RingMiniport):
    """It says PENDING, and the worker loses the request."""

    def query_information(self, request: OidRequest) -> Status:
        return Status.PENDING if request.oid is Oid.GEN_XMIT_OK else super().query_information(request)


class Completes(RingMiniport):
    """It says PENDING, and completes when it has the answer."""

    def query_information(self, request: OidRequest) -> Status:
        if request.oid is not Oid.GEN_XMIT_OK:
            return super().query_information(request)
        status = super().query_information(request)
        self.ndis.schedule_work_item(lambda: self.ndis.query_information_complete(status))
        return Status.PENDING


class CompletesPending(RingMiniport):
    """It passes on what its own callee has said."""

    def query_information(self, request: OidRequest) -> Status:
        if request.oid is not Oid.GEN_XMIT_OK:
            return super().query_information(request)
        status = super().query_information(request)
        self.ndis.schedule_work_item(lambda: self.complete(status))
        return Status.PENDING

    def complete(self, status: Status) -> None:
        """Complete the query."""
        with suppress(RuleViolation):
            self.ndis.query_information_complete(Status.PENDING)
        self.ndis.query_information_complete(status)


class ReturnsNothing(RingMiniport):
    """The handler falls off its end."""

    def query_information(self, request: OidRequest) -> Status:
        status = super().query_information(request)
        return None if request.oid is Oid.GEN_XMIT_OK else status  # type: ignore[return-value]


class ReturnsItsStatus(RingMiniport):
    """The handler says how it went."""

    def query_information(self, request: OidRequest) -> Status:
        return super().query_information(request)


class RefusesToSleep(RingMiniport):
    """It does not go to sleep while there is something to send."""

    async def set_power(self, *, awake: bool) -> Status:
        return await super().set_power(awake=awake) if awake else Status.FAILURE


class GoesToSleep(RingMiniport):
    """It gives up what is left to send."""

    async def set_power(self, *, awake: bool) -> Status:
        return await super().set_power(awake=awake)


class KnowsNoAddress(RingMiniport):
    """It has no answer to the first question."""

    def query_information(self, request: OidRequest) -> Status:
        return Status.NOT_SUPPORTED if request.oid is Oid.E802_3_CURRENT_ADDRESS else super().query_information(request)


class KnowsItsAddress(RingMiniport):
    """What is mandatory is answered."""

    def query_information(self, request: OidRequest) -> Status:
        return super().query_information(request)


class WritesTooMuch(RingMiniport):
    """It writes its whole structure, whatever the buffer has."""

    def query_information(self, request: OidRequest) -> Status:
        if request.oid is not Oid.GEN_XMIT_OK:
            return super().query_information(request)
        request.answered = bytes(request.length + 4)
        return Status.SUCCESS


class WritesWhatFits(RingMiniport):
    """It measures the buffer first."""

    def query_information(self, request: OidRequest) -> Status:
        if request.oid is not Oid.GEN_XMIT_OK:
            return super().query_information(request)
        return request.answer(bytes(4))


class SaysNotHowMuch(RingMiniport):
    """The buffer is too short, and nobody learns for what."""

    def query_information(self, request: OidRequest) -> Status:
        return Status.BUFFER_TOO_SHORT if request.oid is Oid.GEN_XMIT_OK else super().query_information(request)


class SaysHowMuch(RingMiniport):
    """It says how many bytes it takes."""

    def query_information(self, request: OidRequest) -> Status:
        if request.oid is not Oid.GEN_XMIT_OK:
            return super().query_information(request)
        return request.answer(bytes(request.length + 1))


class SucceedsWithoutAnswer(RingMiniport):
    """It says SUCCESS and has written nothing."""

    def query_information(self, request: OidRequest) -> Status:
        return Status.SUCCESS if request.oid is Oid.GEN_XMIT_OK else super().query_information(request)


class AnswersOddly(RingMiniport):
    """It ends a request with a status that belongs to sends."""

    def query_information(self, request: OidRequest) -> Status:
        return Status.SEND_ABORTED if request.oid is Oid.GEN_XMIT_OK else super().query_information(request)


class LeavesItsHeaderOut(RingMiniport):
    """The longest frame is as long as its longest payload."""

    def query_information(self, request: OidRequest) -> Status:
        if request.oid is Oid.GEN_MAXIMUM_TOTAL_SIZE:
            return request.answer((1500).to_bytes(4, "little"))
        return super().query_information(request)


class CountsItsHeader(RingMiniport):
    """The longest frame is a header longer than its payload."""

    def query_information(self, request: OidRequest) -> Status:
        if request.oid is Oid.GEN_MAXIMUM_TOTAL_SIZE:
            return request.answer((1514).to_bytes(4, "little"))
        return super().query_information(request)


class RefusesItsFilter(RingMiniport):
    """It does not know the one OID without which nothing arrives."""

    def set_information(self, request: OidRequest) -> Status | Awaitable[Status]:
        if request.oid is Oid.GEN_CURRENT_PACKET_FILTER:
            return Status.NOT_SUPPORTED
        return super().set_information(request)


class TakesItsFilter(RingMiniport):
    """It takes what each protocol sets."""


class AnswersWithoutItsCard(Ring6Miniport):
    """A request waits while the card is pulled out, and is answered with what can be read then."""

    def oid_request(self, request: OidRequest) -> Status | Awaitable[Status]:
        if request.oid is not Oid.GEN_XMIT_OK:
            return super().oid_request(request)
        self.asked = request
        return Status.PENDING

    async def device_pnp_event_notify(self, event: DeviceEvent) -> None:
        await super().device_pnp_event_notify(event)
        if event is DeviceEvent.SURPRISE_REMOVED:
            self.end(self.asked)

    def end(self, request: OidRequest) -> None:
        """Complete what has waited."""
        self.ndis.oid_request_complete(request, request.answer(bytes(4)))


class RefusesWithoutItsCard(AnswersWithoutItsCard):
    """There is nothing to be read any more, and it says so."""

    def end(self, request: OidRequest) -> None:
        self.ndis.oid_request_complete(request, Status.NOT_ACCEPTED)


PAIRS: Final = (
    Pair("oid-failed", RefusesItsFilter, TakesItsFilter),
    Pair("oid-surprise", AnswersWithoutItsCard, RefusesWithoutItsCard, "removal"),
    Pair("oid-double-complete", CompletesTwice, CompletesOnce),
    Pair("oid-sync-then-complete", CompletesAndReturns, CompletesAndPends),
    Pair("oid-answer-bytes", AnswersWithANumber, AnswersWithBytes),
    Pair("oid-never-completed", NeverCompletes, Completes, implies=("st-hang-reset",)),
    Pair("oid-complete-pending-status", CompletesPending, Completes),
    Pair("oid-return-status", ReturnsNothing, ReturnsItsStatus),
    Pair("oid-set-power", RefusesToSleep, GoesToSleep),
    Pair("oid-mandatory", KnowsNoAddress, KnowsItsAddress),
    Pair("oid-bytes-written", WritesTooMuch, WritesWhatFits),
    Pair("oid-bytes-needed", SaysNotHowMuch, SaysHowMuch),
    Pair("oid-query-bytes-set", SucceedsWithoutAnswer, WritesWhatFits),
    Pair("oid-unknown", AnswersOddly, WritesWhatFits),
    Pair("oid-total-size", LeavesItsHeaderOut, CountsItsHeader, implies=("send-oversize",)),
)
