"""What a rule says, why, and how a driver breaks and keeps it: the facts of `ndisemu explain`."""

import inspect
from dataclasses import dataclass
from difflib import get_close_matches
from textwrap import dedent

from ndisemu.drivers.faulty import PAIRS
from ndisemu.errors import UsageError
from ndisemu.verifier import Refused, Rule, by_id, entries
from ndisemu.verifier.catalogue import group_of, versions


@dataclass(frozen=True, slots=True)
class Explanation:
    """One rule; `wrong` and `right` are the source of drivers, empty where there are none.

    `fields` are its short facts by their headings, in order. `unchecked` says why it is not checked, else it is empty.
    """

    id: str
    says: str
    why: str
    fields: dict[str, str]
    wrong: str = ""
    right: str = ""
    unchecked: str = ""


def explain(rule: str) -> Explanation:
    """Explain a rule of the catalogue.

    Raises:
        UsageError: There is none of this name; the message names the nearest.
    """
    checked = by_id().get(rule)
    if checked is None:
        return _explain_unchecked(rule)
    fields = {
        "group": group_of(checked),
        "holds for": versions(checked.models),
        "kept by": _kept_by(checked),
        "weight": "advice: it warns" if checked.advisory else "violation",
        "Microsoft's name": checked.microsoft,
        "Windows stops with": str(checked.code or ""),
        "source": checked.source,
    }
    pair = PAIRS.get(rule)
    return Explanation(
        rule,
        checked.says(),
        checked.why,
        {name: said for name, said in fields.items() if said},
        wrong="" if pair is None else _source(pair.wrong),
        right="" if pair is None else _source(pair.right),
    )


def _kept_by(rule: type[Rule]) -> str:
    if rule.of_ndis:
        return "nobody: it is an obligation of NDIS, and no driver can break it"
    return "NDIS itself, in every build" if issubclass(rule, Refused) else "the checked build, which watches"


def _explain_unchecked(rule: str) -> Explanation:
    known = {entry.id: entry for entry in entries()}
    entry = known.get(rule)
    if entry is None:
        near = get_close_matches(rule, known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"there is no rule named {rule}; {hint}`ndisemu list rules` shows them")
    fields = {"group": entry.group, "holds for": entry.versions, "source": entry.source}
    return Explanation(rule, "", "", fields, unchecked=f"{entry.status}: {entry.reason}")


def _source(driver: type) -> str:
    return dedent(inspect.getsource(driver)).rstrip()
