"""Strategies: the same answers give the same run, and a recorded schedule gives a run again."""

from collections.abc import Callable
from functools import partial
from random import Random

import pytest
from hypothesis import given, settings, strategies as st

from ndisemu.errors import UsageError
from ndisemu.kernel import Cpu, Dpc, InterruptLine, Kernel, Replay, SeededRandom, Strategy

END = 1 << 40
# A world that goes on by itself is cut off here.
MOST_ITEMS = 400

# For each piece of work, in the order in which it runs: what it does next, and how much of it.
plans = st.lists(st.tuples(st.sampled_from(["item", "later", "dpc", "irq", "thread"]), st.integers(0, 3)), max_size=60)
seeds = st.integers(0, 1 << 32)


class World:
    """Two CPUs, an interrupt line, and work that makes more work as a plan says, noting the order of all of it."""

    def __init__(self, plan: list[tuple[str, int]], strategy: Strategy | None) -> None:
        self.kernel = Kernel(strategy=strategy)
        self.cpus = [Cpu(self.kernel, "cpu0"), Cpu(self.kernel, "cpu1")]
        self.line = InterruptLine(self.cpus[0], "irq")
        self.line.connect(self.isr)
        self.plan = iter(plan)
        self.order: list[str] = []
        self.made = 0

    def isr(self) -> bool:
        self.line.deassert("card")
        self.order.append(f"isr at {self.kernel.now}")
        return True

    def work(self, kind: str) -> Callable[[], None]:
        self.made += 1
        name = f"{kind} {self.made}"

        def run() -> None:
            self.order.append(f"{name} at {self.kernel.now}")
            for what, count in [next(self.plan, ("", 0)), next(self.plan, ("", 0))]:
                self.make(what, count)
            if (cpu := self.kernel.current) is not None:
                cpu.preempt()
                self.order.append(f"{name} ends")

        return run

    def make(self, what: str, count: int) -> None:
        for number in range(count):
            cpu = self.cpus[number % 2]
            if what == "item":
                self.kernel.call_soon(self.work(what))
            elif what == "later":
                self.kernel.call_at(self.kernel.now + 1 + number, self.work(what))
            elif what == "dpc":
                Dpc(self.work(what), cpu=cpu).queue(cpu)
            elif what == "thread":
                cpu.queue_thread(self.work(what))
            else:
                self.line.assert_("card")

    def run(self) -> list[str]:
        for what in ("item", "item", "dpc", "thread"):
            self.make(what, 2)
        self.kernel.run(END, MOST_ITEMS)
        return self.order


@given(plans, seeds)
@settings(max_examples=150)
def test_recorded_schedule_gives_the_same_run_again(plan: list[tuple[str, int]], seed: int) -> None:
    """A whole run under random choices, with interrupts and DPCs, is had again from its schedule alone."""
    recorded = SeededRandom(Random(seed))
    order = World(plan, recorded).run()

    replay = Replay(recorded.schedule)

    assert World(plan, replay).run() == order
    assert replay.diverged is None
    assert replay.schedule == recorded.schedule


@given(plans, seeds)
@settings(max_examples=50)
def test_same_seed_is_the_same_run(plan: list[tuple[str, int]], seed: int) -> None:
    """Two runs with one seed make the same choices and come to the same order."""
    first, second = SeededRandom(Random(seed)), SeededRandom(Random(seed))

    assert World(plan, first).run() == World(plan, second).run()
    assert first.schedule == second.schedule


@given(plans)
@settings(max_examples=50)
def test_empty_schedule_is_the_default_order(plan: list[tuple[str, int]]) -> None:
    """A replay of nothing runs first in first out with interrupts at once, as no strategy does."""
    assert World(plan, Replay([])).run() == World(plan, None).run()


def test_default_order_is_first_in_first_out() -> None:
    """Without a strategy, ready items run in the order in which they became ready."""
    kernel = Kernel()
    order: list[int] = []
    for number in range(10):
        kernel.call_soon(partial(order.append, number))

    kernel.run(END, 100)

    assert order == list(range(10))


def test_seeds_lead_to_different_orders() -> None:
    """Among twenty seeds, nearly every one gives an order of its own."""
    plan = [("item", 3), ("dpc", 2)] * 6

    orders = [tuple(World(plan, SeededRandom(Random(seed))).run()) for seed in range(20)]

    assert len(frozenset(orders)) >= 15


@given(st.lists(st.integers(2, 100), min_size=1, max_size=50), st.integers(1, 10), seeds)
def test_random_choice_is_among_the_oldest(counts: list[int], window: int, seed: int) -> None:
    """However many items are ready, only the window's oldest are candidates, and every answer is on record."""
    strategy = SeededRandom(Random(seed), window=window)

    choices = [strategy.choose(count) for count in counts]

    assert all(0 <= choice < min(count, window) for choice, count in zip(choices, counts, strict=True))
    assert strategy.schedule == choices


def test_window_of_one_is_first_in_first_out() -> None:
    """A random strategy that sees only the oldest item has nothing to choose."""
    strategy = SeededRandom(Random(1), window=1)

    assert [strategy.choose(count) for count in range(2, 30)] == [0] * 28


def test_window_below_one_is_refused() -> None:
    """A window without candidates is the user's mistake, and the message says what is right."""
    with pytest.raises(UsageError, match="window must be at least 1, not 0"):
        SeededRandom(Random(1), window=0)


def test_replay_says_where_it_left_its_schedule() -> None:
    """A choice that does not fit is taken as the oldest item, and the first such step is kept."""
    replay = Replay([1, 5, 1, 7])

    assert [replay.choose(3), replay.choose(3), replay.choose(3), replay.choose(3)] == [1, 0, 1, 0]
    assert replay.diverged == 1
    assert replay.schedule == [1, 0, 1, 0]


def test_replay_that_runs_out_goes_on_in_the_default_order() -> None:
    """Past the end of its schedule a replay takes the oldest item and lets interrupts in."""
    replay = Replay([1, 0])

    assert (replay.choose(2), replay.preempt(), replay.choose(2), replay.preempt()) == (1, False, 0, True)
    assert replay.diverged is None


def test_strategy_can_put_an_interrupt_off() -> None:
    """An interrupt that a strategy does not let in at one preemption point comes in at the next."""
    kernel = Kernel(strategy=Replay([0, 1]))
    cpu = Cpu(kernel, "cpu0")
    line = InterruptLine(cpu, "irq")
    order: list[str] = []

    def isr() -> bool:
        line.deassert("card")
        order.append("isr")
        return True

    def thread() -> None:
        line.assert_("card")
        cpu.preempt()
        order.append("between")
        cpu.preempt()
        order.append("after")

    line.connect(isr)
    cpu.queue_thread(thread)
    kernel.run(END, 100)

    assert order == ["between", "isr", "after"]


def test_strategy_is_not_asked_when_there_is_no_choice() -> None:
    """A single ready item and a preemption point with nothing to let in cost no decision."""
    strategy = SeededRandom(Random(1))
    kernel = Kernel(strategy=strategy)
    cpu = Cpu(kernel, "cpu0")

    cpu.queue_thread(cpu.preempt)
    kernel.run(END, 100)

    assert strategy.schedule == []
