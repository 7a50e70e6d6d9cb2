"""Which frames a binding wants, and what the miniport must let in for all of them."""

from collections.abc import Sequence
from functools import reduce
from operator import or_

import pytest
from hypothesis import given, strategies as st

from ndisemu.memory import HostMemory
from ndisemu.ndis import BufferPool, Packet, PacketFilter, contents
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.netbuffer import NetBuffer
from ndisemu.ndis.filter import MOST_VERDICTS, BindingFilter, union
from tests.ndis.conftest import BROADCAST, GROUP, STATION

OTHER = b"\x02\x00\x00\x00\x00\x02"
OTHER_GROUP = b"\x01\x00\x5e\x00\x00\x02"
P = PacketFilter

WANTED: list[tuple[PacketFilter, list[bytes]]] = [
    (P(0), []),
    (P.DIRECTED, [STATION]),
    (P.BROADCAST, [BROADCAST]),
    (P.MULTICAST, [GROUP]),
    (P.ALL_MULTICAST, [GROUP, OTHER_GROUP]),
    (P.PROMISCUOUS, [STATION, OTHER, GROUP, OTHER_GROUP, BROADCAST]),
    (P.DIRECTED | P.BROADCAST, [STATION, BROADCAST]),
    (P.MULTICAST | P.BROADCAST, [GROUP, BROADCAST]),
    (P.SOURCE_ROUTING | P.FUNCTIONAL, []),
]


def make(types: PacketFilter, memory: HostMemory, multicast: Sequence[bytes] = (GROUP,)) -> BindingFilter:
    """Make a filter."""
    made = BindingFilter(STATION, memory)
    made.types = types
    made.multicast = tuple(multicast)
    return made


@pytest.mark.parametrize(("types", "wanted"), WANTED)
def test_a_binding_wants_what_its_filter_says(types: PacketFilter, wanted: list[bytes]) -> None:
    """Each packet type lets in its kind of destination, and nothing else."""
    memory = HostMemory("host", 1 << 16)
    judged = make(types, memory)
    everybody = [STATION, OTHER, GROUP, OTHER_GROUP, BROADCAST]
    assert [address for address in everybody if judged.wants(address)] == wanted
    memory.close()


ADDRESSES = st.sampled_from([STATION, OTHER, GROUP, OTHER_GROUP, BROADCAST])
TYPES = st.builds(lambda chosen: reduce(or_, chosen, P(0)), st.lists(st.sampled_from(list(P))))


@given(TYPES, st.lists(ADDRESSES, min_size=1, max_size=12))
def test_of_an_array_a_binding_gets_what_it_wants_in_order(types: PacketFilter, destinations: list[bytes]) -> None:
    """Accepting an array is the same as judging each packet, however often an address occurs."""
    memory = HostMemory("host", 1 << 16)
    pool = BufferPool(memory, "buffers", "test", len(destinations), 60)
    packets = []
    for number, (buffer, destination) in enumerate(zip(pool, destinations, strict=True)):
        packet = Packet(number)
        packet.chain(buffer)
        packet.fill(destination.ljust(60))
        packets.append(packet)
    judged = make(types, memory)
    for _ in range(2):
        accepted = list(judged.accepts(packets))
        assert accepted == [packet for packet in packets if judged.wants(packet.read()[:6])]
    memory.close()


SHAPES = st.lists(st.tuples(st.one_of(st.just(b""), ADDRESSES), st.lists(st.integers(0, 64), max_size=3)), max_size=6)


@given(TYPES, SHAPES)
def test_packets_and_lists_of_any_shape_are_judged_by_their_first_bytes(
    types: PacketFilter, shapes: list[tuple[bytes, list[int]]]
) -> None:
    """Wherever the buffers end: within the destination, before it, or nowhere, as there are none."""
    memory = HostMemory("host", 1 << 16)
    buffers = iter(BufferPool(memory, "buffers", "test", 1 + sum(len(lengths) for _, lengths in shapes), 64))
    packets, nbls, judged = [], [], make(types, memory)
    for number, (destination, lengths) in enumerate(shapes):
        chain = [next(buffers) for _ in lengths]
        for buffer, length in zip(chain, lengths, strict=True):
            buffer.length = length
        packet, nbl = Packet(number), NetBufferList(number)
        packet.chain(*chain)
        packet.put(destination)
        nbl.buffers = (NetBuffer(nbl, chain, 0, sum(lengths)),)
        packets.append(packet)
        nbls.append(nbl)
    wanted = [judged.wants(packet.read()[:6]) for packet in packets]
    assert [packet in judged.accepts(packets) for packet in packets] == wanted
    assert [nbl in judged.accepts_lists(nbls) for nbl in nbls] == wanted
    assert contents.read(packets) == contents.read([nbl.buffers[0] for nbl in nbls])
    memory.close()


def test_a_frame_beyond_all_memory_is_wanted_by_nobody() -> None:
    """A driver has made that of it; it holds nothing, so there is no destination in it."""
    memory = HostMemory("host", 1 << 16)
    (buffer,) = BufferPool(memory, "buffers", "test", 1, 60)
    nbl = NetBufferList(1)
    nbl.buffers = (NetBuffer(nbl, [buffer], 0, 60),)
    buffer.address += 1 << 40
    nbl.buffers[0].locate()
    assert not make(P.DIRECTED, memory).accepts_lists([nbl])
    memory.close()


FILTERS = st.lists(st.tuples(TYPES, st.lists(st.sampled_from([GROUP, OTHER_GROUP])), st.integers(0, 1500)), max_size=4)


@given(FILTERS, ADDRESSES)
def test_the_union_lets_in_what_anybody_wants(
    filters: list[tuple[PacketFilter, list[bytes], int]], address: bytes
) -> None:
    """What a binding wants, the union wants; it has the longest lookahead and names each address once, in order."""
    memory = HostMemory("host", 1 << 16)
    made = [make(types, memory, multicast) for types, multicast, _ in filters]
    for one, (_, _, lookahead) in zip(made, filters, strict=True):
        one.lookahead = lookahead
    types, addresses, lookahead = union(made)
    whole = make(types, memory, addresses)
    assert all(whole.wants(address) for one in made if one.wants(address))
    assert lookahead == max((one.lookahead for one in made), default=0)
    assert list(addresses) == sorted(dict.fromkeys(address for one in made for address in one.multicast))
    assert int(types) == reduce(or_, (int(one.types) for one in made), 0)
    memory.close()


def test_a_new_filter_forgets_the_old_verdicts() -> None:
    """Taking over another filter takes effect for addresses that were judged before."""
    memory = HostMemory("host", 1 << 16)
    (buffer,) = BufferPool(memory, "buffers", "test", 1, 60)
    packet = Packet(0)
    packet.chain(buffer)
    packet.fill(STATION.ljust(60))
    judged = make(P.DIRECTED, memory)
    assert judged.accepts([packet]) == [packet]
    judged.become(make(P.BROADCAST, memory))
    assert not judged.accepts([packet])
    memory.close()


def test_a_flood_of_addresses_does_not_grow_the_memory() -> None:
    """Verdicts are remembered for a bounded number of destinations."""
    memory = HostMemory("host", 1 << 16)
    (buffer,) = BufferPool(memory, "buffers", "test", 1, 60)
    packet = Packet(0)
    packet.chain(buffer)
    judged = make(P.DIRECTED, memory)
    for number in range(2 * MOST_VERDICTS):
        packet.fill(number.to_bytes(6, "little").ljust(60))
        judged.accepts([packet])
    assert len(judged._verdicts) <= MOST_VERDICTS
    memory.close()
