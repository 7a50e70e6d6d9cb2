"""The two halves of the ring driver by themselves, against a register file: bursts, wrap, and what DD says."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from ndisemu.drivers.i8254x.receive import PacketRing
from ndisemu.drivers.i8254x.transmit import BURST, Burst, TxRing
from ndisemu.errors import RuleViolation
from ndisemu.hw import registers as reg
from ndisemu.ndis import DescriptorRing, Packet, PacketFilter, Signal, Status, v5
from tests.ndis.conftest import GROUP, Bench, Mini, frame, on_bench

COUNT = 16


class Halves(Mini):
    """A driver that makes the two rings and leaves them to the test."""

    def __init__(self, *, count: int = COUNT, longest: int = 1518) -> None:
        super().__init__()
        self.count = count
        self.longest = longest

    def initialize(self, adapter: v5.AdapterInfo) -> Status:
        super().initialize(adapter)
        space = self.ndis.map_io_space()
        self.tx: TxRing[Packet] = TxRing(self.ndis, space, self.count, self.longest)
        self.rx = PacketRing(self.ndis, space, self.count, self.longest)
        self.tx.start()
        self.rx.start()
        return Status.SUCCESS

    def halt(self) -> None:
        self.tx.free()
        self.rx.free()
        super().halt()

    def ring(self, base: int) -> DescriptorRing:
        """Look at a ring as the card does, from the registers of its base."""
        words, first = self.card.words, self.card.words[base] >> 3
        assert words[base + 4] == 0
        return DescriptorRing(self.ndis._adapter.device.memory.words[first : first + (words[base + 8] >> 3)])


async def rings(bench: Bench, *, count: int = COUNT, longest: int = 1518) -> Halves:
    """Start the driver."""
    driver = Halves(count=count, longest=longest)
    await bench.start(driver)
    return driver


def packets(bench: Bench, segments: Sequence[int]) -> list[Packet]:
    """Make packets, one for each number of segments."""
    made = []
    for number, count in enumerate(segments):
        packet = Packet(number)
        packet.segments = tuple((0x1000 * (number + 1) + 0x100 * place, 60 + place) for place in range(count))
        made.append(packet)
    return made


@given(st.lists(st.integers(1, 4), min_size=1, max_size=150))
@on_bench
async def test_bursts_cover_an_array_in_order(bench: Bench, segments: list[int]) -> None:
    """Split bursts have at most `BURST` packets, fit the ring each, and together are the array."""
    driver = await rings(bench)
    array = packets(bench, segments)
    bursts = driver.tx.split(array)
    assert [packet for burst in bursts for packet in burst.frames] == array
    assert all(len(burst.frames) <= BURST and burst.descriptors < COUNT for burst in bursts)
    assert sum(burst.descriptors for burst in bursts) == sum(segments)


@on_bench
async def test_a_burst_begins_as_any_signal_does(bench: Bench) -> None:
    """It has all that a signal has, though it makes that itself."""
    await rings(bench)
    burst, signal = Burst(packets(bench, [1])), Signal()
    assert [getattr(burst, name) for name in Signal.__slots__] == [getattr(signal, name) for name in Signal.__slots__]


@on_bench
async def test_a_packet_that_never_fits_has_failed_already(bench: Bench) -> None:
    """It is a burst of its own, whose end is INVALID_PACKET, between bursts that can be posted."""
    driver = await rings(bench)
    array = packets(bench, [1, COUNT, 1, COUNT - 1])
    ends = [(burst.frames, burst.is_set) for burst in driver.tx.split(array)]
    assert [(list(part), failed) for part, failed in ends] == [
        (array[:1], False),
        (array[1:2], True),
        (array[2:3], False),
        (array[3:], False),
    ]


@on_bench
async def test_a_burst_asks_for_one_report(bench: Bench) -> None:
    """Only the last descriptor has RS, only the last of a frame has EOP, and the doorbell rings once behind them."""
    driver = await rings(bench)
    (burst,) = driver.tx.split(packets(bench, [1, 3, 1]))
    await bench.passive(lambda: driver.tx.post((burst,)))
    words = driver.ring(reg.TDBAL).read(0, 5).tolist()
    assert words[0::2] == [0x1000, 0x2000, 0x2100, 0x2200, 0x3000]
    assert [word & reg.TX_LENGTH for word in words[1::2]] == [60, 60, 61, 62, 60]
    assert [bool(word & reg.TX_EOP) for word in words[1::2]] == [True, False, False, True, True]
    assert [bool(word & reg.TX_RS) for word in words[1::2]] == [False] * 4 + [True]
    assert driver.card.words[reg.TDT] == 5


SCHEDULE = st.lists(st.one_of(st.integers(1, 6), st.just(0)), max_size=40)


@given(SCHEDULE)
@on_bench
async def test_the_transmit_ring_matches_a_queue(bench: Bench, steps: list[int]) -> None:
    """Posted bursts end in their order as the card writes DD, and the room is the ring less what is posted."""
    driver = await rings(bench)
    tx, ring = driver.tx, driver.ring(reg.TDBAL)
    posted: list[Burst[Packet]] = []
    for step in steps:
        (burst,) = tx.split(packets(bench, [1] * max(step, 1)))
        used = sum(each.descriptors for each in posted)
        assert tx.has_room(burst) is (used + burst.descriptors <= COUNT - 1)
        if step and tx.has_room(burst):
            await bench.passive(lambda burst=burst: tx.post((burst,)))  # type: ignore[misc]
            posted.append(burst)
        elif posted:
            oldest = posted.pop(0)
            ring.words[2 * oldest.last + 1] |= reg.TX_DD
            await bench.dispatch(tx.reap)
            assert oldest.is_set
        assert not any(each.is_set for each in posted)


ARRAYS = st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=9)


@given(ARRAYS, st.integers(0, COUNT - 1))
@on_bench
async def test_an_array_of_bursts_is_posted_as_far_as_there_is_room(
    bench: Bench, array: list[tuple[int, bool]], before: int
) -> None:
    """In order, by one doorbell, past those that have ended; the first without room and all behind it are given back."""
    driver = await rings(bench)
    tx, room = driver.tx, COUNT - 1 - before
    if before:
        await bench.passive(lambda: tx.post(tx.split(packets(bench, [1] * before))))
    bursts = []
    for size, ended in array:
        (burst,) = tx.split(packets(bench, [1] * size))
        if ended:
            burst.set(Status.REQUEST_ABORTED)
        bursts.append(burst)
    left = await bench.passive(lambda: tx.post(bursts))
    posted = 0
    for place, (size, ended) in enumerate(array):
        if not ended and posted + size > room:
            assert list(left) == bursts[place:]
            break
        posted += 0 if ended else size
    else:
        assert not left
    assert driver.card.words[reg.TDT] == (before + posted) % COUNT
    assert [word & reg.TX_LENGTH for word in driver.ring(reg.TDBAL).read_status(before, posted)] == [60] * posted


@on_bench
async def test_room_is_told_when_a_burst_was_sent(bench: Bench) -> None:
    """Whoever waits for room is woken by a reap that found something, and only then."""
    driver = await rings(bench)
    tx = driver.tx
    (burst,) = tx.split(packets(bench, [1] * (COUNT - 1)))
    await bench.passive(lambda: tx.post((burst,)))
    room = await bench.passive(tx.room)
    await bench.dispatch(tx.reap)
    assert not room.is_set
    driver.ring(reg.TDBAL).words[2 * burst.last + 1] |= reg.TX_DD
    await bench.dispatch(tx.reap)
    assert room.is_set


@on_bench
async def test_nobody_waits_for_room_in_an_empty_ring(bench: Bench) -> None:
    """What was sent between the look and the wait wakes whoever waits, as no reap will."""
    driver = await rings(bench)
    assert (await bench.passive(driver.tx.room)).is_set


@on_bench
async def test_the_reap_belongs_into_the_dpc(bench: Bench) -> None:
    """It takes the ring's lock without raising the IRQL, which is wrong anywhere else."""
    driver = await rings(bench)
    with pytest.raises(RuleViolation, match="irql-at-dpc-lock: nic0 TX ring"):
        await bench.passive(driver.tx.reap)


def arrive(driver: Halves, place: int, data: bytes, *, end: bool = True) -> int:
    """Do what the card does with a frame, or a part of one; returns the next place."""
    ring = driver.ring(reg.RDBAL)
    address = ring.words[2 * place]
    memory = driver.ndis._adapter.device.memory
    memory.map[address : address + len(data)] = data
    ring.words[2 * place + 1] = reg.RX_DD | (reg.RX_EOP if end else 0) | len(data)
    return (place + 1) % driver.count


@on_bench
async def test_the_receive_ring_begins_full(bench: Bench) -> None:
    """All descriptors but one are the card's, each with a buffer of its own; as many packets are free again."""
    driver = await rings(bench)
    words = driver.ring(reg.RDBAL).read(0, COUNT - 1)
    addresses = words[0::2]
    assert len(dict.fromkeys(addresses)) == COUNT - 1
    assert all(address % 2048 == 0 for address in addresses)
    assert (driver.card.words[reg.RDT], driver.rx.books) == (COUNT - 1, (COUNT - 1, COUNT + 1))


RECEIVES = st.lists(st.tuples(st.integers(0, COUNT - 1), st.integers(1, COUNT), st.integers(0, 40)), max_size=20)


@given(RECEIVES)
@on_bench
async def test_the_receive_ring_gives_each_frame_once_and_in_order(
    bench: Bench, steps: list[tuple[int, int, int]]
) -> None:
    """Whatever arrives, is taken and given back, in bursts of any size and around the end of the ring."""
    driver = await rings(bench)
    rx, place, number = driver.rx, 0, 0
    expected: list[bytes] = []
    lent: list[Packet] = []
    for arriving, most, back in steps:
        ring = (driver.card.words[reg.RDT] - place) % COUNT
        for _ in range(min(arriving, ring)):
            expected.append(frame(number, length=60 + number % 7))
            place = arrive(driver, place, expected[-1])
            number += 1
        taken = await bench.dispatch(lambda most=most: rx.take(most))  # type: ignore[misc]
        assert [packet.read() for packet in taken] == expected[: len(taken)]
        assert len(taken) == min(most, len(expected))
        expected = expected[len(taken) :]
        lent += taken
        returned, lent = lent[:back], lent[back:]
        await bench.passive(lambda returned=returned: rx.give(returned))  # type: ignore[misc]
        given_to_card, free = rx.books
        assert given_to_card + free + len(lent) == 2 * COUNT
        assert given_to_card == COUNT - 1 or free == 0


@on_bench
async def test_parts_of_a_frame_are_dropped_to_the_last(bench: Bench) -> None:
    """A frame over several descriptors is no packet, not even its end; what follows is one again."""
    driver = await rings(bench)
    place = 0
    for data, end in [(b"1" * 2048, False), (b"2" * 2048, False), (b"3" * 100, True), (frame(4), True)]:
        place = arrive(driver, place, data, end=end)
    taken = await bench.dispatch(lambda: driver.rx.take(2))
    taken += await bench.dispatch(lambda: driver.rx.take(8))
    assert [packet.read() for packet in taken] == [frame(4)]
    assert (driver.rx.broken, driver.rx.books[0]) == (3, COUNT - 1)


PARTED = st.lists(st.tuples(st.integers(1, 4), st.integers(1, COUNT)), max_size=12)


@given(PARTED)
@on_bench
async def test_only_whole_frames_come_out_of_the_ring(bench: Bench, steps: list[tuple[int, int]]) -> None:
    """However many descriptors each frame takes, and wherever the DPC's budget cuts it; no buffer is lost by it."""
    driver = await rings(bench)
    rx, place = driver.rx, 0
    whole: list[bytes] = []
    taken: list[Packet] = []
    broken = 0
    for number, (parts, most) in enumerate(steps):
        for part in range(parts):
            place = arrive(driver, place, frame(number, length=60 + part), end=part == parts - 1)
            if part % 2:
                taken += await bench.dispatch(lambda most=most: rx.take(most))  # type: ignore[misc]
        if parts == 1:
            whole.append(frame(number))
        else:
            broken += parts
        taken += await bench.dispatch(lambda: rx.take(COUNT))
        assert [packet.read() for packet in taken] == whole
        assert rx.broken == broken
        assert sum(rx.books) + len(taken) == 2 * COUNT


P = PacketFilter
FILTERS: list[tuple[PacketFilter, int]] = [
    (P(0), 0),
    (P.DIRECTED, reg.RCTL_EN),
    (P.BROADCAST, reg.RCTL_EN | reg.RCTL_BAM),
    (P.ALL_MULTICAST, reg.RCTL_EN | reg.RCTL_MPE),
    (P.PROMISCUOUS, reg.RCTL_EN | reg.RCTL_UPE | reg.RCTL_MPE | reg.RCTL_BAM),
]


@pytest.mark.parametrize(("wanted", "control"), FILTERS)
@on_bench
async def test_a_filter_opens_the_card_as_far_as_it_must(bench: Bench, wanted: PacketFilter, control: int) -> None:
    """Without a filter the receiver is off; each packet type opens its bits of RCTL."""
    driver = await rings(bench)
    await bench.passive(lambda: driver.rx.set_filter(wanted, ()))
    bits = reg.RCTL_EN | reg.RCTL_UPE | reg.RCTL_MPE | reg.RCTL_BAM
    assert driver.card.words[reg.RCTL] & bits == control
    assert driver.card.words[reg.RCTL] & reg.RCTL_SECRC


@on_bench
async def test_multicast_addresses_are_hashed_into_the_table(bench: Bench) -> None:
    """With RCTL.MO = 0 the bit is address bits 47:36; a new list replaces the old, and without MULTICAST none is set."""
    driver = await rings(bench)
    table: Callable[[], dict[int, int]] = lambda: {  # noqa: E731 - one look at the card, three times
        place: driver.card.words[reg.MTA + 4 * place] for place in range(128) if driver.card.words[reg.MTA + 4 * place]
    }
    # 01:00:5e:00:00:01 ends in 00 01, so bits 47:36 are 0x010; 33:33:00:00:ab:cd ends in ab cd: 0xcda.
    await bench.passive(lambda: driver.rx.set_filter(P.MULTICAST, [GROUP, b"\x33\x33\x00\x00\xab\xcd"]))
    assert table() == {0x010 >> 5: 1 << (0x010 & 31), 0xCDA >> 5: 1 << (0xCDA & 31)}
    await bench.passive(lambda: driver.rx.set_filter(P.MULTICAST, [GROUP]))
    assert table() == {0: 1 << 16}
    await bench.passive(lambda: driver.rx.set_filter(P.BROADCAST, [GROUP]))
    assert table() == {}


@pytest.mark.parametrize(("longest", "size", "long"), [(1518, 2048, False), (2048, 2048, True), (9018, 16384, True)])
@on_bench
async def test_a_buffer_holds_the_longest_frame(bench: Bench, longest: int, size: int, long: bool) -> None:
    """The card is told the size of the buffers, and to take long frames where the MTU wants them."""
    driver = await rings(bench, count=8, longest=longest)
    await bench.passive(lambda: driver.rx.set_filter(P.DIRECTED, ()))
    control = driver.card.words[reg.RCTL]
    assert control & (reg.RCTL_BSIZE | reg.RCTL_BSEX) == reg.BUFFER_SIZES[size]
    assert bool(control & reg.RCTL_LPE) is long
    addresses = sorted(driver.ring(reg.RDBAL).read(0, 7)[0::2])
    assert min(after - before for before, after in pairwise(addresses)) == size
