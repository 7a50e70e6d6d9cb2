"""The calendar against a sorted list, and alarms that move and are cancelled at every moment."""

from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from random import Random

from hypothesis import given, strategies as st

from ndisemu.kernel import Calendar, Kernel
from ndisemu.kernel.clock import STALE_TICKS, Item

END = 1 << 40
PLENTY = 1 << 30

Operation = tuple[str, int, int]

operations = st.lists(
    st.tuples(st.sampled_from(["at", "at", "remove", "pop"]), st.integers(0, 5), st.integers(0, 3)), max_size=80
)
# When something is done, to which of three alarms, and for how long it is set; None cancels it.
alarm_changes = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 2), st.none() | st.integers(0, 4)), min_size=1, max_size=40
)


def items(count: int) -> list[Item]:
    def item(_number: int) -> Item:
        return lambda: None

    return [item(number) for number in range(count)]


class SortedList:
    """What a calendar promises, in the plainest form."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, Item]] = []

    def at(self, when: int, item: Item) -> None:
        self.entries.append((when, item))
        self.entries.sort(key=lambda entry: entry[0])

    def remove(self, when: int, item: Item) -> bool:
        found = (when, item) in self.entries
        if found:
            self.entries.remove((when, item))
        return found

    def next_tick(self) -> int | None:
        return self.entries[0][0] if self.entries else None

    def pop(self, tick: int) -> list[Item]:
        popped = [item for when, item in self.entries if when == tick]
        self.entries = [entry for entry in self.entries if entry[0] != tick]
        return popped


@given(operations)
def test_calendar_is_a_sorted_list(steps: list[Operation]) -> None:
    """Whatever is entered, removed and popped, work comes by tick, and in the order of entry within one."""
    calendar, model, work = Calendar(), SortedList(), items(4)

    for operation, when, number in steps:
        if operation == "at":
            calendar.at(when, work[number])
            model.at(when, work[number])
        elif operation == "remove":
            assert calendar.remove(when, work[number]) == model.remove(when, work[number])
        elif (tick := calendar.next_tick()) is not None:
            assert calendar.pop(tick) == model.pop(tick)
        assert calendar.next_tick() == model.next_tick()
        assert len(calendar) == len(model.entries)


@given(st.integers(0, 700), st.integers(0, 2 * STALE_TICKS + 200), st.randoms(use_true_random=False))
def test_rebuilding_the_heap_loses_no_work(kept: int, cancelled: int, random: Random) -> None:
    """However many of its ticks are emptied, a calendar still gives all others in order."""
    calendar, (work,) = Calendar(), items(1)
    ticks = list(range(kept + cancelled))
    for when in ticks:
        calendar.at(when, work)
    random.shuffle(ticks)

    assert all(calendar.remove(when, work) for when in ticks[:cancelled])

    given_back: list[int] = []
    while (tick := calendar.next_tick()) is not None:
        given_back += [tick] * len(calendar.pop(tick))
    assert given_back == sorted(ticks[cancelled:])


def test_cancelled_ticks_do_not_pile_up() -> None:
    """An alarm that is moved a hundred thousand times leaves no more behind than the heap tolerates."""
    kernel = Kernel()
    alarm = kernel.alarm(lambda: None)
    most = 0

    for when in range(100_000):
        alarm.set(when + 1000)
        most = max(most, len(kernel.calendar._ticks))

    assert most <= STALE_TICKS + 2
    assert len(kernel.calendar) == 1


def test_tick_that_was_emptied_and_filled_again_comes_once() -> None:
    """A tick whose stale entry is still in the heap is given once when work is entered there again."""
    calendar, (first, second) = Calendar(), items(2)
    calendar.at(5, first)
    calendar.remove(5, first)
    calendar.at(5, second)

    assert calendar.next_tick() == 5
    assert calendar.pop(5) == [second]
    assert calendar.next_tick() is None


def test_calendar_says_how_much_is_to_come() -> None:
    """The repr of a calendar counts its ticks and names the next."""
    calendar, (work,) = Calendar(), items(1)
    calendar.at(9, work)
    calendar.at(7, work)

    assert repr(calendar) == "<Calendar 2 ticks, next 7>"


def test_alarm_fires_once_and_is_idle_then() -> None:
    """An alarm runs its action when it is due, and never again by itself."""
    kernel = Kernel()
    times: list[int] = []
    alarm = kernel.alarm(lambda: times.append(kernel.now))

    assert not alarm.set(30)
    assert repr(alarm) == "<Alarm due at 30 ns>"
    kernel.run(END, PLENTY)

    assert times == [30]
    assert repr(alarm) == "<Alarm idle>"
    assert not alarm.cancel()


def test_alarm_that_is_set_is_moved() -> None:
    """Setting an alarm that is set gives it one new time, earlier or later, and says so."""
    kernel = Kernel()
    times: list[int] = []
    alarm = kernel.alarm(lambda: times.append(kernel.now))
    alarm.set(30)

    assert alarm.set(50)
    assert alarm.set(20)
    kernel.run(END, PLENTY)

    assert times == [20]


def test_alarm_set_to_where_it_is_keeps_its_place() -> None:
    """Setting an alarm to the time it has does not put it behind what was entered since."""
    kernel = Kernel()
    order: list[str] = []
    alarm = kernel.alarm(lambda: order.append("alarm"))
    alarm.set(10)
    kernel.call_at(10, lambda: order.append("item"))

    assert alarm.set(10)
    kernel.run(END, PLENTY)

    assert order == ["alarm", "item"]


def test_alarm_can_be_set_by_its_own_action() -> None:
    """An alarm whose action sets it again rings until the action stops doing so."""
    kernel = Kernel()
    times: list[int] = []

    def action() -> None:
        times.append(kernel.now)
        if len(times) < 3:
            alarm.set(kernel.now + 10)

    alarm = kernel.alarm(action)
    alarm.set(10)
    kernel.run(END, PLENTY)

    assert times == [10, 20, 30]


def test_alarm_cancelled_in_its_own_tick_does_not_fire() -> None:
    """Cancelling an alarm that is due at this very instant, but has not run, keeps it from running."""
    kernel = Kernel()
    fired: list[int] = []
    alarm = kernel.alarm(lambda: fired.append(kernel.now))
    kernel.call_at(10, lambda: fired.append(-1 if alarm.cancel() else -2))
    alarm.set(10)

    kernel.run(END, PLENTY)

    assert fired == [-1]


def test_alarm_moved_in_its_own_tick_fires_once() -> None:
    """Moving an alarm that is due at this very instant makes it fire at the new time only."""
    kernel = Kernel()
    fired: list[int] = []
    alarm = kernel.alarm(lambda: fired.append(kernel.now))
    kernel.call_at(10, lambda: fired.append(-1 if alarm.set(25) else -2))
    alarm.set(10)

    kernel.run(END, PLENTY)

    assert fired == [-1, 25]


class AlarmModel:
    """Alarms by the book: an entry rings if it was not removed in time, and its alarm is due.

    An entry of this very instant cannot be removed any more; if its alarm is
    set for now again before it comes, it rings.
    """

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, Callable[[], object]]] = []
        self.now = 0
        self.entered = 0
        self.due: dict[int, int] = {}
        self.entry: dict[int, int] = {}
        self.removed: list[int] = []
        self.fired: list[tuple[int, int]] = []

    def enter(self, when: int, action: Callable[[], object]) -> None:
        self.entered += 1
        heappush(self.heap, (when, self.entered, action))

    def change(self, alarm: int, when: int | None) -> None:
        before = self.due.pop(alarm, None)
        if before is not None and before not in (when, self.now):
            self.removed.append(self.entry[alarm])
        if when is not None:
            self.due[alarm] = when
            if when != before:
                self.entry[alarm] = number = self.entered + 1
                self.enter(when, partial(self.ring, alarm, number))

    def ring(self, alarm: int, number: int) -> None:
        if number not in self.removed and self.due.get(alarm) == self.now:
            del self.due[alarm]
            self.fired.append((self.now, alarm))

    def run(self) -> None:
        while self.heap:
            self.now, _, action = heappop(self.heap)
            action()


@given(alarm_changes)
def test_alarms_fire_as_the_last_setting_says(changes: list[tuple[int, int, int | None]]) -> None:
    """Whoever sets, moves and cancels alarms at any instant, each fires exactly where its last setting put it."""
    kernel, model = Kernel(), AlarmModel()
    fired: list[tuple[int, int]] = []

    def ring(number: int) -> None:
        fired.append((kernel.now, number))

    alarms = [kernel.alarm(partial(ring, number)) for number in range(3)]

    def change(number: int, when: int | None) -> None:
        if when is None:
            alarms[number].cancel()
        else:
            alarms[number].set(when)

    for at, number, delay in changes:
        when = None if delay is None else at + delay
        kernel.call_at(at, partial(change, number, when))
        model.enter(at, partial(model.change, number, when))
    kernel.run(END, PLENTY)
    model.run()

    assert fired == model.fired
