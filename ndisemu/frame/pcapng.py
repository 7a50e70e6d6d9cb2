"""Writing pcapng: each function encodes one block and returns its bytes.

The encoder keeps no state, opens no file and asks no clock, so equal arguments
give equal bytes on every machine: always little-endian, times in whole
nanoseconds, options in the order of their numbers. A file is a section header,
one interface description for each point where frames are observed, then
packets, which name their interface by its position among the descriptions.

Packets are the hot path: they are joined from precompiled pieces, and only one
that carries more than its direction pays for the encoding of options.

Not here: reading (see `capture`), and files, which belong to whoever observes.
"""

from struct import Struct
from typing import Final

from ndisemu.errors import UsageError
from ndisemu.frame.ethernet import MacAddress

SECTION_HEADER: Final = 0x0A0D0D0A
INTERFACE_DESCRIPTION: Final = 1
OBSOLETE_PACKET: Final = 2
SIMPLE_PACKET: Final = 3
INTERFACE_STATISTICS: Final = 5
ENHANCED_PACKET: Final = 6
BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D

ETHERNET: Final = 1
"""LINKTYPE_ETHERNET: frames begin with the destination address."""

OPT_COMMENT: Final = 1
EPB_FLAGS: Final = 2
IF_TSRESOL: Final = 9
IF_TSOFFSET: Final = 14

INBOUND: Final = 1
OUTBOUND: Final = 2
DIRECTION_MASK: Final = 3
"""The direction is in the lowest two bits of the packet flags; 0 says nothing about it."""

_OPTION_LIMIT: Final = 0xFFFF
_WORD_MASK: Final = 0xFFFF_FFFF
_SECTION_LENGTH_UNKNOWN: Final = -1

_BLOCK: Final = Struct("<II")
_SECTION: Final = Struct("<IHHq")
_INTERFACE: Final = Struct("<HHI")
_STATISTICS: Final = Struct("<III")
_OPTION: Final = Struct("<HH")
_FLAGS_OPTION: Final = Struct("<HHIHH")
_WORD: Final = Struct("<I")
_QUAD: Final = Struct("<Q")
_PACKET: Final = Struct("<IIIIIII")

_PACKET_FRAMING: Final = _PACKET.size + _WORD.size
_pack_packet: Final = _PACKET.pack
_pack_word: Final = _WORD.pack

_PADDING: Final = (b"", b"\0\0\0", b"\0\0", b"\0")
"""What brings a length up to a multiple of four, by its remainder."""

_END_OF_OPTIONS: Final = bytes(4)
_INBOUND_ONLY: Final = _FLAGS_OPTION.pack(EPB_FLAGS, 4, INBOUND, 0, 0)
_OUTBOUND_ONLY: Final = _FLAGS_OPTION.pack(EPB_FLAGS, 4, OUTBOUND, 0, 0)


def section_header(*, application: str, comment: str | None = None) -> bytes:
    """Encode the block that begins a file: who wrote it, and a remark on the whole."""
    fixed = _SECTION.pack(BYTE_ORDER_MAGIC, 1, 0, _SECTION_LENGTH_UNKNOWN)
    return _block(SECTION_HEADER, fixed, _options((OPT_COMMENT, _text(comment)), (4, _text(application))))


def interface_description(
    name: str, description: str, *, mac: MacAddress | None = None, speed: int | None = None, snaplen: int = 0
) -> bytes:
    """Encode one Ethernet interface with nanosecond times.

    `speed` is in bits per second, and a `snaplen` of 0 means that frames are never cut.
    """
    options = _options(
        (2, _text(name)),
        (3, _text(description)),
        (6, mac),
        (8, _quad(speed)),
        (IF_TSRESOL, b"\x09"),
    )
    return _block(INTERFACE_DESCRIPTION, _INTERFACE.pack(ETHERNET, 0, snaplen), options)


def enhanced_packet(
    interface: int,
    time: int,
    data: bytes,
    *,
    outbound: bool | None = None,
    packet_id: int | None = None,
    queue: int | None = None,
    drop_count: int | None = None,
    verdict: bytes | None = None,
    comment: str | None = None,
) -> bytes:
    """Encode one whole frame, seen at `time` nanoseconds on the interface of that position.

    Frames that share a `packet_id` are one frame seen in several places; `drop_count`
    is how many were lost on this interface since the previous packet; `verdict` is
    what the hardware decided on the frame, in the hardware's own terms.
    """
    size = len(data)
    if packet_id is None and queue is None and drop_count is None and verdict is None and comment is None:
        options = b"" if outbound is None else _OUTBOUND_ONLY if outbound else _INBOUND_ONLY
    else:
        options = _packet_options(
            outbound=outbound,
            packet_id=packet_id,
            queue=queue,
            drop_count=drop_count,
            verdict=verdict,
            comment=comment,
        )
    padding = _PADDING[size & 3]
    total = _PACKET_FRAMING + size + len(padding) + len(options)
    head = _pack_packet(ENHANCED_PACKET, total, interface, time >> 32, time & _WORD_MASK, size, size)
    return b"".join((head, data, padding, options, _pack_word(total)))


def interface_statistics(
    interface: int, time: int, *, received: int | None = None, dropped: int | None = None, comment: str | None = None
) -> bytes:
    """Encode the totals of an interface at `time`: frames that reached it, and those it lost for want of room."""
    fixed = _STATISTICS.pack(interface, time >> 32, time & _WORD_MASK)
    options = _options((OPT_COMMENT, _text(comment)), (4, _quad(received)), (5, _quad(dropped)))
    return _block(INTERFACE_STATISTICS, fixed, options)


def _packet_options(
    *,
    outbound: bool | None,
    packet_id: int | None,
    queue: int | None,
    drop_count: int | None,
    verdict: bytes | None,
    comment: str | None,
) -> bytes:
    flags = None if outbound is None else _pack_word(OUTBOUND if outbound else INBOUND)
    return _options(
        (OPT_COMMENT, _text(comment)),
        (EPB_FLAGS, flags),
        (4, _quad(drop_count)),
        (5, _quad(packet_id)),
        (6, None if queue is None else _pack_word(queue)),
        # A verdict begins with who reached it; 0 is the hardware.
        (7, None if verdict is None else b"\0" + verdict),
    )


def _options(*options: tuple[int, bytes | None]) -> bytes:
    parts: list[bytes] = []
    for code, value in options:
        if value is None:
            continue
        size = len(value)
        if size > _OPTION_LIMIT:
            raise UsageError(f"a text or value of {size} bytes is too long for a capture, which holds {_OPTION_LIMIT}")
        parts += (_OPTION.pack(code, size), value, _PADDING[size & 3])
    if parts:
        parts.append(_END_OF_OPTIONS)
    return b"".join(parts)


def _text(text: str | None) -> bytes | None:
    # A lone surrogate, which a file name may hold, has no UTF-8.
    return None if text is None else text.encode(errors="replace")


def _quad(number: int | None) -> bytes | None:
    return None if number is None else _QUAD.pack(number)


def _block(kind: int, fixed: bytes, options: bytes) -> bytes:
    total = _BLOCK.size + len(fixed) + len(options) + _WORD.size
    return b"".join((_BLOCK.pack(kind, total), fixed, options, _pack_word(total)))
