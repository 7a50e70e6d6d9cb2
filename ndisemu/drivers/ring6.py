"""The reference NDIS 6 miniport on the 82540EM, in the coroutine style.

Start reading at `send`, and compare with `ring`, the same driver for NDIS
5.1. What NDIS 6 adds: the driver maps each frame for the card and frees it
again; one list may be many frames, and has ended when the last one has; the
interrupt is masked and unmasked by the driver alone; and it can pause, which
takes until every list is back, in both directions. Memory for more receive
buffers comes at PASSIVE_LEVEL, and a halt awaits what is still on its way.

Reset, sleep and removal have one thing in common: the card is stopped first,
then every send it had is completed. A reset needs nothing else: lists that
are lent stay lent. A pause that is waiting goes on when they are back.

The card, its rings, its OIDs and the lists on their way are next door, in
`i8254x`.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from ndisemu.drivers.i8254x.card import CAUSES, Card, station_address
from ndisemu.drivers.i8254x.information6 import GIGABIT, Information6
from ndisemu.drivers.i8254x.receive import ListRing
from ndisemu.drivers.i8254x.sends import ListSends
from ndisemu.drivers.i8254x.transmit import Burst, TxRing
from ndisemu.drivers.information import ANSWERED_IN_6, FILTERS, MAX_MULTICAST
from ndisemu.frame.ethernet import HEADER, VLAN_TAG
from ndisemu.hw import registers as reg
from ndisemu.ndis import (
    DeviceEvent,
    LinkState,
    MediaConnectState,
    MediaDuplexState,
    Oid,
    OidRequest,
    PowerState,
    RegisterSpace,
    SharedMemory,
    Signal,
    SpinLock,
    Status,
    StatusIndication,
    Turn,
    v6,
)

# How many frames one DPC indicates, in one chain, before it lets others run.
BUDGET: Final = 256


class Ring6Miniport(v6.Miniport):
    """An NDIS 6 miniport for the 82540EM."""

    registers: RegisterSpace
    tx: TxRing[v6.NetBuffer]
    rx: ListRing
    sends: ListSends
    information: Information6
    card: Card
    lock: SpinLock
    line: v6.Interrupt

    def initialize(self, parameters: v6.InitParameters) -> Status:
        """MiniportInitializeEx: attributes, registers, DMA, memory; the interrupt last, as it may come at once."""
        self.ndis.set_attributes(v6.RegistrationAttributes(_FLAGS))
        values = parameters.parameters
        mtu, tx_count, rx_count, itr = (values.get(name, usual) for name, usual in _USUAL.items())
        longest = mtu + HEADER
        self.turn = Turn()
        self.lock = self.ndis.allocate_spin_lock("waits")
        self.lent = self.pending_causes = 0
        self.receiving = self.removed = False
        self.quiet: list[Signal] = []
        self.registers = self.ndis.map_io_space()
        self.registers.write(reg.CTRL, reg.CTRL_RST)
        self.registers.write(reg.IMC, reg.CAUSES)
        self.information = Information6(self.registers, station_address(self.registers), mtu, (tx_count, rx_count), itr)
        self.describe(mtu)
        dma = self.ndis.register_scatter_gather_dma()
        self.tx = TxRing(self.ndis, self.registers, tx_count, longest)
        most = values.get("receive_pool_max")
        self.rx = ListRing(self.ndis, self.registers, rx_count, longest + VLAN_TAG, most)
        self.sends = ListSends(self.ndis, self.tx, dma, self.information.counters)
        self.card = Card(self.registers, self.tx, self.rx, self.information, itr)
        self.line = self.ndis.register_interrupt()
        self.card.start()
        self.follow_link()
        return Status.SUCCESS

    def describe(self, mtu: int) -> None:
        """Set the general attributes."""
        self.ndis.set_attributes(
            v6.GeneralAttributes(
                station_address(self.registers),
                mtu=mtu,
                packet_filters=FILTERS,
                max_multicast=MAX_MULTICAST,
                supported_oids=ANSWERED_IN_6,
            )
        )

    async def halt(self, action: v6.HaltAction) -> None:
        """MiniportHaltEx: silence the card first, wait for memory that is on its way, then give everything back."""
        self.card.silence()
        self.ndis.deregister_interrupt(self.line)
        await self.rx.pool.settle()
        self.tx.free()
        self.rx.free()
        self.ndis.deregister_scatter_gather_dma()

    def shutdown(self, action: v6.ShutdownAction) -> None:
        """MiniportShutdownEx: silence the card, and free nothing."""
        self.card.silence()

    async def pause(self) -> Status:
        """MiniportPause: indicate no more, and wait until every list is back; the card stays as it is."""
        self.receiving = False
        await self.until(lambda: not (self.sends.pending or self.lent))
        return Status.SUCCESS

    def restart(self) -> Status:
        """MiniportRestart: indicate what has come meanwhile, and what comes."""
        self.receiving = True
        self.registers.write(reg.ICS, reg.RXT0)
        return Status.SUCCESS

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        """MiniportSendNetBufferLists: post in bursts, or in turn; complete each list when its last frame has been sent."""
        bursts = self.sends.split(nbls)
        waiting = bursts if self.turn.taken else self.tx.post(bursts)
        if waiting:
            await self.post_in_turn(waiting)
        for burst in bursts:
            self.sends.end(burst, await burst)
        if self.quiet:
            self.tell_who_waits()

    async def post_in_turn(self, bursts: Sequence[Burst[v6.NetBuffer]]) -> None:
        """Post bursts after those that came before, as the ring has room for each."""
        self.sends.wait(bursts)
        async with self.turn:
            for burst in bursts:
                while not (burst.is_set or self.tx.has_room(burst)):
                    await self.tx.room()
                self.sends.begin(burst)
                self.tx.post((burst,))

    def cancel_send(self, cancel_id: int) -> None:
        """MiniportCancelSend: give back what waits for its turn or for room; what is posted is sent."""
        self.sends.cancel(cancel_id)
        self.tell_who_waits()

    def interrupt(self) -> tuple[bool, bool, int]:
        """MiniportInterrupt: ours? Then acknowledge by reading, mask, and ask for the default DPC."""
        causes = self.card.claim()
        self.pending_causes |= causes
        return bool(causes), bool(causes), 0

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        """MiniportInterruptDPC: reap what was sent, indicate what came; unmask, or come back for the rest."""
        causes, self.pending_causes = self.pending_causes, 0
        if not self.card.started:
            return
        if causes & reg.LSC:
            self.follow_link()
        if causes & reg.TXDW:
            self.tx.reap()
        if self.receiving and causes & _RECEIVE and not self.receive(min(BUDGET, throttle.max_nbls)):
            self.pending_causes |= reg.RXT0
            throttle.more_pending = True
        else:
            self.registers.write(reg.IMS, CAUSES)

    def receive(self, most: int) -> bool:
        """Indicate what the card has filled, in one chain; False if the budget ended before the frames did."""
        nbls = self.rx.take(most)
        if nbls:
            self.information.counters.received += len(nbls)
            self.indicate(nbls)
            self.rx.keep_up()
        return self.rx.taken < most

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        """Lend lists to the protocols; while receive buffers are low only show them, and have them back at once."""
        if self.rx.low:
            self.ndis.indicate_receive(nbls, flags=v6.ReceiveFlag.RESOURCES)
            self.rx.give(nbls)
        else:
            self.lent += len(nbls)
            self.ndis.indicate_receive(nbls)

    def shared_memory_allocate_complete(self, shared: SharedMemory | None, context: object) -> None:
        """MiniportSharedMemoryAllocateComplete: more receive buffers, or none, and frames are only shown for a while."""
        self.rx.grow(shared)

    def return_nbls(self, nbls: Sequence[v6.NetBufferList], flags: int) -> None:
        """MiniportReturnNetBufferLists: the buffers go back into the ring."""
        self.lent -= len(nbls)
        self.rx.give(nbls)
        if self.quiet:
            self.tell_who_waits()

    def oid_request(self, request: OidRequest) -> Status | Awaitable[Status]:
        """MiniportOidRequest: from the table; what is set reaches the card at once, sleep takes a while."""
        if self.removed:
            return Status.NOT_ACCEPTED
        if not request.is_set:
            return self.information.query(request)
        if request.oid is Oid.PNP_SET_POWER:
            return self.set_power(awake=request.number() == PowerState.D0)
        status = self.information.set(request)
        if status is Status.SUCCESS:
            self.rx.set_filter(self.information.filter, self.information.multicast)
            self.card.throttle(self.information.itr)
        return status

    async def set_power(self, *, awake: bool) -> Status:
        """OID_PNP_SET_POWER: a card that wakes begins anew; how its link is while it sleeps, it does not know."""
        if awake:
            self.card.start()
            self.card.link_has_changed()
            self.tell_link()
        else:
            await self.stop(Status.LOW_POWER_STATE)
            self.ndis.indicate_status(link_status(LinkState(MediaConnectState.UNKNOWN)))
        return Status.SUCCESS

    def check_for_hang(self) -> bool:
        """MiniportCheckForHangEx: two seconds without progress are too many, also where the link is to blame."""
        return self.tx.is_stuck()

    async def reset(self) -> Status:
        """MiniportResetEx: complete every send, begin anew, and restore addresses and filters; lists lent stay lent."""
        await self.stop(Status.RESET_IN_PROGRESS)
        if self.card.gone:
            return Status.HARD_ERRORS
        self.card.start()
        return Status.SUCCESS

    async def device_pnp_event_notify(self, event: DeviceEvent) -> None:
        """MiniportDevicePnPEventNotify: a card that is gone sends nothing any more."""
        if event is DeviceEvent.SURPRISE_REMOVED:
            self.removed = True
            await self.stop(Status.NOT_ACCEPTED)

    async def stop(self, status: Status) -> None:
        """Stop the card, and wait until every send that it had is complete."""
        self.card.stop(status)
        await self.until(lambda: not self.sends.pending)

    async def until(self, everything_is_back: Callable[[], bool]) -> None:
        """Wait for lists to come back; the place to be woken at is there before the look, so that none is missed."""
        change = self.change()
        while not everything_is_back():
            await change
            change = self.change()

    def change(self) -> Signal:
        """Await this for some list to come back."""
        change = Signal()
        with self.lock:
            self.quiet.append(change)
        return change

    def tell_who_waits(self) -> None:
        """Let all look whether what they wait for is back."""
        with self.lock:
            waiting, self.quiet = self.quiet, []
        for signal in waiting:
            signal.set()

    def follow_link(self) -> None:
        """Tell NDIS when the link has come or gone."""
        if self.card.link_has_changed():
            self.tell_link()

    def tell_link(self) -> None:
        """Tell NDIS how the link is (NDIS_STATUS_LINK_STATE)."""
        if self.card.link_up:
            state = LinkState(MediaConnectState.CONNECTED, MediaDuplexState.FULL, GIGABIT, GIGABIT)
        else:
            state = LinkState(MediaConnectState.DISCONNECTED)
        self.ndis.indicate_status(link_status(state))


def link_status(state: LinkState) -> StatusIndication:
    """Make the status that tells `state`."""
    return StatusIndication(Status.LINK_STATE, state.pack())


_FLAGS: Final = (
    v6.RegistrationFlag.HARDWARE_DEVICE | v6.RegistrationFlag.BUS_MASTER | v6.RegistrationFlag.SURPRISE_REMOVE_OK
)
_RECEIVE: Final = reg.RXT0 | reg.RXDMT0 | reg.RXO
# Parameters and their defaults, in the order in which `initialize` takes them.
_USUAL: Final = {"mtu": 1500, "tx_ring": 256, "rx_ring": 256, "itr": 0}
