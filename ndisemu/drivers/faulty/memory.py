"""Drivers that break a rule of memory, pools and handles, each beside its mended twin."""

from typing import Final

from ndisemu.drivers.faulty.pair import Pair

PAIRS: Final[tuple[Pair, ...]] = ()
