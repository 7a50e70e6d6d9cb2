"""Resets: how they end, and what has to be as before afterwards."""

from typing import Final

from ndisemu.ndis import Status
from ndisemu.verifier.call import Call
from ndisemu.verifier.card import address
from ndisemu.verifier.rule import ANY, EVERY, Model, Refused, Rule, before, ended
from ndisemu.verifier.watch import Watch


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
    models = Model.DESERIALIZED
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
        self._before = address(self.watch.adapter)

    @ended("MiniportReset", "MiniportResetEx")
    def reset(self, call: Call) -> None:
        """Compare."""
        now = address(self.watch.adapter)
        succeeded = call.result is Status.SUCCESS or (
            isinstance(call.result, tuple) and call.result[0] is Status.SUCCESS
        )
        if succeeded and self._before is not None and now is not None and now != self._before:
            self.broken(
                f"{call.name} has changed the card's station address from {self._before[0]:#x}, {self._before[1]:#x} to "
                f"{now[0]:#x}, {now[1]:#x}; restore it"
            )


RULES: Final[tuple[type[Rule], ...]] = (
    StResetCompleteUnexpected,
    StResetStatus,
    StResetFailed,
    StResetPendingLost,
    StReset5dAbort,
    StResetPendingIo,
    StResetAddressing,
    StResetStationAddress,
)
