"""A document beside an earlier one."""

from dataclasses import replace

import pytest

from ndisemu.bench.compare import compare
from ndisemu.bench.section import Value
from tests.bench.conftest import MACHINE, document, section


@pytest.mark.parametrize(
    ("before", "after", "fell"), [(1000, 900, False), (1000, 899, True), (1000, 5000, False), (1, 1, False)]
)
def test_a_rate_regresses_when_it_falls_by_more_than_a_tenth(before: int, after: int, fell: bool) -> None:
    """A tenth is tolerated, a gain is no regression."""
    compared = compare(document(section(after)), document(section(before)))
    (change,) = compared.changes["send"]
    assert (change.before, change.after, change.fell) == (before, after, fell)
    assert compared.regressions == fell


def test_rows_are_matched_by_their_case() -> None:
    """Order and number of rows do not matter; what has no counterpart is counted."""
    now, before = section(100, 200, 300), section(1000, 220)
    compared = compare(document(replace(now, rows=now.rows[::-1])), document(before))
    assert [(dict(change.case)["burst"], change.ratio) for change in compared.changes["send"]] == [
        ("2", pytest.approx(-1 / 11)), ("1", -0.9),
    ]  # fmt: skip
    assert (compared.unmatched, compared.regressions) == (1, 1)


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), 0.5, "fast", None, 0, -5])
def test_what_is_no_rate_is_compared_with_nothing(rate: Value) -> None:
    """A document may have been edited; its rows are as good as absent."""
    before = section(1000, 200)
    before = replace(before, rows=({**before.rows[0], "rate": rate}, before.rows[1]))
    compared = compare(document(section(100, 200)), document(before))
    assert [change.before for change in compared.changes["send"]] == [200]
    assert (compared.unmatched, compared.regressions) == (1, 0)


def test_columns_of_another_document_are_not_used() -> None:
    """What an earlier row is, and how it is shown, is said by the columns of now."""
    before = section(1000)
    odd = replace(before, columns=tuple(replace(column, form="zzz", role="figure") for column in before.columns))
    compared = compare(document(section(100)), document(odd))
    assert [change.column.show(change.before) for change in compared.changes["send"]] == ["1 000"]


def test_runs_of_other_lengths_are_not_compared() -> None:
    """What is there once in a run weighs more in a short one, which tells nothing of the program."""
    long = section(1000)
    short = replace(long, rows=tuple({**row, "rate": 500, "frames": 100} for row in long.rows))
    compared = compare(document(short), document(long))
    assert (compared.changes, compared.unmatched, compared.regressions) == ({}, 1, 0)


def test_sections_are_matched_by_their_name() -> None:
    """A mode that was not measured then has nothing to be compared with."""
    compared = compare(document(section(1, 2, name="echo")), document(section(1)))
    assert (compared.changes, compared.unmatched) == ({}, 2)


def test_a_section_without_rates_is_not_compared() -> None:
    """What is the same in every run needs no comparison."""
    still = section(1, 2)
    still = replace(still, columns=tuple(replace(column, role="figure") for column in still.columns))
    compared = compare(document(still), document(section(5, 6)))
    assert (compared.changes, compared.unmatched, compared.regressions) == ({}, 0, 0)


def test_another_machine_only_informs() -> None:
    """However far a rate has fallen, it is no regression there."""
    other = replace(MACHINE, cpu="Faster")
    compared = compare(document(section(1)), document(section(1000), machine=other))
    assert compared.changes["send"][0].fell
    assert compared.regressions == 0
    assert compared.differences == ("CPU: Faster, now Some CPU <tm>",)


def test_the_calibration_is_told_and_scales_nothing() -> None:
    """A slower loop explains a slower rate and does not excuse it."""
    compared = compare(document(section(500), calibration=6), document(section(1000), calibration=12))
    assert compared.calibration == -0.5
    assert compared.regressions == 1
