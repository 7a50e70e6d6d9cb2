"""The rules of an adapter's states: start, pause, restart, halt, reset, shutdown, surprise removal, hang checks."""

from typing import Final

from ndisemu.ndis import Status
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, EVERY, V5, Code, Model, Refused, Rule, after, before, ended
from ndisemu.verifier.watch import Watch

_INITIALIZE: Final = ("MiniportInitialize", "MiniportInitializeEx")
_FREES: Final = (
    "NdisMFreeSharedMemory", "NdisMDeregisterInterrupt", "NdisMDeregisterInterruptEx", "NdisFreePacketPool",
    "NdisFreeBufferPool", "NdisFreeNetBufferListPool", "NdisMDeregisterScatterGatherDma",
)  # fmt: skip
_SHUTDOWN: Final = ("MiniportShutdown", "MiniportShutdownEx")
_HANG: Final = ("MiniportCheckForHang", "MiniportCheckForHangEx")
_HANDS_OVER: Final = (
    "NdisMSendComplete", "NdisMSendNetBufferListsComplete", "NdisMIndicateReceivePacket",
    "NdisMIndicateReceiveNetBufferLists", "NdisMIndicateStatus", "NdisMIndicateStatusEx",
)  # fmt: skip


class StBugCheck(Refused):
    """A driver raises nothing in an entry point."""

    id = "bugcheck"
    models = EVERY
    source = "ndisemu: an exception that nobody catches is what an access violation is on Windows"
    why = "NDIS cannot know how far the driver has come, so its adapter is stopped, and what it had is given back."
    code = Code(0xD1, "DRIVER_IRQL_NOT_LESS_OR_EQUAL")


class StAttributesFirst(Refused):
    """An adapter's attributes are set before anything is claimed for it."""

    id = "st-attributes-first"
    models = EVERY
    source = "seed 003; DDK: NdisMSetAttributesEx, NdisMSetMiniportAttributes"
    why = "By the attributes NDIS knows what the adapter is: serialized or not, a bus master or not."


class StAttributesOrder(Refused):
    """Registration attributes come first, general attributes after them, the interrupt last."""

    id = "st-attributes-order"
    models = Model.NDIS6
    source = "NDIS reference 1.4; DDK: NdisMSetMiniportAttributes"
    why = "Each step needs what the one before has told."


class StAttributesComplete(Refused):
    """Whoever starts successfully has set its general attributes."""

    id = "st-attributes-complete"
    models = Model.NDIS6
    source = "DDK: NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES"
    why = "NDIS answers protocols from them, in the miniport's place."


class StDeserializeFlag(Refused):
    """A miniport with a WDM lower edge is deserialized."""

    id = "st-deserialize-flag"
    models = V5
    source = "seed 003"
    why = "It waits for the driver below at a level at which NDIS's lock would be held."


class StInitStatus(Refused):
    """MiniportInitialize(Ex) ends with NDIS_STATUS_SUCCESS; with anything else the adapter does not start."""

    id = "st-init-status"
    models = EVERY
    source = "DDK: MiniportInitializeEx"
    why = "A failure is told here because nobody else would say why there is no adapter."


class StIllegal(Refused):
    """An operation is made in a state that accepts it."""

    id = "st-illegal"
    models = EVERY
    source = "NDIS reference 5"
    why = "Two sides would go on from different ideas of where they are."


class StAfterHalt(Refused):
    """A driver makes no call before its adapter initializes, or after it has halted."""

    id = "st-after-halt"
    models = EVERY
    source = "DDK: MiniportHaltEx"
    why = "The handle is gone."


class StHaltQuiet(Refused):
    """Nothing of a driver runs when its halt has returned: no coroutine, no callback."""

    id = "st-halt-quiet"
    models = EVERY
    source = "DDK: MiniportHaltEx"
    why = "On Windows its code may be unloaded the next moment."


class StWatchdogHalt(Refused):
    """A halt returns within a minute."""

    id = "st-watchdog-halt"
    models = EVERY
    source = "DDK: NDIS watchdogs (bug check 0x15E)"
    why = "The machine cannot go to sleep, and the device cannot be removed, until it does."
    code = Code(0x15E, "BUGCODE_NDIS_DRIVER_LIVE_DUMP", ("0x25: a halt has timed out",))


class StPauseSendsDrained(Refused):
    """A pause completes when all sends are complete."""

    id = "st-pause-sends-drained"
    models = Model.NDIS6
    source = "DDK: MiniportPause"
    why = "NDIS changes what is bound next, and the list's sender may be gone."


class StPauseReceivesReturned(Refused):
    """A pause completes when everything that was indicated has been returned."""

    id = "st-pause-receives-returned"
    models = Model.NDIS6
    source = "DDK: MiniportPause"
    why = "The halt that may follow frees the memory that protocols still read."


class StPauseTimeout(Refused):
    """A pause or restart that pends is completed within ten seconds."""

    id = "st-pause-timeout"
    models = Model.NDIS6
    source = "DDK: MiniportPause; NDIS watchdogs"
    why = "Every change of bindings waits for it."


class StPauseStatus(Refused):
    """MiniportPause ends with NDIS_STATUS_SUCCESS, at once or after PENDING."""

    id = "st-pause-status"
    models = Model.NDIS6
    source = "DDK: MiniportPause"
    why = "A pause cannot fail: nobody has a way to go on without it."


class StPauseCompletePairing(Refused):
    """NdisMPauseComplete answers a pause that is pending, once."""

    id = "st-pause-complete-pairing"
    models = Model.NDIS6
    source = "DDK: NdisMPauseComplete"
    why = "An adapter would be taken for paused that is not."


class StRestartStatus(Refused):
    """MiniportRestart ends with a final status, at once or after PENDING."""

    id = "st-restart-status"
    models = Model.NDIS6
    source = "DDK: MiniportRestart"
    why = "NDIS goes by it: the adapter runs, or it stays paused."


class StRestartCompletePairing(Refused):
    """NdisMRestartComplete answers a restart that is pending, once."""

    id = "st-restart-complete-pairing"
    models = Model.NDIS6
    source = "DDK: NdisMRestartComplete"
    why = "Sends would reach a miniport that has not restarted."


class StRestartFailed(Refused):
    """An adapter that was paused restarts."""

    id = "st-restart-failed"
    models = Model.NDIS6
    source = "DDK: MiniportRestart"
    why = "It stays paused, and its protocols wait for a link that never comes."


class StResetCompleteUnexpected(Refused):
    """NdisMResetComplete answers a reset that is pending, once."""

    id = "st-reset-complete-unexpected"
    models = EVERY
    source = "DDK: NdisMResetComplete"
    why = "NDIS would let sends through to a card in the middle of the next reset."


class StResetStatus(Refused):
    """MiniportReset(Ex) ends with a final status, at once or after PENDING."""

    id = "st-reset-status"
    models = EVERY
    source = "DDK: MiniportResetEx"
    why = "NDIS tells protocols by it whether they may go on."


class StResetFailed(Refused):
    """A reset succeeds."""

    id = "st-reset-failed"
    models = EVERY
    source = "DDK: MiniportResetEx"
    why = "A card that cannot be reset is a card that stays hung."


class StResetPendingLost(Refused):
    """A reset that pends is completed."""

    id = "st-reset-pending-lost"
    models = EVERY
    source = "DDK: MiniportResetEx"
    why = "Until then NDIS refuses every send and every request."


class StReset5dAbort(Refused):
    """A deserialized miniport completes every send that it has before its reset is complete."""

    id = "st-reset-5d-abort"
    models = V5
    source = "seed 000; DDK: MiniportReset"
    why = "Its descriptors are gone with the ring, and nobody would complete the packets any more."


class StResetPendingIo(Refused):
    """Sends and requests are complete before a reset is."""

    id = "st-reset-pending-io-630"
    models = Model.NDIS6
    source = "DDK: MiniportResetEx (NDIS 6.30)"
    why = "Since NDIS 6.30 NDIS begins anew after a reset, and counts on nothing being left."


class StResetAddressing(Refused):
    """Filters and addresses that NDIS sets again after a reset are accepted."""

    id = "st-reset-addressing"
    models = EVERY
    source = "DDK: NdisMResetComplete (AddressingReset)"
    why = "The card would hear nothing, or everything."


class StFaultStuck(Refused):
    """What NDIS tells an adapter to do comes to an end."""

    id = "fault-stuck"
    models = EVERY
    source = "ndisemu: a fault of a scenario has its time"
    why = "Whoever has asked for it would wait for ever."


class StStuck(Refused):
    """A binding can close: all of its requests end, and everything that it was lent comes back."""

    id = "stuck"
    models = EVERY
    source = "DDK: NdisCloseAdapterEx"
    why = "A close waits for what is outstanding, and the halt for the close."


class StDriver(Refused):
    """A driver starts, binds and ends as its scenario asks."""

    id = "driver"
    models = EVERY
    source = "ndisemu: the driver of a scenario cannot be loaded or started"
    why = "Without it there is nothing to run."


class StVerifier(Refused):
    """A rule can look at whatever a driver does."""

    id = "verifier"
    models = EVERY
    source = "ndisemu: an obligation of the verifier"
    why = "A rule that fails has seen nothing; please report it."
    of_ndis = True


class StShutdownNoFree(Rule):
    """A shutdown handler frees nothing and deregisters nothing."""

    id = "st-shutdown-no-free"
    models = ANY
    source = "DDK: MiniportShutdownEx"
    why = "It may run in a crash, at any level, while whoever owns the memory stands in the middle of using it."

    @before(*_FREES)
    def freeing(self, call: Call) -> None:
        """Look whether the shutdown handler is under way."""
        if self.watch.inside(*_SHUTDOWN):
            self.broken(f"{call.name} was called from the shutdown handler; it quiesces the card and frees nothing")


class StShutdownQuiesce(Rule):
    """A card does no DMA and raises no interrupt when its shutdown handler has returned."""

    id = "st-shutdown-quiesce"
    models = ANY
    source = "DDK: MiniportShutdownEx"
    why = "The next system that starts, or the one that writes the crash dump, finds its memory overwritten."

    @after(*_SHUTDOWN)
    def shut_down(self, call: Call) -> None:
        """Look at the card: its mask and its receiver."""
        card = self.watch.adapter.device.registers
        causes, receiver = getattr(card, "causes", None), getattr(card, "rx", None)
        if call.error is not None or causes is None or receiver is None or self.watch.adapter.removed:
            return
        active = [
            what
            for what, is_on in (("its interrupts unmasked", causes.ims), ("its receiver on", receiver.filter.rctl & 2))
            if is_on
        ]
        if active:
            self.broken(f"{call.name} returned with {' and '.join(active)}; mask and reset the card")


class StCfhFast(Rule):
    """A check for hang looks at what is known, and completes and indicates nothing."""

    id = "st-cfh-fast"
    models = ANY
    source = "DDK: MiniportCheckForHangEx"
    why = "It is called every two seconds for every adapter, and its answer alone is wanted."
    advisory = True

    @before(*_HANDS_OVER)
    def handing_over(self, call: Call) -> None:
        """Look whether a check is under way."""
        if self.watch.inside(*_HANG):
            self.broken(f"{call.name} was called from a check for hang; answer TRUE, and do it in the reset")


class StMapIoInitOnly(Rule):
    """Registers are mapped while the adapter initializes."""

    id = "st-mapio-init-only"
    models = ANY
    source = "DDK: NdisMMapIoSpace"
    why = "The translated resources are valid in MiniportInitialize only."

    @before("NdisMMapIoSpace")
    def mapping(self, call: Call) -> None:
        """Look at the state."""
        state = self.watch.adapter.state.current.value
        if not state.startswith("Initializing"):
            self.broken(f"{call.name} was called in state {state}; map the registers in MiniportInitialize")


class StHaltStopHw(Rule):
    """A halt stops the card before it returns."""

    id = "st-halt-stop-hw"
    models = ANY
    source = "DDK: MiniportHaltEx"
    why = "A card that goes on receiving writes into memory that belongs to others by now."

    @ended("MiniportHalt", "MiniportHaltEx")
    def halted(self, call: Call) -> None:
        """Look at the card's receiver."""
        receiver = getattr(self.watch.adapter.device.registers, "rx", None)
        if call.error is None and receiver is not None and not self.watch.adapter.removed and receiver.filter.rctl & 2:
            self.broken(f"{call.name} returned with the card's receiver on; reset the card first")


class StResetStationAddress(Rule):
    """The station address is the same after a reset."""

    id = "st-reset-station-address"
    models = ANY
    source = "DDK: MiniportResetEx"
    why = "Frames for the address that protocols know would be filtered out."

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._before: tuple[int, int] | None = None

    @before("MiniportReset", "MiniportResetEx")
    def resetting(self, call: Call) -> None:
        """Remember what the card filters by."""
        self._before = self._address()

    @ended("MiniportReset", "MiniportResetEx")
    def reset(self, call: Call) -> None:
        """Compare."""
        now = self._address()
        succeeded = call.result is Status.SUCCESS or (
            isinstance(call.result, tuple) and call.result[0] is Status.SUCCESS
        )
        if succeeded and self._before is not None and now != self._before:
            self.broken(
                f"{call.name} has changed the card's station address from {self._before[0]:#x}, {self._before[1]:#x} to "
                f"{now[0]:#x}, {now[1]:#x}; restore it"
                if now is not None
                else f"{call.name} lost the card's address"
            )

    def _address(self) -> tuple[int, int] | None:
        card = self.watch.adapter.device.registers
        words = getattr(getattr(card, "registers", None), "words", None)
        return None if words is None else (words.get(0x5400, 0), words.get(0x5404, 0))


RULES: Final[tuple[type[Rule], ...]] = (
    StBugCheck, StAttributesFirst, StAttributesOrder, StAttributesComplete, StDeserializeFlag, StInitStatus, StIllegal,
    StAfterHalt, StHaltQuiet, StWatchdogHalt, StPauseSendsDrained, StPauseReceivesReturned, StPauseTimeout, StPauseStatus,
    StPauseCompletePairing, StRestartStatus, StRestartCompletePairing, StRestartFailed, StResetCompleteUnexpected,
    StResetStatus, StResetFailed, StResetPendingLost, StReset5dAbort, StResetPendingIo, StResetAddressing, StFaultStuck,
    StStuck, StDriver, StVerifier, StShutdownNoFree, StShutdownQuiesce, StCfhFast, StMapIoInitOnly, StHaltStopHw,
    StResetStationAddress,
)  # fmt: skip
