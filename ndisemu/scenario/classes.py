"""The driver classes that a scenario names, imported.

A driver class is code, and running a foreign scenario is running foreign
code: it happens here, and only here. Modules beside the scenario are found
first.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

from ndisemu.drivers.catalogue import MINIPORTS, STATIONS
from ndisemu.drivers.protocols import Station, Station6
from ndisemu.errors import BugCheck
from ndisemu.kernel import driver_errors
from ndisemu.ndis import v5, v6

AnyMiniport: TypeAlias = v5.Miniport | v6.Miniport
"""A driver of either generation."""

AnyStation: TypeAlias = Station | Station6
"""A protocol that carries a scenario's traffic, of either generation."""


def driver_class(path: str, folder: Path) -> Callable[[], AnyMiniport]:
    """Return the miniport that a scenario in `folder` names.

    Raises `BugCheck` with the driver's traceback if it cannot be had.
    """
    known = MINIPORTS.get(path)
    found = _loaded("driver", path, known.path if known else path, None if known else folder)
    if not (isinstance(found, type) and issubclass(found, AnyMiniport)):
        raise BugCheck(f"the driver {path} is not a class derived from ndisemu.v5.Miniport or ndisemu.v6.Miniport")
    return found


def station_class(path: str, folder: Path) -> type[Station] | type[Station6]:
    """Return the protocol that a scenario in `folder` names, by its generation or its class.

    Raises `BugCheck` with the protocol's traceback if it cannot be had.
    """
    known = STATIONS.get(path)
    found = _loaded("protocol", path, known.path if known else path, None if known else folder)
    if not (isinstance(found, type) and issubclass(found, AnyStation)):
        raise BugCheck(
            f"the protocol {path} is not a class derived from Station or Station6 of ndisemu.drivers.protocols, "
            "which carry a scenario's traffic"
        )
    return found


def _loaded(kind: str, name: str, path: str, folder: Path | None) -> object:
    """Import a class, from beside the scenario where it is none of ours."""
    module, _, attribute = path.partition(":")
    try:
        with nullcontext() if folder is None else _importing_from(folder):
            found: object = getattr(import_module(module), attribute)
    except driver_errors() as error:
        raise BugCheck(f"the {kind} {name} cannot be imported: {error!r}", error) from error
    return found


@contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    place = str(folder.resolve())
    sys.path.insert(0, place)
    try:
        yield
    finally:
        sys.path.remove(place)
