"""Mode `verifier`: what the checked build costs beside the free one, and what the verifier costs where it is not used.

The same loads run in turn in both builds. What a free build pays for the
verifier's being there is counted, not timed: calls of its functions among
all calls of a run.
"""

from collections.abc import Mapping, Sequence
from cProfile import Profile
from dataclasses import replace
from types import CodeType
from typing import Final

from ndisemu.bench.conditions import conditions, drivers_named
from ndisemu.bench.measure import Figure, measure
from ndisemu.bench.options import Options
from ndisemu.bench.passage import Load
from ndisemu.bench.path import send_through
from ndisemu.bench.rates import loads
from ndisemu.bench.section import Column, Section, Target, Value

LEAST_SHARE: Final = 40
SHARED_BURST: Final = 64
MOST_PERCENT: Final = 2.0
COUNTED_FRAMES: Final = 4096
_VERIFIER: Final = "verifier"

PATH: Final = (
    "Path: the {drivers} miniport on the 82540EM, whole, one way; checked: every rule but those that watch single "
    "fields, and the whole history of every packet and list"
)


def verifying(options: Options) -> Section:
    """Measure the checked build beside the free one, and count what the free one pays."""
    free = [replace(load, build="free") for load in loads(options)]
    cases = [case for load in free for case in (load, replace(load, build="checked"))]
    figures = measure(cases, options.runs, send_through, options.progress)
    pairs = list(zip(figures[::2], figures[1::2], strict=True))
    calls, ours = count_calls(Load(64, SHARED_BURST, min(options.frames, COUNTED_FRAMES)))
    return Section(
        name="verifier",
        title="Frames per CPU second, checked beside free, whole path, one way",
        columns=(
            Column("size", "size", role="case"),
            Column("burst", "burst", role="case"),
            Column("driver", "driver", role="case"),
            Column("free_per_cpu_s", "free/CPU s", ",d"),
            Column("frames_per_cpu_s", "checked/CPU s", ",d", role="rate"),
            Column("share", "checked of free", ".1%"),
        ),
        rows=tuple(_row(one, other) for one, other in pairs),
        targets=(*_targets(pairs), Target("calls of the verifier in a free run", "%", MOST_PERCENT, _percent(ours, calls), at_most=True)),
        notes=(
            *conditions(figures, PATH.format(drivers=drivers_named(options.of_miniports().drivers))),
            f"A free run of ring, 64 B, burst {SHARED_BURST}: {calls} calls of Python functions, {ours} of them the verifier's",
        ),
    )  # fmt: skip


def count_calls(load: Load) -> tuple[int, int]:
    """Return how many calls one run takes, and how many of them are the verifier's."""
    profile = Profile(builtins=False)
    profile.enable()
    send_through(load)
    profile.disable()
    every = [(entry.code, entry.callcount) for entry in profile.getstats()]
    ours = sum(count for code, count in every if isinstance(code, CodeType) and _VERIFIER in code.co_filename)
    return sum(count for _, count in every), ours


def _row(free: Figure, checked: Figure) -> Mapping[str, Value]:
    load = free.load
    return {
        "size": load.size,
        "burst": load.burst,
        "driver": load.driver,
        "free_per_cpu_s": free.rate,
        "frames_per_cpu_s": checked.rate,
        "share": round(checked.beside(free), 4),
    }


def _targets(pairs: Sequence[tuple[Figure, Figure]]) -> list[Target]:
    return [
        Target(
            f"checked beside free, {free.load.driver}, {free.load.size} B, burst {SHARED_BURST}",
            "%",
            LEAST_SHARE,
            round(100 * checked.beside(free), 1),
        )
        for free, checked in pairs
        if free.load.burst == SHARED_BURST
    ]


def _percent(part: int, whole: int) -> float:
    return round(100 * part / max(whole, 1), 3)
