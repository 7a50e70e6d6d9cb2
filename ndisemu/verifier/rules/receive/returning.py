"""What a protocol does with what it was given: it leaves it as it is, and returns it as often as it must."""

from collections.abc import Sequence
from itertools import repeat
from typing import Any, Final

from ndisemu.kernel import shown
from ndisemu.ndis import contents, v6
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, V5, Code, Model, Refused, Rule, after, before, touched
from ndisemu.verifier.rules.receive.indicating import INDICATIONS
from ndisemu.verifier.rules.receive.touching import CONTENTS
from ndisemu.verifier.touch import Touch
from ndisemu.verifier.watch import Watch

_RESOURCES: Final = int(v6.ReceiveFlag.RESOURCES)


class RxReturnOnce(Refused):
    """A protocol returns each list that it was given once."""

    id = "rx-return-once"
    models = Model.NDIS6 | Model.CIRCUITS
    source = "DDK: NdisReturnNetBufferLists"
    why = (
        "After the first return the card fills the buffer. The second one lets it be filled again while the next "
        "protocol reads it."
    )
    code = Code(0x7C, "BUGCODE_NDIS_DRIVER", ("0x13: a list that is not held was returned",))


class RxReturnRightBinding(Refused):
    """Lists are returned on the binding on which they were received."""

    id = "rx-return-right-binding"
    models = Model.NDIS6
    source = "DDK: NdisReturnNetBufferLists (NdisBindingHandle)"
    why = "NDIS counts what each binding has. On the wrong one neither count is right, and both closes wait for ever."


class RxResourcesNoReturn(Refused):
    """A protocol returns nothing that it was only shown (NDIS_RECEIVE_FLAGS_RESOURCES)."""

    id = "rx-resources-no-return"
    models = Model.NDIS6 | Model.CIRCUITS
    source = "DDK: NdisReturnNetBufferLists, ProtocolReceiveNetBufferLists"
    why = "It goes back when the handler returns. Returned as well, it is twice in the miniport's free list."


class RxResourcesChainRestored(Refused):
    """A protocol that is shown lists leaves them, when its handler returns, as they were."""

    id = "rx-resources-chain-restored"
    models = Model.NDIS6 | Model.CIRCUITS
    source = "DDK: Receiving Data in Protocol Drivers"
    why = "The next protocol is shown the same lists, and the miniport puts them into its ring; neither looks again."


class RxPayloadUnmodified(Rule):
    """A protocol returns a frame as it was given or shown: the same bytes, from the same place on.

    What it returns before its handler has returned nobody else can have changed. What was kept for longer the miniport can
    have, which it is held for where it was seen to touch the list (`rx-touch-while-indicated`).
    """

    id = "rx-payload-unmodified"
    models = ANY
    source = "DDK: NdisAdvanceNetBufferDataStart"
    why = (
        "Other protocols and filters were shown the same buffer. The miniport goes on with the data where the list says "
        "that it begins, so every round trip eats a header."
    )
    advisory = True

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._given: dict[Any, bytes] = {}
        # What the miniport has touched since.
        self._touched: dict[Any, None] = {}
        # The last indication whose first protocol has been told.
        self._shown: Call | None = None

    @touched(*CONTENTS)
    def touching(self, touch: Touch) -> None:
        """Note what the miniport touches of what is lent."""
        if touch.driver is self.watch.adapter.miniport and touch.item in self._given:
            self._touched[touch.item] = None

    @before("NdisReturnNetBufferLists")
    def returning(self, call: Call) -> None:
        """Compare: a whole burst at once, and one by one where something is different."""
        given, by_miniport = self._given, self._touched
        before, now = [*map(given.pop, call.items, repeat(None))], call.frames()
        if now is None or len(now) != len(call.items):
            now = _first_frames(call.items)
        if before == now and not by_miniport:
            return
        for nbl, was, data in zip(call.items, before, now, strict=True):
            touched_below = bool(by_miniport) and by_miniport.pop(nbl, False) is None
            if was is None or data == was:
                continue
            if was.endswith(data) or data.endswith(was):
                moved = len(was) - len(data)
                what = f"beginning {abs(moved)} bytes {'later' if moved > 0 else 'earlier'} than it was given"
                self._accuse(call, nbl, what, "retreat as far as you have advanced", touched_below=touched_below)
            else:
                what = "with other bytes than it was given"
                self._accuse(call, nbl, what, "change a copy", touched_below=touched_below)

    @before("NdisMIndicateReceivePacket")
    def indicating(self, call: Call) -> None:
        """What is the miniport's again nobody has any more, whatever he has promised to return."""
        given, adapter = self._given, self.watch.adapter
        for packet in call.items if given else ():
            if packet.owner is adapter and given.pop(packet, None) is not None:
                self._touched.pop(packet, None)

    @before("NdisReturnPackets")
    def returning_packets(self, call: Call) -> None:
        """Compare what was kept."""
        given = self._given
        for packet in call.items:
            was = given.get(packet)
            if was is None:
                continue
            now = packet.read()
            if packet.references > 1:
                # Somebody else has it, too.
                given[packet] = now
            else:
                del given[packet]
            touched_below = self._touched.pop(packet, False) is None
            if now != was:
                what = "with other bytes than it was given"
                self._accuse(call, packet, what, "change a copy", touched_below=touched_below)

    def _accuse(self, call: Call, nbl: Any, what: str, right: str, *, touched_below: bool) -> None:
        """Report it of whoever can have done it."""
        adapter, who = self.watch.adapter.name, call.who.name
        bringing = self.watch.inside("ProtocolReceiveNetBufferLists")
        if touched_below:
            right, by = f"{adapter} touched it while it was lent; leave alone what is lent until it comes back", adapter
        elif bringing is not None and bringing.who is call.who and any(one is nbl for one in bringing.items):
            by = who
        else:
            right = f"{right}, if it was not {adapter} that changed what it has lent; --touch shows whose hand it was"
            by = self.watch.either(who)
        self.broken(f"{who} returned {nbl!r} {what}; {right}", nbl, by)

    @before("ProtocolReceivePacket", "ProtocolReceiveNetBufferLists")
    def showing(self, call: Call) -> None:
        """Keep what packets and lists hold: what is shown as long as the handler takes, what is given until it is returned."""
        indication = self.watch.inside(*INDICATIONS)
        if indication is not None and indication is not self._shown and indication.items == call.items:
            # Nobody has had them since they were looked at.
            call.take_frames(indication)
        self._shown = indication
        frames = call.frames()
        if not call.argument("flags", _RESOURCES) & _RESOURCES:
            if frames is None or len(frames) != len(call.items):
                frames = _first_frames(call.items)
            self._given.update(zip(call.items, frames, strict=True))

    @after("ProtocolReceivePacket", "ProtocolReceiveNetBufferLists")
    def has_shown(self, call: Call) -> None:
        """Compare; a list with another length has another shape, which NDIS sees itself."""
        packets = "flags" not in call.places
        if not packets and not call.argument("flags") & _RESOURCES:
            return
        was, now = call.frames(), (contents.read if packets else contents.read_lists)(call.items)
        if packets and call.result:
            self._keep(call.items, now, call.result)
        if was is None or was == now:
            return
        # What changes here is not the mistake of those who have kept it before.
        self._given.update((item, data) for item, data in zip(call.items, now, strict=False) if item in self._given)
        for item, before_it, after_it in zip(call.items, was, now, strict=False):
            if before_it != after_it and (packets or len(before_it) == len(after_it)):
                text = f"{call.who} changed the data of {item!r}, which it was shown by {call.name}; change a copy"
                self.broken(text, item, call.who.name)
                return

    def _keep(self, packets: Sequence[Any], frames: Sequence[bytes], kept: Any) -> None:
        """Remember what a protocol has kept, which is a number of references of each, or one for each."""
        counts = kept if isinstance(kept, Sequence) else [kept] * len(packets)
        for packet, frame, count in zip(packets, frames, counts, strict=False):
            if isinstance(count, int) and count > 0:
                self._given[packet] = frame


def _first_frames(nbls: Sequence[Any]) -> list[bytes]:
    """Return a copy of the first frame of each list."""
    return contents.read([nbl.buffers[0] for nbl in nbls])


class Rx5Refcount(Refused):
    """A protocol returns each packet as often as its ProtocolReceivePacket has said that it would."""

    id = "rx5-refcount"
    models = V5
    source = "DDK: ProtocolReceivePacket, NdisReturnPackets"
    why = (
        "Once too often takes the packet away from another protocol that has it too. Once too seldom, and the miniport "
        "never sees it again."
    )

    @after("ProtocolReceivePacket")
    def has_received(self, call: Call) -> None:
        """Look at a result that NDIS takes for a number, and that is none."""
        kept = call.result
        if type(kept) is not int and call.error is None and (isinstance(kept, int) or not kept):
            text = (
                f"ProtocolReceivePacket of {call.who} returned {shown(kept)}; it returns how many references it keeps of "
                "each packet, 0 for none"
            )
            self.broken(text, next(iter(call.items), None), call.who.name)


class Rx5NoReturnInsideHandler(Rule):
    """A protocol returns a packet after the ProtocolReceivePacket that brought it has returned."""

    id = "rx5-no-return-inside-handler"
    models = V5
    source = "DDK: NdisReturnPackets"
    why = "How often it will be returned NDIS learns from the handler's result; before that there is nothing to count down."

    @before("NdisReturnPackets")
    def returning(self, call: Call) -> None:
        """Look whether the handler is still on the stack."""
        bringing = self.watch.inside("ProtocolReceivePacket")
        if bringing is None or bringing.who is not call.who:
            return
        brought = bringing.items
        early = next((packet for packet in call.items if packet in brought), None)
        if early is not None:
            self.broken(
                f"{call.who} called NdisReturnPackets for {early!r} inside the ProtocolReceivePacket that brought it; "
                "return 0 there to keep none, or return the packet later",
                early,
                call.who.name,
            )


class Rx5ResourcesZero(Refused):
    """ProtocolReceivePacket keeps no packet that is short of resources: it copies, and returns 0."""

    id = "rx5-resources-zero"
    models = V5
    source = "DDK: ProtocolReceivePacket, NDIS_GET_PACKET_STATUS"
    why = "The miniport has it again when its call returns. What a protocol still reads then is the next frame."


RULES: Final[tuple[type[Rule], ...]] = (
    RxReturnOnce,
    RxReturnRightBinding,
    RxResourcesNoReturn,
    RxResourcesChainRestored,
    RxPayloadUnmodified,
    Rx5Refcount,
    Rx5NoReturnInsideHandler,
    Rx5ResourcesZero,
)
