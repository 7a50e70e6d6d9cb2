"""The conditions that stand below the figures, in words and as the table shows them."""

import platform
from dataclasses import replace
from io import StringIO
from typing import Final

import pytest
from rich.console import Console

from ndisemu.bench import Figure, Load
from ndisemu.bench.conditions import conditions
from ndisemu.bench.path import Driver
from ndisemu.bench.table import show
from tests.bench.conftest import RIG, figure

LOAD = Load(64, 8, 1000)
SIDE_BY_SIDE: Final[tuple[tuple[Driver, int, int, int], ...]] = (
    ("ring", 1_000_000, 100_000, 1000),
    ("ring6", 500_000, 90_000, 100),
    ("legacy", 900_000, 90_000, 500),
)


def text(*figures: Figure) -> str:
    """Give all conditions as one text."""
    return "\n".join(conditions(figures))


def shown(*figures: Figure) -> str:
    """Give the table with its conditions as it is printed on a wide terminal without colours."""
    out = StringIO()
    show(figures, Console(file=out, width=250))
    return out.getvalue()


def test_the_conditions_of_a_real_run_are_those_of_the_benchmark(measured: list[Figure]) -> None:
    """Hosts, cable, rings, window, comparisons, runs, both builds and the Python are named."""
    found = text(*measured)
    for part in (
        "2 hosts in one process",
        "unpaced cable, rings of 256, 128 packets in flight",
        "bytes given to NDIS, FCS not counted",
        "140 were, and all were equal",
        "CPU time of the process",
        "2 runs of 20 frames after a warm-up",
        "(highest - lowest) / median",
        "Build free: nobody watches",
        "Build checked: the probe's event hook",
        f"{platform.python_implementation()} {platform.python_version()} on ",
        "calibration: ",
    ):
        assert part in found


@pytest.mark.parametrize(
    ("rig", "words"),
    [
        (replace(RIG, rate=10**9), "cable of 1 Gbit/s, rings of 256"),
        (replace(RIG, delay=5000), "unpaced cable with a delay of 5.000 us"),
        (replace(RIG, rx_ring=512), "rings of 256 (TX) and 512 (RX)"),
        (replace(RIG, window=1), "1 packet in flight"),
        (replace(RIG, hosts=3, cpus=5), "3 hosts in one process with 5 virtual CPUs"),
    ],
)
def test_the_conditions_name_what_was_really_used(rig: object, words: str) -> None:
    """Another rig than usual is described as it is."""
    assert isinstance(rig, type(RIG))
    assert words in text(figure(LOAD, 1000, rig=rig))


def test_what_differs_between_figures_is_said_once_for_each() -> None:
    """Equal rigs share a sentence, different ones have their own."""
    other = replace(RIG, window=64)
    lines = conditions([figure(LOAD, 1000), figure(LOAD, 2000), figure(LOAD, 3000, rig=other)])
    assert [line for line in lines if "in flight" in line] == [lines[0], lines[1]]
    assert "64 packets in flight" in lines[1]


def test_a_build_that_was_not_used_is_not_mentioned() -> None:
    """Only the builds that were measured are explained."""
    assert "checked" not in text(figure(LOAD, 1000))
    assert "Build free" not in text(figure(replace(LOAD, build="checked"), 1000))


@pytest.mark.parametrize(("rate", "verdict"), [(250_000, "reached"), (249_999, "missed")])
def test_the_table_has_the_target_beside_the_figure(rate: int, verdict: str) -> None:
    """Figure, spread, target and verdict stand in one row."""
    row = next(line for line in shown(figure(Load(64, 64, 10**9), rate)).splitlines() if "64 B" in line)
    cells = [cell.strip() for cell in row.split("  ") if cell.strip()]
    number = f"{rate:,}".replace(",", " ")
    assert cells == ["64 B", "64", number, "0.0%", "250 000", verdict, "ring"]


def test_a_driver_is_shown_as_a_share_of_the_first_pair_by_pair() -> None:
    """The share is the median over runs made side by side, and the table of three drivers fits into 80 columns."""
    big = Load(1500, 64, 1000)
    figures = [figure(replace(big, driver=name), *rates) for name, *rates in SIDE_BY_SIDE]
    out = StringIO()
    show(figures, Console(file=out, width=80))
    assert [line.split()[-1] for line in out.getvalue().splitlines() if "1500 B" in line] == ["ring", "50.0%", "90.0%"]
    assert "…" not in out.getvalue()
    assert "the `ring`, `ring6` or `legacy` miniport" in " ".join(out.getvalue().split())


def test_a_figure_without_a_target_has_no_verdict() -> None:
    """Where nothing was promised, nothing is reached or missed."""
    found = shown(figure(LOAD, 1000))
    assert "reached" not in found
    assert "missed" not in found


def test_the_table_ends_with_all_conditions() -> None:
    """Every condition is printed below the table."""
    figures = (figure(LOAD, 1000), figure(replace(LOAD, build="checked"), 1000))
    printed = shown(*figures)
    assert [line for line in conditions(figures) if line not in printed] == []
