"""From each sentence of the original documents to what shows it: nothing is named that is not there."""

import ast
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.seeds.statements import STATEMENTS, Statement

ROOT: Final = Path(__file__).parents[2]
SCENARIOS: Final = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "scenarios" / "seeds").glob("*.yaml"))


@cache
def functions_in(path: str) -> frozenset[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("statement", STATEMENTS, ids=str)
def test_every_statement_is_shown_by_what_is_there(statement: Statement) -> None:
    """Each sentence has a test or a scenario, and each that is named exists."""
    assert statement.shown_by
    for shown_by in statement.shown_by:
        path, _, name = shown_by.partition("::")
        assert (ROOT / path).is_file(), shown_by
        assert not name or name in functions_in(path), shown_by


def test_every_document_is_there() -> None:
    """Four documents, in order, and no sentence twice."""
    assert [*dict.fromkeys(statement.document for statement in STATEMENTS)] == ["000", "001", "002", "003"]
    assert len({statement.sentence for statement in STATEMENTS}) == len(STATEMENTS)


@pytest.mark.parametrize("path", SCENARIOS)
def test_every_scenario_shows_a_statement_of_its_document(path: str) -> None:
    """A scenario bears the number of a document, and is named for a sentence of that one."""
    document = Path(path).name.partition("-")[0]
    assert document in {statement.document for statement in STATEMENTS if path in statement.shown_by}
