"""Drivers that break rules, one mistake each, and their mended twins.

Each module is a group of rules. The pairs are what `ndisemu explain` shows
as the wrong and the right way, and what the tests of every rule run. Not for
use: a wrong driver does what it is for.
"""

from collections.abc import Mapping
from typing import Final

from ndisemu.drivers.faulty import (
    allocation,
    binding,
    call,
    condis,
    dma,
    halt,
    interrupt,
    irql,
    memory,
    oid,
    pause,
    protocol,
    receive,
    reset,
    send,
    state,
    status,
    timer,
    wdm,
)
from ndisemu.drivers.faulty.pair import Pair

_ALL: Final = (
    *send.PAIRS,
    *receive.PAIRS,
    *dma.PAIRS,
    *allocation.PAIRS,
    *call.PAIRS,
    *irql.PAIRS,
    *interrupt.PAIRS,
    *state.PAIRS,
    *pause.PAIRS,
    *reset.PAIRS,
    *halt.PAIRS,
    *oid.PAIRS,
    *status.PAIRS,
    *timer.PAIRS,
    *wdm.PAIRS,
    *memory.PAIRS,
    *condis.PAIRS,
    *protocol.PAIRS,
    *binding.PAIRS,
)

PAIRS: Final[Mapping[str, Pair]] = {pair.rule: pair for pair in _ALL}
"""The pair of each rule that has one, by the rule's id."""

__all__ = ["PAIRS", "Pair"]
