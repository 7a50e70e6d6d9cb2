"""Every name of a rule that the project's code speaks is the name of a rule, and every rule says what it is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from ndisemu.verifier import RULES, Rule, by_id, entries
from ndisemu.verifier.catalogue import group_of
from ndisemu.verifier.rule import Moment

ROOT: Final = Path(__file__).parents[2] / "ndisemu"
# The rules that were found in the documents and in Microsoft's verifiers, one to a line.
FOUND: Final = Path(__file__).parent / "rules.txt"

# Calls whose first words are the name of a rule; `fail` and `driver` are words of other things.
SPEAKERS: Final = {"RuleViolation": 0, "DmaViolation": 0, "refusal": 0, "report": 0, "stop": 0}
NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def spoken(path: Path) -> Iterator[tuple[int, str]]:
    """Give the line and every name of a rule that a module speaks."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        first = node.args[0]
        if called not in SPEAKERS:
            continue
        for part in ast.walk(first):
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and NAME.fullmatch(part.value):
                yield node.lineno, part.value


def test_every_name_of_a_rule_is_a_rule() -> None:
    """A finding can be explained, whoever reports it."""
    unknown = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted(ROOT.rglob("*.py"))
        for line, name in spoken(path)
        if name not in by_id()
    ]
    assert unknown == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_what_must_hold_why_for_whom_and_where_it_is_written(rule: type[Rule]) -> None:
    """In sentences that are its own, each with its end."""
    assert NAME.fullmatch(rule.id)
    assert rule.says().endswith(".")
    assert rule.why.endswith(".")
    assert rule.source
    assert rule.models
    assert rule.why not in rule.says()


def test_no_two_rules_say_the_same() -> None:
    """A rule that says what another says is the same rule."""
    said = [rule.says() for rule in RULES]
    assert len(dict.fromkeys(said)) == len(said)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_that_watches_is_told_of_routines_by_name(rule: type[Rule]) -> None:
    """One that is told of everything would cost every call."""
    for method, moment, names in rule.interests():
        assert callable(getattr(rule, method))
        assert names or moment in {Moment.QUIET, Moment.HALTED, Moment.WIRE, Moment.PLACED}
        assert "*" not in names


def test_the_catalogue_has_every_rule_once_with_its_standing() -> None:
    """What is not checked says why, in a sentence of its own."""
    names = [entry.id for entry in entries()]
    assert len(dict.fromkeys(names)) == len(names)
    assert [entry.id for entry in entries() if entry.status != "checked" and len(entry.reason) < 15] == []
    assert {entry.status for entry in entries()} <= {"checked", "needs-exploration", "not-applicable", "missing"}
    assert {group_of(rule) for rule in RULES} <= {entry.group for entry in entries()}


def test_no_rule_that_was_found_has_been_lost() -> None:
    """Each is checked, or the catalogue says why it is not."""
    known = {entry.id for entry in entries()}
    assert [name for name in FOUND.read_text(encoding="utf-8").split() if name not in known] == []
