"""Status indications: what a miniport tells everybody who is bound to it.

A 5.x miniport makes series of indications and closes each series
(NdisMIndicateStatus, NdisMIndicateStatusComplete), so two entry points of a
protocol are called; an NDIS 6 one makes single indications. Either way an
indication is the same fact, a `StatusIndication`. What it says of the link
NDIS remembers, and tells each protocol in the words of its generation:
MEDIA_CONNECT and MEDIA_DISCONNECT in 5.x, LINK_STATE with an NDIS_LINK_STATE
in NDIS 6.

Source: NDIS reference 3.1, 3.3 and 5.7; rules `status5-complete`,
`status-no-reset-codes`, `status-buffer`, `irql-status`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, irql_name
from ndisemu.ndis.constants import MediaConnectState
from ndisemu.ndis.data.link import LinkState
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter

_RESET: Final = (Status.RESET_START, Status.RESET_END)
_LINK: Final = {
    Status.MEDIA_CONNECT: MediaConnectState.CONNECTED,
    Status.MEDIA_DISCONNECT: MediaConnectState.DISCONNECTED,
}


@dataclass(frozen=True, slots=True)
class StatusIndication:
    """`NDIS_STATUS_INDICATION`: a code and the bytes it comes with."""

    code: Status
    buffer: bytes = b""

    @property
    def link(self) -> LinkState | None:
        """What it says of the link, in the words of either generation; None if it is about something else."""
        if self.code is Status.LINK_STATE:
            return LinkState.unpack(self.buffer)
        connect = _LINK.get(self.code)
        return None if connect is None else LinkState(connect)

    def for_5(self) -> "StatusIndication":
        """Return it as a 5.x protocol knows it, for which a link that is not up is down."""
        if self.code is not Status.LINK_STATE:
            return self
        up = LinkState.unpack(self.buffer).up
        return StatusIndication(Status.MEDIA_CONNECT if up else Status.MEDIA_DISCONNECT)

    def for_6(self) -> "StatusIndication":
        """Return it as an NDIS 6 protocol knows it."""
        connect = _LINK.get(self.code)
        return self if connect is None else StatusIndication(Status.LINK_STATE, LinkState(connect).pack())


class Indications:
    """The indications of one adapter; `series_open` while a 5.x series waits for its end.

    `told` counts them, with those of NDIS's own.
    """

    __slots__ = ("_adapter", "series_open", "told")

    def __init__(self, adapter: "Adapter") -> None:
        self._adapter = adapter
        self.series_open = False
        self.told = 0

    def indicate(self, indication: StatusIndication) -> None:
        """The miniport indicates, and this is all (`NdisMIndicateStatusEx`)."""
        self._indicate(indication)
        self.tell(None)

    def indicate_in_series(self, indication: StatusIndication) -> None:
        """The miniport indicates, and says later that this was all (`NdisMIndicateStatus`)."""
        self._indicate(indication)
        self.series_open = True

    def _indicate(self, indication: StatusIndication) -> None:
        self._check("a status")
        if indication.code in _RESET:
            raise RuleViolation(
                "status-no-reset-codes",
                f"{self._adapter.name} indicated {indication.code}; NDIS announces resets, a miniport does not",
            )
        link = indication.link
        if link is not None:
            self._adapter.follow_link(link)
        self.tell(indication)

    def end_series(self) -> None:
        """The miniport ends what it has begun to indicate (`NdisMIndicateStatusComplete`)."""
        self._check("the end of a series")
        if not self.series_open:
            raise RuleViolation(
                "status5-complete",
                f"{self._adapter.name} called NdisMIndicateStatusComplete without an NdisMIndicateStatus before it",
            )
        self.series_open = False
        self.tell(None)

    def close(self) -> None:
        """The miniport has halted: a series that it left open is a mistake."""
        if self.series_open:
            self.series_open = False
            self._adapter.report(
                "status5-complete", "the last NdisMIndicateStatus was not followed by NdisMIndicateStatusComplete"
            )

    def announce(self, code: Status) -> None:
        """Tell every binding something of NDIS's own."""
        self.tell(StatusIndication(code))
        self.tell(None)

    def tell(self, indication: StatusIndication | None) -> None:
        """Tell every binding an indication, or with None the end of a series, of which NDIS 6 knows nothing."""
        adapter = self._adapter
        self.told += indication is not None
        if indication is not None and (note := adapter.kernel.probe.event) is not None:
            note("status", adapter.name, 1, indication.code.name)
        for binding in tuple(adapter.bindings):
            binding.tell_status(indication)

    def _check(self, what: str) -> None:
        adapter = self._adapter
        irql = adapter.running_cpu("NdisMIndicateStatus").irql
        if irql > DISPATCH:
            raise RuleViolation(
                "irql-status",
                f"{adapter.name} indicated {what} at {irql_name(irql)}; it may at IRQL <= DISPATCH, such as from its DPC",
            )
        if adapter.halting:
            raise RuleViolation(
                "status-after-halt",
                f"{adapter.name} indicated {what} in {adapter.halt_entry}; no protocol is bound any more",
            )
