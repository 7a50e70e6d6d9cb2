"""The catalogue: every rule that is known, checked or not, and why not.

Rules that are checked are classes in `rules`; of all others the tables in
`unchecked` say what keeps them from being checked. The groups are those of
the modules, and of the tables.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal, TypeAlias

from ndisemu.errors import UsageError
from ndisemu.verifier.rule import Model, Refused, Rule
from ndisemu.verifier.rules import RULES

Standing: TypeAlias = Literal["checked", "needs-exploration", "not-applicable", "missing"]
"""Whether a rule is checked; a breach that only shows under one order of events needs exploration of orders."""

_VERSIONS: Final = (
    (Model.SERIALIZED, "5.x serialized"),
    (Model.DESERIALIZED, "5.1 deserialized"),
    (Model.NDIS6, "6.x"),
    (Model.CIRCUITS, "connection-oriented"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule of the catalogue; `reason` says why it is not checked, or who keeps it."""

    id: str
    group: str
    status: Standing
    versions: str
    source: str
    reason: str


def group_of(rule: type[Rule]) -> str:
    """Return the group of a rule: the module or package of `rules` that it stands in."""
    return rule.__module__.removeprefix("ndisemu.verifier.rules.").split(".")[0]


@cache
def by_id() -> dict[str, type[Rule]]:
    """Return the rules that are checked, by their ids."""
    return {rule.id: rule for rule in RULES}


@cache
def entries() -> tuple[Entry, ...]:
    """Return the whole catalogue: what is checked first, group by group, then what is not."""
    checked = [
        Entry(rule.id, group_of(rule), "checked", versions(rule.models), rule.source, _kept(rule)) for rule in RULES
    ]
    return (*checked, *_unchecked())


def _unchecked() -> Iterator[Entry]:
    """Give the rules that are not checked, from the tables beside the rules: one for each group."""
    tables = sorted(files("ndisemu.verifier").joinpath("unchecked").iterdir(), key=lambda table: table.name)
    for table in tables:
        for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines()):
            yield Entry(group=table.name.removesuffix(".csv"), **row)  # type: ignore[arg-type]


def versions(models: Model) -> str:
    """Say whose rule it is."""
    return ", ".join(name for model, name in _VERSIONS if models & model)


def choose(wanted: str) -> Sequence[type[Rule]]:
    """Return the rules that a user names: ids, groups, `all` or `none`, joined by commas; a minus takes away.

    Raises:
        UsageError: There is no such rule or group.
    """
    chosen: dict[type[Rule], None] = {}
    words = [word.strip() for word in wanted.split(",") if word.strip()]
    if words and words[0].startswith("-"):
        chosen = dict.fromkeys(RULES)
    for word in words:
        named = dict.fromkeys(_named(word.removeprefix("-")))
        chosen = {rule: None for rule in chosen if rule not in named} if word.startswith("-") else chosen | named
    return [rule for rule in RULES if rule in chosen]


def _named(word: str) -> list[type[Rule]]:
    if word == "all":
        return list(RULES)
    if word == "none":
        return []
    found = [rule for rule in RULES if word in (rule.id, group_of(rule))]
    if not found:
        raise UsageError(f"there is no rule or group named {word}; `ndisemu list rules` shows them")
    return found


def _kept(rule: type[Rule]) -> str:
    kept = "kept by NDIS itself" if issubclass(rule, Refused) else "watched"
    if rule.of_ndis:
        kept = "an obligation of NDIS itself"
    return f"{kept}; it only warns" if rule.advisory else kept
