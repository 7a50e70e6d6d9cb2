"""Protocol drivers that make and judge traffic."""

from ndisemu.drivers.protocols.flow import Flow
from ndisemu.drivers.protocols.gathering import Gathering
from ndisemu.drivers.protocols.sources import Generator, Replay, Source
from ndisemu.drivers.protocols.station import Station, Station6

__all__ = ["Flow", "Gathering", "Generator", "Replay", "Source", "Station", "Station6"]
