"""The OIDs every 5.1 Ethernet miniport must answer, as a table.

It knows no card. What only a device can tell, whether there is a link and
how many frames found no buffer, is a method to override.

Source: NDIS reference 4.5.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from ndisemu.ndis import (
    HardwareStatus,
    MacOption,
    MediaState,
    Medium,
    Oid,
    OidRequest,
    PacketFilter,
    PowerState,
    Status,
)

MAX_MULTICAST: Final = 64
FILTERS: Final = (
    PacketFilter.DIRECTED
    | PacketFilter.MULTICAST
    | PacketFilter.ALL_MULTICAST
    | PacketFilter.BROADCAST
    | PacketFilter.PROMISCUOUS
)
_HEADER: Final = 14
_BLOCK: Final = 2048


class Counters:
    """What the driver counts for its statistics OIDs."""

    __slots__ = ("no_buffer", "receive_errors", "received", "send_errors", "sent")

    def __init__(self) -> None:
        self.no_buffer = 0
        self.sent = 0
        self.send_errors = 0
        self.received = 0
        self.receive_errors = 0


class Information:
    """The answers of one adapter; `filter` and `multicast` are what NDIS has set.

    `buffers` is how many frames it can hold to send, and how many received ones.
    `mac_options` may be added to before NDIS asks for them.
    """

    def __init__(self, station: bytes, mtu: int, buffers: tuple[int, int], vendor: bytes) -> None:
        self.filter = PacketFilter(0)
        self.multicast: tuple[bytes, ...] = ()
        self.lookahead = mtu
        self.wake_up = 0
        self.patterns: dict[bytes, None] = {}
        self.counters = Counters()
        self.mac_options = MacOption.COPY_LOOKAHEAD_DATA | MacOption.TRANSFERS_NOT_PEND | MacOption.NO_LOOPBACK
        fixed = {
            Oid.GEN_HARDWARE_STATUS: HardwareStatus.READY,
            Oid.GEN_MEDIA_SUPPORTED: Medium.E802_3,
            Oid.GEN_MEDIA_IN_USE: Medium.E802_3,
            Oid.GEN_MAXIMUM_LOOKAHEAD: mtu,
            Oid.GEN_MAXIMUM_FRAME_SIZE: mtu,
            Oid.GEN_LINK_SPEED: 10_000_000,
            Oid.GEN_TRANSMIT_BUFFER_SPACE: buffers[0] * _BLOCK,
            Oid.GEN_RECEIVE_BUFFER_SPACE: buffers[1] * _BLOCK,
            Oid.GEN_TRANSMIT_BLOCK_SIZE: _BLOCK,
            Oid.GEN_RECEIVE_BLOCK_SIZE: _BLOCK,
            Oid.GEN_VENDOR_ID: 0xFFFFFF,
            Oid.GEN_MAXIMUM_TOTAL_SIZE: mtu + _HEADER,
            Oid.GEN_VENDOR_DRIVER_VERSION: 0x00010000,
            Oid.GEN_MAXIMUM_SEND_PACKETS: max(buffers[0] - 1, 1),
            Oid.E802_3_MAXIMUM_LIST_SIZE: MAX_MULTICAST,
        }
        self._answers: dict[Oid, Callable[[], bytes]] = {oid: partial(_u32, value) for oid, value in fixed.items()}
        self._answers |= {
            Oid.GEN_MAC_OPTIONS: lambda: _u32(self.mac_options),
            Oid.PNP_CAPABILITIES: lambda: b"".join(map(_u32, _WAKE_UP)),
            Oid.PNP_QUERY_POWER: lambda: b"",
            Oid.GEN_SUPPORTED_LIST: lambda: b"".join(_u32(oid) for oid in sorted(self._answers)),
            Oid.GEN_VENDOR_DESCRIPTION: lambda: vendor + b"\0",
            Oid.GEN_DRIVER_VERSION: lambda: b"\x01\x05",
            Oid.GEN_CURRENT_PACKET_FILTER: lambda: _u32(self.filter),
            Oid.GEN_CURRENT_LOOKAHEAD: lambda: _u32(self.lookahead),
            Oid.GEN_MEDIA_CONNECT_STATUS: lambda: _u32(self.media_state()),
            Oid.GEN_XMIT_OK: lambda: _u32(self.counters.sent),
            Oid.GEN_RCV_OK: lambda: _u32(self.counters.received),
            Oid.GEN_XMIT_ERROR: lambda: _u32(self.counters.send_errors),
            Oid.GEN_RCV_ERROR: lambda: _u32(self.counters.receive_errors),
            Oid.GEN_RCV_NO_BUFFER: lambda: _u32(self.no_buffer()),
            Oid.E802_3_PERMANENT_ADDRESS: lambda: station,
            Oid.E802_3_CURRENT_ADDRESS: lambda: station,
            Oid.E802_3_MULTICAST_LIST: lambda: b"".join(self.multicast),
            Oid.E802_3_RCV_ERROR_ALIGNMENT: lambda: _u32(0),
            Oid.E802_3_XMIT_ONE_COLLISION: lambda: _u32(0),
            Oid.E802_3_XMIT_MORE_COLLISIONS: lambda: _u32(0),
        }

    def add(self, oid: Oid, number: Callable[[], int]) -> None:
        """Answer one more OID, with a number."""
        self._answers[oid] = lambda: _u32(number())

    def query(self, request: OidRequest) -> Status:
        """Answer a query from the table."""
        answer = self._answers.get(request.oid)
        return Status.INVALID_OID if answer is None else request.answer(answer())

    def set(self, request: OidRequest) -> Status:
        """Take a filter, a multicast list or a lookahead size; the caller applies what has changed."""
        if request.oid is Oid.E802_3_MULTICAST_LIST:
            data = request.data
            if len(data) > 6 * MAX_MULTICAST:
                return Status.MULTICAST_FULL
            self.multicast = tuple(data[start : start + 6] for start in range(0, len(data), 6))
            return Status.SUCCESS
        if request.oid is Oid.PNP_ADD_WAKE_UP_PATTERN:
            self.patterns[request.data] = None
            return Status.SUCCESS
        if request.oid is Oid.PNP_REMOVE_WAKE_UP_PATTERN:
            self.patterns.pop(request.data, None)
            return Status.SUCCESS
        number = request.number()
        if request.oid not in _SETTABLE:
            return Status.INVALID_OID
        if number is None:
            return Status.INVALID_LENGTH
        if request.oid is Oid.GEN_CURRENT_LOOKAHEAD:
            self.lookahead = number
        elif request.oid is Oid.PNP_ENABLE_WAKE_UP:
            self.wake_up = number
        elif number & ~FILTERS:
            return Status.NOT_SUPPORTED
        else:
            self.filter = PacketFilter(number)
        return Status.SUCCESS

    def media_state(self) -> MediaState:
        """Whether there is a link."""
        return MediaState.CONNECTED

    def no_buffer(self) -> int:
        """How many frames found no buffer since the adapter was initialized."""
        return self.counters.no_buffer


_SETTABLE: Final = (Oid.GEN_CURRENT_PACKET_FILTER, Oid.GEN_CURRENT_LOOKAHEAD, Oid.PNP_ENABLE_WAKE_UP)
# NDIS_PNP_CAPABILITIES: flags, then the deepest sleep from which a magic packet, a pattern, a link change wakes.
_WAKE_UP: Final = (0, PowerState.D3, PowerState.D3, PowerState.UNSPECIFIED)

# What an NDIS 6 miniport answers of it; NDIS itself answers the rest from the attributes.
ANSWERED_IN_6: Final = (
    Oid.GEN_TRANSMIT_BUFFER_SPACE,
    Oid.GEN_RECEIVE_BUFFER_SPACE,
    Oid.GEN_TRANSMIT_BLOCK_SIZE,
    Oid.GEN_RECEIVE_BLOCK_SIZE,
    Oid.GEN_VENDOR_ID,
    Oid.GEN_VENDOR_DESCRIPTION,
    Oid.GEN_VENDOR_DRIVER_VERSION,
    Oid.GEN_CURRENT_PACKET_FILTER,
    Oid.GEN_CURRENT_LOOKAHEAD,
    Oid.GEN_MAXIMUM_TOTAL_SIZE,
    Oid.GEN_XMIT_OK,
    Oid.GEN_RCV_OK,
    Oid.GEN_XMIT_ERROR,
    Oid.GEN_RCV_ERROR,
    Oid.GEN_RCV_NO_BUFFER,
    Oid.GEN_STATISTICS,
    Oid.GEN_INTERRUPT_MODERATION,
    Oid.E802_3_MULTICAST_LIST,
    Oid.PNP_CAPABILITIES,
    Oid.PNP_QUERY_POWER,
)


def _u32(value: int) -> bytes:
    """Return the low 32 bits, little endian, as every number of an OID is."""
    return (value & 0xFFFFFFFF).to_bytes(4, "little")
