"""The classes that a scenario names: where they are found, and what is said of those that are none."""

import sys
from pathlib import Path

import pytest

import ndisemu
from ndisemu.drivers.protocols import Station6
from ndisemu.drivers.ring import RingMiniport
from ndisemu.errors import BugCheck
from ndisemu.scenario.classes import driver_class, station_class


def test_the_reference_miniport_has_a_name() -> None:
    """`ring` is the reference miniport, without an import path."""
    assert driver_class("ring", Path()) is RingMiniport


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere_to_be_found:Mine", "cannot be imported: ModuleNotFoundError"),
        ("{drivers}:Yours", "cannot be imported: AttributeError"),
        ("{drivers}:Outer", "is not a class derived from ndisemu.v5.Miniport or ndisemu.v6.Miniport"),
        ("{drivers}:__name__", "is not a class derived from ndisemu.v5.Miniport or ndisemu.v6.Miniport"),
    ],
)
def test_what_is_no_driver_is_refused_by_name(drivers: str, path: str, message: str) -> None:
    """The message has the path as it was written and says what is wrong with it."""
    path = path.format(drivers=drivers)
    with pytest.raises(BugCheck) as caught:
        driver_class(path, Path())
    assert str(caught.value).startswith(f"the driver {path} {message}")


def test_the_names_for_drivers_are_enough(drivers: str) -> None:
    """A driver needs nothing but what `ndisemu` itself offers."""
    found = driver_class(f"{drivers}:Mine", Path())
    assert isinstance(found, type)
    assert issubclass(found, ndisemu.v5.Miniport)


def test_a_driver_beside_its_scenario_is_found_there(tmp_path: Path) -> None:
    """A scenario and its driver can be moved about together; the import path is as before afterwards."""
    (tmp_path / "beside_the_scenario.py").write_text("import ndisemu\n\nclass Mine(ndisemu.v5.Miniport):\n    pass\n")
    before = list(sys.path)
    found = driver_class("beside_the_scenario:Mine", tmp_path)
    assert isinstance(found, type)
    assert issubclass(found, ndisemu.v5.Miniport)
    assert sys.path == before


def test_a_protocol_is_named_by_its_generation_or_its_class(tmp_path: Path) -> None:
    """It is found as drivers are."""
    (tmp_path / "above_the_card.py").write_text(
        "from ndisemu.drivers.protocols import Station6\n\nclass Mine(Station6):\n    pass\n"
    )
    assert station_class("v6", Path()) is Station6
    assert issubclass(station_class("above_the_card:Mine", tmp_path), Station6)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere_to_be_found:Mine", "cannot be imported: ModuleNotFoundError"),
        ("{drivers}:Mine", "is not a class derived from Station or Station6 of ndisemu.drivers.protocols"),
    ],
)
def test_what_is_no_protocol_is_refused_by_name(drivers: str, path: str, message: str) -> None:
    """A miniport is none either."""
    path = path.format(drivers=drivers)
    with pytest.raises(BugCheck) as caught:
        station_class(path, Path())
    assert str(caught.value).startswith(f"the protocol {path} {message}")
