"""Drivers that break a rule of IRQL and locks, each beside its mended twin."""

from typing import Final

from ndisemu.drivers.faulty.irql import calls, levels, locks, rwlocks, waits
from ndisemu.drivers.faulty.pair import Pair

PAIRS: Final[tuple[Pair, ...]] = (*calls.PAIRS, *levels.PAIRS, *waits.PAIRS, *locks.PAIRS, *rwlocks.PAIRS)

__all__ = ["PAIRS"]
