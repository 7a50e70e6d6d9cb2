"""The figures as a table for people, with target beside figure and the conditions below.

Import it only where a table is wanted: it is what loads rich.
"""

from collections.abc import Sequence
from dataclasses import replace

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ndisemu.bench.conditions import conditions
from ndisemu.bench.measure import Figure
from ndisemu.units import format_count


def show(figures: Sequence[Figure], console: Console | None = None) -> None:
    """Print the figures and their conditions to `console`, by default stdout."""
    console = console or Console(highlight=False)
    table = Table(
        title="Frames per CPU second, whole path, every frame verified",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    first = figures[0].load.driver
    compares = any(figure.load.driver != first for figure in figures)
    for heading in ("size", "burst", "frames/CPU s", "spread", "target"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict")
    table.add_column("driver")
    if compares:
        table.add_column(f"of {first}", justify="right", no_wrap=True)
    for figure in figures:
        load = figure.load
        cells = [
            f"{load.size} B",
            str(load.burst),
            format_count(figure.rate),
            f"{figure.spread:.1%}",
            "" if figure.target is None else format_count(figure.target),
            _verdict(figure),
            load.driver if load.build == "free" else f"{load.driver}, {load.build}",
        ]
        if compares:
            cells.append(_share(figure, figures))
        table.add_row(*cells)
    console.print(table)
    below = Table.grid(padding=(0, 1))
    for line in conditions(figures):
        below.add_row("-", Text(line))
    console.print(below)


def _share(figure: Figure, figures: Sequence[Figure]) -> str:
    """Say how much of the first driver's rate it is, with the same load."""
    other = next(other for other in figures if replace(other.load, driver=figure.load.driver) == figure.load)
    return "" if other is figure else f"{figure.beside(other):.1%}"


def _verdict(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return "reached" if figure.rate >= figure.target else "missed"
