"""Object identifiers: what a protocol may query from or set in a miniport.

The names are Microsoft's without the OID_ prefix, the values those of
`ntddndis.h`. A Python name cannot begin with a digit, so the objects of IEEE
802.3 carry an E (for Ethernet) in front: OID_802_3_CURRENT_ADDRESS is
`Oid.E802_3_CURRENT_ADDRESS`.

The tables say what a 5.x Ethernet miniport must answer itself. Under NDIS 6
the library answers most of it from the attributes registered at initialize.

Not here: the layout of each object's buffer, and who answers in NDIS 6.
"""

from enum import IntEnum, unique
from typing import Final


@unique
class Oid(IntEnum):
    """NDIS_OID, by Microsoft's names and values (`ntddndis.h`).

    `str()` gives the full name, `OID_GEN_SUPPORTED_LIST`.
    """

    # General objects: operational, 0x000101xx mandatory in the main, 0x000102xx optional.
    GEN_SUPPORTED_LIST = 0x00010101  # u32 for each OID.
    GEN_HARDWARE_STATUS = 0x00010102  # `HardwareStatus`.
    GEN_MEDIA_SUPPORTED = 0x00010103  # `Medium` for each.
    GEN_MEDIA_IN_USE = 0x00010104  # `Medium` for each.
    GEN_MAXIMUM_LOOKAHEAD = 0x00010105  # Bytes, without the link header.
    GEN_MAXIMUM_FRAME_SIZE = 0x00010106  # Bytes, without the link header: 1500.
    GEN_LINK_SPEED = 0x00010107  # In units of 100 bit/s; obsolete in 6.
    GEN_TRANSMIT_BUFFER_SPACE = 0x00010108  # Bytes.
    GEN_RECEIVE_BUFFER_SPACE = 0x00010109  # Bytes.
    GEN_TRANSMIT_BLOCK_SIZE = 0x0001010A  # Bytes.
    GEN_RECEIVE_BLOCK_SIZE = 0x0001010B  # Bytes.
    GEN_VENDOR_ID = 0x0001010C  # Three bytes of OUI and one of the vendor's; 0xFFFFFF if none.
    GEN_VENDOR_DESCRIPTION = 0x0001010D  # Zero-terminated ANSI text.
    GEN_CURRENT_PACKET_FILTER = 0x0001010E  # `PacketFilter`.
    GEN_CURRENT_LOOKAHEAD = 0x0001010F  # Bytes, without the link header.
    GEN_DRIVER_VERSION = 0x00010110  # u16: NDIS version, major in the high byte.
    GEN_MAXIMUM_TOTAL_SIZE = 0x00010111  # Bytes, with the link header: 1514.
    GEN_PROTOCOL_OPTIONS = 0x00010112  # `ProtocolOption`.
    GEN_MAC_OPTIONS = 0x00010113  # `MacOption`.
    GEN_MEDIA_CONNECT_STATUS = 0x00010114  # `MediaState`.
    GEN_MAXIMUM_SEND_PACKETS = 0x00010115  # Longest array for MiniportSendPackets; obsolete in 6.
    GEN_VENDOR_DRIVER_VERSION = 0x00010116  # u32, the vendor's own.
    GEN_SUPPORTED_GUIDS = 0x00010117  # NDIS_GUID for each.
    GEN_NETWORK_LAYER_ADDRESSES = 0x00010118  # The addresses a protocol uses.
    GEN_TRANSPORT_HEADER_OFFSET = 0x00010119  # Where the transport header begins.
    GEN_PHYSICAL_MEDIUM = 0x00010202  # What kind of wire or air it is.
    GEN_LINK_STATE = 0x00010207  # NDIS_LINK_STATE (6).
    GEN_LINK_PARAMETERS = 0x00010208  # Speed, duplex and pause to use (6).
    GEN_INTERRUPT_MODERATION = 0x00010209  # Whether interrupts are moderated (6).
    GEN_VLAN_ID = 0x0001021C  # u32.

    # General objects: counters, u32 or u64.
    GEN_XMIT_OK = 0x00020101
    GEN_RCV_OK = 0x00020102
    GEN_XMIT_ERROR = 0x00020103
    GEN_RCV_ERROR = 0x00020104
    GEN_RCV_NO_BUFFER = 0x00020105
    GEN_STATISTICS = 0x00020106  # NDIS_STATISTICS_INFO, all counters at once (6).
    GEN_DIRECTED_BYTES_XMIT = 0x00020201
    GEN_DIRECTED_FRAMES_XMIT = 0x00020202
    GEN_MULTICAST_BYTES_XMIT = 0x00020203
    GEN_MULTICAST_FRAMES_XMIT = 0x00020204
    GEN_BROADCAST_BYTES_XMIT = 0x00020205
    GEN_BROADCAST_FRAMES_XMIT = 0x00020206
    GEN_DIRECTED_BYTES_RCV = 0x00020207
    GEN_DIRECTED_FRAMES_RCV = 0x00020208
    GEN_MULTICAST_BYTES_RCV = 0x00020209
    GEN_MULTICAST_FRAMES_RCV = 0x0002020A
    GEN_BROADCAST_BYTES_RCV = 0x0002020B
    GEN_BROADCAST_FRAMES_RCV = 0x0002020C
    GEN_RCV_CRC_ERROR = 0x0002020D
    GEN_TRANSMIT_QUEUE_LENGTH = 0x0002020E  # Packets waiting now, not a counter.
    GEN_RESET_COUNTS = 0x00020214
    GEN_BYTES_RCV = 0x00020219
    GEN_BYTES_XMIT = 0x0002021A
    GEN_RCV_DISCARDS = 0x0002021B
    GEN_XMIT_DISCARDS = 0x0002021C

    # Connection-oriented objects; OID_GEN_CO_* share the values of OID_GEN_* but for these.
    GEN_CO_MINIMUM_LINK_SPEED = 0x00020120  # u32 outbound, u32 inbound, in units of 100 bit/s.
    GEN_CO_BYTES_XMIT_OUTSTANDING = 0x00020221  # Bytes on their way now, of a circuit or of all.

    # IEEE 802.3: operational.
    E802_3_PERMANENT_ADDRESS = 0x01010101  # 6 bytes, as burnt into the card.
    E802_3_CURRENT_ADDRESS = 0x01010102  # 6 bytes, as used.
    E802_3_MULTICAST_LIST = 0x01010103  # 6 bytes for each address; a set of length 0 clears it.
    E802_3_MAXIMUM_LIST_SIZE = 0x01010104  # Addresses the list can hold.
    E802_3_MAC_OPTIONS = 0x01010105  # u32.
    E802_3_ADD_MULTICAST_ADDRESS = 0x01010208  # 6 bytes.
    E802_3_DELETE_MULTICAST_ADDRESS = 0x01010209  # 6 bytes.

    # IEEE 802.3: counters.
    E802_3_RCV_ERROR_ALIGNMENT = 0x01020101
    E802_3_XMIT_ONE_COLLISION = 0x01020102
    E802_3_XMIT_MORE_COLLISIONS = 0x01020103
    E802_3_XMIT_DEFERRED = 0x01020201
    E802_3_XMIT_MAX_COLLISIONS = 0x01020202
    E802_3_RCV_OVERRUN = 0x01020203
    E802_3_XMIT_UNDERRUN = 0x01020204
    E802_3_XMIT_HEARTBEAT_FAILURE = 0x01020205
    E802_3_XMIT_TIMES_CRS_LOST = 0x01020206
    E802_3_XMIT_LATE_COLLISIONS = 0x01020207

    # Plug and play, power.
    PNP_CAPABILITIES = 0xFD010100  # What can wake the machine.
    PNP_SET_POWER = 0xFD010101  # NDIS_DEVICE_POWER_STATE to enter.
    PNP_QUERY_POWER = 0xFD010102  # NDIS_DEVICE_POWER_STATE that is about to be asked for.
    PNP_ADD_WAKE_UP_PATTERN = 0xFD010103
    PNP_REMOVE_WAKE_UP_PATTERN = 0xFD010104
    PNP_ENABLE_WAKE_UP = 0xFD010106  # Mask of what may wake the machine.

    def __str__(self) -> str:
        return f"OID_{self.name.removeprefix('E')}"


MANDATORY_5X_QUERY: Final = (
    Oid.GEN_SUPPORTED_LIST,
    Oid.GEN_HARDWARE_STATUS,
    Oid.GEN_MEDIA_SUPPORTED,
    Oid.GEN_MEDIA_IN_USE,
    Oid.GEN_MAXIMUM_LOOKAHEAD,
    Oid.GEN_MAXIMUM_FRAME_SIZE,
    Oid.GEN_LINK_SPEED,
    Oid.GEN_TRANSMIT_BUFFER_SPACE,
    Oid.GEN_RECEIVE_BUFFER_SPACE,
    Oid.GEN_TRANSMIT_BLOCK_SIZE,
    Oid.GEN_RECEIVE_BLOCK_SIZE,
    Oid.GEN_VENDOR_ID,
    Oid.GEN_VENDOR_DESCRIPTION,
    Oid.GEN_CURRENT_PACKET_FILTER,
    Oid.GEN_CURRENT_LOOKAHEAD,
    Oid.GEN_DRIVER_VERSION,
    Oid.GEN_MAXIMUM_TOTAL_SIZE,
    Oid.GEN_MAC_OPTIONS,
    Oid.GEN_MEDIA_CONNECT_STATUS,
    Oid.GEN_VENDOR_DRIVER_VERSION,
    Oid.GEN_XMIT_OK,
    Oid.GEN_RCV_OK,
    Oid.GEN_XMIT_ERROR,
    Oid.GEN_RCV_ERROR,
    Oid.GEN_RCV_NO_BUFFER,
    Oid.E802_3_PERMANENT_ADDRESS,
    Oid.E802_3_CURRENT_ADDRESS,
    Oid.E802_3_MULTICAST_LIST,
    Oid.E802_3_MAXIMUM_LIST_SIZE,
    Oid.E802_3_RCV_ERROR_ALIGNMENT,
    Oid.E802_3_XMIT_ONE_COLLISION,
    Oid.E802_3_XMIT_MORE_COLLISIONS,
)
"""What every 5.x Ethernet miniport must answer to MiniportQueryInformation."""

MANDATORY_5X_QUERY_SERIALIZED: Final = (Oid.GEN_MAXIMUM_SEND_PACKETS,)
"""What a serialized 5.x miniport must answer besides; NDIS ignores the answer of a deserialized one."""

MANDATORY_5X_SET: Final = (
    Oid.GEN_CURRENT_PACKET_FILTER,
    Oid.GEN_CURRENT_LOOKAHEAD,
    Oid.E802_3_MULTICAST_LIST,
)
"""What every 5.x Ethernet miniport must accept in MiniportSetInformation."""
