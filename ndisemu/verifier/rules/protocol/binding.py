"""A binding from its open to its close: binds, plug and play events, unbinds."""

from collections.abc import Awaitable
from typing import Any, Final

from ndisemu.kernel import shown
from ndisemu.ndis import Status
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, EVERY, V5, Code, Model, Refused, Rule, before, ended
from ndisemu.verifier.watch import Watch

_UNBINDS: Final = ("ProtocolUnbindAdapter", "ProtocolUnbindAdapterEx")
_CLOSED: Final = "Closed"


class ProtoOpenInBind(Refused):
    """An adapter is opened once, and from ProtocolBindAdapter(Ex)."""

    id = "proto-open-in-bind"
    models = EVERY
    source = "DDK: NdisOpenAdapterEx"
    why = "NDIS pairs each bind with one open."


class ProtoBindComplete(Refused):
    """A bind ends with a final status: what its entry point returns, or what completes it after NDIS_STATUS_PENDING."""

    id = "proto-bind-complete"
    models = EVERY
    source = "DDK: ProtocolBindAdapter, ProtocolBindAdapterEx, NdisCompleteBindAdapterEx"
    why = "Nothing flows on the adapter until it does, and nobody knows whether the protocol is there."


class ProtoNetpnpComplete(Refused):
    """A plug and play event that pends is completed once, with a final status."""

    id = "proto-netpnp-complete"
    models = EVERY
    source = "DDK: NdisCompleteNetPnPEvent, NdisCompletePnPEvent"
    why = "The machine cannot go to sleep, or the adapter pause, until it is."


class ProtoNetpnpStatus(Refused):
    """A protocol answers an event with a status, and one that it cannot fail with NDIS_STATUS_SUCCESS."""

    id = "proto-netpnp-status"
    models = EVERY
    source = "DDK: ProtocolNetPnPEvent, ProtocolPnPEvent"
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
            said = str(result) if type(result) is Status else shown(result)
            right = "SUCCESS, PENDING or FAILURE" if five else "SUCCESS, when the binding is closed"
            self.broken(f"{call.name} of {call.who} returned {said}; it returns {right}", by=call.who.name)


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
            text = f"{call.who} called {call.name}, and no unbind of it is pending; complete each exactly once"
            self.broken(text, by=call.who.name)
        self._completed[call.who] = True

    @ended("ProtocolUnbindAdapter")
    def unbound(self, call: Call) -> None:
        """An unbind that does not pend is complete when it has returned."""
        if not _goes_on(call.result):
            if self._completed[call.who]:
                text = f"{call.who} called NdisCompleteUnbindAdapter for an unbind that has not returned PENDING"
                self.broken(text, by=call.who.name)
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
            text = f"{call.name} of {call.who} {what} in state {state} of the binding; close it, and wait until it is closed"
            self.broken(text, by=call.who.name)


class ProtoHandleAfterClose(Rule):
    """A protocol does not use a binding that it has closed."""

    id = "proto-handle-after-close"
    models = ANY
    source = "DDK: NdisCloseAdapter, NdisCloseAdapterEx"
    why = "Its memory is another binding's by then."

    @before(
        "NdisRequest", "NdisOidRequest", "NdisCancelOidRequest", "NdisSend", "NdisSendPackets", "NdisCancelSendPackets",
        "NdisCancelSendNetBufferLists", "NdisReset", "NdisInitializeTimer", "NdisAllocateTimerObject",
        "NdisAllocatePacketPoolEx", "NdisAllocateNetBufferListPool",
    )  # fmt: skip
    def using(self, call: Call) -> None:
        """Look whether it is closed; a miniport has some of these routines, too."""
        binding = call.who
        if binding is not self.watch.adapter and binding.state.current.value == _CLOSED:
            text = f"{binding} called {call.name} after its close; do it before, or not at all"
            self.broken(text, by=binding.name)


def _goes_on(result: object) -> bool:
    """Whether an unbind of 5.x is not over with what it has returned."""
    return result is Status.PENDING or isinstance(result, Awaitable)


RULES: Final[tuple[type[Rule], ...]] = (
    ProtoOpenInBind,
    ProtoBindComplete,
    ProtoNetpnpComplete,
    ProtoNetpnpStatus,
    ProtoWatchdogs,
    ProtoPause,
    ProtoUnbindNoFail,
    ProtoUnbindComplete,
    ProtoUnbindCloses,
    ProtoHandleAfterClose,
)
