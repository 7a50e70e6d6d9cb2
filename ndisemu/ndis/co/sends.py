"""The sends of one virtual circuit: carried in the order of submission, completed with this circuit's handle.

As in every deserialized send path, NDIS keeps no queue: an array goes to
MiniportCoSendPackets at once, and each packet comes back through
NdisMCoSendComplete, exactly once. What cannot be carried is completed by NDIS,
and the miniport never sees it. The Status in a packet's out-of-band block is
not looked at (seed 001).

Source: NDIS reference 6.4 and seed 001.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from ndisemu.errors import RuleViolation
from ndisemu.ndis.call import enter
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.sendbook import SendBook, Sender, Sent
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.co.vc import VirtualCircuit


class VcPackets(SendBook):
    """The packets that are on their way on one circuit; its adapter's book counts them as well."""

    __slots__ = ("_dma", "_entry", "_packet_pools", "_total", "_vc")

    def __init__(self, vc: "VirtualCircuit") -> None:
        adapter = vc.adapter
        super().__init__(adapter, vc.name, "NdisMCoSendComplete")
        self._vc = vc
        self._total = adapter.sends
        self._entry = adapter.miniport.co_send_packets
        self._dma = adapter.device.dma
        self._packet_pools = adapter.library.packet_pools

    def submit(self, sender: Sender, packets: Sequence[Packet]) -> None:
        """Take an array from the binding of the circuit's user and give it to the miniport."""
        adapter, vc = self.adapter, self._vc
        # The caller's array is its own again when this returns; the packets are not.
        packets = tuple(packets)
        serial = self.take_over(sender, packets)
        if (note := self._probe.event) is not None:
            note("send", self.name, len(packets), "")
        if vc.refusal is not None or adapter.refuses_sends is not None:
            self._turn_away(packets)
            return
        let = self._dma.map
        for packet in packets:
            let(packet.segments)
        enter(
            adapter,
            partial(self._entry, vc, packets),
            partial(self.returned, packets, serial),
            partial(self.raised, packets, serial),
        )

    def complete(self, packets: Sequence[Packet], status: Status) -> None:
        """Give packets back to the protocol that sent them (`NdisMCoSendComplete`)."""
        self.check_final(status, packets[0])
        self.give_back(packets)
        self._end(packets, status)

    def reclaim(self, status: Status) -> None:
        """Take everything in flight from the miniport, in submission order."""
        packets = self.in_hand(self._packet_pools)
        if packets:
            self.give_back(packets)
            self._end(packets, status)

    def take_over(self, sender: Sender, items: Sequence[Sent]) -> int:
        """Make the items ours, here and in the adapter's book."""
        first = super().take_over(sender, items)
        self._total.submitted += len(items)
        return first

    def count_end(self, count: int, status: Status) -> None:
        """Count the end of `count` sends, here and in the adapter's book."""
        super().count_end(count, status)
        self._total.count_end(count, status)

    def returned(self, packets: Sequence[Packet], serial: int, value: object, *, suspended: bool) -> None:
        """MiniportCoSendPackets ended with `value`: None completes nothing, a status what is left of the call."""
        if value is None or (value is Status.PENDING and not suspended):
            return
        left = self.left(packets, serial)
        if isinstance(value, Status) and value is not Status.PENDING:
            if left:
                self.complete(left, value)
            return
        self.adapter.report(
            "send-return",
            f"MiniportCoSendPackets returned {value!r}; it returns None, "
            "or after suspending the status that completes the packets it has left",
        )
        if left:
            self.complete(left, Status.FAILURE)

    def raised(self, packets: Sequence[Packet], serial: int, error: BaseException) -> None:
        """MiniportCoSendPackets raised: stop the adapter, and fail what is left of the call before all else it had."""
        left = self.left(packets, serial)
        self.adapter.bug_check("MiniportCoSendPackets", error)
        if left:
            self.complete(left, Status.FAILURE)

    def _turn_away(self, packets: Sequence[Packet]) -> None:
        """Complete what cannot be carried now; the sender is told which rule it has broken, if any."""
        vc = self._vc
        status, rule = vc.refusal or (self.adapter.refuses_sends or Status.FAILURE, "")
        if rule:
            call = f", its call {vc.call.state.current.value}" if vc.call is not None else ""
            vc.user.binding.report(
                rule,
                f"{vc.user.binding.name} sent {len(packets)} packets on {vc.name}, which is "
                f"{vc.state.current.value}{call}; data moves on an active circuit of a connected call",
            )
        self.give_back(packets)
        self.count_end(len(packets), status)
        vc.user.sends_completed(packets, status)

    def _end(self, packets: Sequence[Packet], status: Status) -> None:
        """The packets are their sender's again: take them from the card, count them, tell."""
        take = self._dma.unmap
        for packet in packets:
            take(packet.segments)
        self.count_end(len(packets), status)
        vc = self._vc
        vc.user.sends_completed(packets, status)
        vc.came_back()

    def _not_in_flight(self, items: Sequence[Sent], place: int) -> RuleViolation:
        item, name = items[place], self.adapter.name
        who = item.owner
        self._undo(items, place, self)
        text = (
            f"{name} completed {item!r} on {self.name}, where it is not in flight; it is owned by {who}: "
            "complete each packet once, with the circuit on which it was sent"
        )
        return self.adapter.kernel.refusal("co-send-complete-once", name, text)
