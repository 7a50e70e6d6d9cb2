"""The calendar: what happens at which nanosecond.

Work is kept in one list per tick and a heap of the distinct ticks, so a
burst of events at one instant costs one heap operation, and events of one
instant keep the order in which they were entered. For bursts that is more than
twice as fast as a heap of events, and for single events about as fast
(benchmarks/micro/calendar.py).

Not here: what "now" means. The kernel moves its own clock over the ticks.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ndisemu.kernel.kernel import Kernel

Item = Callable[[], None]

# Ticks left without work by cancelled alarms are dropped in passing; past
# this many, and when they are the majority, the heap is rebuilt.
STALE_TICKS = 256


class Calendar:
    """Work to come, by integer nanosecond."""

    __slots__ = ("_buckets", "_stale", "_ticks")

    def __init__(self) -> None:
        self._buckets: dict[int, list[Item]] = {}
        self._ticks: list[int] = []
        self._stale = 0

    def __repr__(self) -> str:
        return f"<Calendar {len(self._buckets)} ticks, next {self.next_tick()}>"

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def at(self, when: int, item: Item) -> None:
        """Enter `item` at `when`, after what is already there."""
        bucket = self._buckets.get(when)
        if bucket is None:
            self._buckets[when] = [item]
            heappush(self._ticks, when)
        else:
            bucket.append(item)

    def remove(self, when: int, item: Item) -> bool:
        """Take the first `item` entered at `when` out again; False if it is not there."""
        bucket = self._buckets.get(when)
        if bucket is None or item not in bucket:
            return False
        bucket.remove(item)
        if not bucket:
            del self._buckets[when]
            self._stale += 1
            if self._stale > STALE_TICKS and self._stale * 2 > len(self._ticks):
                self._rebuild()
        return True

    def next_tick(self) -> int | None:
        """Return the earliest nanosecond with work, or None."""
        ticks, buckets = self._ticks, self._buckets
        while ticks:
            if ticks[0] in buckets:
                return ticks[0]
            heappop(ticks)
            self._stale -= 1
        return None

    def pop(self, tick: int) -> list[Item]:
        """Take all work of `tick`, which `next_tick` has just returned."""
        heappop(self._ticks)
        return self._buckets.pop(tick)

    def _rebuild(self) -> None:
        self._ticks = list(self._buckets)
        heapify(self._ticks)
        self._stale = 0


class Alarm:
    """One entry in one of a kernel's calendars that can be moved and cancelled; `action` runs when it is due.

    Due now means on the ready queue, behind what is there: work that keeps
    the queue full cannot starve it.
    """

    __slots__ = ("_action", "_calendar", "_enter", "_kernel", "when")

    def __init__(self, kernel: "Kernel", action: Item, calendar: Calendar, enter: Callable[[int, Item], None]) -> None:
        self._kernel = kernel
        self._action = action
        self._calendar = calendar
        self._enter = enter
        self.when: int | None = None

    def __repr__(self) -> str:
        return f"<Alarm {'idle' if self.when is None else f'due at {self.when} ns'}>"

    def set(self, when: int) -> bool:
        """Make it due at `when`, moving it if it was set; returns whether it was."""
        kernel, before = self._kernel, self.when
        if before == when:
            return True
        if before is not None and before > kernel.now:
            self._calendar.remove(before, self._fire)
        self.when = when
        self._enter(when, self._fire)
        return before is not None

    def cancel(self) -> bool:
        """Forget it; returns whether it was set."""
        before, self.when = self.when, None
        if before is not None and before > self._kernel.now:
            self._calendar.remove(before, self._fire)
        return before is not None

    def _fire(self) -> None:
        # An entry that was moved or cancelled while it lay on the ready queue finds nothing due.
        if self.when is not None and self.when <= self._kernel.now:
            self.when = None
            self._action()
