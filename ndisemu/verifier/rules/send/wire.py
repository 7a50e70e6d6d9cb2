"""What leaves the card: what was submitted, in frames of a length that the medium knows."""

from collections.abc import Sequence
from typing import Final

from ndisemu.frame.ethernet import ADDRESS, MIN_FRAME, VLAN_TAG
from ndisemu.ndis import contents
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, Model, Rule, before, quiet, wire
from ndisemu.verifier.rules.send.completion import SUBMISSIONS
from ndisemu.verifier.watch import Watch

# How many more frames are expected than can be on their way.
REMEMBERED: Final = 1024


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


class SendContentExact(Rule):
    """What leaves the card is what was submitted, byte by byte, and zeros where it was too short."""

    id = "send-content-exact"
    models = ANY
    source = "DDK: NDIS Scatter/Gather DMA; NET_BUFFER structure"
    why = "The checksum of the frame is made on the card, so it is right, and the receiver takes the wrong bytes for good."

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._due: list[bytes] = []
        self._longest_list = 1

    @before(*SUBMISSIONS)
    def submitting(self, call: Call) -> None:
        """Copy the frames as they are handed over."""
        if self.watch.model & Model.CIRCUITS:
            return
        try:
            frames = _frames(call)
        except (AttributeError, TypeError, ValueError):
            # A descriptor that its protocol has maimed is a finding of another rule.
            return
        self._longest_list = max(self._longest_list, len(frames) // len(call.items))
        self._due += frames if min(map(len, frames), default=MIN_FRAME) >= MIN_FRAME else map(_padded, frames)
        waiting = self.watch.adapter.sends.in_flight * self._longest_list
        if len(self._due) > waiting + REMEMBERED:
            # The oldest have failed, and are not to be expected any more.
            del self._due[: len(self._due) - waiting - REMEMBERED // 2]

    @wire
    def sent(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Look for each frame among those that are due: mostly they are the oldest, in order."""
        due, count = self._due, len(frames)
        if self.watch.model & Model.CIRCUITS:
            return
        if due[:count] == frames:
            del due[:count]
            return
        for frame in frames:
            expected = _padded(frame) if len(frame) < MIN_FRAME else frame
            if expected not in due:
                expected = _padded(frame[:_TYPE] + frame[_TYPE + VLAN_TAG :])
            if expected in due:
                due.remove(expected)
            elif not self._is_cut(frame):
                self.broken(
                    f"the card of {self.watch.adapter.name} sent {len(frame)} bytes that no protocol has submitted; "
                    "send each frame from its first to its last byte, and nothing else"
                )
                return

    @quiet
    def forget(self) -> None:
        """What has ended is not expected any more."""
        if not self.watch.adapter.sends.in_flight:
            self._due.clear()

    def _is_cut(self, frame: bytes) -> bool:
        """Whether it is so long that it is a mistake already that it has left."""
        most = self.watch.adapter.maximum_total_size
        return 0 < most < len(frame) - VLAN_TAG


def _frames(call: Call) -> list[bytes]:
    """Return copies of what a call submits."""
    items = call.items
    return contents.read_lists(items) if call.name == "MiniportSendNetBufferLists" else contents.read(items)


def _padded(frame: bytes) -> bytes:
    return frame.ljust(MIN_FRAME, b"\0")


# Where a tag stands in a frame: behind the two addresses.
_TYPE: Final = 2 * ADDRESS

RULES: Final[tuple[type[Rule], ...]] = (SendPadMinimum, SendOversize, SendContentExact)
