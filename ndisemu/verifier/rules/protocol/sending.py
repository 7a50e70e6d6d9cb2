"""How protocols send: what they send, when, and that they leave it alone."""

from collections.abc import Sequence
from operator import methodcaller
from typing import Any, Final

from ndisemu.frame.ethernet import HEADER
from ndisemu.kernel import shown
from ndisemu.ndis import NetEvent
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.netbuffer import NetBuffer
from ndisemu.ndis.v6.states import BindingState
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, EVERY, V5, Model, Refused, Rule, before, touched
from ndisemu.verifier.rules.send.completion import SUBMISSIONS
from ndisemu.verifier.touch import Touch
from ndisemu.verifier.watch import Watch

_RUNNING, _RESTARTING, _PAUSING = BindingState.RUNNING, BindingState.RESTARTING, BindingState.PAUSING
_read = methodcaller("read")


class ProtoReusePending(Refused):
    """A protocol sends what is its own, and asks again when the first time has ended."""

    id = "proto-reuse-pending"
    models = EVERY
    source = "DDK: NdisSend, NdisSendPackets, NdisSendNetBufferLists, NdisRequest"
    why = "NDIS and the miniport would meet one object in two places."


class ProtoSendWellformed(Rule):
    """What is sent is a frame: a list has one at least, each once, and each has buffers with a whole header.

    NDIS itself fails lists without a frame, in every build.
    """

    id = "proto-send-wellformed"
    models = ANY
    source = "DDK: NdisSendNetBufferLists, NdisSendPackets, NdisChainBufferAtFront"
    why = "The miniport takes it to pieces, or has the card send what no receiver can tell the sender of."

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._framed = not watch.model & Model.CIRCUITS

    @before(*SUBMISSIONS)
    def submitting(self, call: Call) -> None:
        """Look at the lists of several, and at the shortest frame."""
        for item in call.items:
            # A packet has none, and a list of several has no only one.
            if getattr(item, "frame", self) is None and self._is_no_chain(item):
                return
        if not self._framed or not call.frames() or call.shortest() >= HEADER:
            return
        for item in call.items:
            short = min(map(len, map(_read, getattr(item, "buffers", (item,)))))
            if short < HEADER:
                sender = getattr(item.binding, "name", "")
                text = (
                    f"{sender} sent {item!r} with a frame of {short} bytes; a frame has a header of {HEADER} at least"
                )
                self.broken(text, item, sender)
                return

    def _is_no_chain(self, nbl: NetBufferList) -> bool:
        """Tell whether something in a list is no frame, or is in it twice."""
        chain: Sequence[object] = nbl.buffers
        sender = getattr(nbl.binding, "name", "")
        kinds = dict.fromkeys(map(type, chain))
        foreign = [] if list(kinds) == [NetBuffer] else [one for one in chain if not isinstance(one, NetBuffer)]
        if foreign:
            self.broken(f"{sender} sent {nbl!r} with {shown(foreign[0])} in it, which is no NET_BUFFER", nbl, sender)
        elif len(dict.fromkeys(chain)) < len(chain):
            text = f"{sender} sent {nbl!r} with one NET_BUFFER in it twice; a frame is in one list, once"
            self.broken(text, nbl, sender)
        else:
            return False
        return True


class ProtoSendState(Rule):
    """A protocol sends from NetEventRestart until NetEventPause, and at no other time."""

    id = "proto-send-state"
    models = Model.NDIS6
    source = "DDK: Pausing a Binding; Protocol Binding States and Operations"
    why = "NDIS gives everything back unsent. A protocol that waits for the right moment loses nothing."

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        # The processor on which each binding that pauses was told so.
        self._told: dict[Any, object] = {}

    @before("ProtocolNetPnPEvent")
    def telling(self, call: Call) -> None:
        """Note that it knows."""
        code = call.argument("event").code
        if code is NetEvent.PAUSE:
            self._told[call.who] = call.cpu
        elif code is NetEvent.RESTART:
            self._told.pop(call.who, None)

    @before("NdisSendNetBufferLists")
    def sending(self, call: Call) -> None:
        """Look at the state; in the middle of a pause another processor may not have seen it."""
        state = call.who.state.current
        if state is _RUNNING or state is _RESTARTING or not call.items:
            return
        if state is not _PAUSING or self._told.get(call.who) is call.cpu:
            text = (
                f"{call.who} called {call.name} in state {state.value}; send between NetEventRestart and NetEventPause"
            )
            self.broken(text, call.items[0], call.who.name)


class ProtoCancelId(Refused):
    """Sends are cancelled by an id that is not 0."""

    id = "proto-cancel-id-zero"
    models = V5
    source = "DDK: NDIS_SET_PACKET_CANCEL_ID"
    why = "0 marks what cannot be cancelled."


class ProtoTouchAfterSend(Rule):
    """A protocol does not look at what it has sent until that comes back."""

    id = "proto-touch-after-send"
    models = ANY
    source = "DDK: NdisSendNetBufferLists, NdisSendPackets"
    why = "It is the miniport's meanwhile, and the card's."

    @touched(
        "Packet.length", "Packet.memory", "Packet.window", "Packet.head", "Packet.status", "Packet.flags", "Packet.cancel_id",
        "Packet.address", "NetBuffer.address", "Packet.ieee8021q", "Packet.protocol_reserved", "OobBlock.time_to_send", "OobBlock.time_sent",
        "OobBlock.header_size", "OobBlock.media_specific", "NetBufferList.status", "NetBufferList.buffers",
        "NetBufferList.frame", "NetBufferList.flags", "NetBufferList.info", "NetBufferList.protocol_reserved", "NetBuffer.length", "NetBuffer.memory",
        "NetBuffer.window", "Mdl.memory",
    )  # fmt: skip
    def touching(self, touch: Touch) -> None:
        """Look who touches, and whose it is."""
        adapter = self.watch.adapter
        if (by := self.watch.binding_of(touch.driver)) and touch.item.owner is adapter.sends:
            text = f"{touch.driver.name} touches {touch.field} of {touch.item!r}, which it has sent"
            self.broken(text, touch.item, by)


RULES: Final[tuple[type[Rule], ...]] = (
    ProtoReusePending,
    ProtoSendWellformed,
    ProtoSendState,
    ProtoCancelId,
    ProtoTouchAfterSend,
)
