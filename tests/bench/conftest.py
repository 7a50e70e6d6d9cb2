"""Figures without measuring, from rates that are chosen, and a small real measurement for those who want one."""

from typing import Final

import pytest

from ndisemu.bench import Figure, Load, Passage, measure
from ndisemu.bench.path import Rig

SECOND: Final = 1_000_000_000
RIG: Final = Rig(hosts=2, cpus=2, rate=None, delay=0, tx_ring=256, rx_ring=256, window=128)


def passage(load: Load, rate: int, rig: Rig = RIG) -> Passage:
    """Make a passage of `load` at `rate` frames per CPU second."""
    return Passage(load.frames * SECOND // rate, load.frames, events=3, rig=rig)


def figure(load: Load, *rates: int, rig: Rig = RIG) -> Figure:
    """Make a figure of `load` whose runs had these rates."""
    return Figure(load, tuple(passage(load, rate, rig) for rate in rates), calibration=12_300_000)


@pytest.fixture(scope="module")
def measured() -> list[Figure]:
    """Measure two small loads over the real path."""
    return measure([Load(64, 1, 20), Load(1500, 8, 50, "checked")], 2)
