"""A binding of a connection-oriented NDIS 5.x protocol: the packets that its circuits carry.

Source: NDIS reference 3.2 and 6.4.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from ndisemu.errors import RuleViolation
from ndisemu.ndis.co.circuitbinding import CircuitBinding
from ndisemu.ndis.co.ends import VcEnd
from ndisemu.ndis.co.protocol import Protocol
from ndisemu.ndis.co.receives import VcPacketReceives
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.packetbinding import PacketBinding

if TYPE_CHECKING:
    from ndisemu.ndis.co.adapter import CoAdapter


class CoBinding(CircuitBinding[Packet, Status], PacketBinding):
    """One protocol's open of one adapter; `indicated`: it has been offered packets since ProtocolReceiveComplete."""

    carries_lists: ClassVar[bool] = False

    protocol: Protocol

    def __init__(self, protocol: Protocol, adapter: "CoAdapter") -> None:
        super().__init__(adapter, protocol.name)
        self.take_role(protocol)
        self.refuses = None
        self.indicated = False

    @ddi("NdisReturnPackets", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.2")
    def return_packets(self, packets: Sequence[Packet]) -> None:
        """Drop one reference of each packet that `co_receive_packets` has kept, whichever circuit it came on."""
        self.adapter.running_cpu("NdisReturnPackets").preempt()
        for owner, run in groupby(packets, key=_owner):
            mine = list(run)
            if not isinstance(owner, VcPacketReceives):
                raise RuleViolation(
                    "co-rx-return",
                    f"{self.name} returned {mine[0]!r}, which is owned by {owner}; return what was received, once",
                )
            owner.release(mine)
            self.receives_held -= len(mine)
        self.look_whether_quiet()

    # What the adapter tells it.

    def unbind(self) -> object:
        """End the binding: ProtocolUnbindAdapter."""
        return self.protocol.unbind_adapter(self)

    def refuse_sends(self) -> None:
        """Complete what is sent from now on with CLOSING."""
        self.refuses = Status.CLOSING
        self.look_at_circuits()

    def circuit_sent(self, end: VcEnd, packets: Sequence[Packet], status: Status) -> None:
        """Give packets back to the protocol: ProtocolCoSendComplete, at DISPATCH_LEVEL."""
        self.sends_pending -= len(packets)
        self.tell(
            "ProtocolCoSendComplete",
            "NdisMCoSendComplete",
            lambda: self.protocol.co_send_complete(end, packets, status),
        )
        self.look_whether_quiet()

    def circuit_received(self, end: VcEnd, packets: Sequence[Packet], flags: int) -> object:
        """Offer packets to the protocol: ProtocolCoReceivePacket, at DISPATCH_LEVEL; returns the references it keeps."""
        if not self.is_open:
            return 0
        self.indicated = True
        return self.tell(
            "ProtocolCoReceivePacket",
            "NdisMCoIndicateReceivePacket",
            lambda: self.protocol.co_receive_packets(end, packets),
        )

    def receive_complete(self) -> None:
        """Let the protocol work on what it was offered: ProtocolReceiveComplete."""
        if self.indicated:
            self.indicated = False
            self.tell("ProtocolReceiveComplete", "NdisMCoReceiveComplete", lambda: self.protocol.receive_complete(self))


def _owner(packet: Packet) -> object:
    return packet.owner
