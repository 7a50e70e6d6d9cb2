"""Drivers that break a rule of OID requests, each beside its mended twin."""

from typing import Final

from ndisemu.drivers.faulty.pair import Pair

PAIRS: Final[tuple[Pair, ...]] = ()
