"""Mode `send` and its targets."""

import pytest

from ndisemu.bench import Load, Options
from ndisemu.bench.options import Build, Driver
from ndisemu.bench.send import send, targets
from tests.bench.conftest import figure


def test_the_section_has_rows_chart_targets_and_conditions() -> None:
    """A small measurement of two drivers has everything that is shown of a large one."""
    told: list[tuple[int, int]] = []
    options = Options(
        sizes=(64,), bursts=(1, 64), drivers=("ring", "ring6"), runs=1, frames=70,
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    found = send(options)
    assert found.name == "send"
    assert [(row["burst"], row["driver"]) for row in found.rows] == [
        (1, "ring"), (1, "ring6"), (64, "ring"), (64, "ring6"),
    ]  # fmt: skip
    assert all(row["frames_compared"] == 70 for row in found.rows)
    assert list(found.charts[0].lines) == ["ring, 64 B", "ring6, 64 B"]
    assert [target.limit for target in found.targets] == [100_000, 500_000, 95]
    assert any("the ring or ring6 miniport" in note for note in found.notes)
    assert told[-1] == (4, 4)


@pytest.mark.parametrize(
    ("size", "burst", "build", "limits"),
    [
        (64, 64, "free", [500_000]),
        (1500, 64, "free", [380_000]),
        (64, 8, "free", [240_000]),
        (64, 1, "free", [100_000]),
        (1500, 1, "free", []),
        (65, 64, "free", []),
        (64, 64, "checked", []),
    ],
)
def test_only_what_was_promised_has_a_target(size: int, burst: int, build: Build, limits: list[int]) -> None:
    """Targets are those of the free build, for the sizes and bursts that have one."""
    found = targets([figure(Load(size, burst, 10, build), 1000)])
    assert [(target.limit, target.reached) for target in found] == [(limit, 1000) for limit in limits]


@pytest.mark.parametrize(("rate", "holds"), [(95_000, True), (94_900, False)])
@pytest.mark.parametrize(("driver", "words"), [("ring6", "lists of one frame"), ("ring6-lists", "a burst in one list")])
def test_ring6_is_measured_by_ring(driver: Driver, words: str, rate: int, holds: bool) -> None:
    """In large bursts it reaches its share of the other, or it does not, in whatever lists it is given them."""
    beside = [figure(Load(100, 64, 10**9), 100_000), figure(Load(100, 64, 10**9, driver=driver), rate)]
    (target,) = targets(beside)
    assert (target.what, target.unit, target.limit) == (f"ring6 beside ring, 100 B, burst 64, {words}", "%", 95)
    assert target.holds == holds
    assert targets(beside[1:]) == ()
