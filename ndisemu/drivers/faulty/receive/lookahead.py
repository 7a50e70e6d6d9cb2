"""Drivers that show frames one at a time, or are shown them, and break a rule of that."""

from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.protocols import Station
from ndisemu.drivers.ring import BUDGET, RingMiniport
from ndisemu.frame.ethernet import HEADER
from ndisemu.ndis import Packet, Status, v5


class ShowsFrames(RingMiniport):
    """It shows each frame where it lies, and lends none."""

    def receive(self) -> bool:
        packets = self.rx.take(BUDGET)
        for packet in packets:
            self.show(packet)
        if packets:
            self.ndis.eth_indicate_receive_complete()
        self.rx.give(packets)
        return self.rx.taken < BUDGET

    def show(self, packet: Packet) -> None:
        """Indicate the header, and a little behind it; the packet is what `transfer_data` will know the frame by."""
        frame = packet.read()
        self.ndis.eth_indicate_receive(packet, frame[:HEADER], frame[HEADER : HEADER + 64], len(frame) - HEADER)

    def transfer_data(self, packet: Packet, context: object, offset: int, length: int) -> tuple[Status, int]:
        """MiniportTransferData: copy at once."""
        frame = context.read() if isinstance(context, Packet) else b""
        packet.put(frame[HEADER + offset :][:length])
        return Status.SUCCESS, length


class ShowsHalfAHeader(ShowsFrames):
    """It takes an address for the header."""

    def show(self, packet: Packet) -> None:
        frame = packet.read()
        self.ndis.eth_indicate_receive(packet, frame[:6], frame[6:64], len(frame) - 6)


class NeverCompletes(ShowsFrames):
    """It shows what has come, and does not say when that was all."""

    def receive(self) -> bool:
        packets = self.rx.take(BUDGET)
        for packet in packets:
            self.show(packet)
        self.rx.give(packets)
        return self.rx.taken < BUDGET


class TransfersTwice(ShowsFrames):
    """It copies at once and says so by its result, and by a completion at the end of its DPC too."""

    transferred: tuple[Packet, ...] = ()

    def receive(self) -> bool:
        enough = super().receive()
        for packet in self.transferred:
            self.ndis.transfer_data_complete(packet, Status.SUCCESS, packet.length)
        return enough

    def transfer_data(self, packet: Packet, context: object, offset: int, length: int) -> tuple[Status, int]:
        self.transferred += (packet,)
        return super().transfer_data(packet, context, offset, length)


class AsksTooLate(Station):
    """It keeps the context of what it was shown, and asks for the packet behind it later."""

    def receive(
        self,
        binding: v5.Binding,
        context: v5.ReceiveContext,
        header: memoryview,
        lookahead: memoryview,
        packet_size: int,
    ) -> Status:
        self.context = context
        return super().receive(binding, context, header, lookahead, packet_size)

    def receive_complete(self, binding: v5.Binding) -> None:
        """ProtocolReceiveComplete: see what that was."""
        binding.get_received_packet(self.context)


class AsksInTime(Station):
    """It asks for the packet while it is shown the frame."""

    def receive(
        self,
        binding: v5.Binding,
        context: v5.ReceiveContext,
        header: memoryview,
        lookahead: memoryview,
        packet_size: int,
    ) -> Status:
        binding.get_received_packet(context)
        return super().receive(binding, context, header, lookahead, packet_size)


class SaysNothing(Station):
    """Its handler takes the frame, and returns nothing."""

    def receive(  # type: ignore[override]
        self,
        binding: v5.Binding,
        context: v5.ReceiveContext,
        header: memoryview,
        lookahead: memoryview,
        packet_size: int,
    ) -> None:
        super().receive(binding, context, header, lookahead, packet_size)


class SaysWhetherItWants(Station):
    """Its handler takes the frame, and says so."""

    def receive(
        self,
        binding: v5.Binding,
        context: v5.ReceiveContext,
        header: memoryview,
        lookahead: memoryview,
        packet_size: int,
    ) -> Status:
        return super().receive(binding, context, header, lookahead, packet_size)


PAIRS: Final = (
    Pair("rx5-lookahead", ShowsHalfAHeader, ShowsFrames),
    Pair("rx5-indicate-complete", NeverCompletes, ShowsFrames),
    Pair("rx5-transfer-data", TransfersTwice, ShowsFrames, implies=("send-touch-after-complete",)),
    Pair("rx5-received-packet", AsksTooLate, AsksInTime, "shortage"),
    Pair("rx5-receive-status", SaysNothing, SaysWhetherItWants, "shortage"),
)
