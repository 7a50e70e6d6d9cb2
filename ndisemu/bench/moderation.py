"""Interrupt moderation with modelled costs: what the interval between two interrupts does to work and to latency.

With an interval (ITR) the card saves up causes, so one interrupt and one DPC
serve many frames, each of which waits for it. Without, the card interrupts
as soon as the driver has unmasked it, which under load moderates, too: the
frames that come during a DPC share the next interrupt.

Source: 8254x manual 13.4.18 (ITR), `kernel.costs` for the figures.
"""

from itertools import product
from typing import Final

from ndisemu.bench.measure import percentile
from ndisemu.bench.modelled import Outcome, Setup, talk
from ndisemu.bench.options import Options
from ndisemu.bench.section import Chart, Column, Section, Value
from ndisemu.units import MICROSECOND

INTERVALS: Final = tuple(micros * MICROSECOND for micros in (0, 10, 20, 50, 100, 200))
LOADS: Final = (20_000, 100_000, 300_000)
"""Frames per second that each host offers."""


def moderation(options: Options) -> Section:
    """Vary interrupt moderation and look at latency, modelled CPUs.

    Two hosts talk on two CPUs each, under each load with each interval; of `options` it only tells its progress.
    """
    found: dict[int, list[tuple[int, Outcome]]] = {load: [] for load in LOADS}
    for done, (load, itr) in enumerate(product(LOADS, INTERVALS), 1):
        found[load].append((itr, _talk(load, itr)))
        options.progress(done, len(LOADS) * len(INTERVALS))
    rows = [_row(load, itr, outcome) for load, outcomes in found.items() for itr, outcome in outcomes]
    return Section(
        "moderation",
        "Interrupt moderation against latency",
        (
            Column("offered", "offered each\nway, frames/s", ",d"),
            Column("itr", "interval,\nus"),
            Column("interrupts", "interrupts\na second", ",d"),
            Column("idle", "idle,\nCPU 0", ".0%"),
            Column("median", "median\nlatency, us", ".1f"),
            Column("p99", "p99\nlatency, us", ".1f"),
        ),
        tuple(rows),
        (
            Chart(
                "Interrupt moderation: latency over the interval",
                "interval (us)",
                "median latency (us)",
                {
                    f"{load} frames/s": tuple((itr / MICROSECOND, _micros(outcome, 500)) for itr, outcome in outcomes)
                    for load, outcomes in found.items()
                },
            ),
            Chart(
                "Interrupt moderation: idle CPU over the interval",
                "interval (us)",
                "idle share of the CPU that takes the interrupts",
                {
                    f"{load} frames/s": tuple((itr / MICROSECOND, outcome.idle[0]) for itr, outcome in outcomes)
                    for load, outcomes in found.items()
                },
            ),
        ),
        (),
        (
            (
                "Two hosts send 60-byte frames to each other; `ring`, interrupts and DPCs on CPU 0, sends on CPU 1. Virtual time "
                "over a modelled Pentium III, so no figure depends on this machine."
            ),
            (
                "A longer interval leaves CPU 0 idle and makes frames wait. Without one CPU 0 is busy with interrupts long before "
                "the load itself needs it, and goes on to carry more all the same: a DPC then finds more frames."
            ),
        ),
    )


def _talk(load: int, itr: int) -> Outcome:
    return talk(Setup("ring", offered=load, itr=itr))


def _row(load: int, itr: int, outcome: Outcome) -> dict[str, Value]:
    return {
        "offered": load,
        "itr": itr // MICROSECOND,
        "interrupts": round(outcome.interrupts),
        "idle": round(outcome.idle[0], 4),
        "median": _micros(outcome, 500),
        "p99": _micros(outcome, 990),
    }


def _micros(outcome: Outcome, permille: int) -> float:
    return percentile(outcome.latencies, permille) / MICROSECOND
