"""Full duplex with modelled costs: a serialized miniport against deserialized ones, on one CPU and on several.

The claim of the documents is that a deserialized driver "can achieve
significantly better full-duplex performance". Both kinds have the same work
to do here, by the same cost table; what differs is that NDIS lets one CPU at
a time into a serialized one. The figures are virtual, and the same on every
machine.

Source: seed 003 (deserialized miniport drivers), `kernel.costs` for the figures.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

from ndisemu.bench.modelled import Outcome, Setup, talk
from ndisemu.bench.options import Options
from ndisemu.bench.section import Chart, Column, Section, Target, Value
from ndisemu.kernel import MEASURED, Costs
from ndisemu.units import MILLISECOND

CPUS: Final = (1, 2, 4)
LOADS: Final = (150_000, 300_000, 450_000, 700_000, 1_488_095)
"""Frames per second that each host offers, up to what a gigabit carries of 64-byte frames."""

# The virtual time of each run; longer ones give the same figures.
SLICE: Final = 2 * MILLISECOND
SERIALIZED: Final = "legacy"
DESERIALIZED: Final = ("ring-explicit", "ring")
"""The same style as the serialized driver, and the coroutine style, which completes sends where they were begun."""

Row = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The drivers under one setup, by their names."""

    outcomes: Mapping[str, Outcome]

    def gain(self, driver: str) -> float:
        """How many times the serialized driver's goodput a deserialized one has."""
        return self.outcomes[driver].goodput / self.outcomes[SERIALIZED].goodput

    def row(self, what: str, setup: Setup) -> Row:
        """Return it as a row of the table."""
        found: dict[str, Value] = {"what": what, "cpus": setup.cpus, "offered": setup.offered}
        for driver, outcome in self.outcomes.items():
            found[driver] = round(outcome.goodput)
            found[f"{driver} waiting"] = shares(outcome.waiting)
            found[f"{driver} idle"] = shares(outcome.idle)
            if driver != SERIALIZED:
                found[f"{driver} gain"] = round(self.gain(driver), 3)
        return found


def compare(setup: Setup) -> Comparison:
    """Run every driver under `setup`."""
    return Comparison({name: talk(replace(setup, driver=name)) for name in (SERIALIZED, *DESERIALIZED)})


def variations() -> Iterator[tuple[str, Setup]]:
    """Give what the answer may depend on, each on two CPUs with more on offer than they can do."""
    usual = Setup(SERIALIZED, offered=LOADS[-1], duration=SLICE)
    for word, factor in (("costs x 1/4", (1, 4)), ("costs x 4", (4, 1))):
        yield word, replace(usual, costs=MEASURED.times(*factor))
    yield "frames of 1514 bytes", replace(usual, size=1514)
    yield "half duplex", replace(usual, duplex=False)
    yield "interrupts 20 us apart", replace(usual, itr=20_000)
    for outside in (1000, 2000, 4000):
        yield f"{outside} ns more before each send", replace(usual, costs=replace(MEASURED, protocol_frame=outside))
    for share in (100, 50, 0):
        yield f"2000 ns a send, {share} % in the driver", replace(usual, costs=_split(2000, share))


def duplex(options: Options) -> Section:
    """Compare serialized and deserialized, full duplex, modelled CPUs.

    Over CPUs and loads, and then with what the answer may depend on varied; of `options` it only tells its progress.
    """
    setups = [("load", Setup(SERIALIZED, cpus, load, duration=SLICE)) for cpus, load in product(CPUS, LOADS)]
    varied = [*variations()]
    rows: list[Row] = []
    lines: dict[str, list[tuple[float, float]]] = {}
    gains: dict[int, dict[str, float]] = {}
    for done, (what, setup) in enumerate((*setups, *varied), 1):
        found = compare(setup)
        rows.append(found.row(what, setup))
        if done <= len(setups):
            for driver, outcome in found.outcomes.items():
                lines.setdefault(f"{driver}, {setup.cpus} CPUs", []).append((2 * (setup.offered or 0), outcome.goodput))
            gains[setup.cpus] = {driver: found.gain(driver) for driver in DESERIALIZED}
        options.progress(done, len(setups) + len(varied))
    chart = Chart(
        "Full duplex: what arrives of what is offered, both ways together",
        "offered (frames per second)",
        "arrived (frames per second)",
        {name: tuple(points) for name, points in lines.items()},
    )
    alike = gains[1][DESERIALIZED[0]]
    targets = (
        Target("full duplex, deserialized against serialized, on one CPU", "x", 1.1, alike, at_most=True),
        Target("full duplex, deserialized against serialized, on two CPUs", "x", 1.5, gains[2][DESERIALIZED[0]]),
    )
    return Section(
        "duplex", "Full duplex, serialized against deserialized", _COLUMNS, tuple(rows), (chart,), targets, _NOTES
    )


def shares(values: Sequence[float]) -> str:
    """Write the share of each CPU in per cent, CPU 0 first."""
    return " ".join(f"{max(value, 0):.0%}" for value in values)


def _split(whole: int, share: int) -> Costs:
    """Return costs in which a send takes `whole` ns, `share` per cent of it in the driver and the rest before."""
    inside = whole * share // 100
    return replace(MEASURED, send_call=0, send_frame=inside, protocol_frame=whole - inside)


# The rows have more: what each driver carries, waits and idles.
_COLUMNS: Final = (
    Column("what", "varied"),
    Column("cpus", "CPUs"),
    Column("offered", "offered\neach way", ",d"),
    Column(SERIALIZED, f"{SERIALIZED}\nframes/s", ",d"),
    *(Column(f"{driver} gain", f"{driver.replace('-', '-' + chr(10))}\ngain", ".2f") for driver in DESERIALIZED),
    Column(f"{SERIALIZED} waiting", f"{SERIALIZED}\nwaits"),
    Column(f"{SERIALIZED} idle", f"{SERIALIZED}\nidles"),
)
_NOTES: Final = (
    (
        "Two hosts send 60-byte frames to each other, one in each call; CPU 0 takes interrupts and DPCs, the others send. Virtual "
        "time over a modelled Pentium III, so no figure depends on this machine."
    ),
    (
        "On one CPU there is nobody to wait for: the same style of driver does the same work, serialized or not. The coroutine "
        "style has a DPC more for each completion, which shows there."
    ),
    (
        "On several CPUs the serialized driver's sends and its DPC take turns at the miniport lock, and whoever waits does nothing "
        "else. The deserialized one overlaps them, and under more load needs fewer interrupts for each frame, which is how the "
        "gain can exceed the number of CPUs."
    ),
    (
        "The gain vanishes below the serialized driver's limit, and where the wire is slower than the CPUs (long frames, cheap "
        "work). It shrinks with the work that is done outside of the lock in any case. In half duplex what is left of it is that of "
        "sends and their completions, which compete for the lock, too."
    ),
    "Gain: how many times the frames of the serialized driver. Waiting for the lock and idle are those of the second host, in the order of its CPUs.",
)
