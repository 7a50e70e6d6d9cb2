"""What comes up is what has come: the frames of the wire, whole, and no other bytes."""

from collections.abc import Sequence
from typing import Final

from ndisemu.frame.ethernet import ADDRESS, FCS, VLAN_TAG
from ndisemu.ndis import Status
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, Model, Rule, after, arrived, before
from ndisemu.verifier.rules.receive.indicating import INDICATIONS
from ndisemu.verifier.watch import Watch

# How many frames that have come and were not indicated are remembered: more than a card and its ring can hold.
REMEMBERED: Final = 16_384
# Where a tag stands in a frame: behind the two addresses.
_TYPE: Final = 2 * ADDRESS


class RxContentExact(Rule):
    """What a miniport indicates is a frame that has come, from its first byte to its last, and without its checksum."""

    id = "rx-content-exact"
    models = ANY
    source = (
        "ndisemu: the twin of `send-content-exact`; 8254x manual 3.2.3 (the length counts the FCS where it is kept)"
    )
    why = (
        "No protocol can tell what was behind the frame from what was in it. It takes the checksum, or the rest of an "
        "earlier frame, for data, or drops what the network has delivered."
    )

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._come: list[bytes] = []
        # A device that tells nobody what comes is not judged, nor is a circuit, which has frames of its own.
        self._hears = False
        self._judges = not watch.model & Model.CIRCUITS
        # What a protocol is shown just now, and where its data begins.
        self._shown, self._behind = b"", 0

    @arrived
    def comes(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Remember what has come, whatever the card makes of it."""
        self._hears = self._judges
        self._come += frames
        if len(self._come) > REMEMBERED:
            del self._come[: REMEMBERED // 4]

    @before(*INDICATIONS)
    def indicating(self, call: Call) -> None:
        """Look for the frames among what has come: mostly they are the oldest, in order."""
        frames = call.frames() if self._hears else None
        if not frames:
            return
        come = self._come
        start = come.index(frames[0]) if frames[0] in come else 0
        if come[start : start + len(frames)] == frames:
            del come[start : start + len(frames)]
            return
        for frame in frames:
            if not self._take(frame):
                self._accuse(call, frame)
                return

    @before("NdisMEthIndicateReceive")
    def showing(self, call: Call) -> None:
        """Look for a frame that begins like this, and is as long."""
        self._shown = b""
        if not self._hears:
            return
        header = bytes(call.argument("header"))
        shown, size = header + bytes(call.argument("lookahead")), len(header) + call.argument("packet_size")
        for place, frame in enumerate(self._come):
            if frame.startswith(shown) and len(frame) == size:
                self._shown, self._behind = self._come.pop(place), len(header)
                return
        wrong = next((frame for frame in self._come if frame.startswith(shown)), None)
        which = (
            "which has not come" if wrong is None else f"and it has {len(wrong)}; PacketSize does not count the header"
        )
        self.broken(f"{self.watch.adapter.name} called {call.name} for a frame of {size} bytes, {which}")

    @after("MiniportTransferData")
    def transferred(self, call: Call) -> None:
        """Compare what was copied at once, out of the frame that is being shown."""
        status, count = call.result if isinstance(call.result, tuple) and len(call.result) == 2 else (None, 0)
        if status is not Status.SUCCESS or not self._shown or self.watch.inside("NdisMEthIndicateReceive") is None:
            return
        packet, offset = call.argument("packet"), call.argument("offset")
        start = self._behind + offset
        if packet.read()[:count] != self._shown[start : start + count]:
            text = f"{call.name} of {self.watch.adapter.name} copied other bytes into {packet!r} than the frame has from {offset}"
            self.broken(f"{text} on; ByteOffset counts from behind the header", packet)

    def _take(self, frame: bytes) -> bool:
        """Forget a frame that has come, as it is or with a tag that the card has taken out; whether it had."""
        come = self._come
        if frame in come:
            come.remove(frame)
            return True
        for place, other in enumerate(come):
            if len(other) == len(frame) + VLAN_TAG and other[:_TYPE] + other[_TYPE + VLAN_TAG :] == frame:
                del come[place]
                return True
        return False

    def _accuse(self, call: Call, frame: bytes) -> None:
        """Say how it differs from the oldest that it may be."""
        longer = next((other for other in self._come if frame.startswith(other)), None)
        shorter = next((other for other in self._come if other.startswith(frame)), None)
        if longer is not None and len(frame) == len(longer) + FCS:
            what = f"and its {FCS} bytes of checksum; the card's length counts those where RCTL.SECRC is clear"
        elif longer is not None:
            what = f"and {len(frame) - len(longer)} bytes behind it; set the length that the card's descriptor tells"
        elif shorter is not None:
            what = (
                f"without its last {len(shorter) - len(frame)} bytes; set the length that the card's descriptor tells"
            )
        else:
            what = "that has not come like this; leave the bytes as the card has written them"
        self.broken(f"{self.watch.adapter.name} called {call.name} with a frame {what}", next(iter(call.items), None))


RULES: Final[tuple[type[Rule], ...]] = (RxContentExact,)
