"""Flags and small enumerations that cross the NDIS border as plain numbers.

Each class is one family of constants in Microsoft's headers, its members
named without the family's prefix; the class says which header and prefix.
Names that would begin with a digit carry an E in front, as in `oid`. A flag
word keeps bits that have no name here, as a driver would see them.

Not here: statuses (`status`) and object identifiers (`oid`).
"""

from enum import IntEnum, IntFlag, unique
from typing import Final


@unique
class PacketFilter(IntFlag):
    """NDIS_PACKET_TYPE_*: which frames to receive, OID_GEN_CURRENT_PACKET_FILTER (`ntddndis.h`).

    A filter starts at 0: nothing is received until a protocol sets one.
    """

    DIRECTED = 0x00000001
    MULTICAST = 0x00000002
    ALL_MULTICAST = 0x00000004
    BROADCAST = 0x00000008
    SOURCE_ROUTING = 0x00000010
    PROMISCUOUS = 0x00000020
    SMT = 0x00000040
    ALL_LOCAL = 0x00000080
    GROUP = 0x00001000
    ALL_FUNCTIONAL = 0x00002000
    FUNCTIONAL = 0x00004000
    MAC_FRAME = 0x00008000
    NO_LOCAL = 0x00010000


@unique
class MacOption(IntFlag):
    """NDIS_MAC_OPTION_*: what a miniport says of itself, OID_GEN_MAC_OPTIONS (`ntddndis.h`)."""

    COPY_LOOKAHEAD_DATA = 0x00000001
    RECEIVE_SERIALIZED = 0x00000002
    TRANSFERS_NOT_PEND = 0x00000004
    NO_LOOPBACK = 0x00000008  # NDIS loops frames back in software.
    FULL_DUPLEX = 0x00000010  # NDIS ignores it.
    EOTX_INDICATION = 0x00000020  # Obsolete.
    E8021P_PRIORITY = 0x00000040
    SUPPORTS_MAC_ADDRESS_OVERWRITE = 0x00000080
    RECEIVE_AT_DPC = 0x00000100  # Obsolete.
    E8021Q_VLAN = 0x00000200  # Only together with E8021P_PRIORITY.
    RESERVED = 0x80000000


@unique
class ProtocolOption(IntFlag):
    """NDIS_PROT_OPTION_*: what a protocol asks for, OID_GEN_PROTOCOL_OPTIONS (`ntddndis.h`)."""

    ESTIMATED_LENGTH = 0x00000001
    NO_LOOPBACK = 0x00000002
    NO_RSVD_ON_RCVPKT = 0x00000004
    SEND_RESTRICTED = 0x00000008


@unique
class AttributeFlag(IntFlag):
    """NDIS_ATTRIBUTE_*: the flags of NdisMSetAttributesEx, by which a 5.x miniport says what it is (`ndis.h`)."""

    IGNORE_PACKET_TIMEOUT = 0x00000001
    IGNORE_REQUEST_TIMEOUT = 0x00000002
    IGNORE_TOKEN_RING_ERRORS = 0x00000004
    BUS_MASTER = 0x00000008
    INTERMEDIATE_DRIVER = 0x00000010
    DESERIALIZE = 0x00000020  # The driver does its own locking and queueing.
    NO_HALT_ON_SUSPEND = 0x00000040
    SURPRISE_REMOVE_OK = 0x00000080
    NOT_CO_NDIS = 0x00000100
    USES_SAFE_BUFFER_APIS = 0x00000200


@unique
class Medium(IntEnum):
    """NDIS_MEDIUM, NdisMedium*: the kind of frames an adapter speaks (`ntddndis.h`)."""

    E802_3 = 0
    E802_5 = 1
    FDDI = 2
    WAN = 3
    LOCAL_TALK = 4
    DIX = 5
    ARCNET_RAW = 6
    ARCNET_878_2 = 7
    ATM = 8
    WIRELESS_WAN = 9
    IRDA = 10
    BPC = 11
    CO_WAN = 12
    E1394 = 13
    INFINI_BAND = 14
    TUNNEL = 15
    NATIVE_802_11 = 16
    LOOPBACK = 17


PROTOCOL_ID_MASK: Final = 0x0000000F
"""NDIS_FLAGS_PROTOCOL_ID_MASK: the bits of the packet flags that hold a `ProtocolId` (`ndis.h`)."""


@unique
class ProtocolId(IntEnum):
    """NDIS_PROTOCOL_ID_*: the sender of a packet, in its flags under `PROTOCOL_ID_MASK` (`ntddndis.h`)."""

    DEFAULT = 0x0
    TCP_IP = 0x2
    IPX = 0x6
    NBF = 0x7


@unique
class PacketFlag(IntFlag):
    """NDIS_FLAGS_*: `Private.Flags` of an NDIS_PACKET, the same word as MiniportSend's Flags (`ndis.h`)."""

    MULTICAST_PACKET = 0x00000010
    RESERVED2 = 0x00000020
    RESERVED3 = 0x00000040
    DONT_LOOPBACK = 0x00000080
    IS_LOOPBACK_PACKET = 0x00000100
    LOOPBACK_ONLY = 0x00000200
    RESERVED4 = 0x00000400
    DOUBLE_BUFFERED = 0x00000800
    SENT_AT_DPC = 0x00001000
    USES_SG_BUFFER_LIST = 0x00002000
    USES_ORIGINAL_PACKET = 0x00004000
    PADDED = 0x00010000
    XLATE_AT_TOP = 0x00020000


@unique
class HardwareStatus(IntEnum):
    """NDIS_HARDWARE_STATUS, NdisHardwareStatus*: the answer to OID_GEN_HARDWARE_STATUS (`ntddndis.h`)."""

    READY = 0
    INITIALIZING = 1
    RESET = 2
    CLOSING = 3
    NOT_READY = 4


@unique
class MediaState(IntEnum):
    """NDIS_MEDIA_STATE, NdisMediaState*: the answer to OID_GEN_MEDIA_CONNECT_STATUS (`ntddndis.h`).

    Note that connected is 0.
    """

    CONNECTED = 0
    DISCONNECTED = 1


@unique
class MediaConnectState(IntEnum):
    """NDIS_MEDIA_CONNECT_STATE, MediaConnectState*: the link in an `NDIS_LINK_STATE` (`ifdef.h`)."""

    UNKNOWN = 0
    CONNECTED = 1
    DISCONNECTED = 2


@unique
class MediaDuplexState(IntEnum):
    """NDIS_MEDIA_DUPLEX_STATE, MediaDuplexState*: whether a link sends while it receives (`ifdef.h`)."""

    UNKNOWN = 0
    HALF = 1
    FULL = 2


@unique
class PauseFunctions(IntEnum):
    """NDIS_SUPPORTED_PAUSE_FUNCTIONS, NdisPauseFunctions*: which 802.3x PAUSE frames a link uses (`ntddndis.h`)."""

    UNSUPPORTED = 0
    SEND_ONLY = 1
    RECEIVE_ONLY = 2
    SEND_AND_RECEIVE = 3
    UNKNOWN = 4
