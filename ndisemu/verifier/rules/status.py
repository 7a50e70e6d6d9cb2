"""The rules of status indications."""

from typing import Final

from ndisemu.ndis import Status
from ndisemu.ndis.data.link import LinkState
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, EVERY, V5, Model, Refused, Rule, before
from ndisemu.verifier.watch import Watch

_INDICATE: Final = ("NdisMIndicateStatus", "NdisMIndicateStatusEx")


class StatusAfterHalt(Refused):
    """No status is indicated from a halt, or after it."""

    id = "status-after-halt"
    models = ANY
    source = "DDK: NdisMIndicateStatusEx"
    why = "Nobody is bound any more who could be told."


class StatusBeforeAttributes(Refused):
    """No status is indicated before the registration attributes are set."""

    id = "status-before-attributes"
    models = Model.NDIS6
    source = "DDK: NdisMIndicateStatusEx"
    why = "NDIS does not know the adapter yet, nor whom it could tell."


class StatusBuffer(Refused):
    """A status comes with the bytes that it is defined to have."""

    id = "status-buffer"
    models = EVERY
    source = "DDK: NDIS_STATUS_INDICATION, NDIS_LINK_STATE"
    why = "Whoever is told reads them without measuring."


class StatusHeader(Refused):
    """The structure in a status has the type, revision and size of its header."""

    id = "status-header"
    models = Model.NDIS6
    source = "DDK: NDIS_OBJECT_HEADER"
    why = "By the header protocols tell which version of a structure lies before them."


class StatusNoResetCodes(Refused):
    """A miniport indicates no NDIS_STATUS_RESET_START and no NDIS_STATUS_RESET_END."""

    id = "status-no-reset-codes"
    models = EVERY
    source = "DDK: NDIS_STATUS_RESET_START"
    why = "Resets are NDIS's to announce; protocols hold their sends by it."


class Status5Complete(Refused):
    """Each series of NdisMIndicateStatus is closed by one NdisMIndicateStatusComplete."""

    id = "status5-complete"
    models = V5
    source = "DDK: NdisMIndicateStatusComplete"
    why = "Protocols act on what they were told when the series ends."


class StatusLinkRedundant(Rule):
    """The link is indicated when it changes, and not again as it is."""

    id = "status-link-redundant"
    models = ANY
    source = "DDK: NDIS_STATUS_LINK_STATE"
    why = "Every indication makes protocols look at their addresses and routes anew."
    advisory = True

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._last: object = None

    @before(*_INDICATE)
    def indicating(self, call: Call) -> None:
        """Compare what is said of the link with what was said before."""
        indication = call.argument("indication")
        code = call.argument("code") if indication is None else indication.code
        if code not in (Status.LINK_STATE, Status.MEDIA_CONNECT, Status.MEDIA_DISCONNECT):
            return
        said = (code, indication.buffer if isinstance(getattr(indication, "buffer", None), bytes) else b"")
        if said == self._last:
            what = LinkState.unpack(said[1]) if said[1] else code
            self.broken(f"{call.name} tells again that the link is {what}; indicate changes only")
        self._last = said


class StatusLock(Rule):
    """No spin lock is held while a status is indicated."""

    id = "status-lock"
    models = ANY
    source = "DDK: NdisMIndicateStatusEx"
    why = "Protocols answer from there, with requests that need the lock."

    @before(*_INDICATE)
    def indicating(self, call: Call) -> None:
        """Look at the locks of the calling CPU."""
        for lock in call.locks:
            self.broken(f"{call.name} was called while holding {lock.name}; release it before")


RULES: Final[tuple[type[Rule], ...]] = (
    StatusAfterHalt, StatusBeforeAttributes, StatusBuffer, StatusHeader, StatusNoResetCodes, Status5Complete,
    StatusLinkRedundant, StatusLock,
)  # fmt: skip
