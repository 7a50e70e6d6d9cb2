"""A binding of an NDIS 5.x protocol: packets go down, completions and received packets come up.

Its methods are the NDIS calls of a 5.x protocol; what comes back goes to the
protocol's entry points at DISPATCH_LEVEL. Which of them it is given a packet
through depends on what it supplies: ProtocolReceivePacket for packets that it
may keep, ProtocolReceive for all others.
"""

from collections.abc import Awaitable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, Event, WorkItem, driver_errors
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.indication import StatusIndication
from ndisemu.ndis.pnp import NetPnPEvent
from ndisemu.ndis.states import BindingState
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.context import PacketContext, ReceiveContext
from ndisemu.ndis.v5.edges import PacketLower
from ndisemu.ndis.v5.packetbinding import PacketBinding
from ndisemu.ndis.v5.protocol import Protocol
from ndisemu.units import format_time

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter


class Binding(PacketBinding):
    """One 5.x protocol's open of one adapter (`edges.PacketUpper`, `context.Reader`)."""

    __slots__ = ("_lower", "_submit", "_supplies_complete", "_supplies_receive",
                 "_supplies_receive_packets", "_unbound", "protocol", "transfers_pending")  # fmt: skip

    def __init__(self, protocol: Protocol, adapter: "Adapter") -> None:
        super().__init__(adapter, protocol.name)
        supplied = type(protocol)
        self._supplies_receive = supplied.receive is not Protocol.receive
        self._supplies_receive_packets = supplied.receive_packets is not Protocol.receive_packets
        self._supplies_complete = supplied.receive_complete is not Protocol.receive_complete
        self.transfers_pending = 0
        self.protocol: Protocol = protocol
        self._unbound = Event(adapter.kernel, f"{self.name} unbound")

    def connect(self, lower: PacketLower) -> None:
        """Send to, and return packets to, `lower`, whose `submit` may have changed."""
        self._lower = lower
        # A binding that closes refuses sends there, which costs an open one nothing.
        self._submit = lower.refuse if self.state.current is BindingState.CLOSING else lower.submit

    # What a protocol calls.

    @ddi("NdisSendPackets", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.2")
    def send_packets(self, packets: Sequence[Packet]) -> None:
        """Send an array in its order; every packet comes back through `send_complete`."""
        adapter = self.adapter
        (adapter.kernel.current or adapter.running_cpu("NdisSendPackets")).preempt()
        if packets:
            submit = self._submit
            submit(self, packets)

    @ddi("NdisSend", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.2, 5.2")
    def send(self, packet: Packet) -> Status:
        """Send one packet; a final status means that it is the protocol's again, PENDING that `send_complete` follows."""
        self.adapter.running_cpu("NdisSend").preempt()
        if self.state.current is not BindingState.OPEN:
            return Status.CLOSING
        return self._lower.send(self, packet)

    @ddi("NdisCancelSendPackets", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.2, 5.2")
    def cancel_sends(self, cancel_id: int) -> None:
        """Give up what was sent under `cancel_id` and is not on its way to the wire; it ends with REQUEST_ABORTED."""
        self.adapter.running_cpu("NdisCancelSendPackets").preempt()
        if not cancel_id:
            raise RuleViolation(
                "proto-cancel-id-zero",
                f"{self.name} called NdisCancelSendPackets with the id 0, which marks packets that cannot be cancelled",
            )
        if self.sends_pending:
            self._lower.cancel(self, cancel_id)

    @ddi("NdisReturnPackets", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.2")
    def return_packets(self, packets: Sequence[Packet]) -> None:
        """Drop one reference of each packet that `receive_packets` has kept."""
        self.adapter.running_cpu("NdisReturnPackets").preempt()
        self._lower.release(packets)
        self.receives_held -= len(packets)
        self.look_whether_quiet()

    @ddi("NdisTransferData", irql="== DISPATCH", kind=Kind.CALL, source="NDIS reference 3.2, 5.5.1")
    def transfer_data(self, context: ReceiveContext, offset: int, length: int, packet: Packet) -> tuple[Status, int]:
        """Copy `length` bytes, from `offset` behind the header on, into the buffers of `packet`.

        Only inside `receive`, for the frame it shows. Returns the status and how many bytes have come; PENDING means
        that `transfer_data_complete` follows. A range outside of the frame or of the packet is FAILURE.
        """
        self.adapter.running_cpu("NdisTransferData").preempt()
        self._check_shown(context, "NdisTransferData", "rx5-transfer-data")
        if packet.owner is not self:
            text = f"{self.name} transfers into {packet!r}, which is owned by {packet.owner}; use a packet of its own"
            raise self.adapter.kernel.refusal("proto-reuse-pending", self.name, text)
        if self.state.current is not BindingState.OPEN:
            return Status.REQUEST_ABORTED, 0
        if not 0 <= offset <= offset + length <= context.packet_size or length > packet.length:
            return Status.FAILURE, 0
        return context.transfer(self, offset, length, packet)

    @ddi("NdisGetReceivedPacket", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.2")
    def get_received_packet(self, context: ReceiveContext) -> Packet | None:
        """Return the packet behind what `receive` is shown, for a look at its OOB block; None if there is none."""
        self.adapter.running_cpu("NdisGetReceivedPacket").preempt()
        self._check_shown(context, "NdisGetReceivedPacket", "rx5-received-packet")
        return context.packet

    @ddi("NdisReset", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.2")
    def reset(self) -> Status:
        """Ask NDIS to reset the adapter; PENDING means that `reset_complete` follows."""
        self.adapter.running_cpu("NdisReset").preempt()
        if self.state.current is not BindingState.OPEN:
            return Status.CLOSING
        status = self.adapter.resetting.ask(self._tell_reset_complete)
        if status is Status.PENDING:
            self.requests_pending += 1
        return status

    @ddi("NdisCompletePnPEvent", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 2.1")
    def complete_pnp_event(self, event: NetPnPEvent, status: Status) -> None:
        """Complete an event for which `pnp_event` has returned PENDING."""
        self.adapter.running_cpu("NdisCompletePnPEvent")
        event.complete(status)

    @ddi("NdisCloseAdapter", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 3.2")
    def start_close(self) -> Status:
        """Close the adapter without waiting: PENDING, and `close_adapter_complete` follows."""
        WorkItem(self.adapter.cpu, self._close_now, self._not_closed, name=f"close of {self.name}").queue()
        return Status.PENDING

    @ddi("NdisCompleteUnbindAdapter", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 3.2")
    def complete_unbind(self) -> None:
        """Complete a ProtocolUnbindAdapter that has returned PENDING."""
        self._unbound.set()

    # What the adapter tells it (`edges.PacketUpper`).

    def sends_completed(self, packets: Sequence[Packet], status: Status) -> None:
        """Give packets back to the protocol: ProtocolSendComplete, at DISPATCH_LEVEL."""
        self.sends_pending -= len(packets)
        adapter = self.adapter
        cpu = adapter.kernel.current or adapter.running_cpu("NdisMSendComplete")
        before = cpu.irql
        if before < DISPATCH:
            cpu.irql = DISPATCH
        try:
            if not self.failed:
                self.protocol.send_complete(self, packets, status)
        except driver_errors() as error:
            self.fail("ProtocolSendComplete", error)
        if cpu.irql != before:
            cpu.lower_irql(before)
        if self.closing:
            self.look_whether_quiet()

    def received(self, packets: Sequence[Packet]) -> int | Sequence[int]:
        """Offer packets to the protocol: ProtocolReceivePacket, at DISPATCH_LEVEL; returns the references it keeps."""
        if self.state.current is not BindingState.OPEN or self.failed:
            return 0
        if not self._supplies_receive_packets:
            self.copied(packets)
            return 0
        adapter = self.adapter
        cpu = adapter.kernel.current or adapter.running_cpu("NdisMIndicateReceivePacket")
        before = cpu.irql
        if before < DISPATCH:
            cpu.irql = DISPATCH
        kept: int | Sequence[int] = 0
        try:
            kept = self.protocol.receive_packets(self, packets)
        except driver_errors() as error:
            self.fail("ProtocolReceivePacket", error)
        if cpu.irql != before:
            cpu.lower_irql(before)
        return kept

    def copied(self, packets: Sequence[Packet]) -> None:
        """Show packets that cannot be kept: ProtocolReceive, one by one, or ProtocolReceivePacket if that is all."""
        if self._supplies_receive or not self._supplies_receive_packets:
            for packet in packets:
                self.indicated(PacketContext(packet))
            return
        kept = self.received(packets)
        if any(kept) if isinstance(kept, Sequence) else kept:
            self.adapter.report(
                "rx5-resources-zero",
                f"ProtocolReceivePacket of {self.name} returned {kept!r} for packets with NDIS_STATUS_RESOURCES, "
                "which go back at once; it copies them and returns 0, and 0 was taken",
                by=self.name,
            )

    def indicated(self, context: ReceiveContext) -> None:
        """Show a frame to the protocol: ProtocolReceive, at DISPATCH_LEVEL."""
        if self.state.current is not BindingState.OPEN or self.failed:
            return
        receive = partial(self.protocol.receive, self)
        status = self.tell("ProtocolReceive", "an indication", lambda: context.show(self, receive))
        if not isinstance(status, Status) and not self.failed:
            text = f"ProtocolReceive of {self.name} returned {status!r}; it returns a Status"
            self.adapter.report("rx5-receive-status", text, by=self.name)

    def receive_completed(self) -> None:
        """Tell the protocol that this was all for now: ProtocolReceiveComplete, at DISPATCH_LEVEL."""
        if self._supplies_complete and self.state.current is BindingState.OPEN:
            self.tell("ProtocolReceiveComplete", "an indication", partial(self.protocol.receive_complete, self))

    def transfer_completed(self, packet: Packet, status: Status, transferred: int) -> None:
        """Tell the protocol the end of a transfer: ProtocolTransferDataComplete, at DISPATCH_LEVEL."""
        self.transfers_pending -= 1
        complete = self.protocol.transfer_data_complete
        self.tell(
            "ProtocolTransferDataComplete",
            "NdisMTransferDataComplete",
            lambda: complete(self, packet, status, transferred),
        )
        self.look_whether_quiet()

    def returned_too_much(self) -> None:
        """The protocol returned packets, before the indication was over, of which it kept no reference."""
        text = f"{self.name} returned {-self.receives_held} packets more than ProtocolReceivePacket has promised"
        self.adapter.report("rx5-refcount", text, by=self.name)
        self.receives_held = 0

    def tell_request_complete(self, request: OidRequest, status: Status) -> None:
        """Tell the protocol the end of a request: ProtocolRequestComplete, at DISPATCH_LEVEL."""
        self.tell(
            "ProtocolRequestComplete", "NdisRequest", lambda: self.protocol.request_complete(self, request, status)
        )

    def tell_status(self, indication: StatusIndication | None) -> None:
        """Tell the protocol a status, or the end of a series: ProtocolStatus, ProtocolStatusComplete."""
        if indication is None:
            self.tell("ProtocolStatusComplete", "NdisMIndicateStatus", lambda: self.protocol.status_complete(self))
        else:
            told = indication.for_5()
            code, buffer = told.code, told.buffer
            self.tell("ProtocolStatus", "NdisMIndicateStatus", lambda: self.protocol.status(self, code, buffer))

    def net_event(self, event: NetPnPEvent) -> object:
        """Tell the protocol of a plug and play event: ProtocolPnPEvent."""
        return Status.FAILURE if self.failed else self.protocol.pnp_event(self, event)

    async def unbind(self) -> None:
        """End the binding: ProtocolUnbindAdapter, in either style."""
        result = self.protocol.unbind_adapter(self)
        if result is Status.PENDING:
            patience = self.adapter.hang.patience
            if not await self._unbound.wait(patience) and not self.failed:
                text = f"ProtocolUnbindAdapter of {self.name} returned PENDING and was not completed in {format_time(patience)}"
                self.adapter.report("proto-watchdogs", text, by=self.name)
        elif isinstance(result, Awaitable):
            await result

    def refuse_sends(self) -> None:
        """Complete what is sent from now on with CLOSING."""
        self._submit = self._lower.refuse

    def outstanding(self) -> str:
        """Say what a close waits for."""
        transfers = f"; {self.transfers_pending} transfers are not completed" if self.transfers_pending else ""
        return super().outstanding() + transfers

    def _is_quiet(self) -> bool:
        return super()._is_quiet() and not self.transfers_pending

    def _check_shown(self, context: object, call: str, rule: str) -> None:
        """Refuse a call outside of the ProtocolReceive that it belongs into."""
        if not isinstance(context, ReceiveContext) or context.reader is not self:
            text = f"{self.name} called {call} outside of ProtocolReceive for that frame; what it showed is gone"
            raise self.adapter.kernel.refusal(rule, self.name, text)

    def _tell_reset_complete(self, status: Status) -> None:
        self.requests_pending -= 1
        self.tell("ProtocolResetComplete", "NdisReset", lambda: self.protocol.reset_complete(self, status))
        self.look_whether_quiet()

    async def _close_now(self) -> None:
        # Without a watcher: the protocol has called already.
        await super().close()
        result = self.protocol.close_adapter_complete(self, Status.SUCCESS)
        if isinstance(result, Awaitable):
            await result

    def _not_closed(self, error: BaseException) -> None:
        self.fail("ProtocolCloseAdapterComplete", error)
