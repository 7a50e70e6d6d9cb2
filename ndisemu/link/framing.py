"""Frames on a byte stream: four bytes of length, big endian, before each frame.

It is what QEMU's `-netdev stream` speaks. A length that no Ethernet frame
has means that the two ends have lost each other; nothing behind it can be
trusted, so decoding ends there for good, with a sentence that says where.
"""

from typing import Final

from ndisemu.frame.ethernet import HEADER

PREFIX: Final = 4
SHORTEST: Final = HEADER
# QEMU's limit: what 16 bits of length can say, and room for headers.
LONGEST: Final = 4096 + 65536


def encode(frame: bytes) -> bytes:
    """Return `frame` as it goes into the stream."""
    return len(frame).to_bytes(PREFIX, "big") + frame


class FrameDecoder:
    """Cuts a byte stream into frames, however it arrives.

    `position` is how many bytes of whole frames have been taken. `error` is
    None, or what was wrong with the stream, which yields no frame any more.
    """

    __slots__ = ("_buffer", "error", "position")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.position = 0
        self.error: str | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; returns the frames that are whole now."""
        frames: list[bytes] = []
        buffer, place = self._buffer, 0
        buffer += data
        while self.error is None and len(buffer) - place >= PREFIX:
            begin = place + PREFIX
            length = int.from_bytes(buffer[place:begin], "big")
            if not SHORTEST <= length <= LONGEST:
                self.error = (
                    f"the peer announced a frame of {length} bytes at byte {self.position} of the stream; "
                    f"frames have {SHORTEST} to {LONGEST} bytes"
                )
            elif begin + length > len(buffer):
                break
            else:
                frames.append(bytes(buffer[begin : begin + length]))
                self.position += PREFIX + length
                place = begin + length
        del buffer[: place if self.error is None else None]
        return frames

    def end(self) -> None:
        """Take the end of the stream, which belongs between two frames."""
        if self._buffer and self.error is None:
            self.error = f"the stream ended {len(self._buffer)} bytes into the frame at byte {self.position}"
