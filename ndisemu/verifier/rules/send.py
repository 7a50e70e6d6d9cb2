"""The rules of the send path: who owns what is being sent, how each send ends, and what comes out on the wire."""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from ndisemu.frame.ethernet import MIN_FRAME
from ndisemu.ndis import Packet, contents
from ndisemu.units import SECOND, format_time
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import (
    ANY,
    EVERY,
    V5,
    Code,
    Model,
    Refused,
    Rule,
    after,
    before,
    quiet,
    touched,
    wire,
)
from ndisemu.verifier.touch import Touch
from ndisemu.verifier.watch import Watch

COMPLETIONS: Final = ("NdisMSendComplete", "NdisMSendNetBufferListsComplete")
SUBMISSIONS: Final = ("MiniportSend", "MiniportSendPackets", "MiniportSendNetBufferLists")
# How long a send may take, and how long none may end while some are out (NdisTimedDataSend, NdisTimedDataHang).
LONGEST: Final = 30 * SECOND
SILENT: Final = 22 * SECOND
_STUCK: Final = Code(0x15E, "BUGCODE_NDIS_DRIVER_LIVE_DUMP", ("0x30: a stuck list",))


class SendDoubleComplete(Refused):
    """What a miniport was given to send is completed once for each time that it was given."""

    id = "send-double-complete"
    models = EVERY
    source = "seeds 000 and 001; DDK: NdisMSendNetBufferListsComplete"
    why = (
        "From the first completion on it is the protocol's, which may have freed it or sent it again. A second one "
        "takes it away from whoever has it now."
    )
    code = Code(0x7C, "BUGCODE_NDIS_DRIVER", ("a completed list",))


class SendCompleteNotOwned(Refused):
    """A miniport completes only what was submitted to it."""

    id = "send-complete-not-owned"
    models = EVERY
    source = "seed 001; DDK: Sending Data from a Miniport Driver"
    why = "A protocol would be handed a descriptor that it has never sent, such as one of the driver's own receive packets."


class SendNeverCompleted(Refused):
    """Every send is completed."""

    id = "send-never-completed"
    models = EVERY
    source = "seeds 000, 001 and 003"
    why = "The protocol cannot close, the adapter cannot pause or halt, and the packet never comes back to its pool."
    code = _STUCK


class SendCompleteArgument(Refused):
    """A completion is called with descriptors of sends, and with a status."""

    id = "send-complete-argument"
    models = EVERY
    source = "DDK: NdisMSendComplete, NdisMSendNetBufferListsComplete"
    why = "NDIS follows whatever it is given to a sender, and there is none."


class SendCompletePending(Refused):
    """A completion has a final status, and never NDIS_STATUS_PENDING."""

    id = "send-complete-pending"
    models = V5
    source = "DDK: NdisMSendComplete"
    why = "The protocol would be told that its packet is back and that it is not."


class SendCompleteResources(Refused):
    """A serialized miniport says NDIS_STATUS_RESOURCES when it is given a packet, and not when it completes one."""

    id = "send-complete-resources"
    models = Model.SERIALIZED
    source = "DDK: MiniportSend"
    why = "NDIS keeps what was refused and would send again what has been taken."


class SendCompleteResources5d(Refused):
    """A deserialized miniport does not complete a send with NDIS_STATUS_RESOURCES."""

    id = "send-complete-resources-5d"
    models = Model.DESERIALIZED
    source = "seed 001"
    why = "It has no way to push a packet back to NDIS: for the protocol the send has failed."


class SendResourcesAvailableDeserialized(Refused):
    """A deserialized miniport does not call NdisMSendResourcesAvailable."""

    id = "send-resources-available-deserialized"
    models = Model.DESERIALIZED
    source = "seed 001"
    why = "NDIS queues nothing for it that the call could let go."


class SendResourcesSyncDeserialized(Refused):
    """A deserialized miniport does not answer a send with NDIS_STATUS_RESOURCES."""

    id = "send-resources-sync-deserialized"
    models = Model.DESERIALIZED
    source = "seeds 001 and 003"
    why = "The packet is not sent again: the protocol gets it back as failed."


class SendSyncStatusValid(Refused):
    """MiniportSend returns a status: a final one, PENDING, or RESOURCES where NDIS queues."""

    id = "send-sync-status-valid"
    models = V5
    source = "seed 000; DDK: MiniportSend"
    why = "NDIS would not know whose the packet is."


class SendSyncStatusThenComplete(Refused):
    """A packet that MiniportSend has answered with a final status is not completed as well."""

    id = "send-sync-status-then-complete"
    models = Model.SERIALIZED
    source = "seed 000"
    why = "It is the protocol's since the answer."


class SendResourcesTailUntouched(Refused):
    """From the first packet on that is answered with RESOURCES, a serialized miniport takes none of the array."""

    id = "send-resources-tail-untouched"
    models = Model.SERIALIZED
    source = "DDK: MiniportSendPackets"
    why = "NDIS takes all of them back and sends them again: one that was taken goes out twice."


class SendResourcesRelinquish(Refused):
    """A packet that was answered with RESOURCES is NDIS's: it is not completed and not sent."""

    id = "send-resources-relinquish"
    models = Model.SERIALIZED
    source = "DDK: NdisMSendResourcesAvailable"
    why = "NDIS gives it to the miniport anew, at another time, perhaps after a cancel."


class SendOobStatusSet(Refused):
    """A serialized miniport sets the status of every packet of an array, up to the first RESOURCES."""

    id = "send-oob-status-set-before-return"
    models = Model.SERIALIZED
    source = "DDK: MiniportSendPackets, NDIS_SET_PACKET_STATUS"
    why = "The status in the packet is the answer; what lay there before would be taken for it."


class SendReturn(Refused):
    """An entry point that takes arrays returns nothing, or, having suspended, the status of what it has left."""

    id = "send-return"
    models = EVERY
    source = "ndisemu: what a coroutine returns is its completion"
    why = "In C it is void: anything else is read by nobody."


class SendNblStatusSet(Refused):
    """A miniport sets the status of each list before it completes it."""

    id = "send-nbl-status-set"
    models = Model.NDIS6
    source = "seed 003; DDK: NET_BUFFER_LIST (Status)"
    why = "What the protocol left there last time would be the answer, which on Windows often looks like success."


class SendNblStatusValue(Refused):
    """A list is completed with one of the statuses that a send ends with."""

    id = "send-nbl-status-value"
    models = Model.NDIS6
    source = "DDK: NdisMSendNetBufferListsComplete"
    why = "Protocols tell by it whether to send again, to wait, or to give up."


class SendNbListUnmodified(Refused):
    """A list is completed with the NET_BUFFERs that it was submitted with, in their order."""

    id = "send-nb-list-unmodified"
    models = Model.NDIS6
    source = "DDK: NdisMSendNetBufferListsComplete"
    why = "The protocol frees what it finds; what was unlinked is lost."


class SendWrongAdapter(Rule):
    """What was sent on one adapter is completed with that adapter's handle."""

    id = "send-complete-wrong-adapter"
    models = ANY
    source = "DDK: NdisMSendNetBufferListsComplete (MiniportAdapterHandle)"
    why = "NDIS counts what is out on each adapter. The wrong one never reaches zero, and can neither pause nor halt."

    @before(*COMPLETIONS)
    def completing(self, call: Call) -> None:
        """Look whose sends these are; all of a call are mostly of one path."""
        mine = self.watch.adapter.sends
        for item in call.items:
            path = item.owner
            if path is mine:
                continue
            adapter = getattr(path, "adapter", None)
            if adapter is not None and path is adapter.sends:
                self.broken(
                    f"{self.watch.adapter.name} called {call.name} for {item!r}, which was sent on {adapter.name}; "
                    "complete it with the handle of the adapter that was given it",
                    item,
                )
                return


class SendChainWellformed(Rule):
    """Nothing stands twice in one completion."""

    id = "send-chain-wellformed"
    models = ANY
    source = "DDK: NdisMSendNetBufferListsComplete"
    why = "A chain that comes back to itself has no end."

    @before(*COMPLETIONS)
    def completing(self, call: Call) -> None:
        """Count."""
        items = call.items
        if len(dict.fromkeys(items)) != len(items):
            twice = next(item for place, item in enumerate(items) if item in items[:place])
            self.broken(f"{call.name} was called with {twice!r} twice; complete each once", twice)


class Pending(Rule):
    """A rule that knows what the miniport has been given and not completed, and since when."""

    models = ANY

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._calls: deque[tuple[int, tuple[Any, ...]]] = deque()

    def given(self, call: Call) -> None:
        """Remember a submission."""
        self._calls.append((self.watch.kernel.local_time(), call.items))

    def oldest(self) -> tuple[int, Any] | None:
        """Return since when the oldest is out, and what it is; None if nothing is."""
        mine = self.watch.adapter.sends
        while self._calls:
            since, items = self._calls[0]
            left = next((item for item in items if item.owner is mine), None)
            if left is not None:
                return since, left
            self._calls.popleft()
        return None


class SendTimedComplete(Pending):
    """Each send is complete within 30 seconds."""

    id = "send-timed-complete"
    source = "Driver Verifier: NdisTimedDataSend"
    why = "Protocols give their connections up, and the adapter cannot pause."
    microsoft = "NdisTimedDataSend"
    code = Code(0xC4, "DRIVER_VERIFIER_DETECTED_VIOLATION", ("0x9200D: a send has timed out",))

    @before(*SUBMISSIONS)
    def sending(self, call: Call) -> None:
        """Remember, and look at the oldest."""
        self.look()
        self.given(call)

    @before(*COMPLETIONS)
    def completing(self, call: Call) -> None:
        """Look at the oldest."""
        self.look()

    @quiet
    def look(self) -> None:
        """Compare its age."""
        found = self.oldest()
        if found is None:
            return
        since, item = found
        age = self.watch.kernel.local_time() - since
        if age > LONGEST:
            self._calls.popleft()
            self.broken(
                f"{item!r} has been with {self.watch.adapter.name} for {format_time(age)}; complete each in 30 s", item
            )


class SendPerPacketComplete(Pending):
    """Of an array every packet is completed, and not the array."""

    id = "send-per-packet-complete"
    models = V5
    source = "seed 001"
    why = "Each packet is its protocol's only by its own completion."

    @before(*SUBMISSIONS)
    def sending(self, call: Call) -> None:
        """Remember the array."""
        self.given(call)

    @quiet
    def is_quiet(self) -> None:
        """Look for arrays of which some packets have come back and others have not."""
        mine = self.watch.adapter.sends
        for _, items in self._calls:
            left = [item for item in items if item.owner is mine]
            if left and len(left) < len(items):
                self.broken(
                    f"{len(items) - len(left)} of the {len(items)} packets of an array were completed, and {left[0]!r} was "
                    "not; NdisMSendComplete is called for each",
                    left[0],
                )
        self._calls.clear()


class SendPendingWithoutComplete(Pending):
    """What a miniport has taken as pending it completes, as long as nothing keeps the card from sending."""

    id = "send-pending-without-complete"
    source = "seed 000"
    why = "PENDING is a promise."

    @before(*SUBMISSIONS)
    def sending(self, call: Call) -> None:
        """Remember."""
        self.given(call)

    @quiet
    def is_quiet(self) -> None:
        """Nothing is left to do, and something is still out."""
        found, adapter = self.oldest(), self.watch.adapter
        if found is not None and adapter.running and adapter.link_up and not adapter.removed:
            self._calls.clear()
            self.broken(
                f"nothing is left to do, and {found[1]!r} is still with {adapter.name}, whose link is up; complete it",
                found[1],
            )


class SendRejectPaused(Rule):
    """A send that reaches a miniport while it pauses is completed with NDIS_STATUS_PAUSED."""

    id = "send-reject-paused"
    models = Model.NDIS6
    source = "DDK: MiniportPause"
    why = "The pause waits for every send, also for those that come late."

    @after("MiniportSendNetBufferLists")
    def sent(self, call: Call) -> None:
        """Look at the state, and whose the lists are."""
        state, mine = self.watch.adapter.state.current.value, self.watch.adapter.sends
        if state.startswith("Paus") and any(item.owner is mine for item in call.items):
            self.broken(
                f"MiniportSendNetBufferLists kept lists in state {state}; complete them with NDIS_STATUS_PAUSED"
            )


class SendRejectSurprise(Rule):
    """A send that reaches a miniport after the card was pulled out is completed at once."""

    id = "send-reject-surprise"
    models = ANY
    source = "DDK: MiniportDevicePnPEventNotify"
    why = "No interrupt will ever say that it was sent."

    @after(*SUBMISSIONS)
    def sent(self, call: Call) -> None:
        """Look whether anything was kept."""
        mine = self.watch.adapter.sends
        if self.watch.adapter.removed and any(item.owner is mine for item in call.items):
            self.broken(f"{call.name} kept what it was given after the card was removed; complete it with NOT_ACCEPTED")


class SendDataUnmodified(Rule):
    """The bytes that a protocol sends are as they were when it gets them back."""

    id = "send-data-unmodified"
    models = ANY
    source = "DDK: NdisSendNetBufferLists"
    why = "A protocol that sends the same buffer again, or keeps it for a retransmission, sends the miniport's changes."

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._given: dict[Any, bytes] = {}

    @before(*SUBMISSIONS)
    def sending(self, call: Call) -> None:
        """Keep a copy."""
        items = call.items
        read = contents.read if isinstance(items[0], Packet) else contents.read_lists
        copies = read(items)
        if len(copies) == len(items):
            self._given.update(zip(items, copies, strict=True))

    @before(*COMPLETIONS)
    def completing(self, call: Call) -> None:
        """Compare, all at once where all are as they were."""
        items, given = call.items, self._given
        if not items:
            return
        read = contents.read if isinstance(items[0], Packet) else contents.read_lists
        then = [given.pop(item, None) for item in items]
        now = read(items)
        if then == now or len(now) != len(items):
            return
        for item, before_, after_ in zip(items, then, now, strict=True):
            if before_ is not None and before_ != after_:
                self.broken(f"{item!r} comes back with other bytes than were sent; pad and patch in a copy", item)
                return


class SendPadMinimum(Rule):
    """Short frames are padded with zeros to 60 bytes."""

    id = "send-pad-minimum"
    models = ANY
    source = "DDK: MiniportSendNetBufferLists; IEEE 802.3, 4.2.3.3"
    why = "A shorter frame is a fragment to every card, and bytes that lay in the buffer before are somebody's secrets."

    @wire
    def sent(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Measure them."""
        shortest = min(map(len, frames), default=MIN_FRAME)
        if shortest < MIN_FRAME:
            self.broken(f"{self.watch.adapter.name} sent a frame of {shortest} bytes; pad it with zeros to {MIN_FRAME}")


class SendOversize(Rule):
    """No frame is longer on the wire than the adapter says that frames can be."""

    id = "send-oversize"
    models = ANY
    source = "DDK: NdisMSendNetBufferListsComplete (NDIS_STATUS_INVALID_LENGTH)"
    why = "Nobody on the segment takes it: fail it, so that the sender knows."

    @wire
    def sent(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Measure them; a VLAN tag rides on top."""
        limit, longest = self.watch.adapter.maximum_total_size, max(map(len, frames), default=0)
        if limit and longest > limit + 4:
            self.broken(
                f"{self.watch.adapter.name} sent a frame of {longest} bytes; OID_GEN_MAXIMUM_TOTAL_SIZE is {limit}: "
                "complete it with NDIS_STATUS_INVALID_LENGTH"
            )


class SendOobReadonly(Rule):
    """On the send path a miniport changes nothing in the out-of-band block but the status."""

    id = "send-oob-readonly"
    models = V5
    source = "seed 001"
    why = "The block is the protocol's, who may send the packet again with what it believes to be there."

    @touched("OobBlock.time_to_send", "OobBlock.time_sent", "OobBlock.time_received", "OobBlock.header_size",
             "OobBlock.media_specific")  # fmt: skip
    def touching(self, touch: Touch) -> None:
        """Look who writes, and whose the packet is."""
        adapter = self.watch.adapter
        if touch.write and touch.driver is adapter.miniport and touch.item.owner is adapter.sends:
            self.broken(
                f"{adapter.name} sets {touch.field} of {touch.item!r}, which it is to send; only the status is its",
                touch.item,
            )


class SendReservedFields(Rule):
    """Each driver uses its own reserved field of a packet or list."""

    id = "send-reserved-fields"
    models = ANY
    source = "DDK: NET_BUFFER_LIST (MiniportReserved, ProtocolReserved)"
    why = "The protocol finds the miniport's note where it has left its own."

    @touched("Packet.protocol_reserved", "NetBufferList.protocol_reserved")
    def touching(self, touch: Touch) -> None:
        """Look who writes."""
        adapter = self.watch.adapter
        if touch.write and touch.driver is adapter.miniport and touch.item.owner is adapter.sends:
            self.broken(
                f"{adapter.name} sets {touch.field} of {touch.item!r}; its own is miniport_reserved", touch.item
            )


class SendTouchAfterComplete(Rule):
    """A miniport does not look at what it has completed."""

    id = "send-touch-after-complete"
    models = ANY
    source = "DDK: MiniportSendNetBufferLists"
    why = "The protocol may have freed it, or sent it again, before the completion returned."

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._completed: dict[Any, None] = {}

    @before(*SUBMISSIONS)
    def sending(self, call: Call) -> None:
        """What is given again is the miniport's again."""
        for item in call.items:
            self._completed.pop(item, None)

    @after(*COMPLETIONS)
    def completed(self, call: Call) -> None:
        """Remember what is not its own any more."""
        self._completed.update(dict.fromkeys(call.items))

    @touched("Packet.length", "Packet.head", "Packet.miniport_reserved", "Packet.status", "NetBufferList.buffers",
             "NetBufferList.status", "NetBufferList.miniport_reserved")  # fmt: skip
    def touching(self, touch: Touch) -> None:
        """Look who touches."""
        adapter = self.watch.adapter
        if touch.driver is adapter.miniport and touch.item in self._completed and touch.item.owner is not adapter.sends:
            self.broken(f"{adapter.name} touches {touch.field} of {touch.item!r}, which it has completed", touch.item)


RULES: Final[tuple[type[Rule], ...]] = (
    SendDoubleComplete, SendCompleteNotOwned, SendNeverCompleted, SendCompleteArgument, SendCompletePending,
    SendCompleteResources, SendCompleteResources5d, SendResourcesAvailableDeserialized, SendResourcesSyncDeserialized,
    SendSyncStatusValid, SendSyncStatusThenComplete, SendResourcesTailUntouched, SendResourcesRelinquish, SendOobStatusSet,
    SendReturn, SendNblStatusSet, SendNblStatusValue, SendNbListUnmodified, SendWrongAdapter, SendChainWellformed,
    SendTimedComplete, SendPerPacketComplete, SendPendingWithoutComplete, SendRejectPaused, SendRejectSurprise,
    SendDataUnmodified, SendPadMinimum, SendOversize, SendOobReadonly, SendReservedFields, SendTouchAfterComplete,
)  # fmt: skip
