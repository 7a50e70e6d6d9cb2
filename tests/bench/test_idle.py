"""Claims about the count of what idle NICs cost: it is the same every time, and only what they cause is theirs."""

from collections.abc import Mapping
from typing import Final

from ndisemu.bench.idle import idle
from ndisemu.bench.options import Options
from ndisemu.bench.section import Value


def number(row: Mapping[str, Value], key: str) -> int:
    """Return a whole number of a row."""
    value = row[key]
    assert isinstance(value, int)
    return value


# Calls by which two equal runs may differ: what Python looks up once and keeps for a while.
FEW: Final = 100


def test_equal_runs_take_equal_calls() -> None:
    """Without any idle NIC twice, hardly anything is added; events and virtual time do not depend on others at all."""
    section = idle(Options(), numbers=(0, 2, 0), frames=64)
    assert [row["idle"] for row in section.rows] == [0, 2, 0]
    assert len({(row["events"], row["virtual_ns"]) for row in section.rows}) == 1
    assert abs(number(section.rows[2], "calls") - number(section.rows[0], "calls")) < FEW
    assert {column.key for column in section.columns} <= section.rows[0].keys()


def test_idle_nics_cost_nothing_for_each_frame() -> None:
    """Before the first hang check they add few calls, although the busy hosts take thousands."""
    before, after = idle(Options(), numbers=(0, 4), frames=256).rows
    assert (before["calls_per_check"], after["calls_per_check"]) == (None, None)
    assert abs(number(after, "calls") - number(before, "calls")) < 2 * FEW < number(before, "calls") / 50


def test_the_target_is_that_of_the_largest_number() -> None:
    """It is told as a share of what the busy hosts take, in percent."""
    section = idle(Options(), numbers=(0, 2, 4), frames=64)
    assert [(target.limit, target.at_most, target.reached) for target in section.targets] == [
        (1.0, True, section.rows[2]["added_percent"])
    ]
