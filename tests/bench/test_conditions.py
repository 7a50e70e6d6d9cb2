"""The conditions of a figure, in words."""

from dataclasses import replace

import pytest

from ndisemu.bench import WINDOW, Figure, Load
from ndisemu.bench.conditions import conditions, describe, drivers_named
from tests.bench.conftest import RIG, figure

LOAD = Load(64, 8, 1000)


def text(*figures: Figure) -> str:
    """Give all conditions as one text."""
    return "\n".join(conditions(figures, "Path: over the hills"))


def test_the_conditions_of_a_real_run_are_those_of_the_benchmark(measured: list[Figure]) -> None:
    """Hosts, cable, rings, window, path, comparisons, runs and both builds are named."""
    found = text(*measured)
    for part in (
        "2 hosts in one process with 2 virtual CPUs",
        f"unpaced cable, rings of 256 (TX) and 384 (RX), {WINDOW} frames in flight",
        "bytes given to NDIS, FCS not counted",
        "Path: over the hills",
        "140 were, and all were equal",
        "CPU time of the process",
        "2 runs of 20 frames after a warm-up",
        "(highest - lowest) / median",
        "Build free: nobody watches",
        "Build checked: the event hook is attached",
    ):
        assert part in found


@pytest.mark.parametrize(
    ("rig", "words"),
    [
        (replace(RIG, rate=10**9), "cable of 1 Gbit/s, rings of 256"),
        (replace(RIG, delay=5000), "unpaced cable with a delay of 5.000 us"),
        (replace(RIG, rx_ring=512), "rings of 256 (TX) and 512 (RX)"),
        (replace(RIG, window=1), "1 frame in flight"),
        (replace(RIG, hosts=3, cpus=5), "3 hosts in one process with 5 virtual CPUs"),
    ],
)
def test_the_conditions_name_what_was_really_used(rig: object, words: str) -> None:
    """Another rig than usual is described as it is."""
    assert isinstance(rig, type(RIG))
    assert words in text(figure(LOAD, 1000, rig=rig))


def test_who_has_no_packets_has_none_in_flight() -> None:
    """A bare end of a cable sends frames without packets, and nothing is said of them."""
    assert "flight" not in describe(replace(RIG, window=None))


def test_what_differs_between_figures_is_said_once_for_each() -> None:
    """Equal rigs share a sentence, different ones have their own."""
    other = replace(RIG, window=64)
    lines = conditions([figure(LOAD, 1000), figure(LOAD, 2000), figure(LOAD, 3000, rig=other)], "")
    assert [line for line in lines if "in flight" in line] == [lines[0], lines[1]]
    assert "64 frames in flight" in lines[1]


def test_lists_of_bursts_are_explained_where_they_were_used() -> None:
    """Otherwise each frame has a packet or a list of its own, and nothing else is said."""
    alone, lists = figure(replace(LOAD, driver="ring6"), 1000), figure(replace(LOAD, driver="ring6-lists"), 1000)
    assert "each a packet or a list of its own\n" in text(alone)
    assert "each a packet or a list of its own, in ring6-lists all in one list\n" in text(alone, lists)


def test_a_build_that_was_not_used_is_not_mentioned() -> None:
    """Only the builds that were measured are explained."""
    assert "checked" not in text(figure(LOAD, 1000))
    assert "Build free" not in text(figure(replace(LOAD, build="checked"), 1000))


@pytest.mark.parametrize(
    ("names", "words"),
    [(["ring"], "ring"), (["ring", "ring6", "ring"], "ring or ring6"), (["a", "b", "c"], "a, b or c")],
)
def test_drivers_are_named_once_each(names: list[str], words: str) -> None:
    assert drivers_named(names) == words
