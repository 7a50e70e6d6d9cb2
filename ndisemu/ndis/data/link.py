"""NDIS_LINK_STATE: what an NDIS 6 miniport says of its link, as the bytes of a status indication.

Source: NDIS reference 3.3 and 4.5; `ntddndis.h`; rules `status-buffer`, `status-header`.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from ndisemu.errors import RuleViolation
from ndisemu.ndis.constants import MediaConnectState, MediaDuplexState, PauseFunctions

UNKNOWN_SPEED: Final = 0xFFFF_FFFF_FFFF_FFFF
"""NDIS_LINK_SPEED_UNKNOWN."""

# An NDIS_OBJECT_HEADER (type, revision, size), the two states, the two speeds aligned to 8 bytes, two words.
_LAYOUT: Final = Struct("<BBHII4xQQII")
# NDIS_OBJECT_TYPE_DEFAULT and NDIS_LINK_STATE_REVISION_1.
_HEADER: Final = (0x80, 1, _LAYOUT.size)


@dataclass(frozen=True, slots=True)
class LinkState:
    """`NDIS_LINK_STATE`; speeds are in bit/s."""

    connect: MediaConnectState
    duplex: MediaDuplexState = MediaDuplexState.UNKNOWN
    send_speed: int = UNKNOWN_SPEED
    receive_speed: int = UNKNOWN_SPEED
    pause: PauseFunctions = PauseFunctions.UNKNOWN
    negotiated: int = 0

    @property
    def up(self) -> bool:
        """Whether there is a link for certain."""
        return self.connect is MediaConnectState.CONNECTED

    def pack(self) -> bytes:
        """Return it as the StatusBuffer of an NDIS_STATUS_LINK_STATE."""
        speeds = self.send_speed, self.receive_speed
        return _LAYOUT.pack(*_HEADER, self.connect, self.duplex, *speeds, self.pause, self.negotiated)

    @classmethod
    def unpack(cls, buffer: bytes) -> "LinkState":
        """Take a StatusBuffer apart; what is no NDIS_LINK_STATE is refused."""
        if len(buffer) != _LAYOUT.size:
            raise RuleViolation(
                "status-buffer",
                f"NDIS_STATUS_LINK_STATE was indicated with {len(buffer)} bytes; an NDIS_LINK_STATE has {_LAYOUT.size}",
            )
        kind, revision, size, connect, duplex, send, receive, pause, negotiated = _LAYOUT.unpack(buffer)
        if (kind, revision, size) != _HEADER:
            raise RuleViolation(
                "status-header",
                f"an NDIS_LINK_STATE was indicated with type {kind:#x}, revision {revision} and size {size} in its "
                f"header; they are {_HEADER[0]:#x}, {_HEADER[1]} and {_HEADER[2]}",
            )
        try:
            states = MediaConnectState(connect), MediaDuplexState(duplex)
            return cls(*states, send, receive, PauseFunctions(pause), negotiated)
        except ValueError as error:
            raise RuleViolation("status-buffer", f"an NDIS_LINK_STATE was indicated in which {error}") from error
