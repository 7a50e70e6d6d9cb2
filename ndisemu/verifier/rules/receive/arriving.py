"""What comes up is what has come: the frames that the card has placed, whole, and no other bytes."""

from collections.abc import Sequence
from typing import Final

from ndisemu.frame.ethernet import ADDRESS, FCS, VLAN_TAG, untagged
from ndisemu.ndis import Status
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, Model, Rule, after, before, placed
from ndisemu.verifier.rules.receive.indicating import INDICATIONS
from ndisemu.verifier.watch import Watch

# How many frames a driver can have that it has not indicated: no ring has more descriptors, and it is not asked how many
# frames it has put aside. What is older it has dropped, as in a reset.
REMEMBERED: Final = 8_192
# After how many accusations a driver is not looked at any more: one that hands up old frames does so for ever.
ENOUGH: Final = 200


class RxContentExact(Rule):
    """What a miniport indicates is what its card has placed, from the first byte to the last, and without the checksum.

    A tag may be missing, which the driver has taken out. Frames that the driver has sent itself, and loops back, are its own.
    """

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
        self._due: list[bytes] = []
        # A device that tells nobody what comes is not judged, nor is a circuit, which has frames of its own.
        self._hears = False
        self._judges = not watch.model & Model.CIRCUITS
        self._accusations = 0
        # The frame that a protocol is shown just now, the length of its header, and what the protocol sees of both.
        self._shown, self._behind, self._seen = b"", 0, b""

    @placed
    def comes(self, frames: Sequence[bytes]) -> None:
        """Remember what the driver has to indicate, or to drop."""
        self._hears = self._judges
        self._due += frames
        if len(self._due) > 2 * REMEMBERED:
            del self._due[:-REMEMBERED]

    @before(*INDICATIONS)
    def indicating(self, call: Call) -> None:
        """Look for the frames among those that are due: mostly they are the oldest, in order."""
        frames, due = call.frames() if self._hears else None, self._due
        if not frames:
            return
        try:
            start = due.index(frames[0])
        except ValueError:
            start = 0
        if due[start : start + len(frames)] == frames:
            del due[start : start + len(frames)]
            return
        for frame in frames:
            place = self._place_of(frame, len(frame))
            if place is not None:
                del due[place]
            elif not self._is_mine(frame):
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
        place = self._place_of(shown, size)
        if place is not None:
            self._shown, self._behind, self._seen = self._due.pop(place), len(header), shown
        elif not self._is_mine(shown):
            wrong = next((frame for frame in self._due if frame.startswith(shown)), None)
            which = f"and it has {len(wrong)}; PacketSize does not count the header" if wrong else "which has not come"
            self.broken(f"{self.watch.adapter.name} called {call.name} for a frame of {size} bytes, {which}")

    @after("MiniportTransferData")
    def transferred(self, call: Call) -> None:
        """Compare what was copied at once, out of the frame that is being shown, or of another that begins like it."""
        status, count = call.result if isinstance(call.result, tuple) and len(call.result) == 2 else (None, 0)
        shown = self._shown
        if status is not Status.SUCCESS or not shown or self.watch.inside("NdisMEthIndicateReceive") is None:
            return
        packet, offset = call.argument("packet"), call.argument("offset")
        got, alike = packet.read()[:count], [shown, *(frame for frame in self._due if frame.startswith(self._seen))]
        # Where the tag was taken out, the data begins later in what has come.
        begins = offset + (self._behind if shown.startswith(self._seen) else self._behind + VLAN_TAG)
        if all(frame[begins : begins + count] != got for frame in alike):
            text = f"{call.name} of {self.watch.adapter.name} copied other bytes into {packet!r} than the frame has from {offset}"
            self.broken(f"{text} on; ByteOffset counts from behind the header", packet)

    def _place_of(self, beginning: bytes, size: int) -> int | None:
        """Return the place of the oldest frame that is due, begins like this and is as long, maybe but for its tag."""
        for place, frame in enumerate(self._due):
            if len(frame) == size and frame.startswith(beginning):
                return place
            if len(frame) == size + VLAN_TAG and untagged(frame).startswith(beginning):
                return place
        return None

    def _is_mine(self, frame: bytes) -> bool:
        """Whether the driver has sent a frame itself, by its source address."""
        return frame[ADDRESS : 2 * ADDRESS] == self.watch.adapter.station_address

    def _accuse(self, call: Call, frame: bytes) -> None:
        """Say how it differs from the oldest that it may be; after many such frames nobody learns from another."""
        self._accusations += 1
        if self._accusations >= ENOUGH:
            self._hears = self._judges = False
        longer = next((other for other in self._due if frame.startswith(other)), None)
        shorter = next((other for other in self._due if other.startswith(frame)), None)
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
