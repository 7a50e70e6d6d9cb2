"""Reading captures: every frame of a pcapng or classic pcap file, with its time in nanoseconds.

A capture comes from anyone, so the file is parsed as hostile input. It is read
forward, one block at a time; no length in it is believed before it has been
compared with a limit and with what the file still holds; whatever is wrong with
it is a `CaptureError` that names the file, the byte and the frames read so far.

Only whole Ethernet frames come out, without the frame check sequence where the
file says that it was captured. A cut frame, or one of another link type, is an
error: passed on, it would be a different frame from the one that was on the
wire. Blocks without a frame (names, statistics, vendors' own) are skipped.

Not here: writing (see `pcapng`), compressed files, pipes, and repair.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Final, NamedTuple

from ndisemu.errors import UsageError
from ndisemu.frame import pcapng

MAX_BLOCK: Final = 64 * 1024 * 1024
"""The longest block or record that is read, in bytes; the largest frames are a thousandth of it."""

_SECOND: Final = 10**9
_BYTE: Final = Struct("B")
_SECTION_MAGIC: Final = b"\x0a\x0d\x0d\x0a"
_DIRECTIONS: Final = (None, False, True, None)
"""Whether a frame was outbound, by the direction bits of its flags."""


class CaptureError(UsageError):
    """A file that is no capture, or not one of whole Ethernet frames."""


@dataclass(frozen=True, slots=True)
class CapturedFrame:
    """One frame of a capture.

    `time` counts nanoseconds since the epoch, `interface` the interfaces of the
    frame's section of the file. `original_length` is the length on the wire as the
    file tells it, with the check sequence if that was captured. `outbound` and
    `comment` are None where the file does not say.
    """

    time: int
    data: bytes
    original_length: int
    interface: int
    outbound: bool | None = None
    comment: str | None = None


def read_capture(path: Path) -> list[CapturedFrame]:
    """Read all frames of a capture, in the order of the file, or raise a `CaptureError`."""
    return list(iterate_capture(path))


def iterate_capture(path: Path) -> Iterator[CapturedFrame]:
    """Read a capture frame by frame, in the order of the file, holding one block in memory.

    The file is open until the iterator is exhausted or closed. The `CaptureError`
    of a bad file comes after the frames that precede the bad place.
    """
    try:
        # A pipe would block, and a device may never end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise CaptureError(f"{path}: not a regular file, which a capture must be")
        with path.open("rb") as file:
            yield from _frames(file, _Source(file, str(path)))
    except (OSError, ValueError) as error:
        # A ValueError tells that no path can have such characters in it.
        reason = error.strerror if isinstance(error, OSError) else error
        raise CaptureError(f"{path}: cannot be read: {reason}") from error


class _Layout:
    """The records of both formats in one byte order."""

    __slots__ = ("block", "enhanced", "interface", "obsolete", "option", "record", "section", "signed", "word")

    def __init__(self, order: str) -> None:
        self.block = Struct(order + "II")
        self.section = Struct(order + "IHH")
        self.interface = Struct(order + "HxxI")
        self.enhanced = Struct(order + "IIIII")
        self.obsolete = Struct(order + "HxxIIII")
        self.option = Struct(order + "HH")
        self.record = Struct(order + "IIII")
        self.signed = Struct(order + "q")
        self.word = Struct(order + "I")


_LITTLE: Final = _Layout("<")
_BIG: Final = _Layout(">")

_PCAP_MAGICS: Final = (
    (b"\xd4\xc3\xb2\xa1", _LITTLE, 1000),
    (b"\xa1\xb2\xc3\xd4", _BIG, 1000),
    (b"\x4d\x3c\xb2\xa1", _LITTLE, 1),
    (b"\xa1\xb2\x3c\x4d", _BIG, 1),
)
"""How a classic capture begins: magic, byte order, and nanoseconds in the smaller unit of its times."""


class _Source:
    """A file read forward; knows where it is, so that errors can say so.

    `start` is where the block at hand begins, `frames` how many came before it.
    """

    __slots__ = ("_end", "_file", "_offset", "frames", "name", "start")

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._end = os.fstat(file.fileno()).st_size
        self._offset = 0
        self.name = name
        self.start = self.frames = 0

    def begin(self) -> bool:
        """Begin the next block, if there is one."""
        self.start = self._offset
        return self._offset < self._end

    def take(self, size: int) -> bytes:
        """Read the next bytes of the block at hand."""
        needed = self._offset - self.start + size
        if needed > MAX_BLOCK:
            raise self.error(f"a length of {needed} bytes is absurd; the most that is read is {MAX_BLOCK}")
        # A buffer is allocated before it is filled, so never ask for more than the file holds.
        data = self._file.read(min(size, self._end - self._offset))
        self._offset += len(data)
        if len(data) < size:
            place = f"truncated at byte {self._offset}, {self._progress()}"
            missing = f"needs {needed} bytes, and {self._offset - self.start} are there"
            raise CaptureError(f"{self.name}: {place}: what begins at byte {self.start} {missing}")
        return data

    def error(self, text: str) -> CaptureError:
        return CaptureError(f"{self.name}: at byte {self.start}, {self._progress()}: {text}")

    def whole(self, data: bytes, original: int, fcs: int = 0) -> bytes:
        """Count one more frame, which must not have been cut, and take its check sequence off."""
        if len(data) < original:
            cut = f"the frame was cut to {len(data)} of its {original} bytes by a snap length"
            raise self.error(f"{cut}; capture whole frames, such as with tcpdump -s 0")
        self.frames += 1
        return data[: max(0, len(data) - fcs)]

    def require_ethernet(self, link: int) -> None:
        if link != pcapng.ETHERNET:
            raise self.error(f"link type {link} is not Ethernet ({pcapng.ETHERNET}), the only one that can be read")

    def _progress(self) -> str:
        return f"after {self.frames} frame{'' if self.frames == 1 else 's'}"


def _frames(file: BinaryIO, source: _Source) -> Iterator[CapturedFrame]:
    magic = file.read(4)
    file.seek(0)
    if magic == _SECTION_MAGIC:
        return _Pcapng(source).frames()
    for known, layout, unit in _PCAP_MAGICS:
        if magic == known:
            return _pcap_frames(source, layout, unit)
    found = f"begins with {magic.hex(' ')}" if magic else "is empty"
    raise CaptureError(f"{source.name}: not a pcapng or pcap capture: it {found}")


def _pcap_frames(source: _Source, layout: _Layout, unit: int) -> Iterator[CapturedFrame]:
    (link,) = layout.word.unpack_from(source.take(24), 20)
    source.require_ethernet(link & 0xFFFF)
    # The top bits count the frame check sequence in 16-bit units, if bit 26 says that they do.
    fcs = (link >> 28) * 2 if link & 0x0400_0000 else 0
    while source.begin():
        seconds, fraction, captured, original = layout.record.unpack(source.take(16))
        data = source.whole(source.take(captured), original, fcs)
        yield CapturedFrame(seconds * _SECOND + fraction * unit, data, original, 0)


class _Interface(NamedTuple):
    """What an interface description says about the frames that refer to it."""

    link: int
    snaplen: int
    ticks_per_second: int
    base: int


class _Pcapng:
    """One pass over the blocks of a pcapng file; each section has its own byte order and interfaces."""

    __slots__ = ("_interfaces", "_layout", "_source", "_time")

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._layout = _LITTLE
        self._interfaces: list[_Interface] = []
        self._time = 0

    def frames(self) -> Iterator[CapturedFrame]:
        while self._source.begin():
            kind, body = self._block()
            if kind == pcapng.ENHANCED_PACKET:
                yield self._packet(self._layout.enhanced, body)
            elif kind == pcapng.OBSOLETE_PACKET:
                yield self._packet(self._layout.obsolete, body)
            elif kind == pcapng.SIMPLE_PACKET:
                yield self._simple(body)
            elif kind == pcapng.INTERFACE_DESCRIPTION:
                self._interfaces.append(self._described(body))
            elif kind == pcapng.SECTION_HEADER:
                self._section(body)

    def _block(self) -> tuple[int, bytes]:
        head = self._source.take(12)
        if head.startswith(_SECTION_MAGIC):
            self._layout = _BIG if head[8] == pcapng.BYTE_ORDER_MAGIC >> 24 else _LITTLE
        kind, length = self._layout.block.unpack_from(head)
        if length < 12 or length % 4:
            raise self._source.error(f"a block length is a multiple of 4 from 12 up, not {length}")
        block = head + self._source.take(length - 12)
        (again,) = self._layout.word.unpack_from(block, length - 4)
        if again != length:
            raise self._source.error(f"the block length is {length} where the block begins and {again} where it ends")
        return kind, block[8:-4]

    def _section(self, body: bytes) -> None:
        magic, major, minor = self._unpack(self._layout.section, body)
        if magic != pcapng.BYTE_ORDER_MAGIC:
            raise self._source.error(f"the byte order of the section is 1a2b3c4d or reversed, not {body[:4].hex()}")
        if major != 1:
            raise self._source.error(f"pcapng {major}.{minor} is unknown, only 1.0 and 1.2 can be read")
        self._interfaces.clear()

    def _described(self, body: bytes) -> _Interface:
        link, snaplen = self._unpack(self._layout.interface, body)
        resolution, base = 6, 0
        for code, value in self._options(body, 8):
            if code == pcapng.IF_TSRESOL:
                (resolution,) = self._unpack(_BYTE, value)
            elif code == pcapng.IF_TSOFFSET:
                (base,) = self._unpack(self._layout.signed, value)
        exponent = resolution & 0x7F
        return _Interface(link, snaplen, 1 << exponent if resolution & 0x80 else 10**exponent, base * _SECOND)

    def _packet(self, record: Struct, body: bytes) -> CapturedFrame:
        number, high, low, captured, original = self._unpack(record, body)
        interface = self._ethernet(number)
        fcs, outbound, comments = 0, None, []
        # The obsolete block's options have the same numbers and meanings.
        for code, value in self._options(body, 20 + captured + (-captured & 3)):
            if code == pcapng.EPB_FLAGS:
                (flags,) = self._unpack(self._layout.word, value)
                outbound = _DIRECTIONS[flags & pcapng.DIRECTION_MASK]
                fcs = flags >> 5 & 15
            elif code == pcapng.OPT_COMMENT:
                comments.append(value.decode(errors="replace"))
        self._time = interface.base + (high << 32 | low) * _SECOND // interface.ticks_per_second
        data = self._source.whole(self._slice(body, 20, captured), original, fcs)
        comment = "\n".join(comments) if comments else None
        return CapturedFrame(self._time, data, original, number, outbound, comment)

    def _simple(self, body: bytes) -> CapturedFrame:
        (original,) = self._unpack(self._layout.word, body)
        data = self._slice(body, 4, min(original, self._ethernet(0).snaplen or original))
        # This block has no time of its own; the frame before it has the nearest there is.
        return CapturedFrame(self._time, self._source.whole(data, original), original, 0)

    def _ethernet(self, number: int) -> _Interface:
        known = len(self._interfaces)
        if number >= known:
            raise self._source.error(f"a frame from interface {number}, and {known} are described before it")
        self._source.require_ethernet(self._interfaces[number].link)
        return self._interfaces[number]

    def _slice(self, body: bytes, at: int, size: int) -> bytes:
        if at + size > len(body):
            raise self._source.error(f"{size} B do not fit into the {len(body) - at} B left in the block or option")
        return body[at : at + size]

    def _options(self, body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
        while at < len(body):
            code, size = self._layout.option.unpack_from(body, at)
            if code == 0:
                return
            yield code, self._slice(body, at + 4, size)
            at += 4 + size + (-size & 3)

    def _unpack(self, record: Struct, data: bytes) -> tuple[int, ...]:
        return record.unpack(self._slice(data, 0, record.size))
