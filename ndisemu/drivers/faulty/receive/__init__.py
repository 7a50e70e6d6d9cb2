"""Drivers that break a rule of the receive path, each beside its mended twin."""

from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.faulty.receive import arriving, flags, indicating, lookahead, returning, showing, touching

PAIRS: Final[tuple[Pair, ...]] = (
    *indicating.PAIRS,
    *arriving.PAIRS,
    *showing.PAIRS,
    *flags.PAIRS,
    *returning.PAIRS,
    *lookahead.PAIRS,
    *touching.PAIRS,
)

__all__ = ["PAIRS"]
