"""The catalogue of drivers: every row leads to a driver that is what the row says, and reading it imports none."""

import subprocess
import sys
from importlib import import_module
from typing import Final

import pytest

from ndisemu import v5, v6
from ndisemu.drivers.catalogue import MINIPORTS, STATIONS, Entry

READERS: Final = {
    "ndisemu.scenario.load": "what checks a scenario",
    "ndisemu.scenario.reference": "what lists the drivers",
}


def found(entry: Entry) -> type:
    """Return the class that a row leads to."""
    module, _, name = entry.path.partition(":")
    driver = getattr(import_module(module), name)
    assert isinstance(driver, type)
    return driver


@pytest.mark.parametrize("name", MINIPORTS)
def test_a_miniport_is_what_its_row_says(name: str) -> None:
    """The class is there, of the generation that the row names, and serialized exactly where the table says so."""
    entry = MINIPORTS[name]
    driver = found(entry)
    assert issubclass(driver, v6.Miniport if entry.ndis.startswith("6") else v5.Miniport)
    # All drivers of NDIS 6 are deserialized.
    assert getattr(driver, "deserialized", True) == (entry.kind != "serialized")
    assert entry.kind != "protocol"


@pytest.mark.parametrize("name", STATIONS)
def test_a_station_can_be_bound_and_started(name: str) -> None:
    """The class has what a run needs of the protocol that carries its traffic."""
    station = found(STATIONS[name])
    assert all(callable(getattr(station, part)) for part in ("bind_adapter", "start", "send_complete"))
    assert STATIONS[name].kind == "protocol"


@pytest.mark.parametrize("table", [MINIPORTS, STATIONS], ids=["miniports", "stations"])
def test_a_line_is_a_line(table: dict[str, Entry]) -> None:
    """What is said of a driver fits into a list: short, no sentence, no full stop."""
    for entry in table.values():
        assert 10 < len(entry.line) < 80
        assert not entry.line.endswith(".")


@pytest.mark.parametrize("module", READERS, ids=READERS.get)
def test_reading_the_catalogue_imports_no_driver(module: str) -> None:
    """Neither checking a scenario nor listing what there is runs a driver's code."""
    told = f"import sys, {module}; print([name for name in sys.modules if name.startswith('ndisemu.drivers.')])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "['ndisemu.drivers.catalogue']"
