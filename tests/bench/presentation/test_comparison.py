"""A comparison on a terminal."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console

from ndisemu.bench.compare import compare
from ndisemu.bench.document import Document
from ndisemu.bench.presentation.comparison import show_comparison
from tests.bench.conftest import MACHINE, document, section


def shown(now: Document, before: Document) -> str:
    """Give what is printed, with single spaces."""
    out = StringIO()
    show_comparison(compare(now, before), Path("old.json"), Console(file=out, width=80))
    return "\n".join(" ".join(line.split()) for line in out.getvalue().splitlines())


def test_each_row_has_then_now_and_the_change() -> None:
    """What fell too far is flagged, and the sentence below counts it."""
    text = shown(document(section(800, 2100, 5)), document(section(1000, 2000)))
    assert "send, compared with old.json" in text
    assert "1 ring 1 000 800 -20.0% REGRESSION" in text
    assert "2 ring 2 000 2 100 +5.0%\n" in text
    assert "that the earlier result has not" in text
    assert "numbers of frames: 1\n" in text
    assert "1 rate fell by more than 10% on the same machine" in text


def test_without_a_regression_that_is_said() -> None:
    """And how the calibrating loop fared, too."""
    text = shown(document(calibration=11), document(calibration=10))
    assert "No rate fell by more than 10% on the same machine" in text
    assert "has changed by +10.0%" in text


def test_where_nothing_is_the_same_that_is_said() -> None:
    """And not that nothing fell."""
    text = shown(document(section(1)), document(section(1000, name="echo")))
    assert "Nothing could be compared" in text
    assert "No rate fell" not in text


def test_on_another_machine_nothing_is_flagged() -> None:
    """In what it differs is said instead."""
    text = shown(document(section(1)), document(section(1000), machine=replace(MACHINE, cores=64)))
    assert "REGRESSION" not in text
    assert "Another machine, so this only informs (cores: 64, now 2)" in text
