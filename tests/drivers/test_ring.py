"""The reference miniport on its card: every frame once and in order, queueing inside, and a clean end."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings, strategies as st

from ndisemu import Emulation, run
from ndisemu.drivers.ring import BUDGET
from ndisemu.errors import BugCheck
from ndisemu.hw import registers as reg
from ndisemu.ndis import Mdl, Packet, Status
from ndisemu.ndis.data.packet import OobBlock
from tests.drivers.conftest import Styles, Wire, both_styles, frame, in_both_styles, keep_small, on_wire


@in_both_styles()
async def test_a_frame_gets_across(wire: Wire) -> None:
    """What one protocol sends, the other receives, and the sender's packet comes back with SUCCESS."""
    (packet,) = await wire.send(frame(1, length=100))
    await wire.emu.idle()
    assert wire.receiver.received == [frame(1, length=100)]
    assert wire.sender.completed == [(packet, Status.SUCCESS)]


@in_both_styles()
async def test_a_short_frame_is_padded(wire: Wire) -> None:
    """The card pads to 60 bytes with zeros."""
    await wire.send(frame(1, length=20))
    await wire.emu.idle()
    assert wire.receiver.received == [frame(1, length=20) + bytes(40)]


@both_styles
@pytest.mark.parametrize("ring", [8, 16, 256])
def test_sends_queue_inside_whatever_the_ring(ring: int, style: type[Styles]) -> None:
    """Arrays far longer than the ring are sent whole and in order; nothing is refused."""

    @on_wire(a={"tx_ring": ring}, b={"rx_ring": 256}, miniport=style)
    async def check(wire: Wire) -> None:
        more = wire.sender.binding.allocate_packets(1000, 60)
        frames = [frame(number) for number in range(1000)]
        await wire.send(*frames[:700], packets=more[:700])
        await wire.send(*frames[700:], packets=more[700:], cpu=1)
        await wire.emu.idle()
        assert wire.receiver.received == frames
        assert wire.sender.completed == [(packet, Status.SUCCESS) for packet in more]

    check()


BURSTS = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 1), st.integers(0, 20_000)), min_size=1, max_size=12)


@both_styles
@given(BURSTS, st.sampled_from([8, 32]), st.sampled_from([0, 20_000]), st.lists(st.integers(14, 1514), min_size=1))
@settings(max_examples=25)
def test_every_frame_arrives_once_and_in_order(
    style: type[Styles], bursts: list[tuple[int, int, int]], ring: int, itr: int, lengths: list[int]
) -> None:
    """Whatever the bursts, their CPUs and pauses, the ring, the moderation and the sizes: all frames, once, in order."""

    @on_wire(a={"tx_ring": ring, "itr": itr}, b={"rx_ring": 64, "itr": itr}, miniport=style)
    async def check(wire: Wire) -> None:
        free = list(wire.sender.packets)
        free += wire.sender.binding.allocate_packets(256, 1514)
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


@in_both_styles()
async def test_a_frame_that_is_too_long_fails_alone(wire: Wire) -> None:
    """What exceeds OID_GEN_MAXIMUM_TOTAL_SIZE is completed INVALID_LENGTH; the rest of the array is sent."""
    more = wire.sender.binding.allocate_packets(4, 3000)
    frames = [frame(1), frame(2, length=1515), frame(3, length=1514), frame(4, length=3000)]
    await wire.send(*frames, packets=more)
    await wire.send(frames[1], packets=wire.sender.binding.allocate_packets(1, 3000))
    await wire.emu.idle()
    assert wire.receiver.received == [frames[0], frames[2]]
    statuses = dict(wire.sender.completed)
    assert [statuses[packet] for packet in more] == [
        Status.SUCCESS,
        Status.INVALID_LENGTH,
        Status.SUCCESS,
        Status.INVALID_LENGTH,
    ]
    # Nobody waits to hear what is known at once.
    assert wire.sender.statuses[:2] == [Status.INVALID_LENGTH] * 2
    assert wire.sender.statuses.count(Status.INVALID_LENGTH) == 3


def in_pieces(packet: Packet, data: bytes, pieces: Sequence[Mdl]) -> None:
    """Spread a frame over buffers."""
    size = -(-len(data) // len(pieces))
    for place, piece in enumerate(pieces):
        part = data[place * size : (place + 1) * size]
        piece.length = len(part)
        piece.memory[piece.address : piece.address + len(part)] = part
    packet.chain(*pieces)


def buffers_of(packets: Sequence[Packet]) -> list[Mdl]:
    """Take the buffers of packets."""
    return [packet.head for packet in packets if packet.head is not None]


@in_both_styles()
async def test_the_out_of_band_block_is_only_read(wire: Wire) -> None:
    """What the protocol wrote there besides the status is the same when it has its packet back."""
    packets = wire.sender.binding.allocate_packets(3, 100)
    for place, packet in enumerate(packets):
        packet.oob.time_to_send, packet.oob.media_specific = place, bytes([place])
    members = [[getattr(packet.oob, name) for name in OobBlock.__slots__] for packet in packets]
    await wire.send(*[frame(number) for number in range(3)], packets=packets)
    await wire.emu.idle()
    assert [[getattr(packet.oob, name) for name in OobBlock.__slots__] for packet in packets] == members


@in_both_styles(a={"tx_ring": 8})
async def test_a_packet_may_lie_in_several_buffers(wire: Wire) -> None:
    """Each buffer takes a descriptor, the frame is one, and bursts are cut to what the ring holds."""
    binding = wire.sender.binding
    packets = list(wire.sender.packets[:6])
    for number, packet in enumerate(packets):
        in_pieces(packet, frame(number, length=300), buffers_of(binding.allocate_packets(number + 1, 400)))
    await wire.dispatch(wire.a.host, lambda: binding.send_packets(packets))
    await wire.emu.idle()
    assert wire.receiver.received == [frame(number, length=300) for number in range(6)]
    assert wire.sender.statuses == [Status.SUCCESS] * 6


@pytest.mark.parametrize("empty", [lambda packet: packet.resize(0), Packet.chain], ids=["no bytes", "no buffers"])
@in_both_styles()
async def test_a_packet_without_a_byte_fails(wire: Wire, empty: Callable[[Packet], None]) -> None:
    """There is nothing to send, so it is completed INVALID_LENGTH, and those beside it are sent."""
    packets = list(wire.sender.packets[:3])
    for place, packet in enumerate(packets):
        packet.fill(frame(place))
    empty(packets[1])
    await wire.dispatch(wire.a.host, lambda: wire.sender.binding.send_packets(packets))
    await wire.emu.idle()
    assert wire.receiver.received == [frame(0), frame(2)]
    assert dict(wire.sender.completed)[packets[1]] is Status.INVALID_LENGTH


@in_both_styles(a={"tx_ring": 8})
async def test_a_packet_of_more_buffers_than_the_ring_holds_fails(wire: Wire) -> None:
    """It can never be sent, so it is completed INVALID_PACKET, and nothing waits behind it."""
    binding = wire.sender.binding
    packets = list(wire.sender.packets[:3])
    in_pieces(packets[1], frame(9, length=300), buffers_of(binding.allocate_packets(8, 400)))
    for place in (0, 2):
        packets[place].fill(frame(place))
    await wire.dispatch(wire.a.host, lambda: binding.send_packets(packets))
    await wire.emu.idle()
    assert wire.receiver.received == [frame(0), frame(2)]
    assert dict(wire.sender.completed)[packets[1]] is Status.INVALID_PACKET
    assert wire.sender.statuses.count(Status.SUCCESS) == 2


@in_both_styles(b={"rx_ring": 16})
async def test_protocols_may_keep_a_rings_worth_of_packets(wire: Wire) -> None:
    """Twice as many packets as descriptors exist; when all are kept, and no more asked for, the card waits, and goes on."""
    wire.receiver.kept = 1
    keep_small(wire.b)
    await wire.send(*[frame(number) for number in range(40)])
    await wire.emu.idle()
    assert wire.receiver.received == [frame(number) for number in range(32)]
    driver = wire.b.adapter.miniport
    assert isinstance(driver, Styles)
    assert driver.rx.books == (0, 0)
    wire.receiver.kept = 0
    held, wire.receiver.held = wire.receiver.held, []
    await wire.dispatch(wire.b.host, lambda: wire.receiver.binding.return_packets(held))
    await wire.emu.idle()
    assert wire.receiver.received == [frame(number) for number in range(40)]
    assert driver.rx.books == (15, 17)
    assert wire.b.nic.rx.dropped["missed"] == 0


@in_both_styles(b={"itr": 1_000_000, "rx_ring": 1024})
async def test_a_long_run_of_frames_takes_several_dpcs(wire: Wire) -> None:
    """One DPC indicates a bounded number of frames, in one array; the card interrupts again for the rest."""
    more = wire.sender.binding.allocate_packets(600, 60)
    await wire.send(*[frame(number) for number in range(600)], packets=more)
    await wire.emu.idle()
    assert wire.receiver.received == [frame(number) for number in range(600)]
    assert wire.receiver.arrays == [BUDGET, BUDGET, 600 - 2 * BUDGET]
    assert wire.b.adapter.interrupts >= 600 // BUDGET


@both_styles
def test_moderation_saves_interrupts(style: type[Styles]) -> None:
    """With the parameter `itr` frames that come one by one share interrupts, and none is lost."""
    interrupts = []
    for itr in (0, 200_000):

        @on_wire(b={"itr": itr}, miniport=style)
        async def check(wire: Wire) -> None:
            for number in range(50):
                await wire.send(frame(number), packets=wire.sender.packets[number : number + 1])
                await asyncio.sleep(10e-6)
            await wire.emu.idle()
            assert len(wire.receiver.received) == 50
            interrupts.append(wire.b.adapter.interrupts)

        check()
    assert interrupts[0] >= 50
    assert interrupts[1] <= 6


@in_both_styles(mtus=(9000, 9000), b={"rx_ring": 8})
async def test_jumbo_frames_get_across(wire: Wire) -> None:
    """With an MTU of 9000 the longest frame has 9014 bytes, and lies in one buffer."""
    frames = [frame(1, length=9014), frame(2, length=60), frame(3, length=4000)]
    await wire.send(*frames)
    await wire.emu.idle()
    assert wire.receiver.received == frames


@in_both_styles(mtus=(9000, 3000), b={"rx_ring": 8})
async def test_a_frame_beyond_the_receivers_mtu_is_dropped_whole(wire: Wire) -> None:
    """A frame that needs several buffers is dropped with all its parts, as often as it comes, and is counted."""
    frames = []
    for number in range(12):
        frames += [frame(number, length=9000), frame(number, length=1000)]
        await wire.send(*frames[-2:])
        await wire.emu.idle()
    assert wire.receiver.received == frames[1::2]
    driver = wire.b.adapter.miniport
    assert isinstance(driver, Styles)
    assert driver.rx.broken == 36
    assert driver.rx.books == (7, 9)


@in_both_styles(mtus=(9000, 3000), b={"itr": 1_000_000, "rx_ring": 1024})
async def test_parts_that_were_dropped_leave_no_frame_behind_in_the_ring(wire: Wire) -> None:
    """The budget has ended when so many descriptors are empty, and not frames indicated: the DPC comes back for the rest."""
    frames = [frame(number) for number in range(2 * BUDGET)]
    packets = wire.sender.binding.allocate_packets(len(frames), 60)
    await wire.send(frame(1, length=9000))
    await wire.send(*frames, packets=packets)
    await wire.emu.idle()
    assert wire.receiver.received == frames


@in_both_styles()
async def test_an_interrupt_of_another_device_is_not_ours(wire: Wire) -> None:
    """On a shared line the ISR recognises only its own card's causes, and asks for no DPC otherwise."""
    answers: list[tuple[bool, bool]] = []
    driver = wire.a.adapter.miniport
    assert isinstance(driver, Styles)
    await wire.dispatch(wire.a.host, lambda: answers.append(driver.isr()))
    assert answers == [(False, False)]


@in_both_styles()
async def test_halting_silences_the_card_and_gives_everything_back(wire: Wire) -> None:
    """After MiniportHalt the card is reset, and neither memory nor pools nor an interrupt are the driver's."""
    await wire.send(frame(1))
    await wire.emu.idle()
    await wire.a.host.halt()
    assert wire.a.host.memory.blocks == ()
    assert wire.a.host.ndis.packet_pools == []
    assert wire.a.nic.mmio_read(reg.IMS) == wire.a.nic.mmio_read(reg.RCTL) == wire.a.nic.mmio_read(reg.TCTL) == 0


@in_both_styles(a={"tx_ring": 8})
async def test_an_adapter_that_fails_gives_back_what_is_queued(wire: Wire) -> None:
    """Packets in the ring and those that wait for room come back in the order of submission."""
    packets = await wire.send(*[frame(number) for number in range(20)])
    await wire.send(*[frame(number) for number in range(20, 40)], packets=wire.sender.packets[20:40])
    packets += wire.sender.packets[20:40]
    wire.a.adapter.stop("bugcheck", "for the test")
    await wire.emu.idle()
    assert wire.rules() == ["bugcheck"]
    assert wire.sender.completed == [(packet, Status.FAILURE) for packet in packets]
    assert wire.a.adapter.fibers == {}


@both_styles
def test_a_host_without_room_for_the_rings_does_not_start_the_adapter(style: type[Styles]) -> None:
    """The report says what there was no room for, and what had been claimed goes back."""

    async def main() -> None:
        async with Emulation() as emu:
            host = emu.host("small", memory=1 << 16)
            host.nic("eth0", style)
            with pytest.raises(BugCheck, match="MemoryError: no room for 512 receive buffers of 2048 bytes"):
                await host.start("eth0")
            await host.halt()
            assert host.memory.blocks == ()

    run(main())


@both_styles
@pytest.mark.parametrize("waits_for", ["room", "its turn"])
def test_a_cancelled_send_gives_back_what_is_not_posted(waits_for: str, style: type[Styles]) -> None:
    """MiniportCancelSendPackets completes queued packets with REQUEST_ABORTED; posted ones and other ids are sent."""

    @on_wire(a={"tx_ring": 64}, miniport=style)
    async def check(wire: Wire) -> None:
        more = wire.sender.binding.allocate_packets(180, 1514)
        frames = [frame(number, length=1514) for number in range(180)]
        for place, packet in enumerate(more):
            packet.cancel_id = 1 + place % 2 if waits_for == "room" else 1 + (place >= 120)
        await wire.send(*frames[:120], packets=more[:120])
        await wire.send(*frames[120:], packets=more[120:])
        await wire.dispatch(wire.a.host, lambda: wire.sender.binding.cancel_sends(2))
        # Two bursts of 60 are made of the first array; one is posted, the other waits for room, the last for its turn.
        aborted = [packet for packet in more[60:] if packet.cancel_id == 2]
        assert wire.sender.completed == [(packet, Status.REQUEST_ABORTED) for packet in aborted]
        assert len(aborted) == 60
        await wire.emu.idle()
        assert sorted(packet.number for packet, _ in wire.sender.completed) == [packet.number for packet in more]
        sent = [data for data, packet in zip(frames, more, strict=True) if packet not in aborted]
        assert wire.receiver.received == sent

    check()


@in_both_styles(a={"tx_ring": 8})
async def test_a_burst_that_is_cancelled_whole_is_not_posted(wire: Wire) -> None:
    """A send whose packets are all gone ends, and the next one goes out."""
    first = await wire.send(*(frame(number, length=1000) for number in range(7)))
    second = wire.sender.packets[7:10]
    for packet in second:
        packet.cancel_id = 3
    await wire.send(*(frame(number) for number in range(7, 10)), packets=second)
    third = await wire.send(frame(10), packets=wire.sender.packets[10:11])
    await wire.dispatch(wire.a.host, lambda: wire.sender.binding.cancel_sends(3))
    assert wire.sender.completed == [(packet, Status.REQUEST_ABORTED) for packet in second]
    await wire.emu.idle()
    assert wire.sender.completed[3:] == [(packet, Status.SUCCESS) for packet in [*first, *third]]
    assert wire.receiver.received == [*(frame(number, length=1000) for number in range(7)), frame(10)]
