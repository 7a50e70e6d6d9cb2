"""What an NDIS 6 miniport says about itself, and what NDIS answers from it.

Most general OIDs never reach an NDIS 6 miniport: it gives their answers once,
in its general attributes, and says with status indications what changes.

Source: NDIS reference 1.4 (attributes) and 4.5 (who answers).
"""

from dataclasses import dataclass, field
from typing import Final

from ndisemu.ndis.constants import (
    HardwareStatus,
    MacOption,
    MediaConnectState,
    MediaDuplexState,
    MediaState,
    Medium,
    PacketFilter,
)
from ndisemu.ndis.data.link import LinkState
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.oid import Oid
from ndisemu.ndis.status import Status
from ndisemu.ndis.v6.flags import RegistrationFlag

GIGABIT: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class RegistrationAttributes:
    """`NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES`; `check_for_hang_time` is in seconds, 0 means 2."""

    flags: RegistrationFlag = RegistrationFlag.HARDWARE_DEVICE | RegistrationFlag.BUS_MASTER
    check_for_hang_time: int = 0


@dataclass(frozen=True, slots=True)
class GeneralAttributes:
    """`NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES`; speeds are in bit/s, `lookahead` None means the MTU."""

    current_address: bytes
    permanent_address: bytes | None = None
    mtu: int = 1500
    media_type: Medium = Medium.E802_3
    max_link_speed: int = GIGABIT
    link_speed: int = GIGABIT
    connect_state: MediaConnectState = MediaConnectState.CONNECTED
    duplex_state: MediaDuplexState = MediaDuplexState.FULL
    lookahead: int | None = None
    mac_options: MacOption = MacOption.COPY_LOOKAHEAD_DATA | MacOption.TRANSFERS_NOT_PEND | MacOption.NO_LOOPBACK
    packet_filters: PacketFilter = field(
        default=PacketFilter.DIRECTED
        | PacketFilter.MULTICAST
        | PacketFilter.ALL_MULTICAST
        | PacketFilter.BROADCAST
        | PacketFilter.PROMISCUOUS
    )
    max_multicast: int = 32
    supported_oids: tuple[Oid, ...] = ()


class Answers:
    """What NDIS answers in the place of one miniport, and which sets it refuses for it."""

    __slots__ = ("_table", "attributes")

    def __init__(self, attributes: GeneralAttributes) -> None:
        self.attributes = attributes
        mtu, address = attributes.mtu, attributes.current_address
        self._table: dict[Oid, bytes] = {
            Oid.GEN_SUPPORTED_LIST: b"".join(map(_u32, attributes.supported_oids)),
            Oid.GEN_HARDWARE_STATUS: _u32(HardwareStatus.READY),
            Oid.GEN_MEDIA_SUPPORTED: _u32(attributes.media_type),
            Oid.GEN_MEDIA_IN_USE: _u32(attributes.media_type),
            Oid.GEN_MAXIMUM_LOOKAHEAD: _u32(mtu if attributes.lookahead is None else attributes.lookahead),
            Oid.GEN_MAXIMUM_FRAME_SIZE: _u32(mtu),
            Oid.GEN_DRIVER_VERSION: b"\x00\x06",
            Oid.GEN_MAC_OPTIONS: _u32(attributes.mac_options),
            Oid.E802_3_PERMANENT_ADDRESS: attributes.permanent_address or address,
            Oid.E802_3_CURRENT_ADDRESS: address,
            Oid.E802_3_MAXIMUM_LIST_SIZE: _u32(attributes.max_multicast),
        }
        speed = attributes.link_speed
        self.follow(LinkState(attributes.connect_state, attributes.duplex_state, speed, speed))

    def follow(self, link: LinkState) -> None:
        """Answer from now on what the miniport has said of its link."""
        self._table |= {
            Oid.GEN_LINK_STATE: link.pack(),
            Oid.GEN_LINK_SPEED: _u32(min(link.send_speed // 100, 0xFFFFFFFF)),
            Oid.GEN_MEDIA_CONNECT_STATUS: _u32(MediaState.CONNECTED if link.up else MediaState.DISCONNECTED),
        }

    def answer(self, request: OidRequest) -> Status | None:
        """Answer a query, or refuse a set that exceeds the miniport's limits; None for what the miniport must see."""
        if request.is_set:
            return self._refuse(request)
        known = self._table.get(request.oid)
        return None if known is None else request.answer(known)

    def _refuse(self, request: OidRequest) -> Status | None:
        if request.oid is Oid.GEN_CURRENT_PACKET_FILTER:
            wanted = request.number()
            return Status.NOT_SUPPORTED if (wanted or 0) & ~self.attributes.packet_filters else None
        if request.oid is Oid.E802_3_MULTICAST_LIST:
            return Status.MULTICAST_FULL if len(request.data) > 6 * self.attributes.max_multicast else None
        return None


def _u32(value: int) -> bytes:
    """Return the low 32 bits, little endian, as every number of an OID is."""
    return (value & 0xFFFFFFFF).to_bytes(4, "little")
