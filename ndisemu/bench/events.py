"""Mode `events`: how many events a second the kernel runs, without any machine around it.

What an event does is counted with it, for it is part of the price: entering
the next one. Beside the kernel stands the plain way, a heap with an entry for
each event, which has no ready queue, no quota and no chores.
"""

from collections.abc import Callable, Mapping, Sequence
from heapq import heappop, heappush
from statistics import median
from time import process_time_ns
from typing import Final, Protocol, TypeAlias

from ndisemu.bench.measure import in_turn, spread
from ndisemu.bench.options import Options
from ndisemu.bench.section import Column, Section, Target, Value
from ndisemu.kernel import Kernel
from ndisemu.kernel.kernel import FOREVER
from ndisemu.units import SECOND

Item: TypeAlias = Callable[[], None]
Case: TypeAlias = Callable[[int], int]
"""Runs so many events; returns the CPU nanoseconds."""

EVENTS: Final = 200_000
LEAST: Final = 2_000_000
# Instants ahead at any time, and their distance in ns: that of the shortest frames at 1 Gbit/s.
AHEAD: Final = 64
STEP: Final = 672
LATER: Final = AHEAD * STEP
AS_IN_A_RUN: Final = "as in a run: an alarm, and two items that follow from it"


class Calendar(Protocol):
    """What has a time, and runs items at theirs."""

    now: int

    def call_at(self, when: int, item: Item) -> None:
        """Run `item` at `when`."""
        ...


class Heap:
    """The plain way: a heap of (time, order of entry, work)."""

    def __init__(self) -> None:
        self.now = 0
        self._entries: list[tuple[int, int, Item]] = []
        self._entered = 0

    def call_at(self, when: int, item: Item) -> None:
        """Enter `item` at `when`, after what is already there (`Calendar`)."""
        self._entered += 1
        heappush(self._entries, (when, self._entered, item))

    def run(self, quota: int) -> None:
        """Run so many events."""
        entries = self._entries
        for _ in range(quota):
            self.now, _, item = heappop(entries)
            item()


def events(options: Options, count: int = EVENTS) -> Section:
    """Measure events of the virtual clock per CPU second."""
    taken = in_turn([*CASES], options.runs, lambda name: CASES[name](count) / count, options.progress)
    rows = tuple(_row(name, costs) for name, costs in zip(CASES, taken, strict=True))
    return Section(
        name="events",
        title="Events of the virtual-clock kernel",
        columns=(
            Column("events", "events", role="case"),
            Column("ns_per_event", "ns/event", ",d"),
            Column("events_per_cpu_s", "events/CPU s", ",d", role="rate"),
            Column("spread", "spread", ".1%"),
        ),
        rows=rows,
        targets=tuple(
            Target(f"events, {row['events']}", "events/CPU s", LEAST, float(row["events_per_cpu_s"] or 0))
            for row in rows
            if row["events"] == AS_IN_A_RUN
        ),
        notes=(
            f"{AHEAD} instants lie ahead at any time, {STEP} ns apart; each event enters one like itself",
            "As in a run: scenarios with paced cables have two to four items at an instant, most of them with one alarm",
            "The heap has an entry for each event and nothing else: no ready queue, no quota, no chores, no strategy",
        ),
    )


def _row(name: str, costs: Sequence[float]) -> Mapping[str, Value]:
    cost = median(costs)
    return {
        "events": name,
        "ns_per_event": round(cost),
        "events_per_cpu_s": round(SECOND / cost),
        "spread": round(spread(costs), 4),
    }


def _in_kernel(enter: Callable[[Kernel], None]) -> Case:
    """Return the case of what `enter` begins in a kernel."""

    def case(count: int) -> int:
        kernel = Kernel()
        enter(kernel)
        started = process_time_ns()
        kernel.run(FOREVER, count)
        return process_time_ns() - started

    return case


def _in_heap(enter: Callable[[Calendar], None]) -> Case:
    """Return the case of what `enter` begins in a heap of events."""

    def case(count: int) -> int:
        heap = Heap()
        enter(heap)
        started = process_time_ns()
        heap.run(count)
        return process_time_ns() - started

    return case


def _at_instants(at_once: int) -> Callable[[Calendar], None]:
    """Return what enters so many events at each instant, each of which enters one at a later instant."""

    def enter(calendar: Calendar) -> None:
        call_at = calendar.call_at

        def item() -> None:
            call_at(calendar.now + LATER, item)

        for place in range(1, AHEAD + 1):
            for _ in range(at_once):
                call_at(place * STEP, item)

    return enter


def _alarms(following: int) -> Callable[[Kernel], None]:
    """Return what sets alarms at instants of their own, each with so many items that follow from it, one by one."""

    def enter(kernel: Kernel) -> None:
        for place in range(1, AHEAD + 1):
            _set_alarm(kernel, place * STEP, following)

    return enter


def _set_alarm(kernel: Kernel, when: int, following: int) -> None:
    def ring() -> None:
        alarm.set(kernel.now + LATER)
        if items:
            kernel.call_soon(items[0])

    def last() -> None:
        pass

    items = [last] if following else []
    for _ in range(following - 1):
        items.insert(0, _followed_by(kernel, items[0]))
    alarm = kernel.alarm(ring)
    alarm.set(when)


def _followed_by(kernel: Kernel, after: Item) -> Item:
    def item() -> None:
        kernel.call_soon(after)

    return item


CASES: Final[Mapping[str, Case]] = {
    AS_IN_A_RUN: _in_kernel(_alarms(2)),
    "alarms at instants of their own": _in_kernel(_alarms(0)),
    "16 at each instant": _in_kernel(_at_instants(16)),
    "each at an instant of its own": _in_kernel(_at_instants(1)),
    "16 at each instant, in a heap": _in_heap(_at_instants(16)),
    "each at an instant of its own, in a heap": _in_heap(_at_instants(1)),
}
"""What is measured, by what it is called."""
