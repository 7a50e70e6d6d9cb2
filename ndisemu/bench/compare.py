"""A document beside an earlier one: how each rate has changed, row by row.

Rates are compared as they are, not scaled by anything. On the same machine
one that has fallen by more than a tenth is a regression; on another it only
informs, and says in what that is another machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ndisemu.bench.document import Document
from ndisemu.bench.section import Column, Section, Value

# By how much a rate may fall before that is a regression.
TOLERANCE: Final = 0.10

# What makes a row incomparable with another one of the same case, whether or not a column shows it.
CONDITIONS: Final = ("build", "burst", "frames")

Case: TypeAlias = tuple[tuple[str, str], ...]
"""Headings and values of the columns that say which row it is."""
Key: TypeAlias = tuple[Case, tuple[Value, ...]]
"""A row's case and its conditions."""


@dataclass(frozen=True, slots=True)
class Change:
    """One rate, then and now, as `column` shows it; `case` says of which row, by heading."""

    case: Case
    column: Column
    before: int
    after: int

    @property
    def ratio(self) -> float:
        """By how much it has changed, as a share of what it was."""
        return (self.after - self.before) / self.before

    @property
    def fell(self) -> bool:
        """Whether it has fallen by more than is tolerated."""
        return self.ratio < -TOLERANCE


@dataclass(frozen=True, slots=True)
class Compared:
    """The changes of each section that both have, by its name; in what the machines differ, and how their loop changed.

    `unmatched` are rows of now that the earlier document has not.
    """

    changes: Mapping[str, tuple[Change, ...]]
    differences: tuple[str, ...]
    calibration: float
    unmatched: int

    @property
    def regressions(self) -> int:
        """How many rates have fallen on the same machine."""
        return 0 if self.differences else sum(change.fell for each in self.changes.values() for change in each)


def compare(now: Document, before: Document) -> Compared:
    """Compare what was measured now with an earlier document."""
    earlier = {section.name: section.rows for section in before.sections}
    changes, unmatched = {}, 0
    for section in now.sections:
        column = _rate_column(section)
        if column is None:
            continue
        rates, known = (_rates(section, column, rows) for rows in (section.rows, earlier.get(section.name, ())))
        if both := [key for key in rates if key in known]:
            changes[section.name] = tuple(Change(key[0], column, known[key], rates[key]) for key in both)
        unmatched += len(rates.keys() - known.keys())
    calibration = now.calibration / before.calibration - 1
    return Compared(changes, now.machine.differences(before.machine), calibration, unmatched)


def _rate_column(section: Section) -> Column | None:
    return next((column for column in section.columns if column.role == "rate"), None)


def _rates(section: Section, rate: Column, rows: Sequence[Mapping[str, Value]]) -> dict[Key, int]:
    """Return the rate of each row by what the row is, as the columns of now say it.

    A rate is a whole number above 0, and what is none is passed over.
    """
    cases = [column for column in section.columns if column.role == "case"]
    found = {}
    for row in rows:
        value = row.get(rate.key)
        if isinstance(value, int) and value > 0:
            case = tuple((column.heading, column.show(row.get(column.key))) for column in cases)
            found[case, tuple(map(row.get, CONDITIONS))] = value
    return found
