"""The reference deserialized miniport: NDIS 5.1 on the 82540EM, in the coroutine style.

Start reading at `send_packets`. It suspends, so NDIS takes every packet as
pending; what finds no room queues inside, by waiting for its turn and for
room, and is never refused; and it completes each burst when the card has sent it, resumed by
the DPC at DISPATCH_LEVEL. The interrupt follows the usual pattern: the ISR
recognises and masks, the DPC drains both rings and unmasks.

Receive buffers grow with what protocols keep. The DPC asks for them, and as
a DPC cannot suspend, MiniportAllocateComplete takes them; only a halt awaits
what is still on its way.

Reset, sleep and removal have one thing in common: the card is stopped first,
then everything it had is completed. A card that was pulled out reads as ones.

The rings and the OID table are next door, in `i8254x`; the same driver
without a coroutine is `ring_explicit`.
"""

from collections.abc import Awaitable, Sequence
from typing import Final

from ndisemu.drivers.i8254x.card import CAUSES, Card, station_address
from ndisemu.drivers.i8254x.information import Information
from ndisemu.drivers.i8254x.receive import PacketRing
from ndisemu.drivers.i8254x.transmit import Burst, TxRing
from ndisemu.frame.ethernet import HEADER, VLAN_TAG
from ndisemu.hw import registers as reg
from ndisemu.ndis import (
    AttributeFlag,
    DeviceEvent,
    Oid,
    OidRequest,
    Packet,
    PowerState,
    SharedMemory,
    Signal,
    SpinLock,
    Status,
    Turn,
)
from ndisemu.ndis.v5 import AdapterInfo, Interrupt, Miniport, RegisterSpace

# How many frames one DPC indicates, in one array, before it lets others run.
BUDGET: Final = 256


class RingMiniport(Miniport):
    """A deserialized NDIS 5.1 miniport for the 82540EM."""

    deserialized = True  # NDIS_ATTRIBUTE_DESERIALIZE

    registers: RegisterSpace
    tx: TxRing[Packet]
    rx: PacketRing
    information: Information
    card: Card
    lock: SpinLock
    interrupt: Interrupt

    def initialize(self, adapter: AdapterInfo) -> Status:
        """MiniportInitialize: attributes, registers, memory; the interrupt last, as it may come at once."""
        self.ndis.set_attributes(AttributeFlag.BUS_MASTER | AttributeFlag.SURPRISE_REMOVE_OK)
        self.registers = self.ndis.map_io_space()
        parameters = adapter.parameters
        mtu, tx_count, rx_count, itr = (parameters.get(name, usual) for name, usual in _USUAL.items())
        longest = mtu + HEADER
        self.turn = Turn()
        self.lock = self.ndis.allocate_spin_lock("sends")
        self.queued: dict[Burst[Packet], None] = {}
        self.pending_causes = 0
        self.sending = 0
        self.quiet: list[Signal] = []
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
        await self.rx.pool.settle()
        self.tx.free()
        self.rx.free()

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        """MiniportSendPackets: post in bursts, what finds no room in turn; complete each burst when it has been sent."""
        bursts = self.tx.split(packets)
        if bursts[0].is_set or len(bursts) > 1:
            bursts = self.refuse_misfits(bursts)
        # Counted as NdisInterlockedIncrement counts.
        self.sending += 1
        waiting = bursts if self.turn.taken else self.tx.post(bursts)
        if waiting:
            await self.post_in_turn(waiting)
        for burst in bursts:
            status = await burst
            if status is _SUCCESS:
                self.information.counters.sent += len(burst.frames)
            self.ndis.send_complete(burst.frames, status)
        self.sending -= 1
        if self.quiet:
            self.tell_when_quiet()

    async def post_in_turn(self, bursts: Sequence[Burst[Packet]]) -> None:
        """Post bursts after those that came before, as the ring has room for each."""
        with self.lock:
            self.queued |= dict.fromkeys(bursts)
        async with self.turn:
            for burst in bursts:
                while not (burst.is_set or self.tx.has_room(burst)):
                    await self.tx.room()
                with self.lock:
                    del self.queued[burst]
                self.tx.post((burst,))

    def cancel_send_packets(self, cancel_id: int) -> None:
        """MiniportCancelSendPackets: give back what waits for its turn or for room; what is posted is sent."""
        gone: list[Packet] = []
        with self.lock:
            for burst in self.queued:
                gone += burst.leave_out(lambda packet: packet.cancel_id == cancel_id)
        self.ndis.send_complete(gone, Status.REQUEST_ABORTED)

    def refuse_misfits(self, bursts: Sequence[Burst[Packet]]) -> list[Burst[Packet]]:
        """Complete what can never be posted, as it exceeds OID_GEN_MAXIMUM_TOTAL_SIZE or the ring; returns the others."""
        for burst in bursts:
            if burst.is_set:
                self.ndis.send_complete(burst.frames, burst.status)
        return [burst for burst in bursts if not burst.is_set]

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

    def query_information(self, request: OidRequest) -> Status:
        """MiniportQueryInformation: from the table."""
        return self.information.query(request)

    def set_information(self, request: OidRequest) -> Status | Awaitable[Status]:
        """MiniportSetInformation: filters and multicast list reach the card at once; going to sleep takes a while."""
        if request.oid is Oid.PNP_SET_POWER:
            return self.set_power(awake=request.number() == PowerState.D0)
        status = self.information.set(request)
        if status is Status.SUCCESS:
            self.rx.set_filter(self.information.filter, self.information.multicast)
        return status

    async def set_power(self, *, awake: bool) -> Status:
        """OID_PNP_SET_POWER: a card that wakes begins anew."""
        if awake:
            self.card.start()
        else:
            await self.stop(Status.REQUEST_ABORTED)
        return Status.SUCCESS

    def check_for_hang(self) -> bool:
        """MiniportCheckForHang: two seconds without progress are too many, also where the link is to blame."""
        return self.tx.is_stuck()

    async def reset(self) -> Status:
        """MiniportReset: complete everything, begin anew, and restore addresses and filters; packets lent stay lent."""
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
        """Stop the card, and wait until every send that it had is complete."""
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
            self.ndis.indicate_status(Status.MEDIA_CONNECT if self.card.link_up else Status.MEDIA_DISCONNECT)
            self.ndis.indicate_status_complete()


# Of a class of Python 3.11 a member costs 70 ns each time.
_SUCCESS: Final = Status.SUCCESS
_RECEIVE: Final = reg.RXT0 | reg.RXDMT0 | reg.RXO
# Parameters and their defaults, in the order in which `initialize` takes them.
_USUAL: Final = {"mtu": 1500, "tx_ring": 256, "rx_ring": 256, "itr": 0}
