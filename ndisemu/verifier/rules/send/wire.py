"""What leaves the card: what was submitted, in frames of a length that the medium knows."""

from collections.abc import Sequence
from itertools import repeat
from typing import Any, Final, TypeAlias

from ndisemu.frame.ethernet import HEADER, MIN_FRAME, VLAN_TAG, padded, untagged
from ndisemu.frame.frames import Frames
from ndisemu.ndis import contents
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, Model, Rule, before, quiet, touched, wire
from ndisemu.verifier.rules.send.completion import COMPLETIONS, SUBMISSIONS
from ndisemu.verifier.touch import Touch
from ndisemu.verifier.watch import Watch

# How many more frames are expected than can be on their way.
REMEMBERED: Final = 1024

# The bytes of a packet or of a list of one frame; those of each frame of other lists.
_Copy: TypeAlias = bytes | tuple[bytes, ...]


class SendPadMinimum(Rule):
    """A frame that is shorter than the medium admits is padded before it leaves."""

    id = "send-pad-minimum"
    models = ANY
    source = "DDK: MiniportSendNetBufferLists"
    why = "Receivers take a frame of less than 60 bytes for the remains of a collision, and drop it."

    @wire
    def sent(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Look at the shortest."""
        shortest, adapter = Frames.of(frames).shortest, self.watch.adapter
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
        longest, most = Frames.of(frames).longest, self.watch.adapter.maximum_total_size
        if most and longest > most + VLAN_TAG and not self.watch.model & Model.CIRCUITS:
            right = "complete what is longer with NDIS_STATUS_INVALID_LENGTH"
            if longest == most + HEADER and not self.watch.model & Model.NDIS6:
                right = f"if that is without the header, answer OID_GEN_MAXIMUM_TOTAL_SIZE with {longest}; else {right}"
            self.broken(
                f"the card of {self.watch.adapter.name} sent a frame of {longest} bytes, and its longest is {most}; {right}"
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
        self._circuits = bool(watch.model & Model.CIRCUITS)

    @before(*SUBMISSIONS)
    def submitting(self, call: Call) -> None:
        """Copy the frames as they are handed over."""
        if self._circuits:
            return
        frames = call.frames()
        if not frames:
            return
        if len(frames) > len(call.items):
            self._longest_list = max(self._longest_list, len(frames) // len(call.items))
        due = self._due
        due += frames if call.shortest() >= MIN_FRAME else map(padded, frames)
        if len(due) > REMEMBERED:
            waiting = self.watch.adapter.sends.in_flight * self._longest_list
            if len(due) > waiting + REMEMBERED:
                # The oldest have failed, and are not to be expected any more.
                del due[: len(due) - waiting - REMEMBERED // 2]

    @wire
    def sent(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Look for each frame among those that are due: mostly they are the oldest, in order."""
        due, count = self._due, len(frames)
        if self._circuits:
            return
        if due[:count] == frames:
            del due[:count]
            return
        for frame in frames:
            expected = padded(frame) if len(frame) < MIN_FRAME else frame
            if expected not in due:
                expected = padded(untagged(frame))
            if expected in due:
                due.remove(expected)
            elif not self._is_cut(frame):
                self._accuse(
                    f"the card of {self.watch.adapter.name} sent {len(frame)} bytes that no protocol has submitted"
                )
                return

    @quiet
    def forget(self) -> None:
        """What has ended is not expected any more."""
        if not self.watch.adapter.sends.in_flight:
            self._due.clear()

    def _accuse(self, text: str) -> None:
        """Report whose mistake it is: the miniport's, unless the bytes of something on its way have been changed."""
        copies = next((rule for rule in self.watch.rules if isinstance(rule, SendDataUnmodified)), None)
        changed = None if copies is None else copies.changed()
        if copies is None or changed is None or copies.whose(changed) == self.watch.adapter.name:
            self.broken(f"{text}; send each frame from its first to its last byte, and nothing else", changed)
        else:
            self.broken(f"{text}: {copies.accusation(changed)}", changed, copies.suspect(changed))

    def _is_cut(self, frame: bytes) -> bool:
        """Whether it is so long that it is a mistake already that it has left."""
        most = self.watch.adapter.maximum_total_size
        return 0 < most < len(frame) - VLAN_TAG


class SendDataUnmodified(Rule):
    """The bytes that a protocol has submitted are the same when it has them back.

    Neither side may change them on their way. Who has is told by a send that is completed before its entry point has
    returned, and by whoever alone has taken their memory in hand, where fields are watched.
    """

    id = "send-data-unmodified"
    models = ANY
    source = "DDK: NdisSendNetBufferLists"
    why = (
        "A protocol that keeps its buffer to send it once more sends what the miniport has made of it. One that fills it "
        "too soon sends half of this frame and half of the next."
    )

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._given: dict[Any, _Copy | None] = {}
        # Drivers by item; two may be equal.
        self._hands: dict[Any, list[Any]] = {}

    @before(*SUBMISSIONS)
    def submitting(self, call: Call) -> None:
        """Copy what is handed over."""
        copies = call.frames()
        if copies is not None and len(copies) == len(call.items):
            self._given.update(zip(call.items, copies, strict=True))
        else:
            self._given.update({item: _contents(item) for item in call.items})
        if self._hands:
            self._forget(call)

    @touched("Packet.memory", "NetBuffer.memory", "Mdl.memory")
    def touching(self, touch: Touch) -> None:
        """Note whose hand it is, while the item is on its way."""
        if touch.item in self._given and touch.driver is not None:
            hands = self._hands.setdefault(touch.item, [])
            if all(one is not touch.driver for one in hands):
                hands.append(touch.driver)

    @touched("Packet.length", "Packet.window", "Packet.head")
    def describing(self, touch: Touch) -> None:
        """Look whether a miniport changes how long a packet is, or where it lies."""
        adapter = self.watch.adapter
        if touch.write and touch.driver is adapter.miniport and touch.item in self._given:
            text = f"{adapter.name} wrote {touch.field} of {touch.item!r}, which it was given to send"
            self.broken(f"{text}; what it must change it changes in a buffer of its own", touch.item)

    @before(*COMPLETIONS)
    def completing(self, call: Call) -> None:
        """Compare: a whole burst at once, and one by one where something is different or a list has several frames."""
        given = [*map(self._given.pop, call.items, repeat(None))]
        if given != call.frames():
            for item, before_it in zip(call.items, given, strict=True):
                if before_it is not None and _is_changed(before_it, _contents(item)):
                    text = f"{self.watch.adapter.name} completed {item!r} with {_other(before_it, _contents(item))} than it was given"
                    self.broken(f"{text}; {self.accusation(item)}", item, self.suspect(item))
                    break
        if self._hands:
            self._forget(call)

    def changed(self) -> Any:
        """Return the first item on its way that has other bytes than it was given with; None if there is none."""
        sends = self.watch.adapter.sends
        mine = ((item, copy) for item, copy in self._given.items() if copy and getattr(item, "owner", None) is sends)
        return next((item for item, copy in mine if _contents(item) != copy), None)

    def whose(self, item: Any) -> str:
        """Return the name of the adapter or binding whose driver has changed an item on its way, if that can be told."""
        adapter, hands = self.watch.adapter, self._hands.get(item, ())
        if len(hands) == 1:
            return adapter.name if hands[0] is adapter.miniport else self.watch.binding_of(hands[0])
        entered = self.watch.inside(*SUBMISSIONS)
        if not hands and entered is not None and any(one is item for one in entered.items):
            # Nobody else has run since it was given.
            return adapter.name
        return ""

    def accusation(self, item: Any) -> str:
        """Say what would have been right, to whom it concerns."""
        who, adapter = self.whose(item), self.watch.adapter.name
        if who == adapter:
            return "what it must change it changes in a buffer of its own"
        if who:
            return f"{who} changed {item!r} after it had sent it; leave alone what is sent until it comes back"
        return f"neither {_sender(item)}, which has sent it, nor {adapter} may change {item!r} on its way; --touch shows whose hand it was"

    def suspect(self, item: Any) -> str:
        """Return whose driver is named for it: both where it cannot be told."""
        return self.whose(item) or self.watch.either(_sender(item))

    def _forget(self, call: Call) -> None:
        """Nobody has laid hands yet on what is given anew, and it is the protocol's own when it is back."""
        for item in call.items:
            self._hands.pop(item, None)


def _sender(item: Any) -> str:
    """Return the name of the binding that has sent an item."""
    return str(getattr(item.binding, "name", "its protocol"))


def _is_changed(before: _Copy, now: _Copy | None) -> bool:
    """Whether bytes are others; a list with other frames, or in another order, has another shape, which is for other rules."""
    if isinstance(before, tuple) and isinstance(now, tuple):
        return len(before) == len(now) and sorted(before) != sorted(now)
    return isinstance(before, bytes) and isinstance(now, bytes) and before != now


def _other(before: _Copy, now: _Copy | None) -> str:
    """Say what is another: the length of a frame, or its bytes."""
    if isinstance(before, bytes) and isinstance(now, bytes) and len(before) != len(now):
        return f"another length ({len(now)} bytes, not {len(before)})"
    return "other bytes"


def _contents(item: Any) -> _Copy | None:
    """Return a copy of a packet or list; None where a driver has maimed it."""
    try:
        frames = contents.read_lists((item,)) if isinstance(item, NetBufferList) else contents.read((item,))
    except (AttributeError, TypeError, ValueError):
        return None
    return frames[0] if len(frames) == 1 else tuple(frames)


RULES: Final[tuple[type[Rule], ...]] = (
    SendPadMinimum,
    SendOversize,
    SendContentExact,
    SendDataUnmodified,
)
