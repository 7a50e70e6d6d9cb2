"""Receives: rings that run dry, tails that say too much, requests that are answered twice."""

from collections.abc import Awaitable, Sequence

from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import Oid, OidRequest, Status, v6


class LendsItsLastBuffer(Ring6Miniport):
    """It lends what it receives as long as it has anything, and has no way to get more."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        self.lent += len(nbls)
        self.ndis.indicate_receive(nbls)


class ShowsWhenItRunsLow(Ring6Miniport):
    """When few buffers are left it only shows what has come, and has them back at once."""


class AnswersTwice(Ring6Miniport):
    """The worker completes the request that was pended, and so does the time-out that was to watch over it."""

    def oid_request(self, request: OidRequest) -> Status | Awaitable[Status]:
        if request.oid is not Oid.GEN_CURRENT_PACKET_FILTER or not request.is_set:
            return super().oid_request(request)
        self.information.set(request)
        self.rx.set_filter(self.information.filter, self.information.multicast)
        self.ndis.queue_io_work_item(lambda: self.complete(request))
        return Status.PENDING

    def complete(self, request: OidRequest) -> None:
        """Complete the request, from both places."""
        self.ndis.oid_request_complete(request, Status.SUCCESS)
        self.ndis.oid_request_complete(request, Status.FAILURE)


class AnswersOnce(AnswersTwice):
    """Whoever is first completes, and the other finds nothing to do."""

    def complete(self, request: OidRequest) -> None:
        self.ndis.oid_request_complete(request, Status.SUCCESS)
