"""Events: signalled until reset, waited for at PASSIVE_LEVEL only, for as long as one likes."""

from functools import partial

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, Cpu, Event, Fiber, Irql, Kernel

END = 1 << 40
PLENTY = 1 << 30


class Waiting(Fiber):
    """A coroutine that waits once, stepped by the kernel; when it went on and with which answer is kept."""

    __slots__ = ("end",)

    def __init__(self, kernel: Kernel, cpu: Cpu, event: Event, timeout: int | None = None) -> None:
        async def wait() -> tuple[bool, int]:
            return await event.wait(timeout), kernel.now

        super().__init__(wait(), cpu)
        self.end: object = None
        cpu.queue_thread(self.begin)

    def begin(self) -> None:
        self.step()

    def returned(self, value: object) -> None:
        self.end = value

    def raised(self, error: BaseException) -> None:
        self.end = error


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def cpu(kernel: Kernel) -> Cpu:
    return Cpu(kernel, "cpu0")


@pytest.fixture
def event(kernel: Kernel) -> Event:
    return Event(kernel, "halt done")


def test_everybody_who_waits_goes_on(kernel: Kernel, cpu: Cpu, event: Event) -> None:
    """Setting an event wakes all its waiters, at that time, and it stays set."""
    waiting = [Waiting(kernel, cpu, event) for _ in range(3)]
    kernel.call_at(40, event.set)
    kernel.run(30, PLENTY)
    assert repr(event) == "<Event halt done not set, 3 waiting>"

    kernel.run(END, PLENTY)

    assert [fiber.end for fiber in waiting] == [(True, 40)] * 3
    assert repr(event) == "<Event halt done set, 0 waiting>"


def test_set_event_suspends_nobody_until_it_is_reset(kernel: Kernel, cpu: Cpu, event: Event) -> None:
    """A wait for a set event is over at once; after a reset it lasts again."""
    event.set()
    at_once = Waiting(kernel, cpu, event)
    kernel.run(END, PLENTY)
    event.reset()
    later = Waiting(kernel, cpu, event)
    kernel.run(END, PLENTY)

    assert at_once.end == (True, 0)
    assert later.suspended


def test_waiter_who_was_woken_goes_on_although_it_is_reset(kernel: Kernel, cpu: Cpu, event: Event) -> None:
    """An event that is set and reset in one breath has woken who waited."""
    waiting = Waiting(kernel, cpu, event)
    kernel.run(END, PLENTY)

    event.set()
    event.reset()
    kernel.run(END, PLENTY)

    assert waiting.end == (True, 0)


def test_wait_ends_with_its_timeout(kernel: Kernel, cpu: Cpu, event: Event) -> None:
    """A wait that is not signalled in time says False at its time-out, and is forgotten."""
    waiting = Waiting(kernel, cpu, event, timeout=25)

    kernel.run(END, PLENTY)

    assert waiting.end == (False, 25)
    assert repr(event) == "<Event halt done not set, 0 waiting>"


def test_wait_without_time_is_a_question(kernel: Kernel, cpu: Cpu, event: Event) -> None:
    """A time-out of zero asks whether the event is set, and suspends nobody."""
    before = Waiting(kernel, cpu, event, timeout=0)
    kernel.run(END, PLENTY)
    event.set()
    after = Waiting(kernel, cpu, event, timeout=0)
    kernel.run(END, PLENTY)

    assert (before.end, after.end) == ((False, 0), (True, 0))


def test_signalled_wait_leaves_no_alarm(kernel: Kernel, cpu: Cpu, event: Event) -> None:
    """A wait that was signalled does not keep the clock going until its time-out."""
    Waiting(kernel, cpu, event, timeout=1000)
    kernel.call_at(10, event.set)

    kernel.run(END, PLENTY)

    assert kernel.now == 10
    assert len(kernel.calendar) == 0


@pytest.mark.parametrize("first", ["signal", "timeout"])
def test_signal_and_timeout_at_one_instant_wake_once(kernel: Kernel, cpu: Cpu, event: Event, first: str) -> None:
    """When signal and time-out fall on one nanosecond, whichever comes first decides, and the other is nothing."""
    if first == "signal":
        kernel.call_at(20, event.set)
        waiting = Waiting(kernel, cpu, event, timeout=20)
    else:
        waiting = Waiting(kernel, cpu, event, timeout=20)
        kernel.run(0, PLENTY)
        kernel.call_at(20, event.set)

    kernel.run(END, PLENTY)

    assert waiting.end == (first == "signal", 20)


@given(st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(1, 9)), max_size=8), st.integers(0, 20))
def test_waits_end_by_signal_or_timeout(waits: list[tuple[int, int | None]], when: int) -> None:
    """Whoever waits from when and for how long, each wait ends with the event or its time-out, whichever is first."""
    kernel = Kernel()
    cpu, event = Cpu(kernel, "cpu0"), Event(kernel)
    waiting: list[Waiting] = []
    # Odd times for the signal, even ones for the waits: no wait begins or ends at the instant of the signal.
    when = 2 * when + 1
    kernel.call_at(when, event.set)

    def begin(timeout: int | None) -> None:
        waiting.append(Waiting(kernel, cpu, event, timeout))

    expected = []
    for start, timeout in sorted(waits, key=lambda wait: wait[0]):
        doubled = None if timeout is None else 2 * timeout
        kernel.call_at(2 * start, partial(begin, doubled))
        signalled = doubled is None or 2 * start > when or 2 * start + doubled > when
        expected.append((True, max(when, 2 * start)) if signalled else (False, 2 * start + (doubled or 0)))
    kernel.run(END, PLENTY)

    assert [fiber.end for fiber in waiting] == expected


def test_waiting_needs_passive_level(kernel: Kernel, cpu: Cpu, event: Event) -> None:
    """A wait at DISPATCH_LEVEL is refused even if the event is set, and the message names both levels."""
    event.set()
    kernel.current = cpu
    cpu.raise_irql(DISPATCH)

    with pytest.raises(RuleViolation, match="at PASSIVE_LEVEL only, not at DISPATCH_LEVEL") as caught:
        event.wait().send(None)

    assert caught.value.rule == "irql-wait"


def test_timeout_counts_from_the_local_time(kernel: Kernel, cpu: Cpu, event: Event) -> None:
    """A wait begun after 50 ns of modelled time, for 10 ns, ends at 60 ns."""
    cpu.queue_thread(lambda: cpu.charge(50))
    waiting = Waiting(kernel, cpu, event, timeout=10)

    kernel.run(END, PLENTY)

    assert waiting.end == (False, 60)


@pytest.mark.parametrize("level", [DISPATCH, Irql.DEVICE])
def test_an_event_is_set_and_reset_at_dispatch_or_below(kernel: Kernel, cpu: Cpu, event: Event, level: int) -> None:
    """An ISR may do neither."""
    kernel.current = cpu
    cpu.raise_irql(level)
    for call in (event.set, event.reset):
        if level == DISPATCH:
            call()
            continue
        with pytest.raises(RuleViolation, match="irql-synch: halt done can be"):
            call()
