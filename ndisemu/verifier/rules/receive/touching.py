"""Who may look at what was received, field by field: not the miniport while it is lent, not who was only shown it."""

from collections.abc import Sequence
from typing import Any, Final

from ndisemu.kernel import driver_name
from ndisemu.ndis import Status, v6
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, Model, Rule, after, before, touched
from ndisemu.verifier.touch import Touch
from ndisemu.verifier.watch import Watch

_SHORT: Final = int(v6.ReceiveFlag.RESOURCES)
# What tells of the data of a packet or list, or leads to it.
CONTENTS: Final = (
    "Packet.head",
    "Packet.length",
    "Packet.window",
    "Packet.address",
    "NetBuffer.address",
    "NetBufferList.buffers",
    "NetBufferList.frame",
    "NetBufferList.flags",
    "NetBufferList.info",
    "NetBuffer.length",
    "NetBuffer.window",
)


class RxTouchWhileIndicated(Rule):
    """Between an indication and the return a miniport neither reads nor changes what it has lent."""

    id = "rx-touch-while-indicated"
    models = Model.DESERIALIZED | Model.NDIS6
    source = "seed 003; DDK: NdisMIndicateReceiveNetBufferLists"
    why = (
        "Protocols have it, on any CPU: they cut it short, or have returned it and it is in use again. What the miniport "
        "reads is true by luck, and what it writes another one finds."
    )

    @touched(*CONTENTS)
    def touching(self, touch: Touch) -> None:
        """Look who has it."""
        adapter, item = self.watch.adapter, touch.item
        book, owner = adapter.receives, getattr(item, "owner", None)
        if touch.driver is adapter.miniport and (owner is book or getattr(owner, "book", None) is book):
            self.broken(
                f"{adapter.name} {'sets' if touch.write else 'reads'} {touch.field} of {item!r}, which is lent; take note "
                "of what is needed before the indication",
                item,
            )


class RxOobStatusPeek(Rule):
    """A deserialized miniport does not read after an indication what has become of a packet's status."""

    id = "rx-oob-status-peek"
    models = Model.DESERIALIZED
    source = "DDK: MiniportReturnPacket"
    why = (
        "The status tells a serialized miniport what a protocol has kept; here it tells nothing, as the packet may have "
        "been kept, returned, and indicated again by then. Those with SUCCESS come back through MiniportReturnPacket."
    )

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._indicated: Sequence[Any] = ()
        self._set: dict[Any, None] = {}

    @before("NdisMIndicateReceivePacket")
    def indicating(self, call: Call) -> None:
        """Note which packets they are; NDIS leaves their statuses as they are."""
        self._indicated = call.items
        self._set.clear()

    @touched("Packet.status")
    def touching(self, touch: Touch) -> None:
        """Look whether the packet has been lent, and its status not been set since."""
        packet = touch.item
        if touch.driver is not self.watch.adapter.miniport or packet in self._set or packet not in self._indicated:
            return
        if touch.write:
            self._set[packet] = None
        elif packet.status is Status.SUCCESS:
            self.broken(
                f"{self.watch.adapter.name} reads the status of {packet!r} after its indication; note before the call what "
                "is indicated with RESOURCES, and wait for the rest",
                packet,
            )


class RxResourcesNoRetain(Rule):
    """A protocol that is shown something copies what it needs, and does not look at it after its handler has returned."""

    id = "rx-resources-no-retain"
    models = Model.DESERIALIZED | Model.NDIS6
    source = "DDK: ProtocolReceiveNetBufferLists, ProtocolReceivePacket"
    why = "The miniport has it back and lets the card fill it, so what the protocol reads later is another frame."

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        # The protocols by item; two protocols may be equal.
        self._shown: dict[Any, list[Any]] = {}

    @before("ProtocolReceivePacket", "ProtocolReceiveNetBufferLists")
    def showing(self, call: Call) -> None:
        """What is given anew may be looked at anew."""
        for item in call.items if self._shown else ():
            self._forget(item, call.who.protocol)

    @after("ProtocolReceivePacket", "ProtocolReceiveNetBufferLists")
    def has_shown(self, call: Call) -> None:
        """Note what was shown, and to whom."""
        flags, items = call.argument("flags"), call.items
        short = items[0].status is Status.RESOURCES if flags is None else flags & _SHORT
        if short:
            for item in items:
                self._shown.setdefault(item, []).append(call.who.protocol)

    @touched(*CONTENTS)
    def touching(self, touch: Touch) -> None:
        """Look whether it was."""
        if self._forget(touch.item, touch.driver):
            self.broken(
                f"{touch.driver.name} reads {touch.field} of {touch.item!r}, which it was shown with RESOURCES, after its "
                "handler has returned; copy what is needed there",
                touch.item,
                driver_name(touch.driver),
            )

    def _forget(self, item: Any, protocol: Any) -> bool:
        """Forget that a protocol was shown an item; returns whether it was."""
        protocols = self._shown.get(item, [])
        left = [one for one in protocols if one is not protocol]
        if left:
            self._shown[item] = left
        elif protocols:
            del self._shown[item]
        return len(left) < len(protocols)


class RxTouchAfterReturn(RxResourcesNoRetain):
    """A protocol does not look at what it has returned, or has not kept."""

    id = "rx-touch-after-return"
    models = ANY
    source = "DDK: NdisReturnNetBufferLists, NdisReturnPackets, ProtocolReceivePacket"
    why = "The card fills it again, so what the protocol reads later is another frame, and what it sets another one finds."

    @touched(
        *CONTENTS, "Packet.status", "Packet.flags", "Packet.ieee8021q", "Packet.oob", "Packet.protocol_reserved",
        "NetBufferList.status", "NetBufferList.protocol_reserved",
    )  # fmt: skip
    def touching(self, touch: Touch) -> None:
        """Look whether it is the miniport's again, and was more than shown."""
        adapter, item, driver = self.watch.adapter, touch.item, touch.driver
        if getattr(item, "owner", None) is not adapter or driver is None or driver is adapter.miniport:
            return
        if all(protocol is not driver for protocol in self._shown.get(item, ())):
            text = (
                f"{driver.name} {'sets' if touch.write else 'reads'} {touch.field} of {item!r}, which is "
                f"{adapter.name}'s again; copy what is needed before it is returned"
            )
            self.broken(text, item, driver_name(driver))


RULES: Final[tuple[type[Rule], ...]] = (
    RxTouchWhileIndicated,
    RxOobStatusPeek,
    RxResourcesNoRetain,
    RxTouchAfterReturn,
)
