"""Drivers that break a rule of timers, work items, signals and IRPs, each beside its mended twin."""

from contextlib import suppress
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.protocols import Station
from ndisemu.drivers.ring import RingMiniport
from ndisemu.errors import RuleViolation
from ndisemu.ndis import Irp, NtStatus, Signal, Status, Timer, v5
from ndisemu.ndis.v5 import AdapterInfo


class Ticking(RingMiniport):
    """A driver that looks at its card every second."""

    ticker: Timer

    def initialize(self, adapter: AdapterInfo) -> Status:
        self.ticker = self.ndis.initialize_timer(lambda: None, "ticker")
        return super().initialize(adapter)

    async def halt(self) -> None:
        self.ticker.set(10**9)
        await super().halt()
        self.give_back()

    def give_back(self) -> None:
        """Leave nothing behind."""


class LeavesItsTimer(Ticking):
    """Nobody cancels the timer."""


class CancelsItsTimer(Ticking):
    """What is set is cancelled, and not in the queue any more."""

    def give_back(self) -> None:
        self.ticker.cancel()


class LeavesItsWork(RingMiniport):
    """A work item is queued by the last thing that the halt does."""

    async def halt(self) -> None:
        await super().halt()
        self.ndis.schedule_work_item(lambda: None)


class WaitsForItsWork(RingMiniport):
    """The halt waits until the work is done."""

    async def halt(self) -> None:
        done = Signal()
        self.ndis.schedule_work_item(done.set)
        await done
        await super().halt()


class ForeignProcessor(Station):
    """A protocol wants its timer on the fourth processor, as its own machine has."""

    async def bind_adapter(self, context: v5.BindContext) -> Status:
        status = await super().bind_adapter(context)
        with suppress(RuleViolation):
            self.senders[0]._binding.initialize_timer(lambda: None, 3)
        return status


class AnyProcessor(Station):
    """It leaves the choice to its binding."""

    async def bind_adapter(self, context: v5.BindContext) -> Status:
        status = await super().bind_adapter(context)
        self.senders[0]._binding.initialize_timer(lambda: None)
        return status


class AwaitsInItsTimer(RingMiniport):
    """The routine of a timer is a coroutine, as if it had a thread."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        async def look() -> None:
            await self.ndis.delay(1000)

        self.ndis.initialize_timer(look)  # type: ignore[arg-type]
        return super().initialize(adapter)


class ReturnsFromItsTimer(RingMiniport):
    """The routine is plain; what has to wait is scheduled from there."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        self.ndis.initialize_timer(lambda: self.ndis.schedule_work_item(lambda: None))
        return super().initialize(adapter)


class SetsItsSignalTwice(RingMiniport):
    """The reset and its time-out both wake who waits."""

    async def reset(self) -> Status:
        ready = Signal()
        ready.set()
        ready.set()
        return await super().reset()


class SetsItsSignalOnce(RingMiniport):
    """The first one wins, and the other one looks."""

    async def reset(self) -> Status:
        ready = Signal()
        ready.set()
        if not ready.is_set:
            ready.set()
        return await super().reset()


class WaitsInTwos(RingMiniport):
    """Two workers wait for one signal."""

    async def reset(self) -> Status:
        self.ready = Signal()
        for work in (self.wait, self.wait, self.ready.set):
            self.ndis.schedule_work_item(work)
        return await super().reset()

    async def wait(self) -> None:
        await self.ready


class WaitsAlone(WaitsInTwos):
    """One worker waits, and tells the other."""

    async def reset(self) -> Status:
        self.ready = Signal()
        for work in (self.wait, self.ready.set):
            self.ndis.schedule_work_item(work)
        return await RingMiniport.reset(self)


class SendsIrpsToACard(RingMiniport):
    """It asks the driver below for the link, and there is none below a card's."""

    async def reset(self) -> Status:
        with suppress(RuleViolation):
            self.ndis.call_driver(Irp.read(4))
        return await super().reset()


class ReadsRegisters(RingMiniport):
    """A card is asked by its registers."""

    async def reset(self) -> Status:
        return await super().reset()


class AwaitsAnUnsentIrp(RingMiniport):
    """It waits for the end of a request that it has not sent."""

    async def reset(self) -> Status:
        await Irp.read(4)
        return await super().reset()


class AwaitsNothingUnsent(RingMiniport):
    """What is not sent is not awaited."""

    async def reset(self) -> Status:
        return await super().reset()


class DropsAnIrp(RingMiniport):
    """A request that it has made and not sent is nobody's but its own, and is dropped."""

    async def reset(self) -> Status:
        self.spare = Irp.read(4)
        return await super().reset()


class CompletesAnIrpPending(RingMiniport):
    """It completes a request with the status that says that it is not complete."""

    async def reset(self) -> Status:
        Irp.read(4).complete(NtStatus.PENDING)
        return await super().reset()


PAIRS: Final = (
    Pair("timer-halt", LeavesItsTimer, CancelsItsTimer),
    Pair("wi-outstanding-at-halt", LeavesItsWork, WaitsForItsWork),
    Pair("timer-cpu", ForeignProcessor, AnyProcessor),
    Pair("entry-async", AwaitsInItsTimer, ReturnsFromItsTimer),
    Pair("signal-set-twice", SetsItsSignalTwice, SetsItsSignalOnce),
    Pair("signal-two-waiters", WaitsInTwos, WaitsAlone),
    Pair("irp-no-target", SendsIrpsToACard, ReadsRegisters),
    Pair("irp-await-unsent", AwaitsAnUnsentIrp, AwaitsNothingUnsent),
    Pair("irp-complete-pending", CompletesAnIrpPending, DropsAnIrp),
)
