"""Charts as SVG and PNG, drawn by matplotlib, which is an extra.

Import it only where a chart is wanted. The SVG keeps its text as text, and
is the same whenever it is drawn from the same figures.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Final, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FixedLocator, Formatter, LogLocator, NullLocator, StrMethodFormatter

from ndisemu.bench.section import Chart

# Colours that people who see few of them can tell apart (Okabe and Ito), and marks for the rest.
STYLES: Final = (
    ("#0072b2", "o"),
    ("#d55e00", "s"),
    ("#009e73", "^"),
    ("#cc79a7", "D"),
    ("#e69f00", "v"),
    ("#56b4e9", "P"),
    ("#000000", "X"),
)
SIZE: Final = (7.2, 4.2)
# More lines than this have a legend beside the chart instead of within it.
INSIDE: Final = 4
# An axis with no more values than this has a tick at each of them.
TICKS: Final = 8
# From here on a number on an axis is shown by its magnitude, such as 250 k.
LARGE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Drawing:
    """One chart in both formats."""

    svg: str
    png: bytes


def draw(chart: Chart) -> Drawing:
    """Draw a chart."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "ndisemu", "font.family": "sans-serif"}):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.add_subplot()
        for place, (name, points) in enumerate(chart.lines.items()):
            colour, mark = STYLES[place % len(STYLES)]
            axes.plot(*zip(*points, strict=True), label=name, color=colour, marker=mark, markersize=5)
        _lay_out(axes, chart)
        return Drawing(_saved(figure, "svg").decode(), _saved(figure, "png"))


def _lay_out(axes: Axes, chart: Chart) -> None:
    axes.set_title(chart.title, loc="left")
    axes.set_xlabel(chart.x)
    axes.set_ylabel(chart.y)
    if chart.logarithmic_x:
        axes.set_xscale("log", base=2)
    if chart.logarithmic_y:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(bottom=0)
    values = sorted({x for points in chart.lines.values() for x, _ in points})
    if len(values) <= TICKS:
        axes.xaxis.set_major_locator(FixedLocator(values))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(_numbers(max(values)))
    axes.yaxis.set_major_formatter(_numbers(max(y for points in chart.lines.values() for _, y in points)))
    axes.grid(visible=True, color="#dddddd")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if len(chart.lines) > INSIDE:
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    else:
        axes.legend(frameon=False)


def _numbers(largest: float) -> Formatter:
    """Return how the numbers of an axis up to `largest` are shown."""
    return StrMethodFormatter("{x:g}") if largest < LARGE else EngFormatter(sep=" ")


def _saved(figure: Figure, kind: Literal["svg", "png"]) -> bytes:
    out = BytesIO()
    # Without this the SVG would say when it was drawn.
    figure.savefig(out, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    return out.getvalue()
