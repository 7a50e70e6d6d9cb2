"""Mode `send`: frames per CPU second over the whole path, one way."""

from collections.abc import Mapping, Sequence
from typing import Final

from ndisemu.bench.conditions import conditions, drivers_named
from ndisemu.bench.measure import Figure, measure
from ndisemu.bench.options import IN_LISTS, Driver, Options
from ndisemu.bench.passage import Load
from ndisemu.bench.path import send_through
from ndisemu.bench.rates import chart, columns, loads, rows
from ndisemu.bench.section import Section, Target

# Frames per CPU second that `ring` should reach in the free build, by size and burst.
LEAST: Final[Mapping[tuple[int, int], int]] = {
    (64, 64): 500_000,
    (1500, 64): 380_000,
    (64, 8): 240_000,
    (64, 1): 100_000,
}
# What `ring6` should reach of `ring` in the free build, in percent, in bursts of this many, and how these are sent.
LEAST_SHARE: Final = 95
SHARED_BURST: Final = 64
SHARING: Final[Mapping[Driver, str]] = {"ring6": "lists of one frame", IN_LISTS: "a burst in one list"}

PATH: Final = (
    "Path: the {drivers} miniport on the 82540EM, whole, with the filters and statistics of card and NDIS, "
    "from submission to indication, return and send completion; what a DPC sends, up to 16 bursts, arrives at one "
    "instant, so an interrupt serves many of them"
)


def send(options: Options) -> Section:
    """Measure the whole path, from one host to another (the default)."""
    figures = measure(loads(options), options.runs, send_through, options.progress)
    return Section(
        name="send",
        title="Frames per CPU second, whole path, one way, every frame verified",
        columns=columns(options),
        rows=rows(figures),
        charts=chart("The whole path, one way", figures),
        targets=targets(figures),
        notes=conditions(figures, PATH.format(drivers=drivers_named(options.of_miniports().drivers))),
    )


def targets(figures: Sequence[Figure]) -> tuple[Target, ...]:
    """Return what was promised of these loads; nothing was of the checked build and of other drivers."""
    free = {figure.load: figure for figure in figures if figure.load.build == "free"}
    found = []
    for load, figure in free.items():
        least = LEAST.get((load.size, load.burst))
        if load.driver == "ring" and least is not None:
            found.append(Target(f"ring, {_named(load)}", "frames/CPU s", least, figure.rate))
    for load, figure in free.items():
        beside = free.get(Load(load.size, load.burst, load.frames, "free", "ring"))
        if load.driver in SHARING and load.burst == SHARED_BURST and beside is not None:
            share = round(100 * figure.beside(beside), 1)
            found.append(Target(f"ring6 beside ring, {_named(load)}, {SHARING[load.driver]}", "%", LEAST_SHARE, share))
    return tuple(found)


def _named(load: Load) -> str:
    return f"{load.size} B, burst {load.burst}"
