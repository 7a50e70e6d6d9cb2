"""Claims about the events that are counted: each case runs as many as it is told, and the section shows them all."""

import pytest

from ndisemu.bench import events as bench
from ndisemu.bench.options import Options
from ndisemu.kernel import Kernel


def test_every_case_has_a_row_and_the_mixture_a_target() -> None:
    """What is promised is promised of events as a run has them."""
    done: list[tuple[int, int]] = []
    section = bench.events(Options(runs=2, progress=lambda *told: done.append(told)), count=500)
    assert [row["events"] for row in section.rows] == list(bench.CASES)
    assert {column.key for column in section.columns} <= section.rows[0].keys()
    assert [(target.limit, target.reached) for target in section.targets] == [
        (2_000_000, section.rows[0]["events_per_cpu_s"])
    ]
    assert done[-1] == (12, 12)


@pytest.mark.parametrize(("following", "count"), [(0, 3), (1, 6), (2, 9)])
def test_an_alarm_has_items_that_follow_from_it_at_once(following: int, count: int) -> None:
    """Up to the third instant three alarms have rung, each with as many items behind it."""
    kernel = Kernel()
    bench._alarms(following)(kernel)
    kernel.run(3 * bench.STEP, 1000)
    assert (kernel.now, kernel.progress) == (3 * bench.STEP, count)


@pytest.mark.parametrize("at_once", [1, 4])
def test_each_event_enters_one_like_itself(at_once: int) -> None:
    """So many at an instant, for ever, in the kernel."""
    kernel = Kernel()
    bench._at_instants(at_once)(kernel)
    kernel.run(2 * bench.LATER, 100_000)
    assert kernel.progress == 2 * bench.AHEAD * at_once
    assert len(kernel.calendar) == bench.AHEAD * at_once


def test_the_heap_runs_what_was_entered_in_the_order_of_time() -> None:
    """Those of one instant in the order of their entry, and the time is theirs."""
    heap, ran = bench.Heap(), []
    for when, name in ((7, "c"), (5, "a"), (5, "b")):
        heap.call_at(when, lambda name=name: ran.append((heap.now, name)))  # type: ignore[misc]
    heap.run(3)
    assert ran == [(5, "a"), (5, "b"), (7, "c")]
