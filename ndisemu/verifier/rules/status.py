"""The rules of status indications: when a miniport may tell something, and what it tells."""

from typing import Final

from ndisemu.ndis import MediaConnectState, Oid, PowerState, Status
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, EVERY, V5, Code, Model, Refused, Rule, after, before, ended, halted
from ndisemu.verifier.watch import Watch

INDICATIONS: Final = ("NdisMIndicateStatus", "NdisMIndicateStatusEx")
_LINK: Final = (Status.LINK_STATE, Status.MEDIA_CONNECT, Status.MEDIA_DISCONNECT)
_LINK_OF_5: Final = (Status.MEDIA_CONNECT, Status.MEDIA_DISCONNECT, Status.LINK_SPEED_CHANGE)
# The two highest bits of a status say what kind it is.
_SEVERITY: Final = 30
_INFORMATIONAL: Final = 1
# A link of which nothing was said is one that NDIS takes to be there.
_BELIEVED: Final = (None, MediaConnectState.CONNECTED)


class StatusAfterHalt(Refused):
    """A miniport indicates no status from its halt on."""

    id = "status-after-halt"
    models = EVERY
    source = "DDK: NdisMIndicateStatusEx"
    why = "Every protocol has been unbound before the halt. A link timer that fires late tells it to freed bindings."
    microsoft = "NdisMIndicateStatusEx"


class StatusBeforeAttributes(Refused):
    """A miniport indicates no status before its registration attributes are set."""

    id = "status-before-attributes"
    models = Model.NDIS6
    source = "DDK: NdisMIndicateStatusEx"
    why = "Until then NDIS does not know what kind of driver it has before it, and has nowhere to note the link."


class StatusBuffer(Refused):
    """A status comes with the bytes that its code is defined to have."""

    id = "status-buffer"
    models = EVERY
    source = "DDK: NDIS_STATUS_INDICATION, NDIS_STATUS_LINK_STATE"
    why = "Protocols read the structure that the code promises, and do not measure the buffer first."
    code = Code(0x7C, "BUGCODE_NDIS_DRIVER", ("0x20: a status with an invalid buffer",))


class StatusHeader(Refused):
    """The structure in a status begins with the type, revision and size that are its own."""

    id = "status-header"
    models = EVERY
    source = "DDK: NDIS_OBJECT_HEADER"
    why = "By its header a reader knows how much of a structure is there; revision 0 says that nothing is."
    code = Code(0x7C, "BUGCODE_NDIS_DRIVER", ("0x21: an invalid object header",))


class StatusNoResetCodes(Refused):
    """NDIS announces the begin and the end of a reset; the miniport indicates neither."""

    id = "status-no-reset-codes"
    models = EVERY
    source = "DDK: NDIS_STATUS_RESET_START, MiniportReset"
    why = "Protocols stop sending at the one and begin again at the other. A second pair lets them send into the reset."


class Status5Complete(Refused):
    """A series of NdisMIndicateStatus is closed by one NdisMIndicateStatusComplete."""

    id = "status5-complete"
    models = V5 | Model.CIRCUITS
    source = "DDK: NdisMIndicateStatusComplete"
    why = "Protocols put off their work on what they are told until the series ends, which then is never done."


class StatusCode(Rule):
    """What is indicated is a status that tells something, in the words of the driver's generation."""

    id = "status-code"
    models = ANY
    source = "DDK: NdisMIndicateStatus, NdisMIndicateStatusEx, NDIS_STATUS_LINK_STATE"
    why = "Protocols look for the codes that they know. How a call has ended is not one of them, and NDIS 6 has one for the link."

    @before(*INDICATIONS)
    def indicating(self, call: Call) -> None:
        """Look at the severity, and for the words of 5.x."""
        indication = call.argument("indication")
        code = call.argument("code") if indication is None else indication.code
        name = self.watch.adapter.name
        if not isinstance(code, Status):
            return
        if code >> _SEVERITY != _INFORMATIONAL:
            self.broken(f"{name} indicated {code}, which is how something ends; indicate what has changed")
        elif self.watch.model & Model.NDIS6 and code in _LINK_OF_5:
            self.broken(f"{name} indicated {code}, which is of NDIS 5; NDIS 6 has NDIS_STATUS_LINK_STATE")


class StatusLinkRedundant(Rule):
    """The state of the link is indicated when it has changed, and not again as it is."""

    id = "status-link-redundant"
    models = ANY
    source = "DDK: NDIS_STATUS_LINK_STATE"
    why = "At each indication protocols look for their addresses and routes anew, and drop what they know."
    advisory = True

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._last: object = None

    @before(*INDICATIONS)
    def indicating(self, call: Call) -> None:
        """Compare what is said of the link with what was said last."""
        indication = call.argument("indication")
        code, buffer = (call.argument("code"), b"") if indication is None else (indication.code, indication.buffer)
        if code not in _LINK:
            return
        if (code, buffer) == self._last:
            self.broken(
                f"{self.watch.adapter.name} indicated NDIS_STATUS_{code.name} as it had before, and nothing has changed "
                "in between; indicate the link when it changes"
            )
        self._last = code, buffer

    @ended("MiniportReset", "MiniportResetEx", "MiniportSetInformation", "MiniportOidRequest")
    def begun_anew(self, call: Call) -> None:
        """What a card says after a reset or a sleep is no repetition."""
        request = call.argument("request")
        if request is None or request.oid is Oid.PNP_SET_POWER:
            self._last = None

    @halted
    def over(self) -> None:
        """The next start begins with nothing said."""
        self._last = None


class StatusLinkLowpower(Rule):
    """A miniport that goes to sleep says that its link is unknown, or gone, and how it is when it has woken."""

    id = "status-link-lowpower"
    models = Model.NDIS6
    source = "DDK: NDIS_STATUS_LINK_STATE"
    why = (
        "A card that sleeps does not tell when its cable is pulled. Who goes on believing in the link waits for answers "
        "that cannot come."
    )
    advisory = True

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._said: MediaConnectState | None = None

    @after("NdisMIndicateStatusEx")
    def indicated(self, call: Call) -> None:
        """Note what NDIS was told of the link."""
        link = None if call.error is not None else call.argument("indication").link
        if link is not None:
            self._said = link.connect

    @ended("MiniportOidRequest")
    def has_changed_power(self, call: Call) -> None:
        """Compare with what the adapter has become."""
        request = call.argument("request")
        if request.oid is not Oid.PNP_SET_POWER or call.result is not Status.SUCCESS:
            return
        name, awake = self.watch.adapter.name, request.number() == PowerState.D0
        if not awake and self._said in _BELIEVED:
            self.broken(
                f"{name} has gone to sleep with its link connected; indicate NDIS_STATUS_LINK_STATE with "
                "MediaConnectStateUnknown"
            )
        elif awake and self._said is MediaConnectState.UNKNOWN:
            self.broken(f"{name} has woken and not said how its link is; indicate NDIS_STATUS_LINK_STATE")

    @halted
    def over(self) -> None:
        """The next start begins with nothing said."""
        self._said = None


class StatusLock(Rule):
    """A driver holds no spin lock while it indicates a status."""

    id = "status-lock"
    models = ANY
    source = "DDK: NdisMIndicateStatusComplete; Synchronization and Notification in Network Drivers"
    why = (
        "Protocols act on a status at once, with requests and sends that come back into the driver and want the lock. "
        "For a 5.x driver it must not be held, for an NDIS 6 driver it should not."
    )

    @before(*INDICATIONS, "NdisMIndicateStatusComplete")
    def indicating(self, call: Call) -> None:
        """Look which locks the calling CPU holds."""
        if call.held:
            self.broken(f"{call.name} was called while holding {call.held}; release before")


RULES: Final[tuple[type[Rule], ...]] = (
    StatusAfterHalt,
    StatusBeforeAttributes,
    StatusBuffer,
    StatusHeader,
    StatusNoResetCodes,
    Status5Complete,
    StatusCode,
    StatusLinkRedundant,
    StatusLinkLowpower,
    StatusLock,
)
