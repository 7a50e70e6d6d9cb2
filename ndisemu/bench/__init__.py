"""How fast the whole path is, measured so that the figure can be believed.

`path` sends frames from one host to another once, `measure` repeats that and
condenses it, `conditions` says in words what was measured, `table` draws the
result. `claim` compares two ways of doing one small thing, for the comments
in the code that say one is faster; `memory` looks at what a run leaves
behind. The command and the programs in `benchmarks/` share all of it.

Not here: comparisons with other systems, which need those installed.
"""

from ndisemu.bench.claim import Claim, Comparison, report
from ndisemu.bench.measure import Figure, measure
from ndisemu.bench.path import BUILDS, DRIVERS, WINDOW, Build, Driver, Load, Passage, send_through

__all__ = [
    "BUILDS",
    "DRIVERS",
    "WINDOW",
    "Build",
    "Claim",
    "Comparison",
    "Driver",
    "Figure",
    "Load",
    "Passage",
    "measure",
    "report",
    "send_through",
]
