"""The rules of protocols."""

from operator import methodcaller
from collections.abc import Awaitable
from typing import Any, Final

from ndisemu.frame.ethernet import HEADER
from ndisemu.kernel import shown
from ndisemu.ndis import NetEvent, Oid, OidRequest, Status
from ndisemu.ndis.v6.states import BindingState
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, EVERY, V5, Code, Model, Refused, Rule, after, before, ended, touched
from ndisemu.verifier.rules.send.completion import SUBMISSIONS
from ndisemu.verifier.touch import Touch
from ndisemu.verifier.watch import Watch

_REQUESTS: Final = ("NdisRequest", "NdisOidRequest")
_read = methodcaller("read")
_UNBINDS: Final = ("ProtocolUnbindAdapter", "ProtocolUnbindAdapterEx")
_CLOSED: Final = "Closed"
_RUNNING, _RESTARTING, _PAUSING = BindingState.RUNNING, BindingState.RESTARTING, BindingState.PAUSING


class ProtoReusePending(Refused):
    """A protocol sends what is its own, and asks again when the first time has ended."""

    id = "proto-reuse-pending"
    models = EVERY
    source = "DDK: NdisSend, NdisSendPackets, NdisSendNetBufferLists, NdisRequest"
    why = "NDIS and the miniport would meet one object in two places."


class ProtoSendWellformed(Rule):
    """What is sent is a frame: a list has one at least, and each has buffers with a whole header.

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
        """Look at the shortest."""
        frames = call.frames() if self._framed else None
        if not frames or min(map(len, frames)) >= HEADER:
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


class ProtoOpenInBind(Refused):
    """An adapter is opened once, and from ProtocolBindAdapter(Ex)."""

    id = "proto-open-in-bind"
    models = EVERY
    source = "DDK: NdisOpenAdapterEx"
    why = "NDIS pairs each bind with one open."


class ProtoNetpnpComplete(Refused):
    """A plug and play event that pends is completed once, with a final status."""

    id = "proto-netpnp-complete"
    models = EVERY
    source = "DDK: NdisCompleteNetPnPEvent, NdisCompletePnPEvent"
    why = "The machine cannot go to sleep, or the adapter pause, until it is."


class ProtoNetpnpStatus(Refused):
    """A protocol answers an event that it cannot fail with NDIS_STATUS_SUCCESS."""

    id = "proto-netpnp-status"
    models = Model.NDIS6
    source = "DDK: ProtocolNetPnPEvent"
    why = "NDIS goes on all the same, with a protocol that believes it has not."


class ProtoWatchdogs(Refused):
    """A protocol's handlers for binding, unbinding and plug and play events return within a minute."""

    id = "proto-watchdogs"
    models = EVERY
    source = "DDK: NDIS watchdogs (bug check 0x15E)"
    why = "The adapter can neither pause nor halt, nor the machine sleep, until they do."
    code = Code(0x15E, "BUGCODE_NDIS_DRIVER_LIVE_DUMP", ("0x25: a protocol's handler has timed out",))


class ProtoPause(Refused):
    """A protocol completes a pause when its sends are back and what it was lent is returned."""

    id = "proto-pause"
    models = Model.NDIS6
    source = "DDK: ProtocolNetPnPEvent (NetEventPause)"
    why = "The miniport is paused next, and waits for them."


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
        "Packet.length", "Packet.window", "Packet.head", "Packet.status", "Packet.flags", "Packet.cancel_id",
        "Packet.ieee8021q", "Packet.protocol_reserved", "OobBlock.time_to_send", "OobBlock.time_sent",
        "OobBlock.header_size", "OobBlock.media_specific", "NetBufferList.status", "NetBufferList.buffers",
        "NetBufferList.flags", "NetBufferList.info", "NetBufferList.protocol_reserved", "NetBuffer.length", "NetBuffer.window",
    )  # fmt: skip
    def touching(self, touch: Touch) -> None:
        """Look who touches, and whose it is."""
        adapter = self.watch.adapter
        if (by := self.watch.binding_of(touch.driver)) and touch.item.owner is adapter.sends:
            text = f"{touch.driver.name} touches {touch.field} of {touch.item!r}, which it has sent"
            self.broken(text, touch.item, by)


class ProtoOidBuffer(Rule):
    """A protocol leaves a request and its data as they are until the request has ended."""

    id = "proto-oid-buffer"
    models = ANY
    source = "DDK: NdisRequest, NdisOidRequest"
    why = "NDIS and the miniport read it whenever its turn comes, and find by it whom its end is told."

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        # Few are pending at a time.
        self._pending: list[tuple[OidRequest, dict[str, object]]] = []

    @before(*_REQUESTS)
    def asking(self, call: Call) -> None:
        """Take down what it says; a request that its protocol awaits is told ended to nobody else."""
        request = call.argument("request")
        self._pending = [noted for noted in self._pending if noted[0].status is None and noted[0] is not request]
        self._pending.append((request, {**_fields(request), "binding": call.who, "data": _copied(request.data)}))

    @after(*_REQUESTS)
    def asked(self, call: Call) -> None:
        """Forget what has ended at once."""
        if call.result is not Status.PENDING:
            self._take(call.argument("request"))

    @before("NdisMQueryInformationComplete", "NdisMSetInformationComplete", "NdisMOidRequestComplete")
    @ended("MiniportQueryInformation", "MiniportSetInformation", "MiniportOidRequest")
    def ending(self, call: Call) -> None:
        """Compare what the miniport completes; NDIS may show it other data than the protocol's."""
        request = call.argument("request", self.watch.adapter.requests.current)
        was = self._take(request)
        if was is not None and not self._compare(request, was, _fields(request)):
            self._pending.append((request, was))

    @before("ProtocolRequestComplete", "ProtocolOidRequestComplete")
    def telling(self, call: Call) -> None:
        """Compare what is told to have ended, with its data."""
        request = call.argument("request")
        was = self._take(request)
        if was is not None:
            self._compare(request, was, {**_fields(request), "data": _copied(request.data)})

    def _take(self, request: object) -> dict[str, object] | None:
        """Return what a request has said, and forget it."""
        for place, (pending, was) in enumerate(self._pending):
            if pending is request:
                del self._pending[place]
                return was
        return None

    def _compare(self, request: OidRequest, was: dict[str, object], now: dict[str, object]) -> bool:
        """Report the first field that is another now; returns whether there is one."""
        field = next((field for field in now if now[field] != was[field]), None)
        if field is None:
            return False
        self.broken(
            f"{was['binding']} changed the {field} of a request from {_said(was[field])} to {_said(now[field])} while it "
            "was pending; leave it alone until it has ended",
            request,
        )
        return True


def _fields(request: OidRequest) -> dict[str, object]:
    """Return what a protocol has written into a request, by field; what it has deleted is None."""
    return {field: getattr(request, field, None) for field in ("oid", "is_set", "length", "request_id", "binding")}


def _said(value: object) -> str:
    """Say what a field holds, or what was returned."""
    return str(value) if type(value) in (Oid, Status) else shown(value)


def _copied(data: Any) -> object:
    """Return a copy of the data of a set, which may be in a buffer that its owner fills anew."""
    return bytes(data) if isinstance(data, bytearray | memoryview) else data


class ProtoUnbindNoFail(Rule):
    """An unbind ends with NDIS_STATUS_SUCCESS: in NDIS 6 it cannot fail, in 5.x it may pend or fail, and nothing else."""

    id = "proto-unbind-no-fail"
    models = ANY
    source = "DDK: ProtocolUnbindAdapterEx, ProtocolUnbindAdapter"
    why = "The adapter goes all the same, under a protocol that believes that it has kept it."

    @ended(*_UNBINDS)
    def unbound(self, call: Call) -> None:
        """Look at what it has returned; a coroutine that just ends has succeeded."""
        result = call.result
        five = call.name == "ProtocolUnbindAdapter"
        fits = result is None or result is Status.SUCCESS or (five and (result is Status.FAILURE or _goes_on(result)))
        if call.error is None and not fits:
            right = "SUCCESS, PENDING or FAILURE" if five else "SUCCESS, when the binding is closed"
            self.broken(f"{call.name} of {call.who} returned {_said(result)}; it returns {right}")


class ProtoUnbindComplete(Rule):
    """An unbind that has returned NDIS_STATUS_PENDING is completed once, and no other is."""

    id = "proto-unbind-complete"
    models = V5
    source = "DDK: NdisCompleteUnbindAdapter"
    why = "After the first time NDIS frees what it knows of the binding."

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        # Whether it is completed, for each binding whose unbind has begun.
        self._completed: dict[Any, bool] = {}

    @before("ProtocolUnbindAdapter")
    def unbinding(self, call: Call) -> None:
        """It may be completed from now on."""
        self._completed[call.who] = False

    @before("NdisCompleteUnbindAdapter")
    def completing(self, call: Call) -> None:
        """Look whether it has been."""
        if self._completed.get(call.who, True):
            self.broken(f"{call.who} called {call.name}, and no unbind of it is pending; complete each exactly once")
        self._completed[call.who] = True

    @ended("ProtocolUnbindAdapter")
    def unbound(self, call: Call) -> None:
        """An unbind that does not pend is complete when it has returned."""
        if not _goes_on(call.result):
            if self._completed[call.who]:
                self.broken(f"{call.who} called NdisCompleteUnbindAdapter for an unbind that has not returned PENDING")
            self._completed[call.who] = True


class ProtoUnbindCloses(Rule):
    """An unbind closes its binding, and does not end before the close has."""

    id = "proto-unbind-closes"
    models = ANY
    source = "DDK: ProtocolUnbindAdapterEx, ProtocolUnbindAdapter"
    why = "NDIS frees the binding under a close that still waits, or closes it without the protocol's knowledge."

    @ended(*_UNBINDS)
    def unbound(self, call: Call) -> None:
        """It is over, if it does not pend."""
        if call.error is None and not (call.name == "ProtocolUnbindAdapter" and _goes_on(call.result)):
            self._look(call)

    @before("NdisCompleteUnbindAdapter")
    def completing(self, call: Call) -> None:
        """It is over."""
        self._look(call)

    def _look(self, call: Call) -> None:
        state = call.who.state.current.value
        if state != _CLOSED:
            what = "was called" if call.name.startswith("Ndis") else "ended"
            self.broken(
                f"{call.name} of {call.who} {what} in state {state} of the binding; close it, and wait until it is closed"
            )


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
            self.broken(
                f"{call.who} called {call.name} in state {state.value}; send between NetEventRestart and NetEventPause",
                call.items[0],
            )


class ProtoHandleAfterClose(Rule):
    """A protocol does not use a binding that it has closed."""

    id = "proto-handle-after-close"
    models = ANY
    source = "DDK: NdisCloseAdapter, NdisCloseAdapterEx"
    why = "Its memory is another binding's by then."

    @before(
        *_REQUESTS, "NdisCancelOidRequest", "NdisSend", "NdisSendPackets", "NdisCancelSendPackets",
        "NdisCancelSendNetBufferLists", "NdisReset", "NdisInitializeTimer", "NdisAllocateTimerObject",
        "NdisAllocatePacketPoolEx", "NdisAllocateNetBufferListPool",
    )  # fmt: skip
    def using(self, call: Call) -> None:
        """Look whether it is closed; a miniport has some of these routines, too."""
        binding = call.who
        if binding is not self.watch.adapter and binding.state.current.value == _CLOSED:
            self.broken(f"{binding} called {call.name} after its close; do it before, or not at all")


def _goes_on(result: object) -> bool:
    """Whether an unbind of 5.x is not over with what it has returned."""
    return result is Status.PENDING or isinstance(result, Awaitable)


RULES: Final[tuple[type[Rule], ...]] = (
    ProtoReusePending,
    ProtoSendWellformed,
    ProtoOpenInBind,
    ProtoNetpnpComplete,
    ProtoNetpnpStatus,
    ProtoWatchdogs,
    ProtoPause,
    ProtoCancelId,
    ProtoTouchAfterSend,
    ProtoOidBuffer,
    ProtoUnbindNoFail,
    ProtoUnbindComplete,
    ProtoUnbindCloses,
    ProtoSendState,
    ProtoHandleAfterClose,
)
