"""Claims of the kind "this way is so many times as fast as that one", put to the test.

A comment in the code that justifies an optimisation names the benchmark that
holds its claim. Both ways do the same thing a given number of times; they
are timed in turn, in CPU time, the cost of the empty loop is taken off, and
the medians are compared.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import process_time_ns
from typing import Final

from ndisemu.units import MILLISECOND

# How long one sample takes at least, and how many there are of each way.
SAMPLE: Final = 10 * MILLISECOND
SAMPLES: Final = 7
# A way is about as fast as another if it is at least this many times as fast.
EQUAL: Final = 0.8

Way = Callable[[int], None]
"""Does something as often as it is told."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is done, the way that is claimed to be `factor` times as fast, and the way it is compared with.

    A factor of 1 claims that it is about as fast.
    """

    what: str
    fast: tuple[str, Way]
    slow: tuple[str, Way]
    factor: float

    @property
    def promise(self) -> str:
        """The factor in words."""
        return f"claimed {self.factor:g}" if self.factor > 1 else "claimed about as fast"


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence, where in the code it stands, and the comparisons that must all hold for it to be true."""

    text: str
    stands_in: str
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Both ways' cost in nanoseconds."""

    comparison: Comparison
    fast_ns: float
    slow_ns: float

    @property
    def ratio(self) -> float:
        """How many times as fast the fast way is."""
        return self.slow_ns / self.fast_ns

    @property
    def holds(self) -> bool:
        """Whether that is as much as was claimed."""
        factor = self.comparison.factor
        return self.ratio >= (factor if factor > 1 else EQUAL)


def judge(comparison: Comparison, clock: Callable[[], int] = process_time_ns) -> Verdict:
    """Time both ways in turn, on `clock` (ns)."""
    fast_way, slow_way = comparison.fast[1], comparison.slow[1]
    often, less_often = _enough(fast_way, clock), _enough(slow_way, clock)
    ways = ((_nothing, often), (fast_way, often), (slow_way, less_often))
    costs: tuple[list[float], ...] = ([], [], [])
    for _ in range(SAMPLES):
        for (way, count), taken in zip(ways, costs, strict=True):
            taken.append(_sample(way, count, clock) / count)
    loop, fast, slow = map(median, costs)
    # A cost that the loop's own noise hides is a hundredth of a nanosecond, not nothing or less.
    return Verdict(comparison, max(fast - loop, 0.01), max(slow - loop, 0.01))


def report(claim: Claim, clock: Callable[[], int] = process_time_ns) -> str:
    """Test a claim; returns it with its figures and whether it holds."""
    lines = [f"{claim.text} ({claim.stands_in})"]
    verdicts = [judge(comparison, clock) for comparison in claim.comparisons]
    width = max(len(way[0]) for verdict in verdicts for way in (verdict.comparison.fast, verdict.comparison.slow))
    for verdict in verdicts:
        comparison = verdict.comparison
        lines += [
            f"  {comparison.what}: {verdict.ratio:.2f} times as fast, {comparison.promise}: {_in_words(verdict.holds)}",
            f"    {comparison.fast[0]:{width}} {verdict.fast_ns:10.1f} ns",
            f"    {comparison.slow[0]:{width}} {verdict.slow_ns:10.1f} ns",
        ]
    lines.append(f"  The claim {_in_words(all(verdict.holds for verdict in verdicts))}")
    return "\n".join(lines)


def _in_words(holds: object) -> str:
    return "holds" if holds else "DOES NOT HOLD"


def _nothing(count: int) -> None:
    """Run the loop that every way has."""
    for _ in range(count):
        pass


def _enough(way: Way, clock: Callable[[], int]) -> int:
    """Return how often `way` must be repeated for a sample; this warms it up, too."""
    count = 64
    while _sample(way, count, clock) < SAMPLE:
        count *= 2
    return count


def _sample(way: Way, count: int, clock: Callable[[], int]) -> int:
    started = clock()
    way(count)
    return clock() - started
