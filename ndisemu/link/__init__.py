"""Links between cards: what carries frames, and how long it takes."""

from ndisemu.link.cable import Cable, CableEnd, Port
from ndisemu.link.framing import FrameDecoder, encode
from ndisemu.link.pipe import Stream, stream_pair
from ndisemu.link.stream import StreamDevice
from ndisemu.link.unix import dial, listen

__all__ = [
    "Cable",
    "CableEnd",
    "FrameDecoder",
    "Port",
    "Stream",
    "StreamDevice",
    "dial",
    "encode",
    "listen",
    "stream_pair",
]
