"""Protocol drivers that make and judge traffic, on packets and on virtual circuits."""

from ndisemu.drivers.protocols.exchange import Exchanges, Requests
from ndisemu.drivers.protocols.flow import Broadcast, Entry, Flow
from ndisemu.drivers.protocols.gathering import Gathering
from ndisemu.drivers.protocols.reflector import Reflector, Reflector6, reflected
from ndisemu.drivers.protocols.signalling import SignallingManager
from ndisemu.drivers.protocols.sources import Generator, Replay, Source
from ndisemu.drivers.protocols.station import Station, Station6
from ndisemu.drivers.protocols.talker import Talk, Talker

__all__ = [
    "Broadcast",
    "Entry",
    "Exchanges",
    "Flow",
    "Gathering",
    "Generator",
    "Reflector",
    "Reflector6",
    "Replay",
    "Requests",
    "SignallingManager",
    "Source",
    "Station",
    "Station6",
    "Talk",
    "Talker",
    "reflected",
]
