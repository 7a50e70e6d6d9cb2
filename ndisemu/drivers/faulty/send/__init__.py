"""Drivers that break a rule of the send path, each beside its mended twin."""

from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.faulty.send import fields, lists, packets, serialized

PAIRS: Final[tuple[Pair, ...]] = (*packets.PAIRS, *serialized.PAIRS, *lists.PAIRS, *fields.PAIRS)

__all__ = ["PAIRS"]
