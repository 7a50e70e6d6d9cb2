"""The reference serialized miniport: NDIS 5.1 on the 82540EM, as a driver in C would have it.

Start reading at `send`. There is no queue and no lock: NDIS enters this
driver once at a time, keeps the packets that do not fit into the ring, and
gives them again when a completion has made room. Every operation is begun in
one entry point and ended in another, by hand: what `send` calls PENDING,
`handle_interrupt` completes. In a reset it forgets its packets, and NDIS
completes them. The same card in the coroutine style, and for many CPUs at
once, is `ring`.

Not here: sleep; the driver says that it has no power management.

The rings and the OID table are next door, in `i8254x`.

Source: NDIS reference 5.2, 5.5.2, 5.7 and 5.9.
"""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.i8254x.card import CAUSES, Card, station_address
from ndisemu.drivers.i8254x.information import Information
from ndisemu.drivers.i8254x.receive import PacketRing
from ndisemu.drivers.i8254x.transmit import TxRing
from ndisemu.frame.ethernet import HEADER, VLAN_TAG
from ndisemu.hw import registers as reg
from ndisemu.ndis import AttributeFlag, DeviceEvent, Oid, OidRequest, Packet, PacketFlag, Status
from ndisemu.ndis.v5 import AdapterInfo, Interrupt, Miniport, RegisterSpace

# How many frames one DPC indicates, in one array, before it lets others run.
BUDGET: Final = 256


class LegacyMiniport(Miniport):
    """A serialized NDIS 5.1 miniport for the 82540EM, in the explicit style."""

    deserialized = False

    registers: RegisterSpace
    tx: TxRing[Packet]
    rx: PacketRing
    information: Information
    card: Card
    interrupt: Interrupt

    def initialize(self, adapter: AdapterInfo) -> Status:
        """MiniportInitialize: attributes, registers, memory; the interrupt last, as it may come at once."""
        self.ndis.set_attributes(AttributeFlag.BUS_MASTER | AttributeFlag.SURPRISE_REMOVE_OK)
        self.registers = self.ndis.map_io_space()
        parameters = adapter.parameters
        mtu, tx_count, rx_count, itr = (parameters.get(name, usual) for name, usual in _USUAL.items())
        longest = mtu + HEADER
        self.pending_causes = 0
        self.registers.write(reg.CTRL, reg.CTRL_RST)
        self.registers.write(reg.IMC, reg.CAUSES)
        self.tx = TxRing(self.ndis, self.registers, tx_count, longest)
        self.rx = PacketRing(self.ndis, self.registers, rx_count, longest + VLAN_TAG)
        station, rings = station_address(self.registers), (tx_count, rx_count)
        self.information = Information(self.registers, station, mtu, rings)
        self.card = Card(self.registers, self.tx, self.rx, self.information, itr)
        self.interrupt = self.ndis.register_interrupt()
        self.card.start()
        return Status.SUCCESS

    def halt(self) -> None:
        """MiniportHalt: silence the card first, then give everything back."""
        self.card.silence()
        self.ndis.deregister_interrupt(self.interrupt)
        self.tx.free()
        self.rx.free()

    def send(self, packet: Packet, flags: PacketFlag) -> Status:
        """MiniportSend: post the packet, or leave it to NDIS while the ring is full."""
        (frame,) = self.tx.split((packet,))
        if frame.is_set:
            return frame.status
        return Status.RESOURCES if self.tx.post((frame,)) else Status.PENDING

    def isr(self) -> tuple[bool, bool]:
        """MiniportISR: ours? Then acknowledge by reading, mask, and ask for the DPC."""
        causes = self.card.claim()
        self.pending_causes |= causes
        return bool(causes), bool(causes)

    def handle_interrupt(self) -> None:
        """MiniportHandleInterrupt: complete what was sent, indicate what came; NDIS calls `enable_interrupt` next."""
        causes, self.pending_causes = self.pending_causes, 0
        if not self.card.started:
            return
        if causes & reg.LSC and self.card.link_has_changed():
            self.ndis.indicate_status(Status.MEDIA_CONNECT if self.card.link_up else Status.MEDIA_DISCONNECT)
            self.ndis.indicate_status_complete()
        if causes & reg.TXDW:
            self.complete_sent()
        if causes & _RECEIVE and not self.indicate_received():
            # The budget is used up: let the card interrupt again as soon as it is unmasked.
            self.registers.write(reg.ICS, reg.RXT0)

    def enable_interrupt(self) -> bool:
        """MiniportEnableInterrupt: unmask, unless the card was stopped."""
        if self.card.started:
            self.registers.write(reg.IMS, CAUSES)
        return True

    def complete_sent(self) -> None:
        """Complete the frames that the card has sent, which lets NDIS give the ones it keeps."""
        for sent in self.tx.reap():
            self.information.counters.sent += len(sent.frames)
            self.ndis.send_complete(sent.frames, Status.SUCCESS)

    def indicate_received(self) -> bool:
        """Indicate what the card has filled; False if the budget ended before the frames did."""
        packets = self.rx.take(BUDGET)
        if packets:
            self.indicate(packets)
        return self.rx.taken < BUDGET

    def indicate(self, packets: Sequence[Packet]) -> None:
        """Lend packets to the protocols; those that nobody has kept are this driver's again at once."""
        for packet in packets:
            packet.status = Status.SUCCESS
        self.information.counters.received += len(packets)
        self.ndis.indicate_receive(packets)
        self.rx.give([packet for packet in packets if packet.status is not Status.PENDING])

    def return_packets(self, packets: Sequence[Packet]) -> None:
        """MiniportReturnPacket: what a protocol had kept goes back into the ring."""
        self.rx.give(packets)

    def query_information(self, request: OidRequest) -> Status:
        """MiniportQueryInformation: from the table."""
        if request.oid is Oid.PNP_CAPABILITIES:
            return Status.NOT_SUPPORTED
        return self.information.query(request)

    def set_information(self, request: OidRequest) -> Status:
        """MiniportSetInformation: filters and multicast list reach the card at once."""
        status = self.information.set(request)
        if status is Status.SUCCESS:
            self.rx.set_filter(self.information.filter, self.information.multicast)
        return status

    def reset(self) -> Status:
        """MiniportReset: begin anew with empty rings; NDIS completes what was in them and in its queue."""
        self.card.stop(Status.REQUEST_ABORTED)
        if self.card.gone:
            return Status.HARD_ERRORS
        self.card.start()
        return Status.SUCCESS

    def pnp_event_notify(self, event: DeviceEvent) -> None:
        """MiniportPnPEventNotify: a card that was pulled out sends nothing any more."""
        if event is DeviceEvent.SURPRISE_REMOVED:
            lost = self.card.stop(Status.NOT_ACCEPTED)
            # A serialized driver completes at DISPATCH_LEVEL, and this is no DPC.
            passive = self.ndis.raise_irql()
            for sent in lost:
                self.ndis.send_complete(sent.frames, Status.NOT_ACCEPTED)
            self.ndis.lower_irql(passive)

    def shutdown(self) -> None:
        """MiniportShutdown: no interrupt and no DMA after this."""
        self.card.silence()


_RECEIVE: Final = reg.RXT0 | reg.RXDMT0 | reg.RXO
# Parameters and their defaults, in the order in which `initialize` takes them.
_USUAL: Final = {"mtu": 1500, "tx_ring": 256, "rx_ring": 256, "itr": 0}
