"""Rows as a table: every word is there, whatever its length, and nothing is taken for markup."""

import io

import pytest

from ndisemu.observe.listing import show


def shown(rows: list[dict[str, str]]) -> list[str]:
    """Draw rows without a terminal; spaces at the ends of lines say nothing."""
    file = io.StringIO()
    show(rows, file)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_rows_stand_below_their_headings() -> None:
    """A heading, a rule, and a line for each row, word for word."""
    assert shown([{"name": "ring", "what": "one"}, {"name": "[bold]x[/]", "what": "two"}]) == [
        " name         what",
        "───────────────────",
        " ring         one",
        " [bold]x[/]   two",
    ]


def test_the_last_column_is_folded_and_names_are_not() -> None:
    """What is said of a name may take several lines; 80 columns are enough for all of them."""
    lines = shown([{"name": "n" * 40, "what": "many words " * 20 + "x" * 90}])
    assert "n" * 40 in lines[2]
    assert "".join(lines).count("words") == 20
    assert "".join(lines).count("x") == 90
    assert max(map(len, lines)) <= 80


def test_no_column_is_left_out() -> None:
    """Of many columns the last two are folded, however narrow that makes them, so that all of them are there."""
    lines = shown([{"time": "t" * 12, "call": "c" * 34, "by": "b" * 30, "then": "e" * 30}])
    assert lines[0].split() == ["time", "call", "by", "then"]
    assert "c" * 34 in lines[2]
    assert "".join(lines[2:]).count("b") == "".join(lines[2:]).count("e") == 30
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("rows", [[], [{"name": ""}]])
def test_no_rows_are_an_empty_table(rows: list[dict[str, str]]) -> None:
    """Nothing to list is no mistake."""
    assert "".join(shown(rows)).strip(" ─") in {"", "name"}
