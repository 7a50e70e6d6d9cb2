"""Drivers that break a rule of an adapter's states, each beside its mended twin."""

from typing import Final

from ndisemu.drivers.faulty.pair import Pair

PAIRS: Final[tuple[Pair, ...]] = ()
