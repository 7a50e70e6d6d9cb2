"""What a benchmark has found, in the one form that terminal, JSON, charts and page are all made from.

A benchmark returns a `Section`: rows of plain values under named columns,
charts of the same values, targets with the figure reached beside each, and
sentences on what was measured and what limits it. It prints nothing and
draws nothing. A row may have values that no column shows; JSON has them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Value: TypeAlias = int | float | str | None

Role: TypeAlias = Literal["case", "rate", "figure"]
"""What a column is to a later measurement: it says which row this is, is the one rate to compare, or neither."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its `key` in the rows, its heading for people with the unit, and how numbers are shown.

    `form` is a format specification such as `.1%` or `,d`; empty shows the value as it is. A section without a
    column of the role `rate` is not compared with earlier ones.
    """

    key: str
    heading: str
    form: str = ""
    role: Role = "figure"

    def show(self, value: Value) -> str:
        """Write a value for people: thousands apart by spaces, nothing for None."""
        if value is None:
            return ""
        return value if isinstance(value, str) else format(value, self.form).replace(",", " ")


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

    def show(self) -> tuple[str, str, str]:
        """Write for people what was reached, the limit, and the verdict."""
        limit = f"{'at most' if self.at_most else 'at least'} {_number(self.limit)} {self.unit}"
        return _number(self.reached), limit, "reached" if self.holds else "MISSED"


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


def _number(value: float) -> str:
    """Write a number with as many digits as mean something."""
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 1000 else f"{value:.4g}"
