"""The one form of what benchmarks find."""

import pytest

from ndisemu.bench.section import Target


@pytest.mark.parametrize(
    ("reached", "at_most", "holds"), [(99, False, False), (100, False, True), (100, True, True), (101, True, False)]
)
def test_a_target_holds_when_the_limit_is_reached_or_not_exceeded(reached: int, at_most: bool, holds: bool) -> None:
    assert Target("frames", "frames per CPU second", 100, reached, at_most=at_most).holds is holds
