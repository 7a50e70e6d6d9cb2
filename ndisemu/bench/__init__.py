"""Benchmarks: how fast the whole path is, measured so that the figures can be believed.

A mode of the bench command (`modes`) is a function from `Options` to a
`Section`; `send` and `receive` count frames per CPU second, `echo` looks at
latency. A `passage` is one run and `measure` repeats it; `conditions` says in
words what was measured. All sections of one call are a `document`, and
`presentation` shows that: as table, charts, page, or beside an earlier one.

`claim` compares two ways of doing one small thing, for the comments in the
code that say one is faster; `memory` looks at what a run leaves behind;
`endurance` lets faults happen at full load.

Not here: comparisons with other systems, which need those installed.
"""

from ndisemu.bench.claim import Claim, Comparison, report
from ndisemu.bench.measure import Figure, measure
from ndisemu.bench.options import BUILDS, DRIVERS, Build, Driver, Options
from ndisemu.bench.passage import Load, Passage
from ndisemu.bench.path import WINDOW, send_through
from ndisemu.bench.section import Chart, Column, Section, Target

__all__ = [
    "BUILDS",
    "DRIVERS",
    "WINDOW",
    "Build",
    "Chart",
    "Claim",
    "Column",
    "Comparison",
    "Driver",
    "Figure",
    "Load",
    "Options",
    "Passage",
    "Section",
    "Target",
    "measure",
    "report",
    "send_through",
]
