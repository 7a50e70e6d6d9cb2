"""Drivers that break a rule of IRQL and spin locks, each beside its mended twin."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.protocols import Station6
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.errors import RuleViolation
from ndisemu.ndis import DeviceEvent, NetEvent, NetPnPEvent, Packet, SpinLock, Status, StatusIndication, v6
from ndisemu.ndis.v5 import AdapterInfo


class Locking(RingMiniport):
    """A driver with a lock of its own."""

    own: SpinLock
    other: SpinLock

    def initialize(self, adapter: AdapterInfo) -> Status:
        self.own, self.other = self.ndis.allocate_spin_lock("own"), self.ndis.allocate_spin_lock("other")
        return super().initialize(adapter)


class LocksTwice(Locking):
    """A helper takes the lock that its caller holds."""

    def handle_interrupt(self) -> None:
        with self.own:
            self.own.acquire()
        super().handle_interrupt()


class LocksOnce(Locking):
    """The helper leaves the lock to its caller."""

    def handle_interrupt(self) -> None:
        with self.own:
            self.ready = True
        super().handle_interrupt()


class ReleasesWhatIsFree(Locking):
    """An early way out gives back what it never took."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.own.release()


class ReleasesWhatItTook(Locking):
    """Each way out has its own."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.own.acquire()
        self.own.release()


class MixesTheCalls(Locking):
    """The plain call takes it, the Dpr call gives it back."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.own.acquire()
        self.own.dpr_release()


class PairsTheCalls(Locking):
    """In a DPC both can be the Dpr calls."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.own.dpr_acquire()
        self.own.dpr_release()


class ReleasesTheFirstFirst(Locking):
    """Two locks are given back in the order of being taken."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.own.acquire()
        self.other.acquire()
        self.own.release()
        self.other.release()


class ReleasesTheLastFirst(Locking):
    """The last one first."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        with self.own, self.other:
            self.ready = True


class KeepsItsLock(Locking):
    """A branch returns inside of what the lock protects."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        if self.own.owner is None:
            self.own.dpr_acquire()


class GivesItsLockBack(Locking):
    """The lock is given back on every way."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.own.dpr_acquire()
        self.own.dpr_release()


class LocksInItsIsr(Locking):
    """The ISR takes the lock of the DPC, which it may have interrupted."""

    def isr(self) -> tuple[bool, bool]:
        with self.own:
            return super().isr()


class SynchronizesWithItsIsr(Locking):
    """What both touch is touched at DIRQL, where the ISR cannot come between."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.ndis.synchronize_with_interrupt(lambda: True)


class UsesDprAnywhere(Locking):
    """MiniportInitialize runs at PASSIVE_LEVEL, where the Dpr call protects from nothing."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        status = super().initialize(adapter)
        with suppress(RuleViolation):
            self.own.dpr_acquire()
        self.own.dpr_acquire()
        return status


class UsesDprInItsDpc(Locking):
    """A DPC runs at DISPATCH_LEVEL."""

    def handle_interrupt(self) -> None:
        self.own.dpr_acquire()
        self.own.dpr_release()
        super().handle_interrupt()


class WaitsInItsDpc(RingMiniport):
    """A DPC has no thread that could wait; the event is set by a later one."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        await self.done.wait()
        await super().send_packets(packets)

    def initialize(self, adapter: AdapterInfo) -> Status:
        self.done = self.ndis.initialize_event("done")
        return super().initialize(adapter)


class WaitsAtPassive(RingMiniport):
    """The halt runs in a thread."""

    async def halt(self) -> None:
        self.done.set()
        await self.done.wait()
        await super().halt()

    def initialize(self, adapter: AdapterInfo) -> Status:
        self.done = self.ndis.initialize_event("done")
        return super().initialize(adapter)


class AwaitsWithItsLock(Locking):
    """It lets go of the processor in the middle of what its lock protects."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        with self.own:
            await self.ndis.delay(1000)
        await super().send_packets(packets)


class AwaitsWithoutItsLock(Locking):
    """The lock is for what is done at once."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        with self.own:
            self.ready = True
        await self.ndis.delay(1000)
        await super().send_packets(packets)


class SleepsInItsDpc(RingMiniport):
    """It gives the card a microsecond to settle, as if it had a thread."""

    def handle_interrupt(self) -> None:
        self.ndis.sleep(1000)
        super().handle_interrupt()


class StallsInItsDpc(RingMiniport):
    """A microsecond can be waited for by the processor itself."""

    def handle_interrupt(self) -> None:
        self.ndis.stall(1000)
        super().handle_interrupt()


class StallsForLong(RingMiniport):
    """Two milliseconds for the PHY, in one stall."""

    async def reset(self) -> Status:
        self.ndis.stall(2_000_000)
        return await super().reset()


class WaitsForLong(RingMiniport):
    """A timer lets others run meanwhile."""

    async def reset(self) -> Status:
        await self.ndis.delay(2_000_000)
        return await super().reset()


class CompletesUnderItsLock(Locking):
    """What NdisMSendComplete leads to may be the next send, which wants the same lock."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        with self.own:
            self.ndis.send_complete([], Status.SUCCESS)


class CompletesAfterItsLock(Locking):
    """What is protected ends before the call."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        with self.own:
            self.ready = True
        self.ndis.send_complete([], Status.SUCCESS)


class ResetsUnderItsLock(Locking):
    """The timer of the reset completes it in the middle of what its lock protects."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        self.after_reset = self.ndis.initialize_timer(self.is_reset, "reset")
        return super().initialize(adapter)

    def reset(self) -> Status:  # type: ignore[override]
        self.after_reset.set(1000)
        return Status.PENDING

    def is_reset(self) -> None:
        self.card.stop(Status.REQUEST_ABORTED)
        self.card.start()
        with self.own:
            self.ndis.reset_complete(Status.SUCCESS)


class ResetsAfterItsLock(ResetsUnderItsLock):
    """The lock is given back first."""

    def is_reset(self) -> None:
        self.card.stop(Status.REQUEST_ABORTED)
        with self.own:
            self.card.start()
        self.ndis.reset_complete(Status.SUCCESS)


class TellsUnderItsLock(Locking):
    """It ends its series of statuses with the lock that a request of the protocol will want."""

    def follow_link(self) -> None:
        if self.card.link_has_changed():
            self.ndis.indicate_status(Status.MEDIA_CONNECT if self.card.link_up else Status.MEDIA_DISCONNECT)
            with self.own:
                self.ndis.indicate_status_complete()


class TellsAfterItsLock(Locking):
    """It has what it needs before."""

    def follow_link(self) -> None:
        with self.own:
            changed = self.card.link_has_changed()
        if changed:
            self.ndis.indicate_status(Status.MEDIA_CONNECT if self.card.link_up else Status.MEDIA_DISCONNECT)
            self.ndis.indicate_status_complete()


class MakesATimerInItsDpc(RingMiniport):
    """NdisMInitializeTimer is for PASSIVE_LEVEL."""

    def handle_interrupt(self) -> None:
        self.ndis.initialize_timer(lambda: None)
        super().handle_interrupt()


class MakesATimerAtStart(RingMiniport):
    """The timer is made once, with everything else."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        status = super().initialize(adapter)
        self.ndis.initialize_timer(lambda: None)
        return status


class ReturnsHigh(Locking):
    """A work item's routine comes back with its lock, and so at a higher level than it began."""

    def pnp_event_notify(self, event: DeviceEvent) -> None:  # type: ignore[override]
        self.own.acquire()


class ReturnsAsItCame(Locking):
    """What is raised is lowered."""

    async def pnp_event_notify(self, event: DeviceEvent) -> None:
        with self.own:
            self.ready = True
        await super().pnp_event_notify(event)


class IndicatesInItsIsr(Ring6Miniport):
    """The link is indicated from where it is noticed."""

    def interrupt(self) -> tuple[bool, bool, int]:
        self.ndis.indicate_receive([])
        return super().interrupt()


class IndicatesInItsDpc(Ring6Miniport):
    """The ISR asks for the DPC."""

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        self.ndis.indicate_receive([])
        super().interrupt_dpc(context, throttle)


class PoolsInItsIsr(Ring6Miniport):
    """It makes a pool at DIRQL."""

    def interrupt(self) -> tuple[bool, bool, int]:
        self.ndis.free_nbl_pool(self.ndis.allocate_nbl_pool(1))
        return super().interrupt()


class PoolsInItsDpc(Ring6Miniport):
    """It makes one at DISPATCH_LEVEL."""

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        self.ndis.free_nbl_pool(self.ndis.allocate_nbl_pool(1))
        super().interrupt_dpc(context, throttle)


class DescribesUnderItsLock(Ring6Miniport):
    """It takes a lock around all of its attributes."""

    def describe(self, mtu: int) -> None:
        with self.lock:
            super().describe(mtu)


class DescribesWithoutALock(Ring6Miniport):
    """Nothing needs protection yet."""

    def describe(self, mtu: int) -> None:
        super().describe(mtu)


class DeregistersUnderItsLock(Ring6Miniport):
    """It takes a lock around the end of its interrupt."""

    async def halt(self, action: v6.HaltAction) -> None:
        self.card.silence()
        with self.lock:
            self.ndis.deregister_interrupt(self.line)
        await self.rx.pool.settle()
        self.tx.free()
        self.rx.free()
        self.ndis.deregister_scatter_gather_dma()


class DeregistersWithoutALock(Ring6Miniport):
    """The call waits for the DPC, so no lock may be held."""

    async def halt(self, action: v6.HaltAction) -> None:
        await super().halt(action)


class SetsTimersInItsIsr(Ring6Miniport):
    """It makes a timer at DIRQL."""

    def interrupt(self) -> tuple[bool, bool, int]:
        self.ndis.allocate_timer_object(lambda: None)
        return super().interrupt()


class SetsTimersInItsDpc(Ring6Miniport):
    """It makes one at DISPATCH_LEVEL."""

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        self.ndis.allocate_timer_object(lambda: None)
        super().interrupt_dpc(context, throttle)


class QueuesWorkInItsIsr(Ring6Miniport):
    """It asks for a thread at DIRQL."""

    def interrupt(self) -> tuple[bool, bool, int]:
        self.ndis.queue_io_work_item(lambda: None)
        return super().interrupt()


class QueuesWorkInItsDpc(Ring6Miniport):
    """It asks for one at DISPATCH_LEVEL."""

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        self.ndis.queue_io_work_item(lambda: None)
        super().interrupt_dpc(context, throttle)


class StatusInItsIsr(Ring6Miniport):
    """The link is told from where it is noticed."""

    def interrupt(self) -> tuple[bool, bool, int]:
        self.ndis.indicate_status(StatusIndication(Status.MEDIA_SPECIFIC_INDICATION))
        return super().interrupt()


class StatusInItsDpc(Ring6Miniport):
    """It is told in the DPC."""

    def interrupt(self) -> tuple[bool, bool, int]:
        return super().interrupt()


class CompletesAnEventInItsTimer(Station6):
    """It ends a pending event of PASSIVE_LEVEL from a timer, which runs at DISPATCH_LEVEL."""

    async def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:
        status = await super().net_pnp_event(binding, event)
        if event.code is not NetEvent.RESTART:
            return status
        binding.initialize_timer(lambda: binding.complete_net_pnp_event(event, status)).set(1000)
        return Status.PENDING


class AnswersAnEvent(Station6):
    """It answers when it is asked."""

    async def net_pnp_event(self, binding: v6.Binding, event: NetPnPEvent) -> Status:
        return await super().net_pnp_event(binding, event)


PAIRS: Final = (
    Pair("spin-recursive", LocksTwice, LocksOnce),
    Pair("spin-release-unowned", ReleasesWhatIsFree, ReleasesWhatItTook),
    Pair("spin-variant-mismatch", MixesTheCalls, PairsTheCalls, implies=("spin-held-at-return",)),
    Pair("spin-lifo", ReleasesTheFirstFirst, ReleasesTheLastFirst, implies=("spin-held-at-return",)),
    Pair("spin-held-at-return", KeepsItsLock, GivesItsLockBack),
    Pair("irql-synch", LocksInItsIsr, SynchronizesWithItsIsr),
    Pair("irql-at-dpc-lock", UsesDprAnywhere, UsesDprInItsDpc),
    Pair("irql-wait", WaitsInItsDpc, WaitsAtPassive),
    Pair("irql-await", AwaitsWithItsLock, AwaitsWithoutItsLock),
    Pair("irql-msleep", SleepsInItsDpc, StallsInItsDpc, implies=("irql-table-5x",)),
    Pair("irql-stall", StallsForLong, WaitsForLong),
    Pair("spin-held-ndis-call", CompletesUnderItsLock, CompletesAfterItsLock),
    Pair("spin-held-reset-complete", ResetsUnderItsLock, ResetsAfterItsLock, implies=("spin-held-ndis-call",)),
    Pair("spin-held-5x-completions", TellsUnderItsLock, TellsAfterItsLock, implies=("spin-held-ndis-call",)),
    Pair("irql-table-5x", MakesATimerInItsDpc, MakesATimerAtStart),
    Pair("irql-callback-return", ReturnsHigh, ReturnsAsItCame, "removal", implies=("spin-held-at-return",)),
    Pair("irql-sendrcv", IndicatesInItsIsr, IndicatesInItsDpc, implies=("int-isr-minimal",)),
    Pair("irql-netbuffer", PoolsInItsIsr, PoolsInItsDpc),
    Pair("irql-miniport", DescribesUnderItsLock, DescribesWithoutALock),
    Pair("irql-interrupt", DeregistersUnderItsLock, DeregistersWithoutALock),
    Pair("irql-timer", SetsTimersInItsIsr, SetsTimersInItsDpc),
    Pair("irql-misc", QueuesWorkInItsIsr, QueuesWorkInItsDpc),
    Pair("irql-status", StatusInItsIsr, StatusInItsDpc),
    Pair("irql-protocol", CompletesAnEventInItsTimer, AnswersAnEvent),
)
