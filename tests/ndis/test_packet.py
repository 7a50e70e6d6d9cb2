"""Packets, buffers and their pools: chains, lengths, bytes, and whose they are."""

from collections.abc import Iterator

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import RuleViolation
from ndisemu.memory import HostMemory
from ndisemu.memory.host import POISON
from ndisemu.ndis import BufferPool, Mdl, Packet, PacketFlag, PacketPool, Status


@pytest.fixture
def memory() -> Iterator[HostMemory]:
    made = HostMemory("host", 1 << 16)
    yield made
    made.close()


@pytest.fixture
def buffers(memory: HostMemory) -> BufferPool:
    return BufferPool(memory, "buffers", "test", 4, 64)


def chained(buffers: BufferPool, count: int) -> Packet:
    """Make a packet of `count` buffers."""
    packet = Packet(7)
    packet.chain(*[buffer for buffer, _ in zip(buffers, range(count), strict=False)])
    return packet


def test_a_packet_is_its_chain(buffers: BufferPool) -> None:
    """Length and segments follow the chained buffers, in order."""
    packet = chained(buffers, 3)
    chain = list(buffers)[:3]
    assert [packet.head, *(buffer.next for buffer in chain)] == [*chain, None]
    assert list(packet.segments) == [(buffer.address, 64) for buffer in chain]
    assert packet.length == 192


def test_chaining_again_replaces_the_chain(buffers: BufferPool) -> None:
    """A packet has the buffers it was given last, and none if it was given none."""
    packet = chained(buffers, 3)
    last = list(buffers)[2]
    packet.chain(last)
    assert (list(packet.segments), packet.length) == ([(last.address, 64)], 64)
    packet.chain()
    assert (packet.head, list(packet.segments), packet.length, packet.read()) == (None, [], 0, b"")


def test_a_packet_follows_its_buffers_when_it_recounts(buffers: BufferPool) -> None:
    """After a buffer's length has changed, NdisRecalculatePacketCounts brings the packet up to date."""
    packet = chained(buffers, 2)
    assert packet.head is not None
    packet.head.length = 10
    packet.recount()
    assert (packet.length, [length for _, length in packet.segments]) == (74, [10, 64])


@pytest.mark.parametrize("count", [0, 1, 2, 3])
@pytest.mark.parametrize("first", [0, 7, 8, 64])
def test_a_packet_knows_where_it_lies(buffers: BufferPool, count: int, first: int) -> None:
    """The slices are those of the chain: the frame where it is one buffer, its destination where that is in one."""
    packet = chained(buffers, count)
    if packet.head is not None:
        packet.head.length = first
    packet.recount()
    chain = list(buffers)[:count]
    whole = slice(chain[0].address, chain[0].address + first) if count == 1 and first else None
    first_word = chain[0].address // 8 if count and first >= 8 else None
    assert (packet.window, packet.first_word) == (whole, first_word)
    if count == 1:
        packet.resize(40)
        assert (packet.address, packet.window) == (chain[0].address, slice(chain[0].address, chain[0].address + 40))
        assert packet.first_word == chain[0].address // 8


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_what_is_filled_is_read(first: bytes, second: bytes) -> None:
    """A packet of one buffer holds the last frame that was copied into it, whatever it held before."""
    memory = HostMemory("host", 1 << 16)
    packet = chained(BufferPool(memory, "buffers", "test", 1, 64), 1)
    for data in (first, second):
        packet.fill(data)
        assert (packet.read(), packet.length, packet.segments[0][1]) == (data, len(data), len(data))
    memory.close()


@given(st.lists(st.binary(max_size=64), min_size=1, max_size=4))
def test_a_chain_reads_as_one_frame(parts: list[bytes]) -> None:
    """The frame is the concatenation of what the buffers describe."""
    memory = HostMemory("host", 1 << 16)
    pool = BufferPool(memory, "buffers", "test", len(parts), 64)
    for buffer, part in zip(pool, parts, strict=True):
        memory.map[buffer.address : buffer.address + len(part)] = part
        buffer.length = len(part)
    packet = chained(pool, len(parts))
    assert packet.read() == b"".join(parts)
    assert packet.length == sum(map(len, parts))
    memory.close()


@pytest.mark.parametrize("count", [0, 2])
def test_only_one_buffer_can_be_filled(buffers: BufferPool, count: int) -> None:
    """A chain, or a packet without a buffer, is built buffer by buffer."""
    packet = chained(buffers, count)
    with pytest.raises(ValueError, match="packet#7 is not one buffer of at least 5 bytes"):
        packet.fill(b"12345")


def test_a_frame_fits_or_is_refused(buffers: BufferPool) -> None:
    """A frame longer than the buffer changes nothing."""
    packet = chained(buffers, 1)
    packet.fill(b"x" * 64)
    with pytest.raises(ValueError, match="packet#7 is not one buffer of at least 65 bytes"):
        packet.fill(b"y" * 65)
    assert packet.read() == b"x" * 64


def test_buffers_of_a_pool_do_not_touch(memory: HostMemory, buffers: BufferPool) -> None:
    """A pool is one block of the host's, cut into buffers of the same size, and goes back whole."""
    addresses = [buffer.address for buffer in buffers]
    assert addresses == [buffers.block.address + 64 * place for place in range(4)]
    assert repr(next(iter(buffers))) == f"<Mdl 64/64 bytes at {addresses[0]:#x}>"
    buffers.close()
    assert memory.blocks == ()


def test_a_freed_buffer_is_poisoned_and_unchained(memory: HostMemory, buffers: BufferPool) -> None:
    """What reads a buffer after it was freed reads poison, and does not get to the next one."""
    first, second = (buffers.allocate("driver") for _ in range(2))
    assert isinstance(first, Mdl)
    first.next = second
    memory.map[first.address : first.address + 4] = b"data"
    buffers.free(first, "driver")
    assert (first.read(), first.next, first.owner) == (bytes([POISON]) * 64, None, None)


def test_a_pool_without_room_is_refused(memory: HostMemory) -> None:
    """The host, the bytes, the purpose and the owner are in the message."""
    with pytest.raises(MemoryError, match="host host has no 80000 bytes for buffers of test"):
        BufferPool(memory, "buffers", "test", 8, 10_000)


def test_packets_of_a_pool_are_numbered() -> None:
    """Each descriptor has a number, by which messages call it."""
    pool = PacketPool("packets", "test", 3, 40)
    assert [repr(packet) for packet in pool] == ["packet#40", "packet#41", "packet#42"]


def test_a_freed_descriptor_is_as_new(buffers: BufferPool) -> None:
    """NdisFreePacket unchains and resets it; a stranger cannot free it."""
    pool = PacketPool("packets", "test", 1, 0)
    packet = pool.allocate("driver")
    assert packet is not None
    packet.chain(*buffers)
    packet.flags = PacketFlag.DONT_LOOPBACK
    packet.status = Status.RESOURCES
    packet.oob.time_to_send = 5
    packet.protocol_reserved = packet.miniport_reserved = "mine"
    with pytest.raises(
        RuleViolation, match="mem-double-free: stranger frees packet#0 into packets, but it is owned by driver"
    ):
        pool.free(packet, "stranger")
    pool.free(packet, "driver")
    fresh = Packet(0)
    for name in ("head", "length", "segments", "status", "flags", "protocol_reserved", "miniport_reserved", "owner"):
        assert getattr(packet, name) == getattr(fresh, name)
    assert packet.oob.time_to_send == 0


def test_the_out_of_band_block_begins_empty() -> None:
    """An Ethernet header, no times, no media information."""
    oob = Packet(0).oob
    assert (oob.header_size, oob.time_to_send, oob.time_sent, oob.time_received, oob.media_specific) == (
        14,
        0,
        0,
        0,
        b"",
    )
