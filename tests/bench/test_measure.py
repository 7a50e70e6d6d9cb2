"""Repeated passages and what is made of them."""

import json

import pytest

from ndisemu.bench import Build, Figure, Load, Passage, measure
from ndisemu.bench.measure import WARM_UP_FRAMES, Row, calibrate
from tests.bench.conftest import RIG, figure, passage


def test_the_loads_take_turns_there_and_back() -> None:
    """After a warm-up of each, the rounds go through the loads forwards and backwards by turns."""
    seen: list[int] = []

    def once(load: Load) -> Passage:
        seen.append(load.burst)
        return passage(load, 1000)

    measure([Load(64, burst, 10) for burst in (1, 8, 64)], 3, once=once)
    assert seen == [1, 8, 64, 1, 8, 64, 64, 8, 1, 1, 8, 64]


def test_the_warm_up_is_short_and_does_not_count() -> None:
    """The first run of each load sends a few frames only, and its time is in no figure."""
    seen: list[int] = []

    def once(load: Load) -> Passage:
        seen.append(load.frames)
        return passage(load, 1 if len(seen) == 1 else 5000)

    (found,) = measure([Load(64, 1, 100_000)], 2, once=once)
    assert seen == [WARM_UP_FRAMES, 100_000, 100_000]
    assert found.rates == [5000, 5000]


def test_each_figure_has_the_runs_of_its_own_load() -> None:
    """However the loads take turns, every run ends up with the load it was a run of."""

    def once(load: Load) -> Passage:
        return passage(load, load.burst * 1000)

    found = measure([Load(64, burst, 10) for burst in (1, 8, 64)], 4, once=once)
    assert [(figure.load.burst, figure.rates) for figure in found] == [(n, [n * 1000] * 4) for n in (1, 8, 64)]


def test_progress_counts_all_runs() -> None:
    """Progress is told after each run, of all runs, warm-ups aside."""
    told: list[tuple[int, int]] = []
    loads = [Load(64, burst, 10) for burst in (1, 8)]
    measure(loads, 2, once=lambda load: passage(load, 1000), progress=lambda done, total: told.append((done, total)))
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
    assert found.rate == rate
    assert found.spread == pytest.approx(spread)


@pytest.mark.parametrize(
    ("size", "burst", "build", "target"),
    [
        (64, 64, "free", 250_000),
        (1500, 64, "free", 180_000),
        (64, 1, "free", 60_000),
        (1500, 1, "free", 60_000),
        (64, 8, "free", None),
        (65, 64, "free", None),
        (64, 64, "checked", None),
    ],
)
def test_only_what_was_promised_has_a_target(size: int, burst: int, build: Build, target: int | None) -> None:
    """Targets are those of the free build, for the sizes and bursts that have one."""
    assert figure(Load(size, burst, 10, build), 1000).target == target


def test_a_row_says_what_was_measured(measured: list[Figure]) -> None:
    """A row of JSON has every field, with what the load was and what the runs found."""
    rows = json.loads(json.dumps([found.row() for found in measured]))
    assert [set(row) for row in rows] == [Row.__required_keys__] * 2
    asked = [(row["size"], row["burst"], row["build"], row["frames"], row["runs"]) for row in rows]
    assert asked == [(64, 1, "free", 20, 2), (1500, 8, "checked", 50, 2)]
    assert [row["frames_compared"] for row in rows] == [40, 100]
    assert [len(row["runs_frames_per_cpu_s"]) for row in rows] == [2, 2]
    assert [row["events"] > 0 for row in rows] == [False, True]
    assert {(row["window"], row["tx_ring"], row["rx_ring"]) for row in rows} == {(128, 256, 256)}


def test_a_row_rounds_the_spread() -> None:
    """The spread is a ratio with four decimals."""
    assert figure(Load(64, 8, 1_000_000), 30_000, 40_000, 50_000, 70_000).row()["spread"] == 0.8889


def test_the_calibration_is_positive() -> None:
    """The fixed loop takes some time, so its rate is a number."""
    assert calibrate() > 0


def test_a_figure_has_the_rig_of_its_runs() -> None:
    """What a figure says of its rig is what the passages found."""
    assert figure(Load(64, 8, 10), 1000).rig == RIG
