"""The modes of the bench command: each a function from `Options` to a `Section`.

`all` on the command line is every mode of the table, in its order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Final, TypeAlias

from ndisemu.bench.document import Document, this_machine
from ndisemu.bench.duplex import duplex
from ndisemu.bench.echo import echo
from ndisemu.bench.events import events
from ndisemu.bench.footprint import footprint
from ndisemu.bench.idle import idle
from ndisemu.bench.measure import calibrate
from ndisemu.bench.moderation import moderation
from ndisemu.bench.multipacket import multipacket
from ndisemu.bench.options import Options
from ndisemu.bench.receive import receive
from ndisemu.bench.section import Section
from ndisemu.bench.send import send
from ndisemu.bench.storm import storm
from ndisemu.bench.verifying import verifying

Mode: TypeAlias = Callable[[Options], Section]
"""Measures, and says what it found; it prints nothing."""

Tell: TypeAlias = Callable[[str, int, int], None]
"""Is told which mode runs, how many of its runs are done, and of how many."""

MODES: Final[Mapping[str, Mode]] = {
    "send": send,
    "receive": receive,
    "duplex": duplex,
    "multipacket": multipacket,
    "moderation": moderation,
    "storm": storm,
    "echo": echo,
    "events": events,
    "idle": idle,
    "footprint": footprint,
    "verifier": verifying,
}


def perform(names: Sequence[str], options: Options, tell: Tell) -> Document:
    """Run these modes, with the calibrating loop before each of them and after the last."""
    sections, calibrations = [], [calibrate()]
    for name in names:
        sections.append(MODES[name](replace(options, progress=partial(tell, name))))
        calibrations.append(calibrate())
    return Document(this_machine(), int(median(calibrations)), tuple(sections))
