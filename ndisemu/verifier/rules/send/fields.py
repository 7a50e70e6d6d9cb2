"""The fields of what is sent that are not for a miniport to write, or not any more.

These rules watch single fields, so they are told of anything only where the
verifier does so (`Verification.touch`).
"""

from typing import Any, Final

from ndisemu.ndis.status import Status
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, Model, Rule, before, quiet, touched
from ndisemu.verifier.touch import Touch
from ndisemu.verifier.watch import Watch


class Fields(Rule):
    """A rule about the fields of what a miniport has to send."""

    def has(self, touch: Touch) -> bool:
        """Whether the miniport touches something that it has to send."""
        adapter = self.watch.adapter
        return touch.driver is adapter.miniport and getattr(touch.item, "owner", None) is adapter.sends

    def named(self, touch: Touch) -> str:
        """Say who has written what."""
        return f"{self.watch.adapter.name} wrote {touch.field} of {touch.item!r}"


class SendOobReadonly(Fields):
    """A miniport only reads the out-of-band block of a packet that it has to send."""

    id = "send-oob-readonly"
    models = Model.DESERIALIZED | Model.CIRCUITS
    source = "seed 001"
    why = "The block is the protocol's, which reads its own times from it again when the packet is back."

    @touched("OobBlock.time_to_send", "OobBlock.time_sent", "OobBlock.header_size", "OobBlock.media_specific")
    def touch(self, touch: Touch) -> None:
        """Look who writes."""
        if touch.write and self.has(touch):
            self.broken(
                f"{self.named(touch)}, which is to be sent; keep what is yours in miniport_reserved", touch.item
            )


class SendReservedFields(Fields):
    """Miniports and protocols keep what they must remember of a packet or list each in the area that is theirs."""

    id = "send-reserved-fields"
    models = ANY
    source = "DDK: NET_BUFFER_LIST structure"
    why = "The other side finds its own context there when it has it back, and takes somebody's number for a pointer."

    @touched("Packet.protocol_reserved", "NetBufferList.protocol_reserved")
    def touch(self, touch: Touch) -> None:
        """Look who writes."""
        if touch.write and self.has(touch):
            self.broken(f"{self.named(touch)}, which is the protocol's; write to miniport_reserved", touch.item)

    @touched("Packet.miniport_reserved", "NetBufferList.miniport_reserved")
    def touch_by_protocol(self, touch: Touch) -> None:
        """Look whether a protocol writes, into what it has sent or was given."""
        adapter, owner = self.watch.adapter, getattr(touch.item, "owner", None)
        ours = owner is adapter.sends or adapter.receives in (owner, getattr(owner, "book", None))
        if touch.write and ours and (by := self.watch.binding_of(touch.driver)):
            text = (
                f"{touch.driver.name} wrote {touch.field} of {touch.item!r}, which is the miniport's; write to "
                "protocol_reserved"
            )
            self.broken(text, touch.item, by)


class SendSourceHandle(Fields):
    """A miniport leaves the SourceHandle of a list that it has to send as it is."""

    id = "send-sourcehandle-untouched"
    models = Model.NDIS6
    source = "DDK: NET_BUFFER_LIST structure (SourceHandle)"
    why = "By it NDIS finds the binding that a list goes back to."

    @touched("NetBufferList.binding")
    def touch(self, touch: Touch) -> None:
        """Look who writes."""
        if touch.write and self.has(touch):
            self.broken(
                f"{self.named(touch)}, its SourceHandle, by which NDIS gives it back; leave it alone", touch.item
            )


class SendTouchAfterComplete(Fields):
    """A miniport neither reads nor writes what it has completed."""

    id = "send-touch-after-complete"
    models = ANY
    source = "DDK: MiniportSendNetBufferLists; Packet Ownership"
    why = "The protocol has it again, and may have freed it or filled it with the next frame."

    @touched(
        "Packet.status", "Packet.miniport_reserved", "Packet.head", "Packet.length", "Packet.window",
        "Packet.address", "NetBuffer.address", "NetBufferList.status", "NetBufferList.miniport_reserved", "NetBufferList.buffers", "NetBufferList.info",
        "NetBufferList.frame", "NetBuffer.length", "NetBuffer.window",
    )  # fmt: skip
    def touch(self, touch: Touch) -> None:
        """Look whose it is: whoever has sent it has it back."""
        item, adapter = touch.item, self.watch.adapter
        owner = getattr(item, "owner", None)
        if touch.driver is adapter.miniport and any(owner is binding for binding in adapter.bindings):
            did = "wrote" if touch.write else "read"
            self.broken(
                f"{adapter.name} {did} {touch.field} of {item!r}, which it has completed; take note of what is needed "
                "before the completion",
                item,
            )


class Marks(Fields):
    """A rule about the statuses that a deserialized miniport sets in packets; `_set` are those not completed since."""

    models = Model.DESERIALIZED
    source = "seed 001"

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._set: dict[Any, Status] = {}

    @touched("Packet.status")
    def touch(self, touch: Touch) -> None:
        """Remember what is set."""
        if touch.write and touch.value is not None and self.has(touch):
            self._set[touch.item] = touch.value


class SendOobStatusMatch(Marks):
    """A deserialized miniport that sets the status of a packet completes it with the same."""

    id = "send-oob-status-match"
    why = "Some protocols look at the status in the packet and some at the argument, and are told two different things."
    advisory = True

    @before("NdisMSendComplete")
    def completing(self, call: Call) -> None:
        """Compare it with the argument."""
        if not self._set:
            return
        status = call.argument("status")
        for packet in call.items:
            told = self._set.pop(packet, status)
            if told is not status:
                self.broken(
                    f"{self.watch.adapter.name} set the status of {packet!r} to {told} and completed it with {status}; "
                    "say the same, or leave the status of the packet alone",
                    packet,
                )


class SendOobStatusIsNoCompletion(Marks):
    """A deserialized miniport completes each packet, also where it has set its status."""

    id = "send-oob-status-is-not-completion"
    why = (
        "Only of serialized miniports NDIS reads the status when the send entry returns; here the packet stays pending."
    )

    @before("NdisMSendComplete")
    def completing(self, call: Call) -> None:
        """Forget what is completed."""
        for packet in call.items if self._set else ():
            self._set.pop(packet, None)

    @quiet
    def look(self) -> None:
        """Look for what was only marked; without a link it may still be sent."""
        if not self.watch.adapter.link_up:
            return
        for packet, status in self._set.items():
            if getattr(packet, "owner", None) is self.watch.adapter.sends and status is not Status.PENDING:
                self.broken(
                    f"{self.watch.adapter.name} set the status of {packet!r} to {status} and has not completed it; "
                    "call NdisMSendComplete",
                    packet,
                )
        self._set.clear()


RULES: Final[tuple[type[Rule], ...]] = (
    SendOobReadonly,
    SendReservedFields,
    SendSourceHandle,
    SendTouchAfterComplete,
    SendOobStatusMatch,
    SendOobStatusIsNoCompletion,
)
