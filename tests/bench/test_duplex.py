"""Full duplex in modelled time: the claim of the documents, and where it ends."""

from dataclasses import replace

import pytest

from ndisemu.bench import Options, duplex as module
from ndisemu.bench.duplex import LOADS, SERIALIZED, Comparison, compare, duplex, shares, variations
from ndisemu.bench.modelled import Setup
from ndisemu.units import MILLISECOND


def full(cpus: int, offered: int = LOADS[-1]) -> Comparison:
    """Compare the drivers for a moment."""
    return compare(Setup(SERIALIZED, cpus, offered, duration=MILLISECOND))


def test_on_one_cpu_there_is_no_gain() -> None:
    """The same style of driver carries as much serialized or not, and nobody waits for a lock."""
    found = full(1)
    assert found.gain("ring-explicit") == pytest.approx(1, abs=0.05)
    assert all(outcome.waiting == (0,) for outcome in found.outcomes.values())


def test_on_two_cpus_the_deserialized_driver_gains() -> None:
    """By half at least: the serialized one's CPUs wait for each other, its own do not."""
    found = full(2)
    assert found.gain("ring-explicit") > 1.5
    assert found.gain("ring") > 1.2
    assert min(found.outcomes[SERIALIZED].waiting) > 0.25
    assert max(found.outcomes["ring-explicit"].waiting) < 0.05


def test_more_cpus_do_not_help_a_serialized_driver() -> None:
    """Its lock is the limit; the coroutine style, which completes on the sending CPUs, goes on gaining."""
    two, four = full(2), full(4)
    assert four.outcomes[SERIALIZED].goodput < 1.3 * two.outcomes[SERIALIZED].goodput
    assert four.gain("ring") > 2


def test_below_the_limit_there_is_no_gain() -> None:
    """Both carry what is offered."""
    assert full(2, LOADS[0]).gain("ring") == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("what", "low", "high"),
    [
        ("costs x 1/4", 0.95, 1.05),
        ("costs x 4", 1.5, 2.5),
        ("frames of 1514 bytes", 0.95, 1.05),
        ("4000 ns more before each send", 0.95, 1.1),
        ("2000 ns a send, 100 % in the driver", 1.4, 2),
        ("2000 ns a send, 0 % in the driver", 1, 1.25),
    ],
)
def test_what_the_gain_depends_on(what: str, low: float, high: float) -> None:
    """It vanishes where the wire is the limit, and shrinks with the work that no lock covers."""
    setup = dict(variations())[what]
    assert low <= compare(replace(setup, duration=MILLISECOND)).gain("ring-explicit") <= high


def test_the_section_has_a_row_for_each_run_and_a_line_for_each_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every column is in every row, and the targets are those of the claim."""
    monkeypatch.setattr(module, "LOADS", (100_000, 1_000_000))
    monkeypatch.setattr(module, "CPUS", (1, 2))
    monkeypatch.setattr(module, "SLICE", MILLISECOND // 2)
    monkeypatch.setattr(module, "variations", lambda: [("as ever", Setup(SERIALIZED, duration=MILLISECOND // 2))])
    section = duplex(Options())
    assert section.name == "duplex"
    assert [row["what"] for row in section.rows] == ["load"] * 4 + ["as ever"]
    assert all(column.key in row for column in section.columns for row in section.rows)
    assert len(section.charts[0].lines) == 6
    assert [target.holds for target in section.targets] == [True, True]


def test_shares_are_per_cent_of_each_cpu() -> None:
    """In the order of the CPUs."""
    assert shares((0.421, 0.0, -0.0001)) == "42% 0% 0%"
