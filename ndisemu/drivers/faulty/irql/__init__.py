"""Drivers that break a rule of IRQL and spin locks, each beside its mended twin."""

from typing import Final

from ndisemu.drivers.faulty.irql import calls, locks, waits
from ndisemu.drivers.faulty.pair import Pair

PAIRS: Final[tuple[Pair, ...]] = (*locks.PAIRS, *waits.PAIRS, *calls.PAIRS)

__all__ = ["PAIRS"]
