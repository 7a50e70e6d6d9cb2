"""Drivers that break a rule of connection-oriented NDIS: miniports, call managers, clients."""

from typing import Final

from ndisemu.drivers.faulty.condis import client, lists, manager, miniport
from ndisemu.drivers.faulty.pair import Pair

PAIRS: Final[tuple[Pair, ...]] = (*miniport.PAIRS, *manager.PAIRS, *client.PAIRS, *lists.PAIRS)

__all__ = ["PAIRS"]
