"""Repeated passages, condensed to a median and a spread.

Machines drift: they get warm, and others use them. So the loads take turns,
one run each per round, and every other round goes through them backwards; a
drift then reaches all of them alike. A short warm-up of each comes before.
Python's garbage is collected before each run and the collector stays on, as
it is for users. A fixed loop in plain Python is timed in every round, so
that figures of different machines can be compared by ratio.
"""

import gc
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from time import process_time_ns
from typing import Final, TypedDict

from ndisemu.bench.path import Load, Passage, Rig, send_through

CALIBRATION_STEPS: Final = 200_000
WARM_UP_FRAMES: Final = 4096
# Frames per CPU second that `ring` should reach in the free build, by size and burst.
TARGETS: Final[Mapping[tuple[int, int], int]] = {
    (64, 1): 60_000,
    (1500, 1): 60_000,
    (64, 64): 250_000,
    (1500, 64): 180_000,
}


class Row(TypedDict):
    """One figure as JSON has it; `spread` is (highest - lowest) / median, `target` null where there is none."""

    size: int
    burst: int
    build: str
    driver: str
    frames_per_cpu_s: int
    spread: float
    target: int | None
    frames: int
    runs: int
    runs_frames_per_cpu_s: list[int]
    frames_compared: int
    events: int
    window: int
    tx_ring: int
    rx_ring: int
    calibration_steps_per_cpu_s: int
    python: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One load and its runs; `calibration` is in steps per CPU second."""

    load: Load
    passages: tuple[Passage, ...]
    calibration: int

    @property
    def rates(self) -> list[int]:
        """Frames per CPU second, run by run."""
        return [passage.rate for passage in self.passages]

    @property
    def rate(self) -> int:
        """The median of the rates."""
        return int(median(self.rates))

    @property
    def spread(self) -> float:
        """How far the runs lie apart: (highest - lowest) / median."""
        rates = self.rates
        return (max(rates) - min(rates)) / max(self.rate, 1)

    def beside(self, other: "Figure") -> float:
        """The median of what each run reached of the other's run beside it; both were measured together."""
        return median(mine / their for mine, their in zip(self.rates, other.rates, strict=True))

    @property
    def target(self) -> int | None:
        """What the rate should be at least; None where nothing was promised."""
        promised = self.load.build == "free" and self.load.driver == "ring"
        return TARGETS.get((self.load.size, self.load.burst)) if promised else None

    @property
    def rig(self) -> Rig:
        """What the frames went over."""
        return self.passages[0].rig

    def row(self) -> Row:
        """Return the figure as a JSON object."""
        return Row(
            size=self.load.size,
            burst=self.load.burst,
            build=self.load.build,
            driver=self.load.driver,
            frames_per_cpu_s=self.rate,
            spread=round(self.spread, 4),
            target=self.target,
            frames=self.load.frames,
            runs=len(self.passages),
            runs_frames_per_cpu_s=self.rates,
            frames_compared=sum(passage.compared for passage in self.passages),
            events=sum(passage.events for passage in self.passages),
            window=self.rig.window,
            tx_ring=self.rig.tx_ring,
            rx_ring=self.rig.rx_ring,
            calibration_steps_per_cpu_s=self.calibration,
            python=platform.python_version(),
        )


def measure(
    loads: Sequence[Load],
    runs: int,
    *,
    once: Callable[[Load], Passage] = send_through,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Run each load `runs` times, in turn; `progress` is told how many of all runs are done."""
    for load in loads:
        once(replace(load, frames=min(load.frames, WARM_UP_FRAMES)))
    passages: list[list[Passage]] = [[] for _ in loads]
    calibrations = []
    places = list(range(len(loads)))
    done = 0
    for _ in range(runs):
        calibrations.append(calibrate())
        for place in places:
            gc.collect()
            passages[place].append(once(loads[place]))
            done += 1
            if progress is not None:
                progress(done, runs * len(loads))
        places.reverse()
    calibration = int(median(calibrations))
    return [Figure(load, tuple(taken), calibration) for load, taken in zip(loads, passages, strict=True)]


def calibrate() -> int:
    """Return how many steps of a fixed loop this machine and this Python do per CPU second."""
    table = dict.fromkeys(range(64), 0)
    started = process_time_ns()
    for step in range(CALIBRATION_STEPS):
        table[step & 63] += step
    return CALIBRATION_STEPS * 1_000_000_000 // max(process_time_ns() - started, 1)
