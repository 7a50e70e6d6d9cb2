"""The serialized reference miniport: NDIS queues what its ring does not take; all arrives, in order, once."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from ndisemu import RingMiniport
from ndisemu.drivers.legacy import BUDGET, LegacyMiniport
from ndisemu.ndis import Mdl, Packet, PacketFlag, PowerState, Status
from ndisemu.ndis.v5 import Miniport
from tests.drivers.conftest import FROM_A, Peer, Wire, frame, on_wire


class Counting(LegacyMiniport):
    """Counts what it answers."""

    def __init__(self) -> None:
        self.answers: dict[Status, int] = {}

    def send(self, packet: Packet, flags: PacketFlag) -> Status:
        status = super().send(packet, flags)
        self.answers[status] = self.answers.get(status, 0) + 1
        return status


def counting(wire: Wire) -> Counting:
    """Return the driver of host a."""
    miniport = wire.a.adapter.miniport
    assert isinstance(miniport, Counting)
    return miniport


async def flood(wire: Wire, sender: Peer, count: int, burst: int) -> list[bytes]:
    """Send many frames from either side, as fast as its packets come back; returns them."""
    binding = sender.binding
    slot = wire.a if sender is wire.sender else wire.b
    frames = [frame(number, length=60 + number % 1400) for number in range(count)]
    left = list(frames)
    while left:
        free = [packet for packet in sender.packets if packet.owner is binding][:burst]
        packets = free[: len(left)]
        for packet in packets:
            packet.fill(left.pop(0))
        if packets:
            await wire.dispatch(slot.host, lambda packets=packets: binding.send_packets(packets))  # type: ignore[misc]
        await asyncio.sleep(20e-6)
    return frames


@on_wire(a={"tx_ring": 8}, b={"tx_ring": 8}, miniport=LegacyMiniport)
async def test_two_thousand_frames_each_way_through_tiny_rings(wire: Wire) -> None:
    """Two hosts exchange them unaltered and in order, with eight descriptors each to send from."""
    one, two = await asyncio.gather(flood(wire, wire.sender, 2000, 48), flood(wire, wire.receiver, 2000, 20))
    await wire.emu.idle()
    assert wire.receiver.received == one
    assert wire.sender.received == two
    for peer in (wire.sender, wire.receiver):
        assert peer.statuses == [Status.SUCCESS] * 2000
        assert peer.binding.sends_pending == 0


@on_wire(a={"tx_ring": 8}, miniport=Counting)
async def test_a_full_ring_is_resources(wire: Wire) -> None:
    """Seven frames fit; the eighth is given back to NDIS, and again when there is room."""
    frames = [frame(number) for number in range(20)]
    await wire.send(*frames)
    assert counting(wire).answers == {Status.PENDING: 7, Status.RESOURCES: 1}
    await wire.emu.idle()
    assert counting(wire).answers[Status.PENDING] == 20
    assert wire.receiver.received == frames
    assert wire.sender.statuses == [Status.SUCCESS] * 20


@pytest.mark.parametrize("length", [0, 1015])
@pytest.mark.parametrize("by_ndis_send", [False, True])
def test_a_frame_that_is_too_long_or_empty_fails_alone(length: int, by_ndis_send: bool) -> None:
    """INVALID_LENGTH is the answer, by return to NdisSend and by callback to an array."""

    @on_wire(miniport=LegacyMiniport, mtus=(1000, 1500))
    async def check(wire: Wire) -> None:
        (packet,) = wire.sender.packets[:1]
        packet.fill(frame(length=1015)[:length])
        answers: list[Status] = []
        if by_ndis_send:
            await wire.dispatch(wire.a.host, lambda: answers.append(wire.sender.binding.send(packet)))
        else:
            await wire.send(frame(length=1015)[:length])
        assert [*answers, *wire.sender.statuses] == [Status.INVALID_LENGTH]
        await wire.send(frame(1, length=1014))
        await wire.emu.idle()
        assert wire.receiver.received == [frame(1, length=1014)]

    check()


@on_wire(a={"tx_ring": 8}, miniport=LegacyMiniport)
async def test_a_packet_of_too_many_buffers_fails_alone(wire: Wire) -> None:
    """It would never fit, so it is refused for good; one that just fits goes out."""
    whole = frame(3, length=70)
    memory = wire.a.host.memory
    for packet, count in zip(wire.sender.packets, (8, 7), strict=False):
        packet.fill(whole)
        assert packet.head is not None
        start = packet.head.address
        cuts = [70 * part // count for part in range(count + 1)]
        packet.chain(*(Mdl(memory.map, start + low, high - low) for low, high in pairwise(cuts)))
    packets = wire.sender.packets[:2]
    await wire.dispatch(wire.a.host, lambda: wire.sender.binding.send_packets(packets))
    await wire.emu.idle()
    assert wire.sender.statuses == [Status.INVALID_PACKET, Status.SUCCESS]
    assert wire.receiver.received == [whole]


@on_wire(b={"rx_ring": 8}, miniport=LegacyMiniport)
async def test_packets_that_are_kept_come_back_later(wire: Wire) -> None:
    """Those a protocol holds are out of the ring until MiniportReturnPacket, the others are in it again at once."""
    driver = wire.b.adapter.miniport
    assert isinstance(driver, LegacyMiniport)
    wire.receiver.kept = 1
    await wire.send(*(frame(number) for number in range(5)))
    await wire.emu.idle()
    assert (wire.b.adapter.receives.lent, driver.rx.books) == (5, (7, 4))
    held, wire.receiver.held = wire.receiver.held, []
    wire.receiver.kept = 0
    await wire.dispatch(wire.b.host, lambda: wire.receiver.binding.return_packets(held))
    await wire.send(*(frame(number) for number in range(5, 9)), packets=wire.sender.packets[5:9])
    await wire.emu.idle()
    assert (wire.b.adapter.receives.lent, driver.rx.books) == (0, (7, 9))
    assert wire.receiver.received == [frame(number) for number in range(9)]


@pytest.mark.parametrize(("a", "b"), [(LegacyMiniport, RingMiniport), (RingMiniport, LegacyMiniport)])
def test_it_talks_to_the_deserialized_one(a: Callable[[], Miniport], b: Callable[[], Miniport]) -> None:
    """The wire does not show which kind of driver a card has."""
    drivers = iter([a(), b()])

    @on_wire(a={"tx_ring": 16}, b={"tx_ring": 16}, miniport=drivers.__next__)
    async def check(wire: Wire) -> None:
        sent = await flood(wire, wire.sender, 300, 60)
        await wire.emu.idle()
        assert wire.receiver.received == sent

    check()


BURSTS = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 1), st.integers(0, 20_000)), min_size=1, max_size=12)


@given(BURSTS, st.sampled_from([8, 32]), st.sampled_from([0, 20_000]), st.lists(st.integers(14, 1514), min_size=1))
@settings(max_examples=25)
def test_every_frame_arrives_once_and_in_order(
    bursts: list[tuple[int, int, int]], ring: int, itr: int, lengths: list[int]
) -> None:
    """Whatever the bursts, their CPUs and pauses, the ring, the moderation and the sizes: all frames, once, in order."""

    @on_wire(a={"tx_ring": ring, "itr": itr}, b={"rx_ring": 64, "itr": itr}, miniport=LegacyMiniport)
    async def check(wire: Wire) -> None:
        free = wire.sender.binding.allocate_packets(256, 1514)
        sent: list[bytes] = []
        for count, cpu, pause in bursts:
            frames = [frame(len(sent) + place, length=lengths[place % len(lengths)]) for place in range(count)]
            packets, free = free[:count], free[count:]
            await wire.send(*frames, packets=packets, cpu=cpu)
            sent += frames
            await asyncio.sleep(pause / 1e9)
        await wire.emu.idle()
        assert wire.receiver.received == [data.ljust(60, b"\0") for data in sent]
        assert wire.sender.statuses == [Status.SUCCESS] * len(sent)

    check()


class Replies(Peer):
    """Sends one frame back for each that it receives, from within the indication."""

    def receive_packets(self, binding: object, packets: Sequence[Packet]) -> int:
        super().receive_packets(self.binding, packets)
        answers = [packet for packet in self.packets if packet.owner is self.binding][: len(packets)]
        for packet in answers:
            packet.fill(frame(9, to=FROM_A))
        self.binding.send_packets(answers)
        return 0


@on_wire(miniport=LegacyMiniport, a={"tx_ring": 1024}, b={"itr": 1_000_000, "rx_ring": 1024})
async def test_a_long_run_of_frames_takes_several_dpcs(wire: Wire) -> None:
    """One DPC indicates a bounded number of frames, in one array; the card interrupts again for the rest."""
    frames = [frame(number) for number in range(600)]
    await wire.send(*frames, packets=wire.sender.binding.allocate_packets(len(frames), 60))
    await wire.emu.idle()
    assert wire.receiver.received == frames
    assert wire.receiver.arrays == [BUDGET, BUDGET, 600 - 2 * BUDGET]


@on_wire(miniport=LegacyMiniport)
async def test_a_protocol_may_send_from_an_indication(wire: Wire) -> None:
    """The send waits until the DPC has returned, and goes out."""
    replies = Replies("replies")
    await wire.b.host.bind_protocol("eth0", replies)
    await wire.send(frame(1), frame(2))
    await wire.emu.idle()
    assert replies.statuses == [Status.SUCCESS] * 2
    assert wire.sender.received == [frame(9, to=FROM_A)] * 2


@on_wire(a={"tx_ring": 8, "itr": 20_000}, miniport=LegacyMiniport)
async def test_a_reset_aborts_ring_and_queue(wire: Wire) -> None:
    """The driver forgets its packets, NDIS completes them and its own in order, and the rings work as before."""
    more = wire.sender.binding.allocate_packets(100, 60)
    await wire.send(*[frame(number) for number in range(100)], packets=more)
    assert await wire.a.adapter.reset() is Status.SUCCESS
    assert wire.sender.completed == [(packet, Status.REQUEST_ABORTED) for packet in more]
    assert wire.a.adapter.sends.cancelled == 100
    await wire.emu.idle()
    before = len(wire.receiver.received)
    frames = [frame(number) for number in range(20)]
    await wire.send(*frames)
    await wire.emu.idle()
    assert wire.receiver.received[before:] == frames


@on_wire(a={"tx_ring": 8}, miniport=LegacyMiniport)
async def test_a_card_that_is_pulled_out_gives_everything_back(wire: Wire) -> None:
    """What the ring had and what NDIS had queued ends with NOT_ACCEPTED, and the adapter halts."""
    more = wire.sender.binding.allocate_packets(30, 60)
    await wire.send(*[frame(number) for number in range(30)], packets=more)
    wire.a.nic.remove()
    await wire.a.adapter.surprise_remove()
    assert [status for packet, status in wire.sender.completed if packet in more] == [Status.NOT_ACCEPTED] * 30
    assert wire.a.host.memory.blocks == ()


@on_wire(miniport=LegacyMiniport)
async def test_a_driver_without_power_management_stays_awake(wire: Wire) -> None:
    """It does not answer OID_PNP_CAPABILITIES, so NDIS does not send it to sleep."""
    assert await wire.a.adapter.set_power(PowerState.D3) is Status.NOT_SUPPORTED
    await wire.send(frame(1))
    await wire.emu.idle()
    assert wire.receiver.received == [frame(1)]
