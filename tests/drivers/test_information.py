"""The reference miniport's OIDs: all mandatory ones, with the right lengths and values, live where they are live."""

import asyncio

import pytest

from ndisemu import RingMiniport
from ndisemu.drivers.information import MAX_MULTICAST
from ndisemu.hw import registers as reg
from ndisemu.ndis import MacOption, Medium, Oid, OidRequest, PacketFilter, Status
from ndisemu.ndis.oid import MANDATORY_5X_QUERY, MANDATORY_5X_SET
from tests.drivers.conftest import FROM_A, Wire, frame, keep_small, on_wire

LENGTHS = {
    Oid.GEN_VENDOR_DESCRIPTION: 16,
    Oid.GEN_DRIVER_VERSION: 2,
    Oid.E802_3_PERMANENT_ADDRESS: 6,
    Oid.E802_3_CURRENT_ADDRESS: 6,
    Oid.E802_3_MULTICAST_LIST: 0,
}
NUMBERS = {
    Oid.GEN_HARDWARE_STATUS: 0,
    Oid.GEN_MEDIA_SUPPORTED: Medium.E802_3,
    Oid.GEN_MEDIA_IN_USE: Medium.E802_3,
    Oid.GEN_MAXIMUM_LOOKAHEAD: 1500,
    Oid.GEN_MAXIMUM_FRAME_SIZE: 1500,
    Oid.GEN_MAXIMUM_TOTAL_SIZE: 1514,
    Oid.GEN_LINK_SPEED: 10_000_000,
    Oid.GEN_VENDOR_ID: 0xFFFFFF,
    Oid.GEN_DRIVER_VERSION: 0x0501,
    Oid.GEN_MEDIA_CONNECT_STATUS: 0,
    Oid.GEN_CURRENT_PACKET_FILTER: PacketFilter.PROMISCUOUS,
    Oid.GEN_XMIT_OK: 0,
    Oid.GEN_RCV_OK: 0,
    Oid.GEN_RCV_NO_BUFFER: 0,
    Oid.GEN_MAXIMUM_SEND_PACKETS: 255,
    Oid.E802_3_MAXIMUM_LIST_SIZE: MAX_MULTICAST,
}


async def ask(wire: Wire, oid: Oid, length: int = 1024) -> OidRequest:
    """Let NDIS itself query an OID of a's, so that the miniport and nobody else answers."""
    request = OidRequest.query(oid, length)
    request.status = await wire.a.adapter.request(request)
    return request


async def number(wire: Wire, oid: Oid) -> int:
    """Query a number."""
    return int.from_bytes((await ask(wire, oid)).answered, "little")


@pytest.mark.parametrize("oid", MANDATORY_5X_QUERY, ids=str)
@on_wire()
async def test_every_mandatory_oid_is_answered(wire: Wire, oid: Oid) -> None:
    """Each object a 5.x Ethernet miniport must answer has an answer of the right length, or says what it needs."""
    request = await ask(wire, oid)
    assert request.status is Status.SUCCESS
    length = len(request.answered)
    if oid is Oid.GEN_SUPPORTED_LIST:
        assert length >= 4 * len(MANDATORY_5X_QUERY)
    else:
        assert length == LENGTHS.get(oid, 4)
    if length:
        short = await ask(wire, oid, length - 1)
        assert (short.status, short.needed, short.answered) == (Status.INVALID_LENGTH, length, b"")


@pytest.mark.parametrize(("oid", "value"), NUMBERS.items(), ids=[str(oid) for oid in NUMBERS])
@on_wire()
async def test_a_number_is_right(wire: Wire, oid: Oid, value: int) -> None:
    """What a gigabit card with an MTU of 1500 says before anything has been sent."""
    assert await number(wire, oid) == value


@on_wire()
async def test_the_supported_list_is_what_is_supported(wire: Wire) -> None:
    """Each object in the list is answered, all mandatory ones are in it, and none is there twice."""
    raw = (await ask(wire, Oid.GEN_SUPPORTED_LIST)).answered
    listed = [int.from_bytes(raw[place : place + 4], "little") for place in range(0, len(raw), 4)]
    assert listed == sorted(dict.fromkeys(listed))
    assert not [oid for oid in MANDATORY_5X_QUERY if oid not in listed]
    assert [(await ask(wire, Oid(value))).status for value in listed] == [Status.SUCCESS] * len(listed)


@pytest.mark.parametrize("oid", [Oid.GEN_VLAN_ID, Oid.E802_3_RCV_OVERRUN])
@on_wire()
async def test_what_is_not_supported_is_an_invalid_oid(wire: Wire, oid: Oid) -> None:
    """An object without an answer is refused, as a query and as a set."""
    assert (await ask(wire, oid)).status is Status.INVALID_OID
    assert await wire.a.adapter.request(OidRequest.set(oid, bytes(4))) is Status.INVALID_OID


@on_wire()
async def test_the_station_address_is_the_cards(wire: Wire) -> None:
    """Both address objects give what the card loaded from its EEPROM, and the vendor describes itself in ANSI."""
    for oid in (Oid.E802_3_PERMANENT_ADDRESS, Oid.E802_3_CURRENT_ADDRESS):
        assert (await ask(wire, oid)).answered == wire.a.nic.mac
    assert (await ask(wire, Oid.GEN_VENDOR_DESCRIPTION)).answered == b"ndisemu 82540EM\0"
    assert await number(wire, Oid.GEN_MAC_OPTIONS) & MacOption.NO_LOOPBACK


@on_wire(a={"tx_ring": 64, "rx_ring": 128}, mtus=(9000, 9000))
async def test_sizes_follow_mtu_and_rings(wire: Wire) -> None:
    """The longest frame follows the MTU, the buffer space the rings."""
    assert await number(wire, Oid.GEN_MAXIMUM_TOTAL_SIZE) == 9014
    transmit, receive = [
        await number(wire, oid) for oid in (Oid.GEN_TRANSMIT_BUFFER_SPACE, Oid.GEN_RECEIVE_BUFFER_SPACE)
    ]
    assert receive == 2 * transmit
    block = await number(wire, Oid.GEN_TRANSMIT_BLOCK_SIZE)
    assert transmit == 64 * block


@on_wire()
async def test_traffic_is_counted(wire: Wire) -> None:
    """Frames that were sent and received count, on either side."""
    await wire.send(*[frame(place) for place in range(5)])
    await wire.emu.idle()
    assert await number(wire, Oid.GEN_XMIT_OK) == 5
    driver = wire.b.adapter.miniport
    assert isinstance(driver, RingMiniport)
    assert driver.information.counters.received == 5


@on_wire(a={"rx_ring": 8})
async def test_a_counter_of_the_cards_goes_on_although_reading_clears_it(wire: Wire) -> None:
    """Frames that found no buffer add up over any number of queries."""
    wire.sender.kept = 1
    keep_small(wire.a)
    packets = wire.receiver.packets[:30]
    for place, packet in enumerate(packets):
        packet.fill(frame(place, to=FROM_A))
    await wire.dispatch(wire.b.host, lambda: wire.receiver.binding.send_packets(packets[:20]))
    await wire.emu.idle()
    first = await number(wire, Oid.GEN_RCV_NO_BUFFER)
    assert first > 0
    assert await number(wire, Oid.GEN_RCV_NO_BUFFER) == first
    await wire.dispatch(wire.b.host, lambda: wire.receiver.binding.send_packets(packets[20:]))
    await wire.emu.idle()
    assert await number(wire, Oid.GEN_RCV_NO_BUFFER) == first + 10


@on_wire()
async def test_the_media_state_follows_the_cable(wire: Wire) -> None:
    """Without a cable the medium is disconnected."""
    for cable in wire.emu.cables:
        cable.unplug()
    await asyncio.sleep(1e-6)
    assert await number(wire, Oid.GEN_MEDIA_CONNECT_STATUS) == 1


async def tell(wire: Wire, oid: Oid, data: bytes) -> Status:
    """Let a's protocol set an OID; returns how the set ended."""
    status: list[Status] = []
    request = OidRequest.set(oid, data)
    await wire.dispatch(wire.a.host, lambda: status.append(wire.sender.binding.request(request)))
    assert status[0] is not Status.PENDING
    return status[0]


@pytest.mark.parametrize("oid", MANDATORY_5X_SET, ids=str)
@on_wire()
async def test_every_mandatory_set_is_accepted(wire: Wire, oid: Oid) -> None:
    """Each object a 5.x Ethernet miniport must accept is set, and read back from the miniport."""
    data = b"\x01\x00\x5e\x00\x00\x01" if oid is Oid.E802_3_MULTICAST_LIST else (0x0F).to_bytes(4, "little")
    assert await tell(wire, oid, data) is Status.SUCCESS
    assert (await ask(wire, oid)).answered == data


@on_wire()
async def test_a_filter_reaches_the_card_at_once(wire: Wire) -> None:
    """After the set the card lets in what was asked for, and with no filter nothing."""
    assert wire.a.nic.mmio_read(reg.RCTL) & reg.RCTL_UPE
    await tell(wire, Oid.GEN_CURRENT_PACKET_FILTER, PacketFilter.BROADCAST.to_bytes(4, "little"))
    assert wire.a.nic.mmio_read(reg.RCTL) & (reg.RCTL_UPE | reg.RCTL_BAM) == reg.RCTL_BAM
    await tell(wire, Oid.GEN_CURRENT_PACKET_FILTER, bytes(4))
    assert not wire.a.nic.mmio_read(reg.RCTL) & reg.RCTL_EN


REFUSED = [
    (Oid.GEN_CURRENT_PACKET_FILTER, PacketFilter.SOURCE_ROUTING.to_bytes(4, "little"), Status.NOT_SUPPORTED),
    (Oid.E802_3_MULTICAST_LIST, b"\x01\x00\x5e\x00\x00\x01" * (MAX_MULTICAST + 1), Status.SUCCESS),
    (
        Oid.E802_3_MULTICAST_LIST,
        b"".join(b"\x01\x00\x5e\x00\x00" + bytes([place]) for place in range(MAX_MULTICAST + 1)),
        Status.MULTICAST_FULL,
    ),
]


@pytest.mark.parametrize(("oid", "data", "status"), REFUSED)
@on_wire()
async def test_a_set_beyond_the_cards_limits_is_refused(wire: Wire, oid: Oid, data: bytes, status: Status) -> None:
    """A packet type the card has not, or too many different addresses: refused, and what was set before stays."""
    before = (await ask(wire, oid)).answered
    assert await tell(wire, oid, data) is status
    if status is not Status.SUCCESS:
        assert (await ask(wire, oid)).answered == before


@pytest.mark.parametrize("oid", [Oid.GEN_CURRENT_PACKET_FILTER, Oid.GEN_CURRENT_LOOKAHEAD])
def test_a_number_of_the_wrong_length_is_refused(oid: Oid) -> None:
    """The driver itself checks the length too, for it may be asked past NDIS."""

    @on_wire()
    async def check(wire: Wire) -> None:
        driver = wire.a.adapter.miniport
        assert isinstance(driver, RingMiniport)
        assert driver.information.set(OidRequest.set(oid, b"123")) is Status.INVALID_LENGTH

    check()
