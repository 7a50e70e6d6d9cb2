"""Links between cards: what carries frames, how long it takes, and what joins cables."""

from ndisemu.link.addresses import AddressTable
from ndisemu.link.cable import Cable, CableEnd, Port
from ndisemu.link.framing import FrameDecoder, encode
from ndisemu.link.hub import Hub
from ndisemu.link.pipe import Stream, stream_pair
from ndisemu.link.relay import Relay, RelayCounts, RelayPort
from ndisemu.link.stream import StreamDevice
from ndisemu.link.switch import Switch
from ndisemu.link.unix import dial, listen

__all__ = [
    "AddressTable",
    "Cable",
    "CableEnd",
    "FrameDecoder",
    "Hub",
    "Port",
    "Relay",
    "RelayCounts",
    "RelayPort",
    "Stream",
    "StreamDevice",
    "Switch",
    "dial",
    "encode",
    "listen",
    "stream_pair",
]
