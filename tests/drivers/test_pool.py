"""Receive pools that grow (seed 002): more buffers when protocols keep many, and what happens where none are to be had."""

import pytest
from hypothesis import given, settings, strategies as st

from ndisemu import Emulation, run
from ndisemu.drivers.i8254x.receive import GROWTH
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.kernel import run_passive
from ndisemu.machine import Slot
from ndisemu.ndis import Status
from tests.drivers.conftest import STYLES, Styles, Wire, both_styles, frame, in_both_styles, on_wire
from tests.drivers.wire6 import Wire6, on_wire6

RING = 16


def driver_of(slot: Slot) -> Styles:
    """Return the driver of a card, whatever its style."""
    driver = slot.adapter.miniport
    assert isinstance(driver, Styles)
    return driver


async def send(wire: Wire, count: int, *, first: int = 0) -> list[bytes]:
    """Send `count` frames from a to b, and let them arrive."""
    frames = [frame(number) for number in range(first, first + count)]
    await wire.send(*frames, packets=wire.sender.binding.allocate_packets(count, 60))
    await wire.emu.idle()
    return frames


async def give_back(wire: Wire, count: int | None = None) -> None:
    """Let the receiver return what it holds, or the oldest of it."""
    held = wire.receiver.held
    returned, wire.receiver.held = held[:count], held[len(held[:count]) :]
    await wire.dispatch(wire.b.host, lambda: wire.receiver.binding.return_packets(returned))


@in_both_styles(b={"rx_ring": RING})
async def test_a_pool_grows_with_what_protocols_keep(wire: Wire) -> None:
    """Twice the ring at first and eight times in the end; nothing is lost, and all of it is in service afterwards."""
    wire.receiver.kept = 1
    frames = await send(wire, 400)
    assert wire.receiver.received == frames
    rx, adapter = driver_of(wire.b).rx, wire.b.adapter
    assert len(rx.pool.empty) == GROWTH * RING
    assert adapter.resources.grown == GROWTH - 2
    assert wire.b.nic.rx.dropped["missed"] == 0
    wire.receiver.kept = 0
    await give_back(wire)
    assert rx.books == (RING - 1, GROWTH * RING - RING + 1)
    await wire.b.host.halt()
    assert wire.b.host.memory.blocks == ()


@in_both_styles(b={"rx_ring": RING, "receive_pool_max": 40})
async def test_a_pool_stops_growing_at_its_limit(wire: Wire) -> None:
    """The parameter `receive_pool_max` bounds it; beyond, packets are shown with RESOURCES, and protocols copy them."""
    wire.receiver.kept = 1
    frames = await send(wire, 100)
    rx = driver_of(wire.b).rx
    assert (len(rx.pool.empty), rx.low) == (40, True)
    assert wire.receiver.received == frames
    assert wire.b.adapter.receives.starved == 100 - len(wire.receiver.held) > 50
    assert rx.books[0] == RING - 1


@in_both_styles(b={"rx_ring": RING})
async def test_a_pool_that_gets_no_memory_is_low_until_packets_return(wire: Wire) -> None:
    """After a failure packets are shown with RESOURCES; once enough are free they are lent, and a shortage asks again."""
    memory, receives, rx = wire.b.host.memory, wire.b.adapter.receives, driver_of(wire.b).rx
    wire.receiver.kept = 1
    memory.starve(wire.b.name)
    first = await send(wire, 60)
    lent = len(wire.receiver.held)
    assert (rx.low, receives.lent, receives.starved) == (True, lent, 60 - lent)
    assert lent < 2 * RING
    # As long as too few are free, memory alone changes nothing: nobody asks.
    memory.relieve(wire.b.name)
    first += await send(wire, 5, first=60)
    assert (rx.low, receives.starved) == (True, 65 - lent)
    await give_back(wire)
    assert not rx.low
    starved = receives.starved
    first += await send(wire, 60, first=65)
    assert receives.starved == starved
    assert wire.b.adapter.resources.grown > 0
    assert wire.receiver.received == first
    assert {packet.status for packet in wire.receiver.held} == {Status.SUCCESS}


@in_both_styles(b={"rx_ring": 64})
async def test_new_buffers_begin_on_cache_lines(wire: Wire) -> None:
    """Those that came while the driver ran are as good as the first ones, and each has a descriptor of its own."""
    wire.receiver.kept = 1
    await send(wire, 300)
    frames = driver_of(wire.b).rx.pool.empty
    buffers = [int.from_bytes(descriptor, "little") for descriptor in frames.values()]
    addresses = sorted(buffers)
    assert all(address % 64 == 0 for address in addresses)
    assert len(dict.fromkeys(addresses)) == len(frames)
    described = [buffer for pool in wire.b.adapter.resources.buffer_pools for buffer in pool.leaks()]
    assert [packet.head and packet.head.address for packet in frames] == buffers
    assert sorted(buffer.address for buffer in described) == addresses


@in_both_styles()
async def test_one_block_is_asked_for_at_a_time(wire: Wire) -> None:
    """However often the DPC finds few frames free."""
    rx, allocations = driver_of(wire.b).rx, wire.b.adapter.resources.allocations
    rx.pool.enough = 10_000
    waiting: list[int] = []

    def look() -> None:
        for _ in range(3):
            rx.keep_up()
            waiting.append(len(allocations))

    await wire.dispatch(wire.b.host, look)
    await wire.emu.idle()
    assert waiting == [1, 1, 1]
    assert (wire.b.adapter.resources.grown, rx.pool.asked) == (1, False)


@pytest.mark.parametrize("there_is_memory", [True, False])
@pytest.mark.parametrize("miniport", [*STYLES, Ring6Miniport])
def test_a_halt_waits_for_what_is_on_its_way(miniport: type[Styles | Ring6Miniport], *, there_is_memory: bool) -> None:
    """A block that comes during MiniportHalt is given back with the others, and no finding tells of it."""

    async def main() -> None:
        async with Emulation() as emu:
            host = emu.host("a")
            slot = host.nic("eth0", miniport)
            await host.start("eth0")
            driver = slot.adapter.miniport
            assert isinstance(driver, miniport)
            driver.rx.pool.enough = 10_000
            if not there_is_memory:
                host.memory.starve(slot.name)
            before = host.memory.blocks
            await run_passive(driver.rx.keep_up, host.cpus[0])
            assert driver.rx.pool.asked
            assert host.memory.blocks == before
            await slot.adapter.halt()
            assert host.memory.blocks == ()
            assert slot.adapter.resources.grown == there_is_memory
        assert emu.findings == []

    run(main())


@on_wire6(b={"rx_ring": RING})
async def test_a_pool_of_lists_grows_too(wire: Wire6) -> None:
    """In NDIS 6 the memory comes at PASSIVE_LEVEL; at the limit lists are shown with the flag RESOURCES."""
    wire.receiver.keeps = True
    for first in range(0, 320, 64):
        await wire.send(*[frame(number) for number in range(first, first + 64)])
        await wire.emu.idle()
    assert wire.received == [frame(number) for number in range(320)]
    rx, adapter = wire.driver.rx, wire.b.adapter
    assert (len(rx.pool.empty), adapter.resources.grown) == (GROWTH * RING, GROWTH - 2)
    assert adapter.receives.starved == 320 - len(wire.receiver.held) > 100
    wire.receiver.keeps = False
    await wire.dispatch(wire.hosts[1], wire.receiver.give_back)
    assert rx.books == (RING - 1, GROWTH * RING - RING + 1)
    assert not rx.low


STEPS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 80), st.booleans()), max_size=12)


@both_styles
@given(STEPS, st.sampled_from([8, 16]), st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_no_frame_is_lost_while_a_pool_grows(
    style: type[Styles], steps: list[tuple[int, int, bool]], ring: int, most: int
) -> None:
    """Whatever is kept and returned, and whether there is memory: every frame arrives, and every packet is somewhere."""

    @on_wire(b={"rx_ring": ring, "receive_pool_max": most}, miniport=style)
    async def check(wire: Wire) -> None:
        rx, sent = driver_of(wire.b).rx, list[bytes]()
        wire.receiver.kept = 1
        for count, back, starved in steps:
            change = wire.b.host.memory.starve if starved else wire.b.host.memory.relieve
            change(wire.b.name)
            sent += await send(wire, count, first=len(sent)) if count else []
            await give_back(wire, back)
            assert sum(rx.books) + len(wire.receiver.held) == len(rx.pool.empty) <= max(2 * ring, most)
            assert rx.low <= (rx.books[1] < rx.pool.enough)
        assert wire.receiver.received == sent

    check()


@in_both_styles(b={"rx_ring": RING})
async def test_nobody_asks_without_need(wire: Wire) -> None:
    """Where protocols keep nothing the pool stays as it is, whatever arrives."""
    await send(wire, 500)
    assert wire.b.adapter.resources.grown == 0
