"""The figures as a table for people, with target beside figure and the conditions below.

Import it only where a table is wanted: it is what loads rich.
"""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ndisemu.bench.conditions import conditions
from ndisemu.bench.measure import Figure
from ndisemu.units import format_count


def show(figures: Sequence[Figure], console: Console | None = None) -> None:
    """Print the figures and their conditions to `console`, by default stdout."""
    console = console or Console(highlight=False)
    table = Table(title="Frames per CPU second, whole path, every frame verified", title_justify="left")
    for heading in ("size", "burst", "frames", "frames/CPU s", "spread", "target"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("build")
    table.add_column("driver")
    table.add_column("verdict")
    for figure in figures:
        load = figure.load
        table.add_row(
            f"{load.size} B",
            str(load.burst),
            format_count(load.frames),
            format_count(figure.rate),
            f"{figure.spread:.1%}",
            "" if figure.target is None else format_count(figure.target),
            load.build,
            load.driver,
            _verdict(figure),
        )
    console.print(table)
    below = Table.grid(padding=(0, 1))
    for line in conditions(figures):
        below.add_row("-", Text(line))
    console.print(below)


def _verdict(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return "reached" if figure.rate >= figure.target else "missed"
