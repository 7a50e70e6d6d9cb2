"""The miniport with packet priority: who overtakes whom, packets with their time, tags on the wire, and VLANs."""

import asyncio
from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given, settings, strategies as st

from ndisemu import RingMiniport
from ndisemu.drivers.priority import AHEAD, MAX_VLAN, ORDER, PriorityMiniport
from ndisemu.hw import registers as reg
from ndisemu.ndis import MacOption, Oid, OidRequest, Packet, PowerState, Status, Tag
from tests.drivers.conftest import Styles, Wire, both_styles, frame, on_wire

SLOW: Final = 10_000_000
"""Bits per second, at which a queue builds up."""


def rank(priority: int) -> int:
    """How many priorities go before one."""
    return (7, 6, 5, 4, 3, 0, 2, 1).index(priority)


def slow_down(wire: Wire) -> None:
    """Make the cable slow."""
    assert wire.a.cable is not None
    wire.a.cable.rate = SLOW


def marked(wire: Wire, priorities: Sequence[int]) -> list[Packet]:
    """Make packets of these priorities."""
    packets = wire.sender.binding.allocate_packets(len(priorities), 60)
    for packet, priority in zip(packets, priorities, strict=True):
        packet.ieee8021q = Tag(priority).pack()
    return packets


async def mac_options(wire: Wire) -> MacOption:
    """Return what a's driver says that it can."""
    query = OidRequest.query(Oid.GEN_MAC_OPTIONS, 4)
    assert await wire.a.adapter.request(query) is Status.SUCCESS
    return MacOption(int.from_bytes(query.answered, "little"))


def driver_of(wire: Wire) -> PriorityMiniport:
    """Return the driver of a's card."""
    miniport = wire.a.adapter.miniport
    assert isinstance(miniport, PriorityMiniport)
    return miniport


@on_wire(miniport=PriorityMiniport)
async def test_a_high_priority_overtakes_what_waits(wire: Wire) -> None:
    """Priority 7, sent last, arrives behind no more of priority 1 than the card was given ahead; equals keep order."""
    slow_down(wire)
    low, high = marked(wire, [1] * 100), marked(wire, [7] * 20)
    await wire.send(*[frame(number) for number in range(100)], packets=low)
    await wire.send(*[frame(number) for number in range(100, 120)], packets=high, cpu=1)
    await wire.emu.idle()
    ahead, last = list(range(AHEAD)), list(range(AHEAD, 100))
    assert wire.receiver.received == [frame(number) for number in (*ahead, *range(100, 120), *last)]
    assert [packet for packet, _ in wire.sender.completed] == [*low[:AHEAD], *high, *low[AHEAD:]]
    assert set(wire.sender.statuses) == {Status.SUCCESS}


@both_styles
def test_a_driver_without_priority_keeps_the_protocols_order(style: type[Styles]) -> None:
    """It ignores the tag, which does not reach the wire either."""

    @on_wire(miniport=style)
    async def check(wire: Wire) -> None:
        slow_down(wire)
        frames = [frame(number) for number in range(120)]
        await wire.send(*frames, packets=marked(wire, [1] * 100 + [7] * 20))
        await wire.emu.idle()
        assert wire.receiver.received == frames

    check()


@given(st.lists(st.integers(0, 7), min_size=1, max_size=150), st.sampled_from([8, 32, 256]))
@settings(max_examples=25, deadline=None)
def test_an_array_leaves_by_priority_and_in_order(priorities: list[int], ring: int) -> None:
    """Whatever the priorities and the ring: the highest first (1 < 2 < 0 < 3 < ... < 7), equals as they were given."""

    @on_wire(a={"tx_ring": ring}, miniport=PriorityMiniport)
    async def check(wire: Wire) -> None:
        slow_down(wire)
        frames = [frame(number) for number in range(len(priorities))]
        await wire.send(*frames, packets=marked(wire, priorities))
        await wire.emu.idle()
        places = sorted(range(len(priorities)), key=lambda place: rank(priorities[place]))
        assert wire.receiver.received == [frames[place] for place in places]

    check()


def test_the_order_is_that_of_the_standard() -> None:
    """No priority is served between 2 and 3."""
    assert sorted(range(8), key=rank) == list(ORDER)


TAGS: Final = [Tag(7), Tag(0, 5), Tag(3, 4094, 1), Tag()]


@on_wire(miniport=PriorityMiniport)
async def test_tags_travel_beside_the_packet_and_inside_the_frame(wire: Wire) -> None:
    """On the wire the tag stands behind the addresses; protocols see the frame without it, and the tag in the OOB data."""
    on_the_wire: list[bytes] = []
    wire.b.nic.rx.received = lambda frames, _: on_the_wire.extend(frames)
    wire.receiver.kept = 1
    packets = wire.sender.packets[: len(TAGS)]
    for packet, tag in zip(packets, TAGS, strict=True):
        packet.ieee8021q = tag.pack()
        packet.fill(frame(1))
        await wire.dispatch(wire.a.host, lambda packet=packet: wire.sender.binding.send_packets([packet]))  # type: ignore[misc]
        await wire.emu.idle()
    plain = frame(1)
    tagged = [plain[:12] + b"\x81\x00" + tag.to_wire().to_bytes(2) + plain[12:] for tag in TAGS[:3]]
    assert on_the_wire == [*tagged, plain]
    assert wire.receiver.received == [plain] * 4
    assert [Tag.unpack(packet.ieee8021q) for packet in wire.receiver.held] == TAGS


@on_wire(miniport=PriorityMiniport, mtus=(1500, 1500))
async def test_the_longest_frame_has_room_for_a_tag(wire: Wire) -> None:
    """1514 bytes and four, in several buffers as well; the tag goes with the last descriptor."""
    (packet,) = wire.sender.binding.allocate_packets(1, 1514)
    first, second = (buffer.head for buffer in wire.sender.binding.allocate_packets(2, 1000))
    assert first is not None
    assert second is not None
    data = frame(1, length=1514)
    for buffer, part in ((first, data[:700]), (second, data[700:])):
        buffer.length = len(part)
        buffer.memory[buffer.address : buffer.address + len(part)] = part
    packet.chain(first, second)
    packet.ieee8021q = Tag(6, 9).pack()
    await wire.dispatch(wire.a.host, lambda: wire.sender.binding.send_packets([packet]))
    await wire.emu.idle()
    assert wire.receiver.received == [data]


@on_wire(miniport=PriorityMiniport)
async def test_what_it_can_is_advertised(wire: Wire) -> None:
    """The MAC options name priority and VLANs, and the list of OIDs GEN_VLAN_ID."""
    wanted = MacOption.E8021P_PRIORITY | MacOption.E8021Q_VLAN
    assert await mac_options(wire) & wanted == wanted
    query = OidRequest.query(Oid.GEN_SUPPORTED_LIST, 1024)
    assert await wire.a.adapter.request(query) is Status.SUCCESS
    assert Oid.GEN_VLAN_ID.to_bytes(4, "little") in [
        query.answered[at : at + 4] for at in range(0, len(query.answered), 4)
    ]


def test_ring_advertises_no_priority() -> None:
    """As it has none."""

    @on_wire(miniport=RingMiniport)
    async def check(wire: Wire) -> None:
        assert not await mac_options(wire) & (MacOption.E8021P_PRIORITY | MacOption.E8021Q_VLAN)

    check()


@on_wire(miniport=PriorityMiniport)
async def test_a_vlan_is_that_of_packets_that_name_none(wire: Wire) -> None:
    """GEN_VLAN_ID fills in for packets, lets frames of no other VLAN in, and is answered."""
    wire.receiver.kept = 1
    for adapter in (wire.a.adapter, wire.b.adapter):
        assert await adapter.request(OidRequest.set(Oid.GEN_VLAN_ID, (7).to_bytes(4, "little"))) is Status.SUCCESS
    query = OidRequest.query(Oid.GEN_VLAN_ID, 4)
    assert await wire.b.adapter.request(query) is Status.SUCCESS
    assert query.answered == b"\x07\0\0\0"
    directed = OidRequest.set(Oid.GEN_CURRENT_PACKET_FILTER, b"\x01\0\0\0")
    driver = wire.b.adapter.miniport
    assert isinstance(driver, PriorityMiniport)
    await wire.dispatch(wire.b.host, lambda: driver.set_information(directed))
    packets = marked(wire, [0, 3, 0, 5])
    packets[2].ieee8021q = Tag(0, 8).pack()
    await wire.send(*[frame(number, to=wire.b.nic.mac) for number in range(4)], packets=packets)
    await wire.emu.idle()
    seen = [Tag.unpack(packet.ieee8021q) for packet in wire.receiver.held]
    assert sorted(seen) == [Tag(0, 7), Tag(3, 7), Tag(5, 7)]
    assert wire.b.nic.rx.dropped["filtered"] == 1


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"\x07", Status.INVALID_LENGTH), ((MAX_VLAN + 1).to_bytes(4, "little"), Status.INVALID_DATA)],
)
@on_wire(miniport=PriorityMiniport)
async def test_a_vlan_id_has_twelve_bits(wire: Wire, data: bytes, status: Status) -> None:
    """Anything else is refused."""
    assert await wire.a.adapter.request(OidRequest.set(Oid.GEN_VLAN_ID, data)) is status


@on_wire(miniport=PriorityMiniport)
async def test_tags_are_inserted_after_a_reset_and_after_sleep(wire: Wire) -> None:
    """The card loses CTRL.VME, and gets it again."""
    assert await wire.a.adapter.reset() is Status.SUCCESS
    assert wire.a.nic.mmio_read(reg.CTRL) & reg.CTRL_VME
    assert await wire.b.adapter.reset() is Status.SUCCESS
    await wire.send(frame(1), packets=marked(wire, [4]))
    await wire.emu.idle()
    assert wire.receiver.received == [frame(1)]
    for state in (PowerState.D3, PowerState.D0):
        request = OidRequest.set(Oid.PNP_SET_POWER, state.to_bytes(4, "little"))
        await wire.dispatch(wire.a.host, lambda request=request: driver_of(wire).set_information(request))  # type: ignore[misc]
    assert wire.a.nic.mmio_read(reg.CTRL) & reg.CTRL_VME


@on_wire(miniport=PriorityMiniport)
async def test_a_packet_waits_for_its_time(wire: Wire) -> None:
    """Those behind it of its priority wait with it, those of others do not; the wire has it when its time comes."""
    arrived: list[tuple[int, bytes]] = []
    wire.b.nic.rx.received = lambda frames, times: arrived.extend(zip(times, frames, strict=True))
    start = wire.emu.now
    packets = marked(wire, [0, 0, 0, 5, 1])
    packets[1].oob.time_to_send = start + 2_000_000
    packets[3].oob.time_to_send = start + 1_000_000
    packets[4].oob.time_to_send = max(start - 1, 1)
    await wire.send(*[frame(number) for number in range(5)], packets=packets)
    await wire.emu.idle()
    assert [data[14:18] if data[12:14] == b"\x88\xb5" else data[18:22] for _, data in arrived] == [
        number.to_bytes(4, "big") for number in (0, 4, 3, 1, 2)
    ]
    since = [time - start for time, _ in arrived]
    assert since[1] < 100_000
    assert 1_000_000 <= since[2] < 1_100_000
    assert 2_000_000 <= since[3] < since[4] < 2_100_000


@on_wire(miniport=PriorityMiniport)
async def test_what_waits_for_its_time_is_given_back(wire: Wire) -> None:
    """By a cancel under its id, and by a reset; nobody waits for a time that does not come."""
    packets = marked(wire, [3, 3, 6])
    for packet in packets:
        packet.oob.time_to_send = wire.emu.now + 10**12
    packets[1].cancel_id = 9
    await wire.send(*[frame(number) for number in range(3)], packets=packets)
    await wire.dispatch(wire.a.host, lambda: wire.sender.binding.cancel_sends(9))
    assert wire.sender.completed == [(packets[1], Status.REQUEST_ABORTED)]
    assert await wire.a.adapter.reset() is Status.SUCCESS
    assert [packet for packet, _ in wire.sender.completed[1:]] == [packets[2], packets[0]]
    assert set(wire.sender.statuses) == {Status.REQUEST_ABORTED}
    await asyncio.sleep(1e-3)
    assert wire.receiver.received == []


@on_wire(miniport=PriorityMiniport)
async def test_what_is_too_long_waits_for_no_time(wire: Wire) -> None:
    """It fails at once, whenever it was to be sent."""
    (packet,) = wire.sender.binding.allocate_packets(1, 3000)
    packet.oob.time_to_send = wire.emu.now + 10**12
    before = wire.emu.now
    await wire.send(frame(1, length=3000), packets=[packet])
    assert wire.sender.completed == [(packet, Status.INVALID_LENGTH)]
    assert wire.emu.now - before < 1_000_000


@on_wire(a={"tx_ring": 8}, miniport=PriorityMiniport)
async def test_a_packet_that_never_fits_fails_alone(wire: Wire) -> None:
    """Of too many buffers, or too long: completed at once, and nothing waits behind it."""
    packets = marked(wire, [4, 4, 4])
    pieces = [packet.head for packet in wire.sender.binding.allocate_packets(8, 60)]
    for place, packet in enumerate(packets):
        packet.fill(frame(place))
    packets[1].chain(*[piece for piece in pieces if piece is not None])
    await wire.dispatch(wire.a.host, lambda: wire.sender.binding.send_packets(packets))
    await wire.emu.idle()
    assert wire.receiver.received == [frame(0), frame(2)]
    assert dict(wire.sender.completed)[packets[1]] is Status.INVALID_PACKET
