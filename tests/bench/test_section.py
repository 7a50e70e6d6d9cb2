"""The one form of what benchmarks find."""

import pytest

from ndisemu.bench.section import Column, Target, Value


@pytest.mark.parametrize(
    ("reached", "at_most", "holds"), [(99, False, False), (100, False, True), (100, True, True), (101, True, False)]
)
def test_a_target_holds_when_the_limit_is_reached_or_not_exceeded(reached: int, at_most: bool, holds: bool) -> None:
    assert Target("frames", "frames per CPU second", 100, reached, at_most=at_most).holds is holds


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        (Target("", "frames/CPU s", 250_000, 250_000), ("250 000", "at least 250 000 frames/CPU s", "reached")),
        (Target("", "%", 95, 94.96), ("94.96", "at least 95 %", "MISSED")),
        (Target("", "%", 1, 0.25, at_most=True), ("0.25", "at most 1 %", "reached")),
        (Target("", "MB", 10, 12_345.6, at_most=True), ("12 346", "at most 10 MB", "MISSED")),
    ],
)
def test_a_target_has_the_figure_beside_it(target: Target, shown: tuple[str, str, str]) -> None:
    """What was reached, what was promised, and the verdict."""
    assert target.show() == shown


@pytest.mark.parametrize(
    ("form", "value", "shown"),
    [
        ("", 64, "64"),
        (",d", 1_234_567, "1 234 567"),
        (".1%", 0.123, "12.3%"),
        (",.1f", 1234.56, "1 234.6"),
        ("", "r, s", "r, s"),
        (",d", "n/a", "n/a"),
        (".1%", None, ""),
    ],
)
def test_a_column_shows_numbers_in_its_form_and_words_as_they_are(form: str, value: Value, shown: str) -> None:
    """Thousands are apart by a space, and None is nothing."""
    assert Column("key", "heading", form).show(value) == shown
