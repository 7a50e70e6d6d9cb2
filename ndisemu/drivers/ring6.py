"""The reference NDIS 6 miniport on the 82540EM, in the coroutine style.

Start reading at `send`, and compare with `ring`, the same driver for NDIS
5.1. What NDIS 6 adds: the driver maps each frame for the card and frees it
again; one list may be many frames, and has ended when the last one has; the
interrupt is masked and unmasked by the driver alone; and it can pause, which
takes until every list is back, in both directions. Memory for more receive
buffers comes at PASSIVE_LEVEL, and a halt awaits what is still on its way.

The rings and the OID table are next door, in `i8254x`.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

from ndisemu.drivers.i8254x.information import Information
from ndisemu.drivers.i8254x.receive import ListRing
from ndisemu.drivers.i8254x.transmit import Burst, TxRing
from ndisemu.drivers.information import ANSWERED_IN_6, FILTERS, MAX_MULTICAST
from ndisemu.hw import registers as reg
from ndisemu.ndis import OidRequest, RegisterSpace, SharedMemory, Signal, SpinLock, Status, Turn, v6

CAUSES: Final = reg.TXDW | reg.LSC | reg.RXDMT0 | reg.RXO | reg.RXT0
# How many frames one DPC indicates before it lets others run, and how many at a time.
BUDGET: Final = 256
BURST: Final = 64
HEADER: Final = 14
VLAN_TAG: Final = 4


class Ring6Miniport(v6.Miniport):
    """An NDIS 6 miniport for the 82540EM."""

    registers: RegisterSpace
    tx: TxRing[v6.NetBuffer]
    rx: ListRing
    information: Information
    dma: v6.DmaChannel
    lock: SpinLock
    line: v6.Interrupt

    def initialize(self, parameters: v6.InitParameters) -> Status:
        """MiniportInitializeEx: attributes, registers, DMA, memory; the interrupt last, as it may come at once."""
        self.ndis.set_attributes(v6.RegistrationAttributes())
        values = parameters.parameters
        mtu, tx_count, rx_count = (values.get(name, usual) for name, usual in _USUAL.items())
        self.longest = mtu + HEADER
        self.turn = Turn()
        self.lock = self.ndis.allocate_spin_lock("sends")
        self.queued: dict[Burst[v6.NetBuffer], int] = {}
        self.sending = self.lent = self.pending_causes = 0
        self.receiving = False
        self.drained: Signal | None = None
        self.registers = self.ndis.map_io_space()
        self.registers.write(reg.CTRL, reg.CTRL_RST)
        self.registers.write(reg.IMC, reg.CAUSES)
        self.describe(mtu, (tx_count, rx_count))
        self.dma = self.ndis.register_scatter_gather_dma()
        self.tx = TxRing(self.ndis, self.registers, tx_count)
        most = values.get("receive_pool_max")
        self.rx = ListRing(self.ndis, self.registers, rx_count, self.longest + VLAN_TAG, most)
        self.line = self.ndis.register_interrupt()
        self.tx.start()
        self.rx.start()
        self.registers.write(reg.ITR, values.get("itr", 0) // reg.ITR_UNIT)
        self.registers.write(reg.CTRL, reg.CTRL_FD | reg.CTRL_SLU)
        self.registers.write(reg.IMS, CAUSES)
        return Status.SUCCESS

    def describe(self, mtu: int, rings: tuple[int, int]) -> None:
        """Set the general attributes; the card has loaded its address from its EEPROM into RAL0 and RAH0."""
        low, high = self.registers.read(reg.RAL0), self.registers.read(reg.RAH0)
        address = (low | (high & 0xFFFF) << 32).to_bytes(6, "little")
        self.information = Information(self.registers, address, mtu, rings)
        self.ndis.set_attributes(
            v6.GeneralAttributes(
                address, mtu=mtu, packet_filters=FILTERS, max_multicast=MAX_MULTICAST, supported_oids=ANSWERED_IN_6
            )
        )

    async def halt(self, action: v6.HaltAction) -> None:
        """MiniportHaltEx: silence the card first, wait for memory that is on its way, then give everything back."""
        self.silence()
        self.ndis.deregister_interrupt(self.line)
        await self.rx.pool.settle()
        self.tx.free()
        self.rx.free()
        self.ndis.deregister_scatter_gather_dma()

    def shutdown(self, action: v6.ShutdownAction) -> None:
        """MiniportShutdownEx: silence the card, and free nothing."""
        self.silence()

    def silence(self) -> None:
        """No interrupt and no DMA after this."""
        self.registers.write(reg.IMC, reg.CAUSES)
        self.registers.write(reg.CTRL, reg.CTRL_RST)

    async def pause(self) -> Status:
        """MiniportPause: indicate no more, and wait until every list is back; the card stays as it is."""
        self.receiving = False
        while self.sending or self.lent:
            self.drained = drained = Signal()
            self.look_whether_drained()
            await drained
        return Status.SUCCESS

    def restart(self) -> Status:
        """MiniportRestart: indicate what has come meanwhile, and what comes."""
        self.receiving = True
        self.registers.write(reg.ICS, reg.RXT0)
        return Status.SUCCESS

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        """MiniportSendNetBufferLists: map and post in turn, in bursts; complete each list when its last frame is sent."""
        frames = [frame for nbl in nbls for frame in nbl.buffers]
        if max(map(_LENGTH, frames)) > self.longest:
            nbls, frames = self.refuse_too_long(nbls)
        self.sending += len(nbls)
        bursts = self.split(nbls, frames)
        async with self.turn:
            for burst in bursts:
                while not (burst.sent.is_set or self.tx.has_room(burst)):
                    await self.tx.room()
                if self.queued:
                    with self.lock:
                        self.queued.pop(burst, None)
                if not burst.sent.is_set:
                    self.tx.post(burst)
        for burst in bursts:
            self.complete(burst.frames, await burst.sent)

    def split(self, nbls: Sequence[v6.NetBufferList], frames: Sequence[v6.NetBuffer]) -> list[Burst[v6.NetBuffer]]:
        """Map frames and cut them into bursts that fit the ring; lists of different cancel ids never share a burst."""
        if not frames:
            return []
        self.dma.map(frames)
        if not any(map(_INFO, nbls)):
            return self.tx.split(frames)
        bursts: list[Burst[v6.NetBuffer]] = []
        for cancel_id, run in groupby(frames, key=_CANCEL_ID):
            cut = self.tx.split(list(run))
            with self.lock:
                self.queued |= dict.fromkeys(cut, cancel_id)
            bursts += cut
        return bursts

    def complete(self, frames: Sequence[v6.NetBuffer], status: Status) -> None:
        """Free the SG lists of frames that have ended, and complete the lists whose last frame is among them."""
        self.dma.unmap(frames)
        if status is Status.INVALID_PACKET:
            # NDIS 6 has no word for a frame in too many pieces.
            status = Status.FAILURE
        if status is Status.SUCCESS:
            self.information.counters.sent += len(frames)
        else:
            # A list has one status for all of its frames: the first failure, if there is one.
            for frame in frames:
                if frame.nbl.status is _UNSET:
                    frame.nbl.status = status
        done = []
        for frame in frames:
            nbl = frame.nbl
            if frame is nbl.buffers[-1]:
                if nbl.status is _UNSET:
                    nbl.status = status
                done.append(nbl)
        self.sending -= len(done)
        self.ndis.send_complete(done)
        self.look_whether_drained()

    def cancel_send(self, cancel_id: int) -> None:
        """MiniportCancelSend: lists that are queued under this id end; those of which the card has a part go on."""
        with self.lock:
            gone = [burst for burst, queued in self.queued.items() if queued == cancel_id and _is_whole(burst)]
            for burst in gone:
                del self.queued[burst]
        for burst in gone:
            frames, burst.frames = burst.frames, ()
            burst.end(Status.SEND_ABORTED)
            self.complete(frames, Status.SEND_ABORTED)

    def refuse_too_long(self, nbls: Sequence[v6.NetBufferList]) -> tuple[list[v6.NetBufferList], list[v6.NetBuffer]]:
        """Fail the lists with a frame longer than MTU and header; returns the others, and their frames."""
        refused = [nbl for nbl in nbls if max(map(_LENGTH, nbl.buffers)) > self.longest]
        for nbl in refused:
            nbl.status = Status.INVALID_LENGTH
        accepted = [nbl for nbl in nbls if nbl.status is _UNSET]
        self.ndis.send_complete(refused)
        return accepted, [frame for nbl in accepted for frame in nbl.buffers]

    def interrupt(self) -> tuple[bool, bool, int]:
        """MiniportInterrupt: ours? Then acknowledge by reading, mask, and ask for the default DPC."""
        causes = self.registers.read(reg.ICR) & CAUSES
        if not causes:
            return False, False, 0
        self.registers.write(reg.IMC, reg.CAUSES)
        self.pending_causes |= causes
        return True, True, 0

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        """MiniportInterruptDPC: reap what was sent, indicate what came; unmask, or come back for the rest."""
        causes, self.pending_causes = self.pending_causes, 0
        if causes & reg.TXDW:
            self.tx.reap()
        if self.receiving and causes & _RECEIVE and not self.receive(min(BUDGET, throttle.max_nbls)):
            self.pending_causes |= reg.RXT0
            throttle.more_pending = True
        else:
            self.registers.write(reg.IMS, CAUSES)

    def receive(self, most: int) -> bool:
        """Indicate what the card has filled, burst by burst; False if the budget ended before the frames did."""
        for start in range(0, most, BURST):
            wanted = min(BURST, most - start)
            frames = self.rx.take(wanted)
            if frames:
                self.information.counters.received += len(frames)
                self.indicate(frames)
                self.rx.keep_up()
            if len(frames) < wanted:
                return True
        return False

    def indicate(self, frames: Sequence[v6.NetBuffer]) -> None:
        """Lend frames to the protocols; while receive buffers are low only show them, and have them back at once."""
        nbls = [frame.nbl for frame in frames]
        if self.rx.low:
            self.ndis.indicate_receive(nbls, flags=v6.ReceiveFlag.RESOURCES)
            self.rx.give(frames)
        else:
            self.lent += len(nbls)
            self.ndis.indicate_receive(nbls)

    def shared_memory_allocate_complete(self, shared: SharedMemory | None, context: object) -> None:
        """MiniportSharedMemoryAllocateComplete: more receive buffers, or none, and frames are only shown for a while."""
        self.rx.grow(shared)

    def return_nbls(self, nbls: Sequence[v6.NetBufferList], flags: int) -> None:
        """MiniportReturnNetBufferLists: the buffers go back into the ring."""
        self.lent -= len(nbls)
        self.rx.give([nbl.buffers[0] for nbl in nbls])
        self.look_whether_drained()

    def look_whether_drained(self) -> None:
        """Let a pause go on when nothing is out any more."""
        if self.drained is not None and not (self.sending or self.lent):
            with self.lock:
                drained, self.drained = self.drained, None
            if drained is not None:
                drained.set()

    def oid_request(self, request: OidRequest) -> Status:
        """MiniportOidRequest: from the table; filters and multicast list reach the card at once."""
        if not request.is_set:
            return self.information.query(request)
        status = self.information.set(request)
        if status is Status.SUCCESS:
            self.rx.set_filter(self.information.filter, self.information.multicast)
        return status


def _is_whole(burst: Burst[v6.NetBuffer]) -> bool:
    """Whether no list of this burst has frames in another one."""
    first, last = burst.frames[0], burst.frames[-1]
    return first is first.nbl.buffers[0] and last is last.nbl.buffers[-1]


_RECEIVE: Final = reg.RXT0 | reg.RXDMT0 | reg.RXO
# The status of a list that has none yet.
_UNSET: Final = Status.PENDING
_LENGTH: Final = attrgetter("length")
_INFO: Final = attrgetter("info")
_CANCEL_ID: Final = attrgetter("nbl.cancel_id")
# Parameters and their defaults, in the order in which `initialize` takes them.
_USUAL: Final = {"mtu": 1500, "tx_ring": 256, "rx_ring": 256}
