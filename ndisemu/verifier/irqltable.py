"""The one table of IRQLs: where each routine may be called, and each entry point is entered.

The rows are in `irql.csv`: a routine of the DDK, of which kind of NDIS
(5 or 6; `serialized` and `deserialized` where 5.x drivers differ), its IRQL,
and the rule that a call at another IRQL breaks.

Source: NDIS reference 1.2, 2.1, 3.1 and 3.2 for NDIS 5.x; the DDK's pages of
each routine for NDIS 6.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from ndisemu.kernel import DISPATCH, PASSIVE, Irql
from ndisemu.verifier.rule import Model

ADMITTED: Final[Mapping[str, range]] = {
    "== PASSIVE": range(PASSIVE, PASSIVE + 1),
    "< DISPATCH": range(PASSIVE, DISPATCH),
    "<= DISPATCH": range(PASSIVE, DISPATCH + 1),
    "== DISPATCH": range(DISPATCH, DISPATCH + 1),
    "== DIRQL": range(DISPATCH + 1, Irql.HIGH + 1),
    "<= DIRQL": range(PASSIVE, Irql.HIGH + 1),
    "any": range(PASSIVE, Irql.HIGH + 1),
}
"""The levels that each declaration admits."""

_EVERYWHERE: Final = ("<= DIRQL", "any")
_MODELS: Final = {
    "5": Model.SERIALIZED | Model.DESERIALIZED,
    "serialized": Model.SERIALIZED,
    "deserialized": Model.DESERIALIZED,
    "6": Model.NDIS6,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One routine for one kind of NDIS; `irql` reads as in `@ddi`, `rule` is what a call elsewhere breaks."""

    routine: str
    models: Model
    irql: str
    rule: str


@cache
def rows() -> tuple[Row, ...]:
    """Return the table, read once."""
    text = files("ndisemu.verifier").joinpath("irql.csv").read_text(encoding="utf-8")
    return tuple(
        Row(line["routine"], _MODELS[line["ndis"]], line["irql"], line["rule"])
        for line in csv.DictReader(text.splitlines())
    )


def routines(rule: str) -> tuple[str, ...]:
    """Return a rule's routines, each once."""
    return tuple(dict.fromkeys(row.routine for row in rows() if row.rule == rule))


def bounded(rule: str) -> tuple[str, ...]:
    """Return those of a rule's routines that are not for every IRQL: only their calls can break it."""
    return tuple(dict.fromkeys(row.routine for row in rows() if row.rule == rule and row.irql not in _EVERYWHERE))


def irqls(rule: str, model: Model) -> dict[str, str]:
    """Return where each of a rule's routines may be called by drivers of a kind."""
    return {row.routine: row.irql for row in rows() if row.rule == rule and row.models & model}
