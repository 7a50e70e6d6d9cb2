"""Drivers that break rules, one mistake each, and their mended twins.

Each module is a group of rules. The pairs are what `ndisemu explain` shows
as the wrong and the right way, and what the tests of every rule run. Not for
use: a wrong driver does what it is for.
"""

from collections.abc import Mapping
from typing import Final

from ndisemu.drivers.faulty import (
    condis,
    dma,
    interrupt,
    irql,
    memory,
    oid,
    protocol,
    receive,
    send,
    state,
    status,
    timer,
)
from ndisemu.drivers.faulty.pair import Pair

_ALL: Final = (
    *send.PAIRS,
    *receive.PAIRS,
    *dma.PAIRS,
    *irql.PAIRS,
    *interrupt.PAIRS,
    *state.PAIRS,
    *oid.PAIRS,
    *status.PAIRS,
    *timer.PAIRS,
    *memory.PAIRS,
    *condis.PAIRS,
    *protocol.PAIRS,
)

PAIRS: Final[Mapping[str, Pair]] = {pair.rule: pair for pair in _ALL}
"""The pair of each rule that has one, by the rule's id."""

__all__ = ["PAIRS", "Pair"]
