"""Every rule has a driver that breaks it and no other, and a mended twin that breaks none."""

from typing import Final

import pytest

from ndisemu.drivers.faulty import PAIRS, Pair
from ndisemu.verifier import RULES, by_id
from tests.verifier.exercises import found_of

# Who is found to break these, and why that is not the wrong driver.
OTHERS: Final = {
    "irql-callback-return": "a processor notes at which level code has left it, whose ever that was",
    "oid-failed": "it is the protocol that goes on without an answer",
    "irql-connection": "it is the client that asks at the level at which it is called",
    "st-deserialize-flag": "it is refused to whoever brings the driver, before there is an adapter",
    "co-deserialized": "it is refused to whoever brings the driver, before there is an adapter",
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_the_wrong_driver_breaks_its_rule_and_what_that_implies_and_no_other(pair: Pair) -> None:
    """And it is the driver that is named."""
    found = found_of(pair, pair.wrong)
    assert {rule for rule, _, _ in found} == {pair.rule, *pair.implies}
    named = {driver for rule, driver, _ in found if rule == pair.rule}
    assert pair.rule in OTHERS or all(pair.wrong.__qualname__ in driver for driver in named)


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_the_mended_twin_breaks_none(pair: Pair) -> None:
    assert found_of(pair, pair.right) == []


def test_every_rule_that_a_driver_can_break_has_a_pair_and_every_pair_a_rule() -> None:
    assert sorted(PAIRS) == sorted(rule.id for rule in RULES if not rule.of_ndis)


def test_no_rule_is_there_twice() -> None:
    assert len(by_id()) == len(RULES)
