"""A virtual CPU: an IRQL, and the work that may run at each level.

A CPU takes its turn on the kernel's ready queue when it has work: first the
interrupts that its IRQL admits, then DPCs in bounded batches, then one piece
of PASSIVE work. Inside plain driver code the same choice is made again at
every preemption point (each call into NDIS, register access, lock operation
and await): an ISR may run nested in a DPC, and a DPC nested in PASSIVE work,
on this CPU only.

A CPU has a local time, never before the kernel's: charges move it (`cputime`),
and what the CPU does next waits until the clock has caught up. What its code
does to others meanwhile (a DPC or thread that it queues on another CPU, a
line that it raises there) takes effect at its local time, and not before.
Without charges the two times are equal and nothing here costs anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from ndisemu.errors import RuleViolation
from ndisemu.kernel.costs import Costs
from ndisemu.kernel.cputime import DPC_POINT_LIMIT, CpuTime
from ndisemu.kernel.irql import DISPATCH, PASSIVE, irql_name
from ndisemu.kernel.kernel import Kernel

if TYPE_CHECKING:
    from ndisemu.kernel.interrupt import InterruptLine

# How many DPCs run before other CPUs get a turn.
DPC_BATCH: Final = 32


class Queued(Protocol):
    """What a DPC queue holds: DPCs, and driver coroutines that resume at DISPATCH_LEVEL."""

    queued: bool

    @property
    def routine(self) -> Callable[[], object]:
        """Run, at DISPATCH_LEVEL."""
        ...


class Held(Protocol):
    """What driver code holds on a CPU until it gives it back: a spin lock, or one taking of a reader/writer lock.

    `actor` is whose it is; `held_rule` is what code breaks that returns with it.
    """

    @property
    def name(self) -> str:
        """The name of the lock."""
        ...

    @property
    def actor(self) -> str:
        """Whose lock it is."""
        ...

    @property
    def held_rule(self) -> str:
        """The rule that says that it is given back."""
        ...

    @property
    def taken(self) -> object | None:
        """Where it was taken, in the checked build."""
        ...

    def abandon(self) -> None:
        """Take it from code that has ended with it."""
        ...


class Cpu(CpuTime):
    """One virtual CPU of a host.

    `lines` are the asserted interrupts that it has not serviced, `dpcs` those that wait in its queue.
    `locks` are what its code holds, innermost last. `settlers` are
    called before this CPU's turn: devices of the host that must bring their
    state up to now, which does not change during a turn.
    """

    __slots__ = ("_threads", "_turn", "dpcs", "dpcs_run", "interrupts", "irql", "lines", "locks", "settlers")

    def __init__(
        self,
        kernel: Kernel,
        name: str,
        settlers: list[Callable[[], None]] | None = None,
        costs: Costs | None = None,
    ) -> None:
        super().__init__(kernel, name, costs)
        self.irql: int = PASSIVE
        self.locks: list[Held] = []
        self.settlers = [] if settlers is None else settlers
        self.dpcs_run = 0
        self.interrupts = 0
        self.dpcs: deque[Queued] = deque()
        self._threads: deque[Callable[[], None]] = deque()
        self.lines: list[InterruptLine] = []
        self._turn = False

    def __repr__(self) -> str:
        waiting = f"{len(self.lines)} interrupts, {len(self.dpcs)} DPCs, {len(self._threads)} threads waiting"
        return f"<Cpu {self.name} at {irql_name(self.irql)}: {waiting}>"

    def queue_dpc(self, dpc: Queued) -> None:
        """Put `dpc` at the end of the queue; its `queued` says that it waits."""
        dpc.queued = True
        if self.kernel.timed and self._comes_late(dpc, self.queue_dpc):
            return
        self.dpcs.append(dpc)
        if not self._turn:
            self._ask_for_turn()

    def queue_dpc_first(self, dpc: Queued) -> None:
        """Put `dpc` at the head of the queue; its `queued` says that it waits."""
        dpc.queued = True
        if self.kernel.timed and self._comes_late(dpc, self.queue_dpc_first):
            return
        self.dpcs.appendleft(dpc)
        if not self._turn:
            self._ask_for_turn()

    def remove_dpc(self, dpc: Queued) -> None:
        """Take a waiting `dpc` out of the queue."""
        if dpc in self.dpcs:
            self.dpcs.remove(dpc)
        # Otherwise it is on its way from another CPU, and will not be let in.
        dpc.queued = False

    def queue_thread(self, item: Callable[[], None]) -> None:
        """Run `item` at PASSIVE_LEVEL when this CPU has nothing more urgent."""
        if self.kernel.timed and (when := self._later()):
            self.kernel.call_at(when, partial(self.queue_thread, item))
            return
        self._threads.append(item)
        if not self._turn:
            self._ask_for_turn()

    def interrupt(self, line: InterruptLine) -> None:
        """Note that `line` is asserted and wants this CPU."""
        if line in self.lines:
            return
        if self.kernel.timed and (when := self._later()):
            self.kernel.call_at(when, line.request)
            return
        self.lines.append(line)
        if not self._turn:
            self._ask_for_turn()

    def forget(self, line: InterruptLine) -> None:
        """Note that `line` is no longer asserted."""
        if line in self.lines:
            self.lines.remove(line)

    def raise_irql(self, level: int) -> int:
        """Raise to `level`; returns the level to lower to again."""
        before = self.irql
        if level < before:
            raise RuleViolation(
                "irql-raise-lower",
                f"{self.name} cannot raise its IRQL from {irql_name(before)} to {irql_name(level)}, which is lower",
            )
        self.irql = level
        return before

    def lower_irql(self, level: int) -> None:
        """Lower to `level`, which an earlier raise returned; what waited for it runs."""
        if level > self.irql:
            raise RuleViolation(
                "irql-raise-lower",
                f"{self.name} cannot lower its IRQL from {irql_name(self.irql)} to {irql_name(level)}, which is higher",
            )
        if level < DISPATCH and self.running_dpc is not None:
            raise RuleViolation(
                "irql-raise-lower",
                f"{self.name} cannot lower its IRQL to {irql_name(level)} in a DPC, which runs at DISPATCH_LEVEL",
            )
        self.irql = level
        self.preempt()

    def preempt(self) -> None:
        """A preemption point: let what may interrupt the running code do so, nested.

        It is counted, so that code without an end is found. Where another one has just been passed, as when a lock is
        given back, there is no need to call while `lines` and `dpcs` are empty.
        """
        self._points += 1
        if self.lines or (self.dpcs and self.irql < DISPATCH):
            strategy = self.kernel.strategy
            if strategy is None or strategy.preempt():
                self._nested()
        elif self._points > DPC_POINT_LIMIT:
            self._look_at_the_clock()

    def mend(self, level: int) -> None:
        """Code has ended holding a lock, or at another IRQL than `level`, where it began: report and undo it."""
        for lock in reversed(self.locks):
            lock.abandon()
            self.kernel.report(
                lock.held_rule,
                lock.actor,
                f"code on {self.name} returned while holding {lock.name}"
                f"{'' if lock.taken is None else f', which was taken at {lock.taken}'}; it was freed",
            )
        self.locks.clear()
        if self.irql != level:
            left, self.irql = self.irql, level
            self.kernel.report(
                "irql-callback-return",
                self.name,
                f"code that began at {irql_name(level)} returned at {irql_name(left)}; lower it",
            )

    def _nested(self) -> None:
        """Run interrupts and DPCs on top of the running code, which continues where it was."""
        running, points, before = self.running_dpc, self._points, self.kernel.current
        self.kernel.current = self
        try:
            if self.lines:
                self._deliver()
            if self.dpcs and self.irql < DISPATCH:
                self._drain()
        finally:
            self.running_dpc, self._points, self.kernel.current = running, points, before

    def _later(self) -> int:
        """Return when what the running code does to this CPU takes effect, where that is another one's; else 0, for now."""
        asking, now = self.kernel.current, self.kernel.now
        return asking.busy_until if asking is not None and asking is not self and asking.busy_until > now else 0

    def _comes_late(self, dpc: Queued, enter: Callable[[Queued], None]) -> bool:
        """Whether a DPC comes from a CPU whose time is ahead of the clock: then it is let in when the clock has reached it."""
        when = self._later()
        if not when:
            return False

        def arrived() -> None:
            # It may have been taken back meanwhile, and even queued again.
            if dpc.queued and dpc not in self.dpcs:
                enter(dpc)

        self.kernel.call_at(when, arrived)
        return True

    def _ask_for_turn(self) -> None:
        self._turn = True
        self.kernel.call_at(self.busy_until, self._take_turn)

    def _take_turn(self) -> None:
        """Run one turn from the kernel's queue: the Python stack holds no driver code here."""
        self._turn = False
        kernel = self.kernel
        if self.busy_until > kernel.now:
            self._ask_for_turn()
            return
        self._look_who_else_runs()
        for settle in self.settlers:
            settle()
        kernel.current = self
        try:
            if self.lines:
                self._deliver()
            if self.dpcs:
                self._drain()
            if self._threads and not self.dpcs and self.busy_until <= kernel.now:
                self._points = self._alone = 0
                self._threads.popleft()()
        finally:
            kernel.current = None
        if self.locks or self.irql != PASSIVE:
            self.mend(PASSIVE)
        if not self._turn and (self.dpcs or self._threads or self._deliverable()):
            self._ask_for_turn()

    def _deliverable(self) -> bool:
        return any(line.irql > self.irql for line in self.lines)

    def _deliver(self) -> None:
        """Service the asserted lines above the current IRQL, highest first."""
        while self.lines:
            line = self.lines[0] if len(self.lines) == 1 else max(self.lines, key=_level_of)
            if line.irql <= self.irql:
                return
            self.lines.remove(line)
            self.interrupts += 1
            before, self.irql = self.irql, line.irql
            try:
                if self.costs is not None:
                    self.charge(self.costs.isr)
                line.service()
            finally:
                self.irql = before

    def _drain(self) -> None:
        """Run up to a batch of DPCs at DISPATCH_LEVEL, oldest first."""
        kernel, dpcs = self.kernel, self.dpcs
        before, self.irql = self.irql, DISPATCH
        try:
            for _ in range(DPC_BATCH):
                if not dpcs or self.busy_until > kernel.now:
                    break
                dpc = dpcs.popleft()
                dpc.queued = False
                self.running_dpc = dpc
                self._points = self._worn
                self.dpcs_run += 1
                dpc.routine()
                self.running_dpc = None
                if self.locks or self.irql != DISPATCH:
                    self.mend(DISPATCH)
                if self.costs is not None:
                    self.charge(self.costs.dpc)
                if self.lines:
                    self._deliver()
        finally:
            self.running_dpc = None
            self.irql = before


def _level_of(line: InterruptLine) -> int:
    return line.irql
