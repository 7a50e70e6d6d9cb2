"""What leaves the card: frames of a length that the medium knows."""

from collections.abc import Sequence
from typing import Final

from ndisemu.frame.ethernet import MIN_FRAME, VLAN_TAG
from ndisemu.verifier.rule import ANY, Model, Rule, wire


class SendPadMinimum(Rule):
    """A frame that is shorter than the medium admits is padded before it leaves."""

    id = "send-pad-minimum"
    models = ANY
    source = "DDK: MiniportSendNetBufferLists"
    why = "Receivers take a frame of less than 60 bytes for the remains of a collision, and drop it."

    @wire
    def sent(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Look at the shortest."""
        shortest, adapter = min(map(len, frames)), self.watch.adapter
        # What has no interrupt has no card, and a device below it that needs no padding.
        if shortest < MIN_FRAME and adapter.resources.interrupt is not None and not self.watch.model & Model.CIRCUITS:
            self.broken(
                f"the card of {adapter.name} sent a frame of {shortest} bytes; "
                f"pad it to {MIN_FRAME}, or have the card do so"
            )


class SendOversize(Rule):
    """A frame that is longer than the adapter's maximum is failed, and does not leave."""

    id = "send-oversize"
    models = ANY
    source = "DDK: NdisMSendNetBufferListsComplete (NDIS_STATUS_INVALID_LENGTH)"
    why = "Switches and receivers drop it in silence, and the sender is told that it was sent."

    @wire
    def sent(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Look at the longest; a tag may come on top of what the protocol has sent."""
        longest, most = max(map(len, frames)), self.watch.adapter.maximum_total_size
        if most and longest > most + VLAN_TAG and not self.watch.model & Model.CIRCUITS:
            self.broken(
                f"the card of {self.watch.adapter.name} sent a frame of {longest} bytes, and its longest is {most}; "
                "complete what is longer with NDIS_STATUS_INVALID_LENGTH"
            )


RULES: Final[tuple[type[Rule], ...]] = (SendPadMinimum, SendOversize)
