"""Repeated runs, condensed to a median and a spread.

Machines drift: they get warm, and others use them. So the cases take turns,
one run each per round, and every other round goes through them backwards; a
drift then reaches all of them alike. A short warm-up of each comes before.
Python's garbage is collected before each run and the collector stays on, as
it is for users. A fixed loop in plain Python, timed now and then, lets
figures of different machines be compared by ratio.
"""

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median, quantiles
from time import process_time_ns
from typing import Final, TypeVar

from ndisemu.bench.options import Progress
from ndisemu.bench.passage import Load, Passage, Rig
from ndisemu.units import SECOND

CALIBRATION_STEPS: Final = 200_000
WARM_UP_FRAMES: Final = 4096

Case = TypeVar("Case")
Run = TypeVar("Run")


@dataclass(frozen=True, slots=True)
class Figure:
    """One load and its runs."""

    load: Load
    passages: tuple[Passage, ...]

    @property
    def rates(self) -> list[int]:
        """Frames per CPU second, run by run."""
        return [passage.rate for passage in self.passages]

    @property
    def rate(self) -> int:
        """The median of the rates."""
        return int(median(self.rates))

    @property
    def byte_rate(self) -> int:
        """Bytes per CPU second, as given to NDIS."""
        return self.rate * self.load.size

    @property
    def event_rate(self) -> int:
        """The median of kernel events per CPU second."""
        return int(median(passage.event_rate for passage in self.passages))

    @property
    def spread(self) -> float:
        """How far the runs lie apart: (highest - lowest) / median."""
        return spread(self.rates)

    @property
    def rig(self) -> Rig:
        """What the frames went over."""
        return self.passages[0].rig

    def beside(self, other: "Figure") -> float:
        """The median of what each run reached of the other's run beside it; both were measured together."""
        return median(mine / max(their, 1) for mine, their in zip(self.rates, other.rates, strict=True))


def measure(
    loads: Sequence[Load], runs: int, once: Callable[[Load], Passage], progress: Progress | None = None
) -> list[Figure]:
    """Run each load `runs` times, in turn, after a short warm-up."""
    for load in loads:
        once(replace(load, frames=min(load.frames, WARM_UP_FRAMES)))
    taken = in_turn(loads, runs, once, progress)
    return [Figure(load, passages) for load, passages in zip(loads, taken, strict=True)]


def in_turn(
    cases: Sequence[Case], runs: int, once: Callable[[Case], Run], progress: Progress | None = None
) -> list[tuple[Run, ...]]:
    """Run each case `runs` times, there and back again; `progress` is told how many of all runs are done."""
    taken: list[list[Run]] = [[] for _ in cases]
    places = list(range(len(cases)))
    done = 0
    for _ in range(runs):
        for place in places:
            gc.collect()
            taken[place].append(once(cases[place]))
            done += 1
            if progress is not None:
                progress(done, runs * len(cases))
        places.reverse()
    return [tuple(each) for each in taken]


def spread(figures: Sequence[float]) -> float:
    """Return how far figures of one case lie apart: (highest - lowest) / median."""
    return (max(figures) - min(figures)) / max(median(figures), 1)


def percentile(latencies: Sequence[int], permille: int) -> int:
    """Return the latency that so many thousandths do not exceed, between the two that come nearest; 0 if there are none."""
    if len(latencies) < 2:
        return latencies[0] if latencies else 0
    return round(quantiles(latencies, n=1000, method="inclusive")[permille - 1])


def calibrate() -> int:
    """Return how many steps of a fixed loop this machine and this Python do per CPU second."""
    table = dict.fromkeys(range(64), 0)
    started = process_time_ns()
    for step in range(CALIBRATION_STEPS):
        table[step & 63] += step
    return CALIBRATION_STEPS * SECOND // max(process_time_ns() - started, 1)
