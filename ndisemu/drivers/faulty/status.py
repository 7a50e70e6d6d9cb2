"""Drivers that break a rule of status indications, each beside its mended twin."""

from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import LinkState, MediaConnectState, Status, StatusIndication, v6


class SaysGoodbye(RingMiniport):
    """Its halt tells everybody that the link is gone, when nobody is bound any more."""

    async def halt(self) -> None:
        await super().halt()
        self.ndis.indicate_status(Status.MEDIA_DISCONNECT)
        self.ndis.indicate_status_complete()


class LeavesSilently(RingMiniport):
    """Its halt gives back what it has, and says nothing."""

    async def halt(self) -> None:
        await super().halt()


class TellsTooEarly(Ring6Miniport):
    """It tells the link before it has said what it is."""

    def initialize(self, parameters: v6.InitParameters) -> Status:
        self.ndis.indicate_status(link(MediaConnectState.CONNECTED))
        return super().initialize(parameters)


class TellsWhenItIsKnown(Ring6Miniport):
    """It tells the link inside the same call, once its attributes are set."""

    def initialize(self, parameters: v6.InitParameters) -> Status:
        status = super().initialize(parameters)
        self.ndis.indicate_status(link(MediaConnectState.CONNECTED))
        return status


class TellsAnEmptyLink(Ring6Miniport):
    """It believes that the code says it all, as MEDIA_CONNECT did."""

    def follow_link(self) -> None:
        if self.card.link_has_changed():
            self.ndis.indicate_status(StatusIndication(Status.LINK_STATE))


class TellsTheWholeLink(Ring6Miniport):
    """With the code comes an NDIS_LINK_STATE."""

    def follow_link(self) -> None:
        if self.card.link_has_changed():
            self.ndis.indicate_status(link(self.connect_state))

    @property
    def connect_state(self) -> MediaConnectState:
        """How NDIS calls the state of the card's link."""
        return MediaConnectState.CONNECTED if self.card.link_up else MediaConnectState.DISCONNECTED


class ForgetsTheHeader(TellsTheWholeLink):
    """It fills the structure in by hand, and leaves the revision at 0."""

    def follow_link(self) -> None:
        if self.card.link_has_changed():
            state = bytearray(LinkState(self.connect_state).pack())
            state[1] = 0
            self.ndis.indicate_status(StatusIndication(Status.LINK_STATE, bytes(state)))


class FillsTheHeader(TellsTheWholeLink):
    """The header says which structure it is, in which revision, and how long."""

    def follow_link(self) -> None:
        if self.card.link_has_changed():
            self.ndis.indicate_status(StatusIndication(Status.LINK_STATE, LinkState(self.connect_state).pack()))


class AnnouncesItsReset(RingMiniport):
    """It tells the protocols of a reset that NDIS has told them of."""

    async def reset(self) -> Status:
        self.ndis.indicate_status(Status.RESET_START)
        return await super().reset()


class JustResets(RingMiniport):
    """It resets, and leaves the news to NDIS."""

    async def reset(self) -> Status:
        return await super().reset()


class LeavesTheSeriesOpen(RingMiniport):
    """It tells the link, and never that this was all."""

    def follow_link(self) -> None:
        if self.card.link_has_changed():
            self.ndis.indicate_status(Status.MEDIA_CONNECT if self.card.link_up else Status.MEDIA_DISCONNECT)


class ClosesTheSeries(RingMiniport):
    """It tells the link, and that this was all."""

    def follow_link(self) -> None:
        if self.card.link_has_changed():
            self.ndis.indicate_status(Status.MEDIA_CONNECT if self.card.link_up else Status.MEDIA_DISCONNECT)
            self.ndis.indicate_status_complete()


class TellsItsLinkAsIn5(Ring6Miniport):
    """Ported from NDIS 5, it still says that its medium was connected."""

    def tell_link(self) -> None:
        code = Status.MEDIA_CONNECT if self.card.link_up else Status.MEDIA_DISCONNECT
        self.ndis.indicate_status(StatusIndication(code))


class TellsItsLinkAsIn6(Ring6Miniport):
    """It says what its link is, in one structure."""

    def tell_link(self) -> None:
        super().tell_link()


class RepeatsItself(TellsTheWholeLink):
    """It tells the link with every LSC interrupt and after it, to be sure."""

    def follow_link(self) -> None:
        self.card.link_has_changed()
        for _ in range(2):
            self.ndis.indicate_status(link(self.connect_state))


class TellsChangesOnly(TellsTheWholeLink):
    """It remembers what it has told."""

    def follow_link(self) -> None:
        if self.card.link_has_changed():
            self.ndis.indicate_status(link(self.connect_state))


class SleepsConnected(Ring6Miniport):
    """It goes to sleep and wakes, and says nothing of its link."""

    async def set_power(self, *, awake: bool) -> Status:
        if awake:
            self.card.start()
        else:
            await self.stop(Status.LOW_POWER_STATE)
        return Status.SUCCESS


class SleepsUnknown(Ring6Miniport):
    """While it sleeps it does not know, and says so; when it wakes it looks, and says what it sees."""

    async def set_power(self, *, awake: bool) -> Status:
        if awake:
            self.card.start()
            self.card.link_has_changed()
            self.tell_link()
        else:
            await self.stop(Status.LOW_POWER_STATE)
            self.ndis.indicate_status(link(MediaConnectState.UNKNOWN))
        return Status.SUCCESS


class TellsUnderItsLock(TellsTheWholeLink):
    """It guards the link by a lock, and holds that while everybody is told."""

    def follow_link(self) -> None:
        with self.lock:
            if self.card.link_has_changed():
                self.ndis.indicate_status(link(self.connect_state))


class TellsAfterItsLock(TellsTheWholeLink):
    """What it will tell is found under the lock, and told after it."""

    def follow_link(self) -> None:
        with self.lock:
            changed = self.card.link_has_changed()
        if changed:
            self.ndis.indicate_status(link(self.connect_state))


def link(connect: MediaConnectState) -> StatusIndication:
    """Say NDIS_STATUS_LINK_STATE, with what belongs to it."""
    return StatusIndication(Status.LINK_STATE, LinkState(connect).pack())


PAIRS: Final[tuple[Pair, ...]] = (
    Pair("status-after-halt", SaysGoodbye, LeavesSilently),
    Pair("status-before-attributes", TellsTooEarly, TellsWhenItIsKnown, "failed start"),
    Pair("status-buffer", TellsAnEmptyLink, TellsTheWholeLink),
    Pair("status-header", ForgetsTheHeader, FillsTheHeader),
    Pair("status-no-reset-codes", AnnouncesItsReset, JustResets),
    Pair("status5-complete", LeavesTheSeriesOpen, ClosesTheSeries),
    Pair("status-code", TellsItsLinkAsIn5, TellsItsLinkAsIn6),
    Pair("status-link-redundant", RepeatsItself, TellsChangesOnly),
    Pair("status-link-lowpower", SleepsConnected, SleepsUnknown),
    Pair("status-lock", TellsUnderItsLock, TellsAfterItsLock, implies=("spin-held-ndis-call",)),
)
