"""Statuses, OIDs and flags have the names and values of Microsoft's headers.

The tables were transcribed from `ndis.h`, `ntddndis.h` and `ntstatus.h`, not from the code.
"""

from enum import IntEnum, IntFlag

import pytest

from ndisemu.ndis.constants import (
    PROTOCOL_ID_MASK,
    AttributeFlag,
    HardwareStatus,
    MacOption,
    MediaConnectState,
    MediaDuplexState,
    MediaState,
    Medium,
    PacketFilter,
    PacketFlag,
    PauseFunctions,
    ProtocolId,
    ProtocolOption,
)
from ndisemu.ndis.oid import MANDATORY_5X_QUERY, MANDATORY_5X_QUERY_SERIALIZED, MANDATORY_5X_SET, Oid
from ndisemu.ndis.status import Status

STATUSES = """
NDIS_STATUS_SUCCESS 0x00000000
NDIS_STATUS_PENDING 0x00000103
NDIS_STATUS_NOT_ACCEPTED 0x00010003
NDIS_STATUS_CALL_ACTIVE 0x00010007
NDIS_STATUS_RESET_START 0x40010004
NDIS_STATUS_RESET_END 0x40010005
NDIS_STATUS_MEDIA_CONNECT 0x4001000B
NDIS_STATUS_MEDIA_DISCONNECT 0x4001000C
NDIS_STATUS_INTERFACE_DOWN 0x40010010
NDIS_STATUS_LINK_STATE 0x40010017
NDIS_STATUS_PACKET_FILTER 0x40010024
NDIS_STATUS_INDICATION_REQUIRED 0x40230001
NDIS_STATUS_NOT_RESETTABLE 0x80010001
NDIS_STATUS_HARD_ERRORS 0x80010004
NDIS_STATUS_FAILURE 0xC0000001
NDIS_STATUS_RESOURCES 0xC000009A
NDIS_STATUS_NOT_SUPPORTED 0xC00000BB
NDIS_STATUS_CLOSING 0xC0010002
NDIS_STATUS_BAD_CHARACTERISTICS 0xC0010005
NDIS_STATUS_DEVICE_FAILED 0xC0010008
NDIS_STATUS_MULTICAST_NOT_FOUND 0xC001000B
NDIS_STATUS_REQUEST_ABORTED 0xC001000C
NDIS_STATUS_RESET_IN_PROGRESS 0xC001000D
NDIS_STATUS_ADAPTER_NOT_OPEN 0xC0010012
NDIS_STATUS_INVALID_LENGTH 0xC0010014
NDIS_STATUS_INVALID_DATA 0xC0010015
NDIS_STATUS_BUFFER_TOO_SHORT 0xC0010016
NDIS_STATUS_INVALID_OID 0xC0010017
NDIS_STATUS_UNSUPPORTED_MEDIA 0xC0010019
NDIS_STATUS_ALREADY_MAPPED 0xC001001D
NDIS_STATUS_NO_CABLE 0xC001001F
NDIS_STATUS_SAP_IN_USE 0xC0010021
NDIS_STATUS_NO_ROUTE_TO_DESTINATION 0xC0010029
NDIS_STATUS_SEND_ABORTED 0xC023000C
NDIS_STATUS_PAUSED 0xC023002A
NDIS_STATUS_INVALID_PORT_STATE 0xC023002E
NDIS_STATUS_LOW_POWER_STATE 0xC023002F
"""

OIDS = """
OID_GEN_SUPPORTED_LIST 0x00010101
OID_GEN_MEDIA_IN_USE 0x00010104
OID_GEN_LINK_SPEED 0x00010107
OID_GEN_RECEIVE_BLOCK_SIZE 0x0001010B
OID_GEN_CURRENT_PACKET_FILTER 0x0001010E
OID_GEN_CURRENT_LOOKAHEAD 0x0001010F
OID_GEN_MAC_OPTIONS 0x00010113
OID_GEN_MAXIMUM_SEND_PACKETS 0x00010115
OID_GEN_TRANSPORT_HEADER_OFFSET 0x00010119
OID_GEN_LINK_STATE 0x00010207
OID_GEN_INTERRUPT_MODERATION 0x00010209
OID_GEN_VLAN_ID 0x0001021C
OID_GEN_XMIT_OK 0x00020101
OID_GEN_RCV_NO_BUFFER 0x00020105
OID_GEN_STATISTICS 0x00020106
OID_GEN_DIRECTED_BYTES_XMIT 0x00020201
OID_GEN_DIRECTED_FRAMES_XMIT 0x00020202
OID_GEN_MULTICAST_BYTES_XMIT 0x00020203
OID_GEN_MULTICAST_FRAMES_XMIT 0x00020204
OID_GEN_BROADCAST_BYTES_XMIT 0x00020205
OID_GEN_BROADCAST_FRAMES_XMIT 0x00020206
OID_GEN_DIRECTED_BYTES_RCV 0x00020207
OID_GEN_DIRECTED_FRAMES_RCV 0x00020208
OID_GEN_MULTICAST_BYTES_RCV 0x00020209
OID_GEN_MULTICAST_FRAMES_RCV 0x0002020A
OID_GEN_BROADCAST_BYTES_RCV 0x0002020B
OID_GEN_BROADCAST_FRAMES_RCV 0x0002020C
OID_GEN_TRANSMIT_QUEUE_LENGTH 0x0002020E
OID_GEN_XMIT_DISCARDS 0x0002021C
OID_GEN_CO_MINIMUM_LINK_SPEED 0x00020120
OID_GEN_CO_BYTES_XMIT_OUTSTANDING 0x00020221
OID_802_3_CURRENT_ADDRESS 0x01010102
OID_802_3_MULTICAST_LIST 0x01010103
OID_802_3_XMIT_MORE_COLLISIONS 0x01020103
OID_802_3_XMIT_DEFERRED 0x01020201
OID_802_3_XMIT_MAX_COLLISIONS 0x01020202
OID_802_3_RCV_OVERRUN 0x01020203
OID_802_3_XMIT_UNDERRUN 0x01020204
OID_802_3_XMIT_HEARTBEAT_FAILURE 0x01020205
OID_802_3_XMIT_TIMES_CRS_LOST 0x01020206
OID_802_3_XMIT_LATE_COLLISIONS 0x01020207
OID_802_3_DELETE_MULTICAST_ADDRESS 0x01010209
OID_PNP_SET_POWER 0xFD010101
OID_PNP_ENABLE_WAKE_UP 0xFD010106
"""

FAMILIES: list[tuple[type[IntEnum | IntFlag], list[int]]] = [
    (PacketFilter, [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x1000, 0x2000, 0x4000, 0x8000, 0x10000]),
    (MacOption, [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200, 0x80000000]),
    (ProtocolOption, [1, 2, 4, 8]),
    (AttributeFlag, [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200]),
    (PacketFlag, [0x10, 0x20, 0x40, 0x80, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000, 0x10000, 0x20000]),
    (ProtocolId, [0, 2, 6, 7]),
    (Medium, list(range(18))),
    (HardwareStatus, [0, 1, 2, 3, 4]),
    (MediaState, [0, 1]),
    (MediaConnectState, [0, 1, 2]),
    (MediaDuplexState, [0, 1, 2]),
    (PauseFunctions, [0, 1, 2, 3, 4]),
]


def rows(table: str) -> list[tuple[str, int]]:
    """Give the (name, value) pairs of a table."""
    return [(name, int(value, 16)) for name, value in map(str.split, table.strip().splitlines())]


@pytest.mark.parametrize(("name", "value"), rows(STATUSES))
def test_a_status_has_microsofts_name_and_value(name: str, value: int) -> None:
    """The value of the headers finds the status, and str() gives the name of the headers."""
    assert str(Status(value)) == name


@pytest.mark.parametrize(("name", "value"), rows(OIDS))
def test_an_oid_has_microsofts_name_and_value(name: str, value: int) -> None:
    """The value of the headers finds the OID, and str() gives the name of the headers."""
    assert str(Oid(value)) == name


@pytest.mark.parametrize(("family", "values"), FAMILIES)
def test_a_family_of_constants_is_complete_and_in_order(family: type[IntEnum | IntFlag], values: list[int]) -> None:
    """A family has the values of the headers, all of them, each with one name."""
    assert [int(member) for member in family.__members__.values()] == values


@pytest.mark.parametrize("family", [Status, Oid])
def test_no_two_names_share_a_value(family: type[IntEnum]) -> None:
    """Every name is a member of its own; none is an alias."""
    assert len(family.__members__) == len(list(family))


def test_a_name_is_what_a_message_shows() -> None:
    """A status or OID formats as its name, and as a number where a number is asked for."""
    assert f"{Status.PENDING}" == "NDIS_STATUS_PENDING"
    assert f"{Oid.E802_3_CURRENT_ADDRESS}" == "OID_802_3_CURRENT_ADDRESS"
    assert f"{Status.RESOURCES:#010x}" == "0xc000009a"


def test_every_flag_is_one_bit_outside_the_protocol_id() -> None:
    """A packet's flags and the id of its sender share a word without touching."""
    assert all(flag.bit_count() == 1 and not flag & PROTOCOL_ID_MASK for flag in PacketFlag)
    assert all(member & PROTOCOL_ID_MASK == member for member in ProtocolId)


def test_a_flag_word_keeps_bits_without_a_name() -> None:
    """What a driver sets and the headers do not name is still there when it is read back."""
    assert int(PacketFilter(0x40000001)) == 0x40000001


@pytest.mark.parametrize("table", [MANDATORY_5X_QUERY, MANDATORY_5X_QUERY_SERIALIZED, MANDATORY_5X_SET])
def test_a_table_of_mandatory_oids_names_each_once(table: tuple[Oid, ...]) -> None:
    """No OID stands twice in a table."""
    assert len(table) == len(dict.fromkeys(table)) > 0


def test_what_must_be_set_can_be_queried() -> None:
    """Each OID a 5.x miniport must accept in a set, it must also answer in a query."""
    assert frozenset(MANDATORY_5X_SET) < frozenset(MANDATORY_5X_QUERY)


def test_only_a_serialized_miniport_must_tell_its_longest_array() -> None:
    """NDIS ignores OID_GEN_MAXIMUM_SEND_PACKETS of a deserialized miniport, so it is not mandatory there."""
    assert Oid.GEN_MAXIMUM_SEND_PACKETS not in MANDATORY_5X_QUERY
    assert MANDATORY_5X_QUERY_SERIALIZED == (Oid.GEN_MAXIMUM_SEND_PACKETS,)
