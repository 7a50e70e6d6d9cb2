"""Drivers that call NDIS, or return to it, at the wrong IRQL, each beside its mended twin."""

from collections.abc import Awaitable
from typing import Final

from ndisemu.drivers.faulty.irql.locks import Locking
from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.protocols import Station6
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import DeviceEvent, NetEvent, NetPnPEvent, Oid, OidRequest, Status, StatusIndication, v6
from ndisemu.ndis.v5 import AdapterInfo


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


class GivesItsChannelBackUnderItsLock(Ring6Miniport):
    """It takes a lock around the end of its DMA channel."""

    async def halt(self, action: v6.HaltAction) -> None:
        self.card.silence()
        self.ndis.deregister_interrupt(self.line)
        await self.rx.pool.settle()
        self.tx.free()
        self.rx.free()
        with self.lock:
            self.ndis.deregister_scatter_gather_dma()


class GivesItsChannelBack(Ring6Miniport):
    """Nobody else runs any more, so no lock is needed."""

    async def halt(self, action: v6.HaltAction) -> None:
        await super().halt(action)


class AnswersAtDirql(Ring6Miniport):
    """It completes a request from the routine that is synchronized with its ISR."""

    def oid_request(self, request: OidRequest) -> Status | Awaitable[Status]:
        answer = super().oid_request(request)
        if request.oid is not Oid.GEN_XMIT_OK or not isinstance(answer, Status):
            return answer
        self.ndis.allocate_timer_object(lambda: self.answer(request, answer)).set(1000)
        return Status.PENDING

    def answer(self, request: OidRequest, status: Status) -> None:
        def complete() -> bool:
            self.ndis.oid_request_complete(request, status)
            return True

        self.ndis.synchronize_with_interrupt(complete)


class AnswersAtDispatch(AnswersAtDirql):
    """It synchronizes what it must, and completes after that."""

    def answer(self, request: OidRequest, status: Status) -> None:
        self.ndis.synchronize_with_interrupt(lambda: True)
        self.ndis.oid_request_complete(request, status)


PAIRS: Final[tuple[Pair, ...]] = (
    Pair("irql-gather-dma", GivesItsChannelBackUnderItsLock, GivesItsChannelBack),
    Pair("irql-oid", AnswersAtDirql, AnswersAtDispatch),
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
