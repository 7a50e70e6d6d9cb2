"""What a miniport indicates: frames that are its own, whole, once, and at a time when it may."""

from typing import Final

from ndisemu.frame.ethernet import HEADER
from ndisemu.ndis import Packet, Status, v5, v6
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.netbuffer import NetBuffer
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import ANY, EVERY, V5, Code, Model, Refused, Rule, after, before
from ndisemu.verifier.watch import Watch

INDICATIONS: Final = ("NdisMIndicateReceivePacket", "NdisMIndicateReceiveNetBufferLists")
_RESOURCES: Final = Status.RESOURCES
_SUCCESS: Final = Status.SUCCESS
_SHORT: Final = int(v6.ReceiveFlag.RESOURCES)


class RxReindicateInUse(Refused):
    """A miniport indicates what is its own, and what it has lent only after it has come back."""

    id = "rx-reindicate-in-use"
    models = EVERY
    source = "seed 003; DDK: NdisMIndicateReceiveNetBufferLists"
    why = (
        "A protocol still reads the buffer, and the card has already filled it again: the frame that was received "
        "becomes another one under its eyes."
    )
    code = Code(0x7C, "BUGCODE_NDIS_DRIVER", ("0x5 to 0x7: a packet that is in use was indicated",))


class RxOobStatusCheckSerialized(Refused):
    """A serialized miniport reads after an indication which packets are PENDING, and leaves those to the protocols."""

    id = "rx-oob-status-check-serialized"
    models = Model.SERIALIZED
    source = "DDK: MiniportReturnPacket, NDIS_GET_PACKET_STATUS"
    why = (
        "PENDING says that a protocol has kept the packet; it comes back through MiniportReturnPacket, and not before."
    )


class RxChainWellformed(Refused):
    """What is indicated together is named once each."""

    id = "rx-chain-wellformed"
    models = EVERY
    source = "DDK: NdisMIndicateReceiveNetBufferLists"
    why = "A list that is linked in twice closes the chain to a circle, and whoever follows it never ends."


class RxWrongPool(Refused):
    """What is indicated comes from a pool of the miniport's own."""

    id = "rx-wrong-pool"
    models = EVERY
    source = "DDK: Obtaining Pool Handles, Miniport Driver Buffer Management"
    why = (
        "A list that a protocol sends is that protocol's again after its completion. Indicated, it has two owners, who "
        "both give it back."
    )


class RxStateRunning(Refused):
    """An NDIS 6 miniport indicates from MiniportRestart until its pause has completed, and at no other time."""

    id = "rx-state-running"
    models = Model.NDIS6
    source = "DDK: Miniport Adapter States and Operations, MiniportPause"
    why = "In a pause NDIS takes the stack above the adapter apart; a frame that comes then goes to who has left."


class RxBeforeInitDone5x(Rule):
    """A 5.x miniport indicates nothing before MiniportInitialize has returned."""

    id = "rx-before-init-done-5x"
    models = V5
    source = "DDK: Initializing a Miniport Adapter"
    why = "NDIS opens the way up when the driver has said that it has started; what comes before meets half an adapter."

    @before("NdisMIndicateReceivePacket", "NdisMEthIndicateReceive")
    def indicating(self, call: Call) -> None:
        """Look where the adapter is in its life; an array of nothing goes nowhere."""
        adapter = self.watch.adapter
        if call.items and not adapter.running:
            self.broken(
                f"{adapter.name} called {call.name} in state {adapter.state.current.value}; enable the interrupt, and "
                "indicate, when the adapter runs",
                call.items[0],
            )


class RxReturnHandlerPresent(Rule):
    """A driver that lends what it has received supplies the entry point through which that comes back."""

    id = "rx-return-handler-present"
    models = ANY
    source = "seed 002; DDK: MiniportReturnPacket, MiniportReturnNetBufferLists"
    why = (
        "NDIS calls it as soon as a protocol is done; a driver without one must show everything for want of resources."
    )

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        miniport = type(watch.adapter.miniport)
        self._told = (
            getattr(miniport, "return_nbls", None) is not v6.Miniport.return_nbls
            if issubclass(miniport, v6.Miniport)
            else getattr(miniport, "return_packets", None) is not v5.Miniport.return_packets
        )

    @before(*INDICATIONS)
    def indicating(self, call: Call) -> None:
        """Say it with the first indication that lends."""
        if self._told or is_short(call):
            return
        self._told = True
        entry = "MiniportReturnPacket" if self.watch.model & V5 else "MiniportReturnNetBufferLists"
        self.broken(
            f"{self.watch.adapter.name} called {call.name} and supplies no {entry}; supply it, or indicate with "
            "RESOURCES only",
            next(iter(call.items), None),
        )


class RxNblInitialised(Rule):
    """Each frame that is indicated has a header and the length that its buffers describe, each list a status that fits."""

    id = "rx-nbl-initialised"
    models = ANY
    source = "DDK: NdisMIndicateReceiveNetBufferLists"
    why = (
        "A length that the card's descriptor told, and no buffer holds, lets protocols read what lies behind. One that "
        "is shorter than a header lets them read an address that never came."
    )

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        # Lists in which a protocol has left another status, which tells nothing of the miniport.
        self._set_above: dict[object, None] = {}

    @before("NdisMIndicateReceivePacket")
    def indicating_packets(self, call: Call) -> None:
        """Measure each packet, where the copies are not all as long as it is said of them."""
        frames = call.frames()
        if frames and call.shortest() >= HEADER and [*map(len, frames)] == [packet.length for packet in call.items]:
            return
        for packet in call.items:
            self._look(call, packet, packet)

    @before("NdisMIndicateReceiveNetBufferLists")
    def indicating_lists(self, call: Call) -> None:
        """Measure the frame, or frames, of each list, as packets are."""
        frames, nbls = call.frames(), call.items
        success = _SUCCESS
        for nbl in nbls:
            if nbl.status is not success:
                self._look_at_status(call, nbl)
        try:
            # As it must be: each is one frame.
            lengths = [nbl.frame.length for nbl in nbls]
        except AttributeError:
            lengths = []
        if frames and call.shortest() >= HEADER and [*map(len, frames)] == lengths:
            return
        for nbl in nbls:
            if not nbl.buffers:
                self.broken(f"{call.name} was called with {nbl!r}, which has no NET_BUFFER; a frame is one", nbl)
            for frame in nbl.buffers:
                self._look(call, nbl, frame)

    @after("ProtocolReceiveNetBufferLists")
    def shown(self, call: Call) -> None:
        """Note in which lists a protocol has set a status, to which they were only shown."""
        if is_short(call):
            self.giving_back(call)

    @before("NdisReturnNetBufferLists")
    def giving_back(self, call: Call) -> None:
        """Note in which lists a protocol has set a status."""
        success = _SUCCESS
        for nbl in call.items:
            if nbl.status is not success:
                self._set_above[nbl] = None

    def _look_at_status(self, call: Call, nbl: NetBufferList) -> None:
        mine = nbl.owner is self.watch.adapter and nbl not in self._set_above
        if mine and nbl.status is not _RESOURCES:
            self.broken(
                f"{call.name} was called with {nbl!r}, whose status is {nbl.status}; what has been received has SUCCESS",
                nbl,
            )

    def _look(self, call: Call, item: object, frame: Packet | NetBuffer) -> None:
        described = sum(length for _, length in frame.segments)
        if described != frame.length:
            self.broken(
                f"{call.name} was called with {item!r} of {frame.length} bytes, whose buffers describe {described}; "
                "set the length of the data and let the buffers follow",
                item,
            )
        elif described < HEADER:
            self.broken(
                f"{call.name} was called with {item!r} of {described} bytes; a frame has a header of {HEADER} at least",
                item,
            )


class RxThrottle(Rule):
    """One interrupt DPC indicates no more lists than it is allowed to."""

    id = "rx-throttle"
    models = Model.NDIS6
    source = "DDK: NDIS_RECEIVE_THROTTLE_PARAMETERS, MiniportInterruptDPC"
    why = (
        "NDIS sets a limit where the processor is needed by others; a DPC that goes on keeps audio and timers waiting."
    )

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._indicated: dict[Call, int] = {}

    @after("NdisMIndicateReceiveNetBufferLists")
    def indicated(self, call: Call) -> None:
        """Count, for the DPC that it was."""
        dpc = self.watch.inside("MiniportInterruptDPC")
        if dpc is not None:
            self._indicated[dpc] = self._indicated.get(dpc, 0) + len(call.argument("nbls"))

    @after("MiniportInterruptDPC")
    def has_run(self, call: Call) -> None:
        """Compare with what it was given."""
        count, most = self._indicated.pop(call, 0), call.argument("throttle").max_nbls
        if count > most:
            self.broken(
                f"MiniportInterruptDPC of {self.watch.adapter.name} indicated {count} lists; it was allowed {most}: leave "
                "the rest in the ring and set MoreNblsPending"
            )


def is_short(call: Call) -> bool:
    """Whether everything in an indication is shown for want of resources, and not lent."""
    flags = call.argument("flags")
    if flags is not None:
        return bool(flags & _SHORT)
    return all(packet.status is _RESOURCES for packet in call.items)


RULES: Final[tuple[type[Rule], ...]] = (
    RxReindicateInUse,
    RxOobStatusCheckSerialized,
    RxChainWellformed,
    RxWrongPool,
    RxStateRunning,
    RxBeforeInitDone5x,
    RxReturnHandlerPresent,
    RxNblInitialised,
    RxThrottle,
)
