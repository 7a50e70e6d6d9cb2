"""Figures of frames per CPU second as a section has them: columns, rows, and a chart over bursts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from ndisemu.bench.measure import Figure
from ndisemu.bench.options import IN_LISTS, Options
from ndisemu.bench.passage import Load
from ndisemu.bench.section import Chart, Column, Value


def loads(options: Options) -> list[Load]:
    """Return what the options ask for: each size, in each burst, over each driver."""
    cases = product(options.sizes, options.bursts, options.drivers)
    asked = [Load(size, burst, options.frames, options.build, driver) for size, burst, driver in cases]
    # A burst of one frame is in a list of its own either way.
    return [load for load in asked if load.driver != IN_LISTS or load.burst > 1 or "ring6" not in options.drivers]


def columns(options: Options) -> tuple[Column, ...]:
    """Return the columns of `rows`; the share of the first driver only where there is another."""
    share = Column("share", f"of {options.drivers[0]}", ".1%")
    return (
        Column("size", "size", role="case"),
        Column("burst", "burst", role="case"),
        Column("driver", "driver", role="case"),
        Column("frames_per_cpu_s", "frames/CPU s", ",d", role="rate"),
        Column("spread", "spread", ".1%"),
        Column("megabytes_per_cpu_s", "MB/CPU s", ",.1f"),
        Column("events_per_cpu_s", "events/CPU s", ",d"),
        *([share] if len(options.drivers) > 1 else []),
    )


def rows(figures: Sequence[Figure]) -> tuple[Mapping[str, Value], ...]:
    """Return a row for each figure, with more than the columns show."""
    return tuple(_row(figure, _first_driver(figure, figures)) for figure in figures)


def chart(title: str, figures: Sequence[Figure]) -> tuple[Chart, ...]:
    """Return the rate over bursts, a line for each size and driver; nothing where there is one burst only."""
    lines: dict[str, tuple[tuple[float, float], ...]] = {}
    for figure in sorted(figures, key=lambda figure: figure.load.burst):
        load = figure.load
        name = f"{load.driver}, {load.size} B"
        lines[name] = (*lines.get(name, ()), (load.burst, figure.rate))
    if max(map(len, lines.values())) == 1:
        return ()
    return (Chart(title, "burst (frames per send)", "frames per CPU second", lines, logarithmic_x=True),)


def _row(figure: Figure, first: Figure) -> Mapping[str, Value]:
    load, passages = figure.load, figure.passages
    return {
        "size": load.size,
        "burst": load.burst,
        "driver": load.driver,
        "build": load.build,
        "frames_per_cpu_s": figure.rate,
        "lowest_frames_per_cpu_s": min(figure.rates),
        "highest_frames_per_cpu_s": max(figure.rates),
        "spread": round(figure.spread, 4) if len(passages) > 1 else None,
        "megabytes_per_cpu_s": round(figure.byte_rate / 1e6, 1),
        "events_per_cpu_s": figure.event_rate,
        "share": None if first is figure else round(figure.beside(first), 4),
        "frames": load.frames,
        "runs": len(passages),
        "frames_compared": sum(passage.compared for passage in passages),
        "events": sum(passage.events for passage in passages),
        "told": sum(passage.told for passage in passages),
    }


def _first_driver(figure: Figure, figures: Sequence[Figure]) -> Figure:
    """Return the figure of the same load over the first driver."""
    return next(other for other in figures if replace(other.load, driver=figure.load.driver) == figure.load)
