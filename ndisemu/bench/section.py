"""What a benchmark has found, in the one form that terminal, JSON, charts and page are all made from.

A benchmark returns a `Section`: rows of plain values under named columns,
charts of the same values, targets with the figure reached beside each, and
sentences on what was measured and what limits it. It prints nothing and
draws nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = int | float | str | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its `key` in the rows, its heading for people with the unit, and how numbers are shown.

    `form` is a format specification such as `.1%` or `,d`; empty shows the value as it is.
    """

    key: str
    heading: str
    form: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over one axis: `lines` maps what a line is called to its points, in order of x."""

    title: str
    x: str
    y: str
    lines: Mapping[str, tuple[tuple[float, float], ...]]
    logarithmic_x: bool = False
    logarithmic_y: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that was promised: what it is of, in which unit, the limit, and what was reached.

    `at_most` says that less is better; otherwise the limit is the least.
    """

    what: str
    unit: str
    limit: float
    reached: float
    at_most: bool = False

    @property
    def holds(self) -> bool:
        """Whether what was reached keeps the promise."""
        return self.reached <= self.limit if self.at_most else self.reached >= self.limit


@dataclass(frozen=True, slots=True)
class Section:
    """What one benchmark has found; `name` is its name on the command line."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Value], ...]
    charts: tuple[Chart, ...] = ()
    targets: tuple[Target, ...] = ()
    notes: tuple[str, ...] = ()
