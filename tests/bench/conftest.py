"""Figures and documents without measuring, from rates that are chosen, and a small real measurement for who wants one."""

from types import ModuleType
from typing import Final, Self

import pytest

from ndisemu.bench import Figure, Load, Passage, measure, send_through
from ndisemu.bench.document import Document, Machine
from ndisemu.bench.passage import Rig
from ndisemu.bench.section import Chart, Column, Section, Target
from ndisemu.machine import Emulation
from ndisemu.units import SECOND

RIG: Final = Rig(hosts=2, cpus=2, rate=None, delay=0, tx_ring=256, rx_ring=256, window=128)
MACHINE: Final = Machine("Linux x86_64", "Some CPU <tm>", 2, "CPython 3.11.7", "0.1.0", {"rich": "13.7"})


def passage(load: Load, rate: int, rig: Rig = RIG) -> Passage:
    """Make a passage of `load` at `rate` frames per CPU second."""
    return Passage(load.frames * SECOND // rate, load.frames, events=3, told=5, rig=rig)


def figure(load: Load, *rates: int, rig: Rig = RIG) -> Figure:
    """Make a figure of `load` whose runs had these rates."""
    return Figure(load, tuple(passage(load, rate, rig) for rate in rates))


def section(*rates: int, name: str = "send") -> Section:
    """Make a section with these rates, of bursts 1, 2 and so on; the first has a share of nothing."""
    columns = (
        Column("burst", "burst", role="case"),
        Column("driver", "driver", role="case"),
        Column("rate", "frames/CPU s", ",d", role="rate"),
        Column("share", "of <ring>", ".1%"),
    )
    rows = [
        {"burst": burst, "driver": "ring", "rate": rate, "share": None if burst == 1 else 0.5, "unseen": 7}
        for burst, rate in enumerate(rates, 1)
    ]
    chart = Chart("A <chart>", "burst", "rate", {"ring": tuple((burst, rate) for burst, rate in enumerate(rates, 1))})
    targets = (Target("ring, burst 1", "frames/CPU s", 1000, rates[0]), Target("idle NICs", "%", 1, 0.25, at_most=True))
    return Section(name, f"What {name} found", columns, tuple(rows), (chart,), targets, ("Measured <well>",))


def document(*sections: Section, machine: Machine = MACHINE, calibration: int = 12_000_000) -> Document:
    """Make a document of these sections, or of one."""
    return Document(machine, calibration, sections or (section(2000, 1_234_567),))


@pytest.fixture(scope="module")
def measured() -> list[Figure]:
    """Measure two small loads over the real path."""
    return measure([Load(64, 1, 20), Load(1500, 8, 50, "checked")], 2, send_through)


def emulations_of(mode: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[Emulation]:
    """Return a list that has every emulation which a mode enters from now on."""
    entered: list[Emulation] = []

    class Watched(Emulation):
        async def __aenter__(self) -> Self:
            entered.append(self)
            return await super().__aenter__()

    monkeypatch.setattr(mode, "Emulation", Watched)
    return entered
