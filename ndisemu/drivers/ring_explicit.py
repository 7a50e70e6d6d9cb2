"""The reference deserialized miniport as a driver in C would have it: what `ring` does, in the explicit style.

Start reading at `send_packets`, and compare with `ring`. Nothing suspends:
what does not fit into the ring is put into a queue, under a spin lock; the
DPC completes what was sent and posts what waits; a reset pends until a timer
says that the card is ready; MiniportAllocateComplete takes memory that was
asked for. The lock is never held over a call of NDIS that may call back.

The one await stands for a thread that blocks: NdisWaitEvent in MiniportHalt.

The rings and the OID table are next door, in `i8254x`.

Source: seeds 001 and 002; NDIS reference 5.3, 5.5.2, 5.7 and 5.9.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.i8254x.card import CAUSES, Card, station_address
from ndisemu.drivers.i8254x.information import Information
from ndisemu.drivers.i8254x.receive import PacketRing
from ndisemu.drivers.i8254x.transmit import Burst, TxRing
from ndisemu.frame.ethernet import HEADER, VLAN_TAG
from ndisemu.hw import registers as reg
from ndisemu.ndis import AttributeFlag, DeviceEvent, Oid, OidRequest, Packet, PowerState, SharedMemory, Status
from ndisemu.ndis.v5 import AdapterInfo, Interrupt, Miniport, RegisterSpace

# How many frames one DPC indicates, in one array, before it lets others run.
BUDGET: Final = 256
# How long a card that was reset is left alone: the shortest time of NdisMSetTimer.
RESET_TIME: Final = 1_000_000


class ExplicitRingMiniport(Miniport):
    """A deserialized NDIS 5.1 miniport for the 82540EM, in the explicit style."""

    deserialized = True  # NDIS_ATTRIBUTE_DESERIALIZE

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
        self.waiting: deque[Burst[Packet]] = deque()
        self.lock = self.ndis.allocate_spin_lock("sends")
        self.allocated = self.ndis.initialize_event("allocated")
        self.reset_timer = self.ndis.initialize_timer(self.reset_over, "reset")
        self.pending_causes = 0
        self.registers.write(reg.CTRL, reg.CTRL_RST)
        self.registers.write(reg.IMC, reg.CAUSES)
        self.tx = TxRing(self.ndis, self.registers, tx_count, longest)
        most = parameters.get("receive_pool_max")
        self.rx = PacketRing(self.ndis, self.registers, rx_count, longest + VLAN_TAG, most)
        self.information = Information(self.registers, station_address(self.registers), mtu, (tx_count, rx_count))
        self.card = Card(self.registers, self.tx, self.rx, self.information, itr)
        self.interrupt = self.ndis.register_interrupt()
        self.card.start()
        self.follow_link()
        return Status.SUCCESS

    async def halt(self) -> None:
        """MiniportHalt: silence the card first, wait for memory that is on its way, then give everything back."""
        self.card.silence()
        self.ndis.deregister_interrupt(self.interrupt)
        self.reset_timer.cancel()
        self.allocated.reset()
        if self.rx.pool.asked:
            await self.allocated.wait()
        self.tx.free()
        self.rx.free()

    def send_packets(self, packets: Sequence[Packet]) -> None:
        """MiniportSendPackets: queue, and post what there is room for; all are pending, and the DPC completes them."""
        packets = self.refuse_too_long(packets)
        if packets:
            with self.lock:
                self.queue(packets)
                ended = self.post_waiting()
            self.complete(ended)

    def queue(self, packets: Sequence[Packet]) -> None:
        """Put packets behind those that wait, under the lock."""
        self.waiting.extend(self.tx.split(packets))

    def post_waiting(self) -> list[Burst[Packet]]:
        """Move bursts from the queue to the ring while there is room, under the lock; returns those that ended at once."""
        left = len(self.tx.post(tuple(self.waiting)))
        taken = [self.waiting.popleft() for _ in range(len(self.waiting) - left)]
        return [burst for burst in taken if burst.is_set]

    def withdraw(self, cancel_id: int) -> list[Packet]:
        """Take packets out of the queue, under the lock."""
        return [packet for burst in self.waiting for packet in burst.leave_out(lambda one: one.cancel_id == cancel_id)]

    def complete_sent(self) -> None:
        """Complete what the card has sent, after the ring has what waited for room; in the DPC."""
        ended = self.tx.reap()
        self.lock.dpr_acquire()
        ended += self.post_waiting()
        self.lock.dpr_release()
        self.complete(ended)

    def complete(self, ended: Sequence[Burst[Packet]]) -> None:
        """Give packets back, each burst with its status (NdisMSendComplete)."""
        for burst in ended:
            if burst.status is Status.SUCCESS:
                self.information.counters.sent += len(burst.frames)
            self.ndis.send_complete(burst.frames, burst.status)

    def cancel_send_packets(self, cancel_id: int) -> None:
        """MiniportCancelSendPackets: give back what waits in the queue; what is posted is sent."""
        with self.lock:
            gone = self.withdraw(cancel_id)
        self.ndis.send_complete(gone, Status.REQUEST_ABORTED)

    def refuse_too_long(self, packets: Sequence[Packet]) -> Sequence[Packet]:
        """Fail the packets that exceed OID_GEN_MAXIMUM_TOTAL_SIZE; returns the others."""
        longest = self.tx.longest
        too_long = [packet for packet in packets if packet.length > longest]
        if too_long:
            # Before the others are completed, and nobody's to look at any more.
            packets = [packet for packet in packets if packet.length <= longest]
            self.ndis.send_complete(too_long, Status.INVALID_LENGTH)
        return packets

    def isr(self) -> tuple[bool, bool]:
        """MiniportISR: ours? Then acknowledge by reading, mask, and ask for the DPC."""
        causes = self.card.claim()
        self.pending_causes |= causes
        return bool(causes), bool(causes)

    def handle_interrupt(self) -> None:
        """MiniportHandleInterrupt: complete what was sent, indicate what came, unmask."""
        causes, self.pending_causes = self.pending_causes, 0
        if not self.card.started:
            return
        if causes & reg.LSC:
            self.follow_link()
        if causes & reg.TXDW:
            self.complete_sent()
        if causes & _RECEIVE and not self.receive():
            # The budget is used up: let the card interrupt again as soon as it is unmasked.
            self.registers.write(reg.ICS, reg.RXT0)
        self.registers.write(reg.IMS, CAUSES)

    def receive(self) -> bool:
        """Indicate what the card has filled, in one array; False if the budget ended before the frames did."""
        packets = self.rx.take(BUDGET)
        if packets:
            self.information.counters.received += len(packets)
            self.rx.indicate(packets)
            self.rx.keep_up()
        return self.rx.taken < BUDGET

    def return_packets(self, packets: Sequence[Packet]) -> None:
        """MiniportReturnPacket: the buffers go back into the ring."""
        self.rx.give(packets)

    def allocate_complete(self, memory: SharedMemory | None, length: int, context: object) -> None:
        """MiniportAllocateComplete: more receive buffers, or none, and packets are only shown until there are enough."""
        self.rx.grow(memory)
        self.allocated.set()

    def query_information(self, request: OidRequest) -> Status:
        """MiniportQueryInformation: from the table."""
        return self.information.query(request)

    def set_information(self, request: OidRequest) -> Status:
        """MiniportSetInformation: filters and multicast list reach the card at once, and so does sleep."""
        if request.oid is Oid.PNP_SET_POWER:
            if request.number() == PowerState.D0:
                self.card.start()
            else:
                self.stop(Status.REQUEST_ABORTED)
            return Status.SUCCESS
        status = self.information.set(request)
        if status is Status.SUCCESS:
            self.rx.set_filter(self.information.filter, self.information.multicast)
        return status

    def check_for_hang(self) -> bool:
        """MiniportCheckForHang: two seconds without progress are too many, also where the link is to blame."""
        return self.tx.is_stuck()

    def reset(self) -> Status:
        """MiniportReset: complete everything, and begin anew when the card is ready; packets lent stay lent."""
        self.stop(Status.REQUEST_ABORTED)
        self.reset_timer.set(RESET_TIME)
        return Status.PENDING

    def reset_over(self) -> None:
        """MiniportTimer: restore addresses and filters, and complete the reset (NdisMResetComplete)."""
        gone = self.card.gone
        if not gone:
            self.card.start()
        self.ndis.reset_complete(Status.HARD_ERRORS if gone else Status.SUCCESS)

    def pnp_event_notify(self, event: DeviceEvent) -> None:
        """MiniportPnPEventNotify: a card that is gone sends nothing any more."""
        if event is DeviceEvent.SURPRISE_REMOVED:
            self.stop(Status.NOT_ACCEPTED)

    def shutdown(self) -> None:
        """MiniportShutdown: no interrupt and no DMA after this."""
        self.card.silence()

    def stop(self, status: Status) -> None:
        """Stop the card, and complete everything that it had and that waited for it, in order."""
        posted = self.card.stop(status)
        with self.lock:
            # The ring is stopped, so what is posted ends at once.
            waiting = self.post_waiting()
        self.complete([*posted, *waiting])

    def follow_link(self) -> None:
        """Tell NDIS when the link has come or gone."""
        if self.card.link_has_changed():
            self.ndis.indicate_status(Status.MEDIA_CONNECT if self.card.link_up else Status.MEDIA_DISCONNECT)
            self.ndis.indicate_status_complete()


_RECEIVE: Final = reg.RXT0 | reg.RXDMT0 | reg.RXO
# Parameters and their defaults, in the order in which `initialize` takes them.
_USUAL: Final = {"mtu": 1500, "tx_ring": 256, "rx_ring": 256, "itr": 0}
