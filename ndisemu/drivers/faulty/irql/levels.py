"""Drivers that raise or lower their IRQL wrongly, or say it wrongly, or have none, each beside its mended twin."""

import asyncio
from contextlib import suppress
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.errors import RuleViolation
from ndisemu.ndis import PASSIVE, Status, v6


class LowersItsDpc(RingMiniport):
    """It lowers to a level that it has never saved."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        with suppress(RuleViolation):
            self.ndis.lower_irql(PASSIVE)


class LowersToWhatItWas(RingMiniport):
    """It lowers to what the raise has returned."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        before = self.ndis.raise_irql()
        self.ndis.lower_irql(before)


class LowersToAnOlderLevel(Ring6Miniport):
    """The inner of two raises is undone with the level of the outer one."""

    def restart(self) -> Status:
        outer = self.ndis.raise_irql()
        self.ndis.raise_irql()
        self.ndis.lower_irql(outer)
        return super().restart()


class LowersStepByStep(Ring6Miniport):
    """Each raise has its own."""

    def restart(self) -> Status:
        outer = self.ndis.raise_irql()
        inner = self.ndis.raise_irql()
        self.ndis.lower_irql(inner)
        self.ndis.lower_irql(outer)
        return super().restart()


class SaysDispatchAtPassive(Ring6Miniport):
    """It has always completed in its DPC, and passes the flag everywhere."""

    def restart(self) -> Status:
        self.ndis.send_complete([], v6.SendCompleteFlag.DISPATCH_LEVEL)
        return super().restart()


class SaysDispatchInItsDpc(Ring6Miniport):
    """It passes the flag where it is true."""

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        self.ndis.send_complete([], v6.SendCompleteFlag.DISPATCH_LEVEL)
        super().interrupt_dpc(context, throttle)


class CallsFromATask(RingMiniport):
    """It leaves a task of asyncio behind, which runs on no processor of the host."""

    def restart_later(self) -> None:
        self.task = asyncio.create_task(self.look())

    async def look(self) -> None:
        with suppress(RuleViolation):
            self.ndis.stall(1000)

    async def halt(self) -> None:
        self.restart_later()
        await self.task
        await super().halt()


class CallsFromAWorkItem(RingMiniport):
    """What is to be done later is a work item, which has a processor and a level."""

    async def look(self) -> None:
        self.ndis.stall(1000)

    async def reset(self) -> Status:
        self.ndis.schedule_work_item(self.look)
        return await super().reset()


PAIRS: Final[tuple[Pair, ...]] = (
    Pair("irql-raise-lower", LowersItsDpc, LowersToWhatItWas),
    Pair("irql-irqlsetting", LowersToAnOlderLevel, LowersStepByStep),
    Pair("irql-flag-truth", SaysDispatchAtPassive, SaysDispatchInItsDpc),
    Pair("call-no-cpu", CallsFromATask, CallsFromAWorkItem),
)
