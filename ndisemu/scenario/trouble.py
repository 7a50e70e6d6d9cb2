"""The faults of a scenario, each done to its NIC at its time.

Times are alarms of the kernel: a fault happens at exactly its nanosecond, and
as long as one is to come the emulation is not idle. Each runs in a task of
its own, because some take time (a pause waits for sends, which may wait for
another fault's end). A driver that breaks a rule in the course of a fault is
found as anywhere; a fault that a NIC cannot have is the user's mistake.

Not here: how a fault is done, which the table of injectors knows.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from ndisemu.errors import BugCheck, RuleViolation, UsageError
from ndisemu.kernel import Kernel
from ndisemu.machine import BaseSlot
from ndisemu.scenario.names import FAULTS
from ndisemu.scenario.schema import Fault
from ndisemu.units import format_time

# How many seconds of the run's own time a fault may take to be done: longer than NDIS waits for any one routine (`run_in_time`).
PATIENCE: Final = 600

Act: TypeAlias = Callable[[BaseSlot], Awaitable[None]]


class Injector(Protocol):
    """How a fault is done to a NIC, and undone where it has an end of its own."""

    @property
    def start(self) -> Act:
        """Do it."""
        ...

    @property
    def end(self) -> Act | None:
        """Undo it."""
        ...


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done to which NIC, and when."""

    time: int
    nic: str
    do: str


class Trouble:
    """The faults of one run, and which of them have happened."""

    def __init__(
        self, faults: Iterable[Fault], slots: Mapping[str, BaseSlot], injectors: Mapping[str, Injector], kernel: Kernel
    ) -> None:
        self.applied: list[Applied] = []
        self._slots = slots
        self._injectors = injectors
        self._kernel = kernel
        # Of those at one time, the one that stands first in the file comes first.
        self._beginnings = sorted(
            ((fault.at + (fault.every or 0) * number, fault) for fault in faults for number in range(fault.times)),
            key=lambda beginning: beginning[0],
        )

    async def happen(self) -> None:
        """Let every fault happen; returns when the last one has ended.

        Raises `UsageError` if a NIC cannot have one of them; the others are then called off.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for time, fault in self._beginnings:
                    await self._reach(time)
                    group.create_task(self._run(time, fault))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _run(self, time: int, fault: Fault) -> None:
        """Do one fault, and undo it after its time."""
        slot, injector = self._slots[str(fault.on)], self._injectors[fault.do]
        done = await self._apply(fault.do, slot, injector.start)
        if done and fault.lasts is not None and injector.end is not None:
            await self._reach(time + fault.lasts)
            await self._apply(FAULTS[fault.do].end, slot, injector.end)

    async def _apply(self, word: str, slot: BaseSlot, act: Act) -> bool:
        """Do or undo one thing, on record; returns whether that went well."""
        kernel = self._kernel
        self.applied.append(Applied(kernel.now, slot.name, word))
        if (note := kernel.probe.event) is not None:
            note("fault", slot.name, 1, word)
        try:
            async with asyncio.timeout(PATIENCE):
                await act(slot)
        except RuleViolation as violation:
            if violation.finding is None:
                kernel.report(violation.rule, slot.name, violation.text)
        except BugCheck as failure:
            if all(finding.actor != slot.name for finding in kernel.findings):
                kernel.report("driver", slot.name, str(failure), failure.cause, by=failure.driver)
        except TimeoutError:
            kernel.report("fault-stuck", slot.name, f"{word} has not come to an end within {PATIENCE} s")
        except UsageError as error:
            raise UsageError(f"fault {word} on {slot.name} at {format_time(kernel.now)}: {error}") from error
        else:
            return True
        finally:
            self._wake()
        return False

    async def _reach(self, time: int) -> None:
        """Wait until it is that time."""
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        alarm = self._kernel.alarm(lambda: None if reached.done() else reached.set_result(None))
        alarm.set(time)
        self._wake()
        try:
            await reached
        finally:
            alarm.cancel()

    def _wake(self) -> None:
        """Let whoever drives the kernel see that there is work."""
        if self._kernel.poke is not None:
            self._kernel.poke()
