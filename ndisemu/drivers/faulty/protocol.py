"""Drivers that break a rule of protocols, each beside its mended twin."""

from typing import Final

from ndisemu.drivers.faulty.pair import Pair

PAIRS: Final[tuple[Pair, ...]] = ()
