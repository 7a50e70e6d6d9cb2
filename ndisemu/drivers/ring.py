"""The reference deserialized miniport: NDIS 5.1 on the 82540EM, in the coroutine style.

Start reading at `send_packets`. It suspends, so NDIS takes every packet as
pending; it queues inside, by waiting for its turn and for room, and never
refuses; and it completes each burst when the card has sent it, resumed by
the DPC at DISPATCH_LEVEL. The interrupt follows the usual pattern: the ISR
recognises and masks, the DPC drains both rings and unmasks.

The rings and the OID table are next door, in `i8254x`.
"""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.i8254x.information import Information
from ndisemu.drivers.i8254x.receive import RxRing
from ndisemu.drivers.i8254x.transmit import TxRing
from ndisemu.hw import registers as reg
from ndisemu.ndis import OidRequest, Packet, Status, Turn
from ndisemu.ndis.v5 import AdapterInfo, Interrupt, Miniport, RegisterSpace

CAUSES: Final = reg.TXDW | reg.LSC | reg.RXDMT0 | reg.RXO | reg.RXT0
# How many frames one DPC indicates before it lets others run, and how many at a time.
BUDGET: Final = 256
BURST: Final = 64
HEADER: Final = 14
VLAN_TAG: Final = 4


class RingMiniport(Miniport):
    """A deserialized NDIS 5.1 miniport for the 82540EM."""

    deserialized = True  # NDIS_ATTRIBUTE_DESERIALIZE

    registers: RegisterSpace
    tx: TxRing[Packet]
    rx: RxRing
    information: Information
    interrupt: Interrupt

    def initialize(self, adapter: AdapterInfo) -> Status:
        """MiniportInitialize: attributes, registers, memory; the interrupt last, as it may come at once."""
        self.ndis.set_attributes()
        self.registers = self.ndis.map_io_space()
        parameters = adapter.parameters
        mtu, tx_count, rx_count = (parameters.get(name, usual) for name, usual in _USUAL.items())
        self.longest = mtu + HEADER
        self.turn = Turn()
        self.pending_causes = 0
        self.registers.write(reg.CTRL, reg.CTRL_RST)
        self.registers.write(reg.IMC, reg.CAUSES)
        self.tx = TxRing(self.ndis, self.registers, tx_count)
        self.rx = RxRing(self.ndis, self.registers, rx_count, self.longest + VLAN_TAG)
        self.information = Information(self.registers, self.read_station_address(), mtu, (tx_count, rx_count))
        self.interrupt = self.ndis.register_interrupt()
        self.tx.start()
        self.rx.start()
        self.registers.write(reg.ITR, parameters.get("itr", 0) // reg.ITR_UNIT)
        self.registers.write(reg.CTRL, reg.CTRL_FD | reg.CTRL_SLU)
        self.registers.write(reg.IMS, CAUSES)
        return Status.SUCCESS

    def halt(self) -> None:
        """MiniportHalt: silence the card first, then give everything back."""
        self.registers.write(reg.IMC, reg.CAUSES)
        self.registers.write(reg.CTRL, reg.CTRL_RST)
        self.ndis.deregister_interrupt(self.interrupt)
        self.tx.free()
        self.rx.free()

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        """MiniportSendPackets: post in turn, in bursts; complete each burst when it has been sent."""
        packets = self.refuse_too_long(packets)
        if not packets:
            return
        bursts = self.tx.split(packets)
        async with self.turn:
            for burst in bursts:
                if burst.sent.is_set:
                    continue
                while not self.tx.has_room(burst):
                    await self.tx.room()
                self.tx.post(burst)
        for burst in bursts:
            status = await burst.sent
            if status is Status.SUCCESS:
                self.information.counters.sent += len(burst.frames)
            self.ndis.send_complete(burst.frames, status)

    def refuse_too_long(self, packets: Sequence[Packet]) -> Sequence[Packet]:
        """Fail the packets that exceed OID_GEN_MAXIMUM_TOTAL_SIZE; returns the others."""
        longest = self.longest
        too_long = [packet for packet in packets if packet.length > longest]
        if not too_long:
            return packets
        self.ndis.send_complete(too_long, Status.INVALID_LENGTH)
        return [packet for packet in packets if packet.length <= longest]

    def isr(self) -> tuple[bool, bool]:
        """MiniportISR: ours? Then acknowledge by reading, mask, and ask for the DPC."""
        causes = self.registers.read(reg.ICR) & CAUSES
        if not causes:
            return False, False
        self.registers.write(reg.IMC, reg.CAUSES)
        self.pending_causes |= causes
        return True, True

    def handle_interrupt(self) -> None:
        """MiniportHandleInterrupt: reap what was sent, indicate what came, unmask."""
        causes, self.pending_causes = self.pending_causes, 0
        if causes & reg.TXDW:
            self.tx.reap()
        if causes & _RECEIVE and not self.receive():
            # The budget is used up: let the card interrupt again as soon as it is unmasked.
            self.registers.write(reg.ICS, reg.RXT0)
        self.registers.write(reg.IMS, CAUSES)

    def receive(self) -> bool:
        """Indicate what the card has filled, burst by burst; False if the budget ended before the frames did."""
        for _ in range(0, BUDGET, BURST):
            packets = self.rx.take(BURST)
            if packets:
                self.information.counters.received += len(packets)
                self.ndis.indicate_receive(packets)
                # Returned packets are in the ring again; for those that protocols keep, others go in.
                self.rx.refill()
            if len(packets) < BURST:
                return True
        return False

    def return_packets(self, packets: Sequence[Packet]) -> None:
        """MiniportReturnPacket: the buffers go back into the ring."""
        self.rx.give(packets)

    def query_information(self, request: OidRequest) -> Status:
        """MiniportQueryInformation: from the table."""
        return self.information.query(request)

    def set_information(self, request: OidRequest) -> Status:
        """MiniportSetInformation: filters and multicast list reach the card at once."""
        status = self.information.set(request)
        if status is Status.SUCCESS:
            self.rx.set_filter(self.information.filter, self.information.multicast)
        return status

    def read_station_address(self) -> bytes:
        """The address the card loaded from its EEPROM at reset, in RAL0 and RAH0."""
        low, high = self.registers.read(reg.RAL0), self.registers.read(reg.RAH0)
        return (low | (high & 0xFFFF) << 32).to_bytes(6, "little")


_RECEIVE: Final = reg.RXT0 | reg.RXDMT0 | reg.RXO
# Parameters and their defaults, in the order in which `initialize` takes them.
_USUAL: Final = {"mtu": 1500, "tx_ring": 256, "rx_ring": 256}
