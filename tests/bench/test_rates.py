"""Figures as rows, and as lines over bursts."""

from ndisemu.bench import Load, Options
from ndisemu.bench.compare import compare
from ndisemu.bench.rates import chart, columns, loads, rows
from ndisemu.bench.section import Section
from tests.bench.conftest import document, figure


def test_the_loads_are_each_size_burst_and_driver() -> None:
    """Drivers of one load stand side by side, so that they are also measured side by side."""
    options = Options(sizes=(64, 100), bursts=(8,), drivers=("ring", "legacy"), build="checked", frames=10)
    assert loads(options) == [
        Load(size, 8, 10, "checked", driver) for size in (64, 100) for driver in ("ring", "legacy")
    ]


def test_every_column_has_a_value_in_every_row() -> None:
    """Columns and rows agree on their keys."""
    options = Options(bursts=(8, 64), drivers=("ring", "ring6"))
    keys = {column.key for column in columns(options)}
    found = rows([figure(load, 1000, 2000) for load in loads(options)])
    assert len(found) == 8
    assert all(keys <= row.keys() for row in found)


def test_a_row_says_what_was_measured() -> None:
    """Median, extremes and spread of the rates, bytes, events, and what the runs were."""
    (row,) = rows([figure(Load(64, 8, 1_000_000), 30_000, 40_000, 50_000, 70_000)])
    assert (row["size"], row["burst"], row["driver"], row["build"]) == (64, 8, "ring", "free")
    assert (row["frames_per_cpu_s"], row["spread"]) == (45_000, 0.8889)
    assert (row["lowest_frames_per_cpu_s"], row["highest_frames_per_cpu_s"]) == (30_000, 70_000)
    assert row["megabytes_per_cpu_s"] == 2.9
    assert (row["frames"], row["runs"], row["frames_compared"]) == (1_000_000, 4, 4_000_000)
    assert (row["events"], row["told"]) == (12, 20)


def test_a_driver_has_its_share_of_the_first_with_the_same_load() -> None:
    """The first driver has none, and no load is compared with another."""
    first, other = Load(64, 8, 10**6), Load(64, 8, 10**6, driver="ring6")
    bigger = Load(1500, 8, 10**6, driver="ring6")
    found = rows([figure(first, 1000), figure(other, 500), figure(bigger, 250)])
    assert [row["share"] for row in found] == [None, 0.5, None]


def test_the_share_is_a_column_only_beside_another_driver() -> None:
    """One driver is compared with nothing."""
    assert "share" not in {column.key for column in columns(Options(drivers=("ring6",)))}
    assert columns(Options(drivers=("ring6", "ring")))[-1].heading == "of ring6"


def test_builds_are_told_apart() -> None:
    """A rate of the checked build has no counterpart in the free build."""
    free, checked = (
        Section(
            name="send",
            title="",
            columns=columns(options),
            rows=rows([figure(load, 1000) for load in loads(options)]),
        )
        for options in (Options(build="free"), Options(build="checked"))
    )
    compared = compare(document(checked), document(free))
    assert (compared.changes, compared.unmatched) == ({}, len(checked.rows))


def test_a_chart_has_a_line_for_each_size_and_driver_in_order_of_bursts() -> None:
    """Whatever the order of the options."""
    (drawn,) = chart("Rates", [figure(Load(64, burst, 10**6), burst * 1000) for burst in (64, 1, 8)])
    assert drawn.lines == {"ring, 64 B": ((1, 1000), (8, 8000), (64, 64_000))}


def test_one_burst_makes_no_chart() -> None:
    """A line needs two points."""
    assert chart("Rates", [figure(Load(size, 8, 100), 1000) for size in (64, 1500)]) == ()
