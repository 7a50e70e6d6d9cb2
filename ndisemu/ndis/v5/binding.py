"""A binding of an NDIS 5.x protocol: packets go down, completions and received packets come up.

Its methods are the NDIS calls of a 5.x protocol; what comes back goes to the
protocol's entry points at DISPATCH_LEVEL.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ndisemu.kernel import DISPATCH, DRIVER_ERRORS
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.states import BindingState
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.edges import PacketLower
from ndisemu.ndis.v5.packetbinding import PacketBinding

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter
    from ndisemu.ndis.v5.protocol import Protocol


class Binding(PacketBinding):
    """One 5.x protocol's open of one adapter (`edges.PacketUpper`)."""

    __slots__ = ("_lower", "_submit", "protocol")

    def __init__(self, protocol: "Protocol", adapter: "Adapter") -> None:
        super().__init__(adapter, protocol.name)
        self.protocol: Protocol = protocol

    def connect(self, lower: PacketLower) -> None:
        """Send to, and return packets to, `lower`."""
        self._lower = lower
        # A binding that closes refuses sends there, which costs an open one nothing.
        self._submit = lower.submit

    # What a protocol calls.

    @ddi("NdisSendPackets", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.2")
    def send_packets(self, packets: Sequence[Packet]) -> None:
        """Send an array in its order; every packet comes back through `send_complete`."""
        self.adapter.running_cpu("NdisSendPackets").preempt()
        if packets:
            self._submit(self, packets)

    @ddi("NdisReturnPackets", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.2")
    def return_packets(self, packets: Sequence[Packet]) -> None:
        """Drop one reference of each packet that `receive_packets` has kept."""
        self.adapter.running_cpu("NdisReturnPackets").preempt()
        self._lower.release(packets)
        self.receives_held -= len(packets)
        self.look_whether_quiet()

    # What the adapter tells it (`edges.PacketUpper`).

    def sends_completed(self, packets: Sequence[Packet], status: Status) -> None:
        """Give packets back to the protocol: ProtocolSendComplete, at DISPATCH_LEVEL."""
        self.sends_pending -= len(packets)
        cpu = self.adapter.running_cpu("NdisMSendComplete")
        before, cpu.irql = cpu.irql, max(cpu.irql, DISPATCH)
        try:
            if not self.failed:
                self.protocol.send_complete(self, packets, status)
        except DRIVER_ERRORS as error:
            self.fail("ProtocolSendComplete", error)
        cpu.lower_irql(before)
        if self.state.current is BindingState.CLOSING:
            self.look_whether_quiet()

    def received(self, packets: Sequence[Packet]) -> int | Sequence[int]:
        """Offer packets to the protocol: ProtocolReceivePacket, at DISPATCH_LEVEL; returns the references it keeps."""
        if self.state.current is not BindingState.OPEN or self.failed:
            return 0
        cpu = self.adapter.running_cpu("NdisMIndicateReceivePacket")
        before, cpu.irql = cpu.irql, max(cpu.irql, DISPATCH)
        kept: int | Sequence[int] = 0
        try:
            kept = self.protocol.receive_packets(self, packets)
        except DRIVER_ERRORS as error:
            self.fail("ProtocolReceivePacket", error)
        cpu.lower_irql(before)
        return kept

    def returned_too_much(self) -> None:
        """The protocol returned packets, inside ProtocolReceivePacket, of which it kept no reference."""
        self.adapter.report(
            "proto-return-not-held",
            f"{self.name} returned {-self.receives_held} packets more than ProtocolReceivePacket has promised",
        )
        self.receives_held = 0

    def tell_request_complete(self, request: OidRequest, status: Status) -> None:
        """Tell the protocol the end of a request: ProtocolRequestComplete, at DISPATCH_LEVEL."""
        self.tell(
            "ProtocolRequestComplete", "NdisRequest", lambda: self.protocol.request_complete(self, request, status)
        )

    def unbind(self) -> object:
        """End the binding: ProtocolUnbindAdapter."""
        return self.protocol.unbind_adapter(self)

    def refuse_sends(self) -> None:
        """Complete what is sent from now on with CLOSING."""
        self._submit = self._lower.refuse
