"""The packets that are sent on one virtual circuit: in the order of submission, completed with this circuit's handle.

As in every deserialized send path, NDIS keeps no queue: an array goes to
MiniportCoSendPackets at once, and each packet comes back through
NdisMCoSendComplete, exactly once. What cannot be carried is completed by NDIS,
and the miniport never sees it. The Status in a packet's out-of-band block is
not looked at (seed 001).

Source: NDIS reference 6.4 and seed 001.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ndisemu.kernel import driver_errors
from ndisemu.ndis.co.books import VcSends
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.sendbook import Sender
from ndisemu.ndis.sendcall import follow_send
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.co.adapter import CoAdapter
    from ndisemu.ndis.co.vc import VirtualCircuit


class VcPackets(VcSends[Packet, Status]):
    """The packets that are on their way on one circuit."""

    __slots__ = ("_dma", "_entry", "_packet_pools")

    def __init__(self, vc: "VirtualCircuit", adapter: "CoAdapter") -> None:
        super().__init__(vc, "NdisMCoSendComplete")
        self._entry = adapter.miniport.co_send_packets
        self._dma = adapter.device.dma
        self._packet_pools = adapter.library.packet_pools

    def submit(self, sender: Sender, packets: Sequence[Packet], flags: int = 0) -> None:
        """Take an array from the binding of the circuit's user and give it to the miniport."""
        # The caller's array is its own again when this returns; the packets are not.
        packets = tuple(packets)
        serial = self.take_over(sender, packets)
        if (note := self._probe.event) is not None:
            note("send", self.name, len(packets), "")
        refusal = self.refusal(len(packets))
        if refusal is not None:
            self.give_back(packets)
            self.count_end(len(packets), refusal)
            self._tell(packets, refusal)
            return
        self._dma.map(packets)
        if (costs := self._costs) is not None:
            self.charge(costs.submission(len(packets)) + costs.send(len(packets)))
        try:
            result = self._entry(self._vc, packets)
        except driver_errors() as error:
            self.raised(packets, serial, error)
        else:
            follow_send(self, result, packets, serial)

    def complete(self, packets: Sequence[Packet], status: Status) -> None:
        """Give packets back to the protocol that sent them (`NdisMCoSendComplete`)."""
        self.check_final(status, packets[0])
        self.give_back(packets)
        if (costs := self._costs) is not None:
            self.charge(costs.completion(len(packets)))
        self._end(packets, status)

    def reclaim(self, status: Status) -> None:
        """Take everything in flight from the miniport, in submission order."""
        packets = self.in_hand(self._packet_pools)
        if packets:
            self.give_back(packets)
            self._end(packets, status)

    def returned(
        self, packets: Sequence[Packet], serial: int, value: object, *, suspended: bool, plain: bool = False
    ) -> None:
        """MiniportCoSendPackets ended with `value`: None completes nothing, a coroutine's status what is left of the call."""
        if value is None or (value is Status.PENDING and not suspended):
            return
        left = self.left(packets, serial)
        if isinstance(value, Status) and value is not Status.PENDING and not plain:
            if left:
                self.complete(left, value)
            return
        self.adapter.report(
            "send-return",
            f"MiniportCoSendPackets returned {value!r}; it returns None, "
            "or as a coroutine the status that completes the packets it has left",
        )
        if left:
            self.complete(left, Status.FAILURE)

    def raised(self, packets: Sequence[Packet], serial: int, error: BaseException) -> None:
        """MiniportCoSendPackets raised: stop the adapter, and fail what is left of the call before all else it had."""
        left = self.left(packets, serial)
        self.adapter.bug_check("MiniportCoSendPackets", error)
        if left:
            self.complete(left, Status.FAILURE)

    def _end(self, packets: Sequence[Packet], status: Status) -> None:
        """The packets are their sender's again: take them from the card, count them, tell."""
        self._dma.unmap(packets)
        self.count_end(len(packets), status)
        self._tell(packets, status)
        self._vc.came_back()
