"""Every rule has a driver that breaks it and no other, and a mended twin that breaks none."""

import pytest

from ndisemu.drivers.faulty import PAIRS, Pair
from ndisemu.verifier import RULES, by_id
from tests.verifier.exercises import found_of


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_the_wrong_driver_breaks_its_rule_and_what_that_implies_and_no_other(pair: Pair) -> None:
    assert {rule for rule, _ in found_of(pair, pair.wrong)} == {pair.rule, *pair.implies}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_the_mended_twin_breaks_none(pair: Pair) -> None:
    assert found_of(pair, pair.right) == []


def test_every_rule_that_a_driver_can_break_has_a_pair_and_every_pair_a_rule() -> None:
    assert sorted(PAIRS) == sorted(rule.id for rule in RULES if not rule.of_ndis)


def test_no_rule_is_there_twice() -> None:
    assert len(by_id()) == len(RULES)
