"""The kernel: one clock, one queue of ready work, and the CPUs that take turns.

Everything that happens in an emulation is an item: a callable without
arguments, on the ready queue or in the calendar. ISRs, DPCs, card engines and
links never become asyncio tasks. Whoever drives the kernel (the virtual loop
or the real-time pump) calls `run`, which drains items with a quota and moves
the clock from tick to tick; between two items the Python stack is empty of
driver code.

Housekeeping that ticks for ever, such as looking for hung adapters, is a
chore: it has a calendar of its own, which is worked off as long as time goes
on for other reasons, or while something is `unfinished` that a chore may
bring to an end. Chores alone keep no kernel busy.

Not here: where time comes from, which is the driving loop's business.
"""

from collections import Counter, deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Final

from ndisemu.errors import RuleViolation
from ndisemu.kernel.clock import Alarm, Calendar, Item
from ndisemu.kernel.finding import LONGEST_TEXT, Finding, driver_stack, driver_trace, plain, shown
from ndisemu.kernel.strategy import Strategy
from ndisemu.probe import Probe

if TYPE_CHECKING:
    from ndisemu.kernel.cpu import Cpu

# Findings of one rule past this many are counted, not kept: a driver can be wrong a million times.
MOST_FINDINGS = 1000
# Somebody who waits for time to pass is told when this many items have run at one instant.
STALL_ITEMS = 200_000
# Later than anything that happens.
FOREVER: Final = 1 << 62


class Kernel:
    """The scheduler of one emulation.

    `now` is virtual nanoseconds since the start. `pause`, once set, makes
    `run` return after the running item: asyncio has work to do. Who drives
    the kernel may set `poke`, which is told that there is new work;
    `catch_up`, which brings `now` up to a clock that moves by itself; and
    `spawn`, which starts a named coroutine as an asyncio task. `on_idle` is
    called by the driving loop when nothing is ready and nothing to come.
    `timed` says whether any CPU's work takes modelled time, or has, and `charges`
    whether it can. Each of `unfinished` says whether there is something that chores alone may end.
    """

    __slots__ = (
        "_found",
        "_tick_began",
        "calendar",
        "catch_up",
        "charges",
        "chores",
        "current",
        "drivers",
        "findings",
        "findings_lost",
        "historian",
        "next_chore",
        "now",
        "on_idle",
        "pause",
        "poke",
        "probe",
        "progress",
        "ready",
        "spawn",
        "stalled",
        "states",
        "strategy",
        "timed",
        "unfinished",
    )  # fmt: skip

    def __init__(self, *, probe: Probe | None = None, strategy: Strategy | None = None) -> None:
        self.now = 0
        self.calendar = Calendar()
        self.chores = Calendar()
        # No chore is due before this; a look at one number for each tick is all that chores cost.
        self.next_chore = FOREVER
        self.unfinished: list[Callable[[], bool]] = []
        self.ready: deque[Item] = deque()
        self.current: Cpu | None = None
        self.strategy = strategy
        self.probe = probe or Probe()
        self.pause = False
        self.charges = True
        self.timed = False
        self.progress = 0
        self.stalled: Callable[[], None] | None = None
        self._tick_began = 0
        self.on_idle: Callable[[], None] | None = None
        self.poke: Callable[[], None] | None = None
        self.catch_up: Callable[[], None] | None = None
        self.spawn: Callable[[Coroutine[object, object, object], str], object] | None = None
        self.findings: list[Finding] = []
        # How many there were of each rule, and how many of those are not kept.
        self._found: Counter[str] = Counter()
        self.findings_lost: Counter[str] = Counter()
        self.states: dict[str, Callable[[], str]] = {}
        self.drivers: dict[str, str] = {}
        self.historian: Callable[[object], tuple[str, ...]] | None = None

    def __repr__(self) -> str:
        return f"<Kernel at {self.now} ns: {len(self.ready)} ready, {len(self.calendar)} to come>"

    def call_soon(self, item: Item) -> None:
        """Run `item` now, after what is ready already."""
        self.ready.append(item)

    def call_at(self, when: int, item: Item) -> None:
        """Run `item` at `when`, or now if that has passed."""
        if when <= self.now:
            self.ready.append(item)
        else:
            self.calendar.at(when, item)

    def alarm(self, action: Item) -> Alarm:
        """Return an alarm in this kernel's calendar, not set."""
        return Alarm(self, action, self.calendar, self.call_at)

    def chore(self, action: Item) -> Alarm:
        """Return an alarm for housekeeping, not set; it runs on no CPU, and keeps nobody from being idle."""
        return Alarm(self, action, self.chores, self.chore_at)

    def chore_at(self, when: int, item: Item) -> None:
        """Run `item` at `when`, or when time next goes on after that, if it ever does."""
        self.chores.at(when, item)
        self.next_chore = min(self.next_chore, when)

    def submit(self, item: Item) -> None:
        """Run `item` soon, called from outside `run` (an asyncio task): wakes whoever drives the kernel."""
        self.ready.append(item)
        if self.poke is not None:
            self.poke()

    def local_time(self) -> int:
        """Return the time as the running CPU's code sees it, in ns."""
        cpu = self.current
        if not self.timed or cpu is None:
            return self.now
        return max(self.now, cpu.busy_until)

    def next_work(self) -> int | None:
        """Return when there is work next: now, a later tick, or None for never; chores count on the way to it."""
        if self.ready:
            return self.now
        tick = self.calendar.next_tick()
        return self.next_tick() if tick is not None or self._is_unfinished() else None

    def next_tick(self) -> int | None:
        """Return when there is anything to do next if time goes on, chores alone included."""
        if self.ready:
            return self.now
        tick, chore = self.calendar.next_tick(), self.chores.next_tick()
        return tick if chore is None or (tick is not None and tick <= chore) else max(chore, self.now)

    def run(self, until: int, quota: int) -> bool:
        """Run at most `quota` items, moving the clock over ticks up to `until`.

        Returns True if it stopped early, with work left: the quota was used
        up or `pause` was set. Chores run on their way, and up to an `until`
        that is not FOREVER.
        """
        ready, calendar = self.ready, self.calendar
        while True:
            while ready:
                if self.pause or quota <= 0:
                    if self.stalled is not None and self.progress - self._tick_began > STALL_ITEMS:
                        self._tick_began = self.progress
                        self.stalled()
                    return True
                quota -= 1
                self.progress += 1
                if self.strategy is None:
                    ready.popleft()()
                else:
                    self._take(self.strategy)()
            tick = calendar.next_tick()
            if (tick is None or tick >= self.next_chore) and self._chores_first(tick, until):
                if self.pause or quota <= 0:
                    return True
                quota -= 1
                self._do_chores()
                continue
            if tick is None or tick > until:
                return False
            self._tick_began = self.progress
            if self.pause:
                return True
            if tick > self.now:
                self.now = tick
            ready.extend(calendar.pop(tick))

    def _chores_first(self, tick: int | None, until: int) -> bool:
        """Whether chores come before the work at `tick`, and time goes on that far."""
        due = self.chores.next_tick()
        self.next_chore = FOREVER if due is None else due
        end = until if tick is None else min(tick, until)
        return self.next_chore <= end and due is not None and (end < FOREVER or self._is_unfinished())

    def _do_chores(self) -> None:
        """Do the chores that are due next. They never lie on the ready queue, where a strategy would count them."""
        due = self.next_chore
        self.now = max(self.now, due)
        for item in self.chores.pop(due):
            item()

    def _is_unfinished(self) -> bool:
        return any(unfinished() for unfinished in self.unfinished)

    def _take(self, strategy: Strategy) -> Item:
        count = len(self.ready)
        choice = strategy.choose(count) if count > 1 else 0
        item = self.ready[choice]
        del self.ready[choice]
        return item

    def refusal(self, rule: str, actor: str, text: str, about: object = None) -> RuleViolation:
        """Record a refused call of `actor`; returns the error to raise, which leads back to the record."""
        return RuleViolation(rule, text, self.report(rule, actor, text, about=about), about)

    def withdraw(self, error: BaseException | None) -> None:
        """Forget the record of a refusal that is about to be reported with more to say."""
        if isinstance(error, RuleViolation) and error.finding in self.findings:
            self.findings = [finding for finding in self.findings if finding is not error.finding]
            self._found[error.rule] -= 1

    def report(
        self,
        rule: str,
        actor: str,
        text: str,
        error: BaseException | None = None,
        *,
        watched: bool = False,
        about: object = None,
        by: str = "",
        stack: tuple[str, ...] | None = None,
    ) -> Finding:
        """Record a broken rule, with the time, CPU and IRQL of the running code, the state of `actor`, and the past of `about`.

        `by` says whose driver has broken it, where that is not `actor`: the name of a binding, or the driver's own.
        `stack` is where it was, for what is found on top of code that has nothing to do with it.

        What a rule that only watches has seen (`watched`) is no event: the
        events of a run are the same whether it is watched or not.
        """
        cpu = self.current
        state, driver = self.states.get(actor), self.drivers.get(by or actor, by)
        finding = Finding(
            rule,
            actor,
            plain(text, LONGEST_TEXT),
            self.local_time(),
            cpu.name if cpu else "",
            cpu.irql if cpu else 0,
            driver_trace(error) if error is not None else "",
            "" if state is None else state(),
            driver,
            "" if about is None else shown(about),
            driver_stack() if stack is None else stack,
            () if about is None or self.historian is None else self.historian(about),
        )
        self._found[rule] += 1
        if self._found[rule] <= MOST_FINDINGS:
            self.findings.append(finding)
        else:
            self.findings_lost[rule] += 1
        if not watched and (note := self.probe.event) is not None:
            note("violation", actor, 1, rule)
        return finding
