"""Repeated runs and what is made of them."""

from collections.abc import Sequence

import pytest

from ndisemu.bench import Figure, Load, Passage, measure
from ndisemu.bench.measure import WARM_UP_FRAMES, calibrate, in_turn, percentile
from tests.bench.conftest import RIG, figure, passage


def test_the_cases_take_turns_there_and_back() -> None:
    """The rounds go through the cases forwards and backwards by turns, and each run ends up with its case."""
    seen: list[str] = []

    def once(case: str) -> int:
        seen.append(case)
        return len(seen)

    assert in_turn("abc", 3, once) == [(1, 6, 7), (2, 5, 8), (3, 4, 9)]
    assert "".join(seen) == "abccbaabc"


def test_the_warm_up_is_short_and_does_not_count() -> None:
    """The first run of each load sends a few frames only, and its time is in no figure."""
    seen: list[int] = []

    def once(load: Load) -> Passage:
        seen.append(load.frames)
        return passage(load, 1 if len(seen) == 1 else 5000)

    (found,) = measure([Load(64, 1, 100_000)], 2, once)
    assert seen == [WARM_UP_FRAMES, 100_000, 100_000]
    assert found.rates == [5000, 5000]


def test_each_figure_has_the_runs_of_its_own_load() -> None:
    """However the loads take turns, every run ends up with the load it was a run of."""

    def once(load: Load) -> Passage:
        return passage(load, load.burst * 1000)

    found = measure([Load(64, burst, 10) for burst in (1, 8, 64)], 4, once)
    assert [(figure.load.burst, figure.rates) for figure in found] == [(n, [n * 1000] * 4) for n in (1, 8, 64)]


def test_progress_counts_all_runs() -> None:
    """Progress is told after each run, of all runs, warm-ups aside."""
    told: list[tuple[int, int]] = []
    loads = [Load(64, burst, 10) for burst in (1, 8)]
    measure(loads, 2, lambda load: passage(load, 1000), lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(
    ("rates", "rate", "spread"),
    [((50_000,), 50_000, 0.0), ((40_000, 80_000, 50_000), 50_000, 0.8), ((40_000, 50_000), 45_000, 1 / 4.5)],
)
def test_a_figure_is_the_median_and_how_far_the_runs_lie_apart(
    rates: tuple[int, ...], rate: int, spread: float
) -> None:
    """The spread is the distance of the extremes, in medians."""
    found = figure(Load(64, 8, 1_000_000), *rates)
    assert (found.rate, found.byte_rate) == (rate, rate * 64)
    assert found.spread == pytest.approx(spread)


def test_a_share_is_the_median_over_pairs() -> None:
    """What ran side by side is compared, not the medians of either."""
    slow, fast = figure(Load(64, 8, 10**6), 10_000, 50_000, 90_000), figure(Load(64, 8, 10**6), 20_000, 50_000, 100_000)
    assert slow.beside(fast) == pytest.approx(0.9, rel=0.01)


def test_a_real_passage_counts_events_and_what_a_watcher_is_told(measured: list[Figure]) -> None:
    """The kernel runs items in both builds, fewer than frames in bursts; a watcher is told of the checked build only."""
    free, checked = (found.passages[0] for found in measured)
    assert free.events > 0
    assert 0 < checked.events < checked.compared
    assert (free.told, checked.told > 0) == (0, True)


@pytest.mark.parametrize(
    ("latencies", "permille", "value"),
    [([], 500, 0), ([7], 999, 7), (range(1001), 500, 500), (range(1001), 999, 999), ([1, 3], 500, 2)],
)
def test_a_percentile_lies_between_the_latencies(latencies: Sequence[int], permille: int, value: int) -> None:
    """Between the two that come nearest; of none it is nothing."""
    assert percentile(latencies, permille) == value


def test_the_calibration_is_positive() -> None:
    """The fixed loop takes some time, so its rate is a number."""
    assert calibrate() > 0


def test_a_figure_has_the_rig_of_its_runs() -> None:
    """What a figure says of its rig is what the passages found."""
    assert figure(Load(64, 8, 10), 1000).rig == RIG
