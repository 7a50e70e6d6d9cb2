"""Claims about which way is faster, and the verdict on them."""

from pathlib import Path
from re import findall
from typing import Final

import pytest

from benchmarks.micro.catalogue import claims
from ndisemu.bench import Claim, Comparison, report
from ndisemu.bench.claim import SAMPLE, Way, judge

ROOT: Final = Path(__file__).parents[2]
CLAIMS: Final = claims()
COMPARISONS: Final = [comparison for claim in CLAIMS for comparison in claim.comparisons]


class Clock:
    """A clock that only ways move."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now

    def way(self, cost: int) -> Way:
        """Make a way that takes `cost` ns each time."""

        def way(count: int) -> None:
            self.now += count * cost

        return way

    def compare(self, fast: int, slow: int, factor: float) -> Comparison:
        """Make a comparison of two such ways."""
        return Comparison("a thing done", ("short", self.way(fast)), ("a long one", self.way(slow)), factor)


@pytest.mark.parametrize(
    ("fast", "slow", "factor", "holds"),
    [(100, 200, 2, True), (100, 199, 2, False), (100, 200, 1.5, True), (100, 85, 1, True), (100, 75, 1, False)],
)
def test_a_claim_holds_when_the_ratio_is_as_large_as_claimed(
    fast: int, slow: int, factor: float, *, holds: bool
) -> None:
    """A factor must be reached; "about as fast" admits a fifth less."""
    clock = Clock()
    verdict = judge(clock.compare(fast, slow, factor), clock)
    assert (verdict.fast_ns, verdict.slow_ns) == (fast, slow)
    assert verdict.ratio == pytest.approx(slow / fast)
    assert verdict.holds is holds


def test_a_sample_is_long_enough_to_be_measured() -> None:
    """Both ways are repeated until a sample lasts, however short one time is."""
    clock = Clock()
    counts: list[int] = []

    def way(count: int) -> None:
        counts.append(count)
        clock.now += count * 3

    judge(Comparison("a thing done", ("a", way), ("b", clock.way(1000)), 1), clock)
    assert counts[-1] * 3 >= SAMPLE


def test_a_report_has_claim_figures_and_verdict() -> None:
    """A report can be read without the program: the claim, where it stands, each way's cost, the ratio, the end."""
    clock = Clock()
    claim = Claim("Short is better", "ndisemu/x.py", (clock.compare(100, 300, 2), clock.compare(100, 100, 1)))
    assert report(claim, clock).splitlines() == [
        "Short is better (ndisemu/x.py)",
        "  a thing done: 3.00 times as fast, claimed 2: holds",
        "    short           100.0 ns",
        "    a long one      300.0 ns",
        "  a thing done: 1.00 times as fast, claimed about as fast: holds",
        "    short           100.0 ns",
        "    a long one      100.0 ns",
        "  The claim holds",
    ]


def test_a_claim_falls_with_one_of_its_comparisons() -> None:
    """Every comparison must hold."""
    clock = Clock()
    claim = Claim("Short is better", "x.py", (clock.compare(100, 300, 2), clock.compare(100, 150, 2)))
    assert report(claim, clock).splitlines()[-1] == "  The claim DOES NOT HOLD"


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda comparison: comparison.what)
def test_both_ways_of_a_claim_run(comparison: Comparison) -> None:
    """The ways that the micro benchmarks compare do something, any number of times."""
    ran = []
    for count in (0, 1, 50):
        comparison.fast[1](count)
        comparison.slow[1](count)
        ran.append(count)
    assert ran == [0, 1, 50]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.stands_in)
def test_a_claim_names_a_place_in_the_code(claim: Claim) -> None:
    """What a claim says of its place is true: the file is there."""
    assert (ROOT / claim.stands_in).is_file()


def test_every_file_of_claims_is_in_the_catalogue() -> None:
    """One claim per file, and none forgotten."""
    files = (ROOT / "benchmarks" / "micro").glob("*.py")
    assert len([path for path in files if "def claim()" in path.read_text(encoding="utf-8")]) == len(CLAIMS)


def test_every_benchmark_that_the_code_cites_is_there() -> None:
    """A comment that names a benchmark names one that exists."""
    cited = [
        (source.name, name)
        for source in sorted((ROOT / "ndisemu").rglob("*.py"))
        for name in findall(r"benchmarks/[\w/]+\.py", source.read_text(encoding="utf-8"))
    ]
    assert cited
    assert [(source, name) for source, name in cited if not (ROOT / name).is_file()] == []
