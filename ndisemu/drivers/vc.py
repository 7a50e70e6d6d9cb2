"""The reference connection-oriented miniport: virtual circuits on the 82540EM, in the coroutine style.

Start reading at `co_send_packets`. Each circuit travels on the cable under
its own 802.1Q VLAN, which its media parameters name; the driver puts the tag
in and takes it out, so protocols see plain frames. Every circuit has its
queue, which is a turn: its bursts go to the ring in the order of the calls,
and circuits alternate. A circuit is torn down when all its packets are back.

A reset ends what is queued or posted with REQUEST_ABORTED; circuits and their
VLANs stay as they are. Compare with `ring`. Rings, tags and OID table are next
door, in `i8254x`.
"""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.i8254x.card import CAUSES, Card, station_address
from ndisemu.drivers.i8254x.circuit import Circuit, fits
from ndisemu.drivers.i8254x.information import Information
from ndisemu.drivers.i8254x.receive import PacketRing
from ndisemu.drivers.i8254x.transmit import TxRing
from ndisemu.drivers.i8254x.vlan import VLANS, Tagged, Tags, restore, untag
from ndisemu.frame.ethernet import HEADER, VLAN_TAG
from ndisemu.hw import registers as reg
from ndisemu.ndis import (
    AttributeFlag,
    DeviceEvent,
    Oid,
    OidRequest,
    Packet,
    PacketFilter,
    Signal,
    Status,
    Turn,
)
from ndisemu.ndis.co import CallParameters, Miniport, MiniportLibrary, VirtualCircuit
from ndisemu.ndis.v5 import AdapterInfo, Interrupt, RegisterSpace

# How many frames one DPC sorts and indicates before it lets others run.
BUDGET: Final = 256
# In the units of OID_GEN_CO_LINK_SPEED.
LINK_SPEED: Final = 10_000_000


class VcMiniport(Miniport):
    """A connection-oriented NDIS 5.1 miniport for the 82540EM; such drivers are deserialized by definition."""

    ndis: MiniportLibrary
    registers: RegisterSpace
    tx: TxRing[Tagged]
    rx: PacketRing
    tags: Tags
    information: Information
    card: Card
    interrupt: Interrupt

    def initialize(self, adapter: AdapterInfo) -> Status:
        """MiniportInitialize: attributes, registers, memory; the interrupt last, as it may come at once."""
        self.ndis.set_attributes(AttributeFlag.BUS_MASTER | AttributeFlag.SURPRISE_REMOVE_OK)
        self.registers = self.ndis.map_io_space()
        parameters = adapter.parameters
        mtu, tx_count, rx_count, itr = (parameters.get(name, usual) for name, usual in _USUAL.items())
        self.longest = mtu + HEADER
        self.turn = Turn()
        self.circuits: dict[int, Circuit] = {}
        self.pending_causes = 0
        self.lock = self.ndis.allocate_spin_lock("waits")
        self.sending = 0
        self.quiet: list[Signal] = []
        self.registers.write(reg.CTRL, reg.CTRL_RST)
        self.registers.write(reg.IMC, reg.CAUSES)
        self.tags = Tags(self.ndis)
        self.tx = TxRing(self.ndis, self.registers, tx_count, self.longest + VLAN_TAG)
        self.rx = PacketRing(self.ndis, self.registers, rx_count, self.longest + VLAN_TAG)
        self.information = Information(self.registers, station_address(self.registers), mtu, (tx_count, rx_count))
        # There are no filters in connection-oriented NDIS: what is for this station may be a circuit's.
        self.information.filter = PacketFilter.DIRECTED
        self.card = Card(self.registers, self.tx, self.rx, self.information, itr)
        self.interrupt = self.ndis.register_interrupt()
        self.card.start()
        self.follow_link()
        return Status.SUCCESS

    def halt(self) -> None:
        """MiniportHalt: silence the card first, then give everything back."""
        self.card.silence()
        self.ndis.deregister_interrupt(self.interrupt)
        self.tx.free()
        self.rx.free()
        self.tags.free()

    def co_create_vc(self, vc: VirtualCircuit) -> Status:
        """MiniportCoCreateVc: a context; the VLAN comes with the activation."""
        vc.context = Circuit(vc)
        return Status.SUCCESS

    def co_delete_vc(self, vc: VirtualCircuit) -> Status:
        """MiniportCoDeleteVc: forget the context."""
        vc.context = None
        return Status.SUCCESS

    def co_activate_vc(self, vc: VirtualCircuit, parameters: CallParameters) -> Status:
        """MiniportCoActivateVc: take the VLAN that the media parameters name, if it is free and the line fast enough."""
        circuit: Circuit = vc.context
        vlan = int.from_bytes(parameters.media.specific, "big")
        flows = (parameters.manager.transmit, parameters.manager.receive)
        if not 0 < vlan < VLANS - 1 or self.circuits.get(vlan, circuit) is not circuit or not all(map(fits, flows)):
            return Status.INVALID_DATA
        self.circuits.pop(circuit.vlan, None)
        circuit.vlan = vlan
        self.circuits[vlan] = circuit
        return Status.SUCCESS

    async def co_deactivate_vc(self, vc: VirtualCircuit) -> Status:
        """MiniportCoDeactivateVc: indicate no more, and wait for what is outstanding."""
        circuit: Circuit = vc.context
        del self.circuits[circuit.vlan]
        circuit.vlan = 0
        if circuit.sending or circuit.lent:
            circuit.drained = Signal()
            await circuit.drained
        return Status.SUCCESS

    async def co_send_packets(self, vc: VirtualCircuit, packets: Sequence[Packet]) -> None:
        """MiniportCoSendPackets: post in the circuit's turn, burst by burst; complete each when it has been sent."""
        packets = self.refuse_too_long(vc, packets)
        if not packets:
            return
        circuit: Circuit = vc.context
        self.sending += 1
        circuit.sending += sum(packet.length for packet in packets)
        tag = self.tags.address(circuit.vlan)
        bursts = self.tx.split([Tagged(packet, tag) for packet in packets])
        async with circuit.turn:
            for burst in bursts:
                if burst.is_set:
                    continue
                async with self.turn:
                    while not self.tx.has_room(burst):
                        await self.tx.room()
                    self.tx.post((burst,))
        for burst in bursts:
            status = await burst
            done = [tagged.packet for tagged in burst.frames]
            if status is Status.SUCCESS:
                self.information.counters.sent += len(done)
            circuit.ended(sends=sum(packet.length for packet in done))
            self.ndis.co_send_complete(vc, done, status)
        self.sending -= 1
        if self.quiet:
            self.tell_when_quiet()

    def refuse_too_long(self, vc: VirtualCircuit, packets: Sequence[Packet]) -> Sequence[Packet]:
        """Fail the packets that are longer than frames may be, or too short to be one; returns the others."""
        good = [packet for packet in packets if HEADER <= packet.length <= self.longest]
        if len(good) < len(packets):
            bad = [packet for packet in packets if not HEADER <= packet.length <= self.longest]
            self.ndis.co_send_complete(vc, bad, Status.INVALID_LENGTH)
        return good

    def co_request(self, vc: VirtualCircuit | None, request: OidRequest) -> Status:
        """MiniportCoRequest: from the table, but for what has another form here, or belongs to a circuit."""
        if request.is_set:
            return Status.NOT_SUPPORTED
        if request.oid in {Oid.GEN_LINK_SPEED, Oid.GEN_CO_MINIMUM_LINK_SPEED}:
            return request.answer(2 * LINK_SPEED.to_bytes(4, "little"))
        if request.oid is Oid.GEN_CO_BYTES_XMIT_OUTSTANDING:
            circuits = self.circuits.values() if vc is None else (vc.context,)
            return request.answer(sum(circuit.sending for circuit in circuits).to_bytes(4, "little"))
        return self.information.query(request)

    def isr(self) -> tuple[bool, bool]:
        """MiniportISR: ours? Then acknowledge by reading, mask, and ask for the DPC."""
        causes = self.card.claim()
        self.pending_causes |= causes
        return bool(causes), bool(causes)

    def handle_interrupt(self) -> None:
        """MiniportHandleInterrupt: reap what was sent, indicate what came, unmask."""
        causes, self.pending_causes = self.pending_causes, 0
        if not self.card.started:
            return
        if causes & reg.LSC:
            self.follow_link()
        if causes & reg.TXDW:
            self.tx.reap()
        if causes & _RECEIVE and not self.receive():
            # The budget is used up: let the card interrupt again as soon as it is unmasked.
            self.registers.write(reg.ICS, reg.RXT0)
        self.registers.write(reg.IMS, CAUSES)

    def receive(self) -> bool:
        """Indicate what the card has filled; False if the budget ended before the frames did."""
        packets = self.rx.take(BUDGET)
        if packets:
            self.sort(packets)
            self.rx.refill()
        return self.rx.taken < BUDGET

    def sort(self, packets: Sequence[Packet]) -> None:
        """Indicate each packet on the circuit of its VLAN, in order there; what belongs to none goes back."""
        sorted_packets: dict[Circuit | None, list[Packet]] = {}
        for packet in packets:
            circuit = self.circuits.get(untag(packet))
            packet.miniport_reserved = circuit
            sorted_packets.setdefault(circuit, []).append(packet)
        for circuit, mine in sorted_packets.items():
            # What is indicated on one circuit may have ended another.
            if circuit is None or self.circuits.get(circuit.vlan) is not circuit:
                self.take_back(mine)
            else:
                circuit.lent += len(mine)
                self.information.counters.received += len(mine)
                self.ndis.co_indicate_receive(circuit.vc, mine)
        self.ndis.co_receive_complete()

    def return_packets(self, packets: Sequence[Packet]) -> None:
        """MiniportReturnPacket: the buffers go back into the ring."""
        self.take_back(packets)
        for packet in packets:
            circuit = packet.miniport_reserved
            if isinstance(circuit, Circuit):
                circuit.ended(receives=1)

    def take_back(self, packets: Sequence[Packet]) -> None:
        """Make whole buffers of packets again, for the ring."""
        for packet in packets:
            restore(packet)
        self.rx.give(packets)

    def check_for_hang(self) -> bool:
        """MiniportCheckForHang: two seconds without progress are too many."""
        return self.tx.is_stuck()

    async def reset(self) -> Status:
        """MiniportReset: complete everything, and begin anew; circuits and what is lent stay as they are."""
        await self.stop(Status.REQUEST_ABORTED)
        if self.card.gone:
            return Status.HARD_ERRORS
        self.card.start()
        return Status.SUCCESS

    async def pnp_event_notify(self, event: DeviceEvent) -> None:
        """MiniportPnPEventNotify: a card that is gone sends nothing any more."""
        if event is DeviceEvent.SURPRISE_REMOVED:
            await self.stop(Status.NOT_ACCEPTED)

    def shutdown(self) -> None:
        """MiniportShutdown: no interrupt and no DMA after this."""
        self.card.silence()

    async def stop(self, status: Status) -> None:
        """Stop the card, and wait until every send on every circuit is complete."""
        self.card.stop(status)
        quiet = Signal()
        with self.lock:
            self.quiet.append(quiet)
        self.tell_when_quiet()
        await quiet

    def tell_when_quiet(self) -> None:
        """Wake who waits for the last send, if none is left."""
        if self.sending:
            return
        with self.lock:
            waiting, self.quiet = self.quiet, []
        for quiet in waiting:
            quiet.set()

    def follow_link(self) -> None:
        """Tell NDIS when the link has come or gone."""
        if self.card.link_has_changed():
            change = Status.MEDIA_CONNECT if self.card.link_up else Status.MEDIA_DISCONNECT
            self.ndis.co_indicate_status(None, change)


_RECEIVE: Final = reg.RXT0 | reg.RXDMT0 | reg.RXO
# Parameters and their defaults, in the order in which `initialize` takes them.
_USUAL: Final = {"mtu": 1500, "tx_ring": 256, "rx_ring": 256, "itr": 0}
