"""The rules of the receive path: who owns what is being received, and what an indication says of it."""

import zlib
from typing import Any, Final

from ndisemu.frame.ethernet import HEADER
from ndisemu.ndis import Packet, Status
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, EVERY, V5, Code, Model, Refused, Rule, after, before, halted, touched
from ndisemu.verifier.touch import Touch
from ndisemu.verifier.watch import Watch

_INDICATE: Final = ("NdisMIndicateReceivePacket", "NdisMIndicateReceiveNetBufferLists")


class RxReindicateInUse(Refused):
    """A miniport indicates what is its own: nothing that is lent, sent or free."""

    id = "rx-reindicate-in-use"
    models = EVERY
    source = "seed 003; DDK: NdisMIndicateReceiveNetBufferLists"
    why = "The card would fill a buffer that a protocol reads."


class RxStateRunning(Refused):
    """Lists are indicated while the adapter runs, restarts or pauses."""

    id = "rx-state-running"
    models = Model.NDIS6
    source = "DDK: Miniport Adapter States and Operations"
    why = "Paused means that nothing flows, and bindings change by that."


class RxOobStatusInitialised(Refused):
    """Each packet that is indicated has the status SUCCESS or RESOURCES."""

    id = "rx-oob-status-initialised"
    models = V5
    source = "DDK: NDIS_SET_PACKET_STATUS"
    why = "By the status protocols know whether they may keep the packet."


class RxResourcesChainRestored(Refused):
    """A protocol that is only shown lists leaves their chains as they are."""

    id = "rx-resources-chain-restored"
    models = Model.NDIS6
    source = "DDK: Receiving Data in Protocol Drivers"
    why = "The miniport takes the same lists back when the call returns."


class RxReturnOnce(Refused):
    """A protocol returns each list that it was given once, on the binding that it came by."""

    id = "rx-return-once"
    models = Model.NDIS6
    source = "DDK: NdisReturnNetBufferLists"
    why = "The miniport would fill the buffer while somebody else still reads it."


class Rx5Refcount(Refused):
    """A protocol returns a packet as often as ProtocolReceivePacket has said that it would."""

    id = "rx5-refcount"
    models = V5
    source = "DDK: ProtocolReceivePacket, NdisReturnPackets"
    why = "One time too many takes the packet from another protocol, one too few keeps it from the miniport for ever."


class Rx5ResourcesZero(Refused):
    """ProtocolReceivePacket keeps no reference of a packet that is short of resources."""

    id = "rx5-resources-zero"
    models = V5
    source = "DDK: NDIS_GET_PACKET_STATUS"
    why = "The miniport has it back when the call returns, and reuses it."


class Rx5IndicateComplete(Refused):
    """Lookahead indications are closed by NdisMEthIndicateReceiveComplete."""

    id = "rx5-indicate-complete"
    models = V5
    source = "DDK: NdisMEthIndicateReceiveComplete"
    why = "Protocols do their work when they are told that this was all."


class Rx5ReceiveStatus(Refused):
    """ProtocolReceive returns a status."""

    id = "rx5-receive-status"
    models = V5
    source = "DDK: ProtocolReceive"
    why = "NDIS goes by it whether anybody wanted the frame."


class Rx5ReceivedPacket(Refused):
    """NdisGetReceivedPacket is called inside ProtocolReceive, for the frame that it shows."""

    id = "rx5-received-packet"
    models = V5
    source = "DDK: NdisGetReceivedPacket"
    why = "The packet behind it is the miniport's again afterwards."


class Rx5TransferData(Refused):
    """A transfer of received data is asked for inside ProtocolReceive, and completed once."""

    id = "rx5-transfer-data"
    models = V5
    source = "seed 000; DDK: NdisTransferData, NdisMTransferDataComplete"
    why = "The bytes are gone afterwards, or come into a packet that is somebody else's."


class RxNblInitialised(Rule):
    """What is indicated is a frame: it has a buffer, and the bytes of a header at least."""

    id = "rx-nbl-initialised"
    models = ANY
    source = "DDK: NdisMIndicateReceiveNetBufferLists"
    why = "Every protocol reads the header without asking whether there is one."

    @before(*_INDICATE)
    def indicating(self, call: Call) -> None:
        """Measure each."""
        for item in call.items:
            shortest = item.length if isinstance(item, Packet) else min((nb.length for nb in item.buffers), default=0)
            if shortest < HEADER:
                self.broken(
                    f"{call.name} was called with {item!r} of {shortest} bytes; an Ethernet frame has {HEADER} at least",
                    item,
                )
                return


class RxChainWellformed(Rule):
    """Nothing stands twice in one indication."""

    id = "rx-chain-wellformed"
    models = ANY
    source = "DDK: NdisMIndicateReceiveNetBufferLists"
    why = "A chain that comes back to itself has no end."

    @before(*_INDICATE)
    def indicating(self, call: Call) -> None:
        """Count."""
        items = call.items
        if len(dict.fromkeys(items)) != len(items):
            twice = next(item for place, item in enumerate(items) if item in items[:place])
            self.broken(f"{call.name} was called with {twice!r} twice; indicate each once", twice)


class RxResourcesReclaim(Rule):
    """What was indicated with NDIS_STATUS_RESOURCES is the miniport's again when the call returns, and is not awaited."""

    id = "rx-resources-tail-5x"
    models = V5
    source = "DDK: NDIS_SET_PACKET_STATUS"
    why = "MiniportReturnPacket is not called for it; who waits loses a buffer with every shortage."

    @after("NdisMIndicateReceivePacket")
    def indicated(self, call: Call) -> None:
        """Look at the order of statuses in the array."""
        statuses = [item.status for item in call.items]
        if Status.RESOURCES in statuses and call.error is None:
            first = statuses.index(Status.RESOURCES)
            if any(status is not Status.RESOURCES for status in statuses[first:]):
                self.broken(
                    f"{call.name} was called with packets that are not short of resources behind one that is; older "
                    "versions of NDIS take all of them for short: put RESOURCES last",
                    call.items[first],
                )


class RxPayloadUnmodified(Rule):
    """A frame is the same when it is returned as it was when it was indicated."""

    id = "rx-payload-unmodified"
    models = ANY
    source = "DDK: Receiving Data in Protocol Drivers"
    why = "Several protocols read one buffer; what the first one changes the second one takes for the wire's."
    advisory = True

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._kept: dict[Any, int] = {}

    @after("ProtocolReceivePacket", "ProtocolReceiveNetBufferLists")
    def shown(self, call: Call) -> None:
        """Remember the contents of what a protocol has kept."""
        kept = call.result if isinstance(call.result, int) else 0
        if kept:
            for item in call.items:
                self._kept[item] = _checksum(item)

    @before("NdisReturnPackets", "NdisReturnNetBufferLists")
    def returning(self, call: Call) -> None:
        """Compare."""
        for item in call.items:
            before_ = self._kept.pop(item, None)
            if before_ is not None and before_ != _checksum(item):
                self.broken(
                    f"{call.who.name} returned {item!r} with other bytes than it was given; copy what you change", item
                )


class RxTouchWhileIndicated(Rule):
    """A miniport does not look at what it has lent until that comes back."""

    id = "rx-touch-while-indicated"
    models = ANY
    source = "seed 003; DDK: NdisMIndicateReceiveNetBufferLists"
    why = "It is the protocols' meanwhile, on any processor."

    @touched(
        "Packet.length",
        "Packet.status",
        "Packet.head",
        "NetBufferList.status",
        "NetBufferList.buffers",
        "NetBuffer.length",
    )
    def touched(self, touch: Touch) -> None:
        """Look whose it is."""
        adapter = self.watch.adapter
        if touch.driver is adapter.miniport and touch.item.owner is adapter.receives:
            if self.watch.inside(*_INDICATE):
                return
            self.broken(
                f"{adapter.name} touches {touch.field} of {touch.item!r}, which is lent to protocols", touch.item
            )


class RxLeaked(Rule):
    """Everything that was indicated has come back when the adapter has halted."""

    id = "rx-leaked-nbl"
    models = ANY
    source = "DDK: bug check 0x7C, a leaked list"
    why = "The memory behind it is freed, and somebody still reads it."
    code = Code(0x7C, "BUGCODE_NDIS_DRIVER", ("0x27: a list was leaked",))

    @halted
    def has_halted(self) -> None:
        """Count."""
        lent = self.watch.adapter.receives.lent
        if lent:
            self.broken(f"{self.watch.adapter.name} has halted with {lent} received packets still lent to protocols")


def _checksum(item: Any) -> int:
    return zlib.crc32(item.read() if isinstance(item, Packet) else b"".join(nb.read() for nb in item.buffers))


RULES: Final[tuple[type[Rule], ...]] = (
    RxReindicateInUse, RxStateRunning, RxOobStatusInitialised, RxResourcesChainRestored, RxReturnOnce, Rx5Refcount,
    Rx5ResourcesZero, Rx5IndicateComplete, Rx5ReceiveStatus, Rx5ReceivedPacket, Rx5TransferData, RxNblInitialised,
    RxChainWellformed, RxResourcesReclaim, RxPayloadUnmodified, RxTouchWhileIndicated, RxLeaked,
)  # fmt: skip
