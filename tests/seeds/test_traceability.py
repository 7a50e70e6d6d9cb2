"""From each sentence of the original documents to what shows it: nothing is named that is not there."""

from pathlib import Path
from typing import Final

import pytest

from tests.seeds.evidence import ROOT, missing
from tests.seeds.statements import STATEMENTS, Statement

SCENARIOS: Final = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "scenarios" / "seeds").glob("*.yaml"))


@pytest.mark.parametrize("statement", STATEMENTS, ids=str)
def test_every_statement_is_shown_by_what_is_there(statement: Statement) -> None:
    """Each sentence has a test or a scenario, or is an error of its document; and each that is named exists."""
    assert bool(statement.shown_by) is not bool(statement.erratum)
    assert missing(statement.shown_by) == []


def test_every_document_is_there() -> None:
    """Four documents, in order, and no sentence twice."""
    assert [*dict.fromkeys(statement.document for statement in STATEMENTS)] == ["000", "001", "002", "003"]
    assert len({statement.sentence for statement in STATEMENTS}) == len(STATEMENTS)


@pytest.mark.parametrize("path", SCENARIOS)
def test_every_scenario_shows_a_statement_of_its_document(path: str) -> None:
    """A scenario bears the number of a document, and is named for a sentence of that one."""
    document = Path(path).name.partition("-")[0]
    assert document in {statement.document for statement in STATEMENTS if path in statement.shown_by}
