"""Status indications: what a miniport tells everybody who is bound to it.

A 5.x miniport makes series of indications and closes each series
(NdisMIndicateStatus, NdisMIndicateStatusComplete), so two entry points of a
protocol are called; an NDIS 6 one makes single indications. Either way an
indication is the same fact, a `StatusIndication`. What it says of the link
NDIS remembers.

Source: NDIS reference 3.1, 3.3 and 5.7; rules `status5-complete`,
`status-no-reset-codes`, `irql-status`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, irql_name
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter

_RESET: Final = (Status.RESET_START, Status.RESET_END)
_LINK: Final = {Status.MEDIA_CONNECT: True, Status.MEDIA_DISCONNECT: False}


@dataclass(frozen=True, slots=True)
class StatusIndication:
    """`NDIS_STATUS_INDICATION`: a code and the bytes it comes with."""

    code: Status
    buffer: bytes = b""


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
        """The miniport indicates (`NdisMIndicateStatus`, `NdisMIndicateStatusEx`)."""
        self._check("a status")
        if indication.code in _RESET:
            raise RuleViolation(
                "status-no-reset-codes",
                f"{self._adapter.name} indicated {indication.code}; NDIS announces resets, a miniport does not",
            )
        self._adapter.link_up = _LINK.get(indication.code, self._adapter.link_up)
        self.tell(indication)

    def indicate_in_series(self, indication: StatusIndication) -> None:
        """The miniport indicates, and says later that this was all (5.x)."""
        self.indicate(indication)
        self.series_open = True

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
        """Tell every binding an indication, or with None the end of a series."""
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
