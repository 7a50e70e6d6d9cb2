"""Ethernet's addresses and sizes.

An address is six `bytes` in wire order, so comparing it with a slice of a
frame needs no conversion. Text exists only at the borders: `parse_mac` where
a person wrote an address, `format_mac` where a person reads one.
"""

import re
from typing import Final, TypeAlias

from ndisemu.errors import UsageError

MacAddress: TypeAlias = bytes
"""Six bytes, in the order in which they are sent."""

ADDRESS: Final = 6
"""Length of an address."""

HEADER: Final = 14
"""Length of destination, source and EtherType."""

VLAN_TAG: Final = 4
"""Length that each 802.1Q tag adds to the header."""

FCS: Final = 4
"""Length of the frame check sequence, which no frame in this project carries."""

MIN_FRAME: Final = 60
"""Shortest legal frame without its frame check sequence; cards pad up to it."""

BROADCAST: Final[MacAddress] = b"\xff" * ADDRESS
"""The address of every station."""

_WRITTEN: Final = re.compile(r"[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}")


def parse_mac(text: str) -> MacAddress:
    """Read an address written as six pairs of hexadecimal digits.

    Colons or dashes separate the pairs, one kind throughout.

    Raises:
        UsageError: The text is anything else.
    """
    if _WRITTEN.fullmatch(text) is None:
        shown = text if len(text) <= 40 else text[:40] + "…"
        raise UsageError(
            f"{shown!r} is not a MAC address, which is six pairs of hexadecimal digits, such as 02:00:00:00:0a:01"
        )
    return bytes.fromhex(text.replace(text[2], ""))


def format_mac(address: MacAddress) -> str:
    """Write an address the usual way, as in `02:00:00:00:0a:01`."""
    return address.hex(":")


def padded(frame: bytes) -> bytes:
    """Return a frame as it leaves: padded with zeros to what the wire's shortest frame is."""
    return frame.ljust(MIN_FRAME, b"\0")


def untagged(frame: bytes) -> bytes:
    """Return a frame that has a VLAN tag without it: the tag stands behind the two addresses."""
    return frame[: 2 * ADDRESS] + frame[2 * ADDRESS + VLAN_TAG :]


def is_group(address: bytes) -> bool:
    """Whether an address, or the destination of a frame, is a multicast group or broadcast."""
    return bool(address[0] & 1)
