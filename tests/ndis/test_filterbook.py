"""What NDIS keeps of each binding: it answers itself, and tells the miniport the union when that changes."""

from collections.abc import Callable
from typing import Final

import pytest

from ndisemu.ndis import Oid, OidRequest, PacketFilter, ProtocolOption, Status
from tests.ndis.conftest import BROADCAST, GROUP, LATER, STATION, USUAL, Bench, Mini, Peer, frame, on_bench

FILTER: Final = Oid.GEN_CURRENT_PACKET_FILTER
LIST: Final = Oid.E802_3_MULTICAST_LIST
LOOKAHEAD: Final = Oid.GEN_CURRENT_LOOKAHEAD
OTHER: Final = b"\x01\x00\x5e\x00\x00\x02"
P = PacketFilter


class Slow(Mini):
    """Takes its time for each set, and refuses what it is told to refuse."""

    refused = b"-"

    async def set_information(self, request: OidRequest) -> Status:
        await self.ndis.delay(LATER)
        return Status.FAILURE if request.data == self.refused else self.take(request)


def u32(value: int) -> bytes:
    """Encode a number as OIDs do."""
    return value.to_bytes(4, "little")


async def bound(bench: Bench, miniport: Mini, count: int = 2) -> list[Peer]:
    """Start an adapter with some bindings whose filters are closed."""
    adapter = await bench.start(miniport)
    return [await bench.bind(adapter, Peer(f"peer{place}", types=P(0))) for place in range(count)]


async def tell(bench: Bench, peer: Peer, oid: Oid, data: bytes) -> Status:
    """Make one set; returns what NdisRequest returned."""
    return await bench.passive(lambda: peer.binding.request(OidRequest.set(oid, data)))


async def look(bench: Bench, peer: Peer, oid: Oid) -> bytes:
    """Query what NDIS answers at once."""
    request = OidRequest.query(oid, 64)
    assert await bench.passive(lambda: peer.binding.request(request)) is Status.SUCCESS
    return request.answered


@on_bench
async def test_the_miniport_is_told_the_union_of_all_filters(bench: Bench) -> None:
    """Each binding keeps and reads back its own filter; the miniport gets the bits of all, and only when they change."""
    miniport = Mini()
    first, second = await bound(bench, miniport)
    for peer, types in [(first, P.DIRECTED), (second, P.BROADCAST), (first, P.BROADCAST), (second, P.DIRECTED)]:
        assert await tell(bench, peer, FILTER, u32(types)) is Status.SUCCESS
        assert await look(bench, peer, FILTER) == u32(types)
    told = [P.DIRECTED, P.DIRECTED | P.BROADCAST, P.BROADCAST, P.BROADCAST | P.DIRECTED]
    assert miniport.sets == [(FILTER, u32(types)) for types in told]
    await tell(bench, first, FILTER, u32(P.DIRECTED))
    await tell(bench, second, FILTER, u32(USUAL))
    assert miniport.sets[4:] == [(FILTER, u32(P.DIRECTED)), (FILTER, u32(USUAL))]
    await tell(bench, first, FILTER, u32(P(0)))
    await tell(bench, first, FILTER, u32(P.BROADCAST))
    assert len(miniport.sets) == 6


@on_bench
async def test_the_miniport_is_told_the_union_of_all_lists(bench: Bench) -> None:
    """Multicast lists are united; the same addresses in another order are no news."""
    miniport = Mini()
    first, second = await bound(bench, miniport)
    await tell(bench, first, LIST, OTHER + GROUP)
    await tell(bench, second, LIST, GROUP + OTHER)
    await tell(bench, first, LIST, b"")
    assert miniport.sets == [(LIST, GROUP + OTHER)]
    assert (await look(bench, first, LIST), await look(bench, second, LIST)) == (b"", GROUP + OTHER)
    await tell(bench, second, LIST, OTHER)
    assert miniport.sets[1:] == [(LIST, OTHER)]


@on_bench
async def test_the_miniport_is_told_the_longest_lookahead(bench: Bench) -> None:
    """A binding's smaller lookahead is NDIS's business."""
    miniport = Mini()
    first, second = await bound(bench, miniport)
    for peer, lookahead in [(first, 200), (second, 100), (second, 300), (first, 20)]:
        assert await tell(bench, peer, LOOKAHEAD, u32(lookahead)) is Status.SUCCESS
    assert miniport.sets == [(LOOKAHEAD, u32(200)), (LOOKAHEAD, u32(300))]


REFUSED: Final = [
    (FILTER, b"\1", Status.INVALID_LENGTH),
    (LOOKAHEAD, b"", Status.INVALID_LENGTH),
    (Oid.GEN_PROTOCOL_OPTIONS, b"12345", Status.INVALID_LENGTH),
    (LIST, GROUP[:5], Status.INVALID_LENGTH),
    (LIST, GROUP + STATION, Status.INVALID_DATA),
]


@pytest.mark.parametrize(("oid", "data", "status"), REFUSED)
@on_bench
async def test_nonsense_does_not_reach_the_miniport(bench: Bench, oid: Oid, data: bytes, status: Status) -> None:
    """A number of the wrong length, half an address, or one without the group bit is refused by NDIS."""
    miniport = Mini()
    (peer,) = await bound(bench, miniport, 1)
    assert await tell(bench, peer, oid, data) is status
    assert miniport.sets == []


@on_bench
async def test_protocol_options_stay_with_ndis(bench: Bench) -> None:
    """What a protocol asks of NDIS is noted at its binding; the miniport is not told."""
    miniport = Mini()
    first, second = await bound(bench, miniport)
    assert await tell(bench, first, Oid.GEN_PROTOCOL_OPTIONS, u32(ProtocolOption.NO_LOOPBACK)) is Status.SUCCESS
    assert first.binding.protocol_options is ProtocolOption.NO_LOOPBACK
    assert second.binding.protocol_options == ProtocolOption(0)
    assert miniport.sets == []


@on_bench
async def test_a_filter_takes_effect_when_the_miniport_has_taken_it(bench: Bench) -> None:
    """Until the set has ended the binding gets what it got before, and nothing new if the miniport refuses."""
    miniport = Slow()
    (peer,) = await bound(bench, miniport, 1)
    assert await tell(bench, peer, FILTER, u32(P.BROADCAST)) is Status.PENDING
    await bench.passive(lambda: miniport.ndis.indicate_receive(miniport.fill(frame(1, to=BROADCAST))))
    await bench.pass_time()
    await bench.passive(lambda: miniport.ndis.indicate_receive(miniport.fill(frame(2, to=BROADCAST))))
    miniport.refused = u32(P.DIRECTED)
    await tell(bench, peer, FILTER, u32(P.DIRECTED))
    await bench.pass_time()
    await bench.passive(lambda: miniport.ndis.indicate_receive(miniport.fill(frame(3, to=BROADCAST))))
    assert [status for _, status in peer.ended] == [Status.SUCCESS, Status.FAILURE]
    assert peer.received == [frame(2, to=BROADCAST), frame(3, to=BROADCAST)]
    assert await look(bench, peer, FILTER) == u32(P.BROADCAST)


@on_bench
async def test_sets_that_meet_lose_nothing(bench: Bench) -> None:
    """A set that waits for another binding's is made of what is in effect when its turn comes."""
    miniport = Slow()
    first, second = await bound(bench, miniport)
    await tell(bench, first, FILTER, u32(P.DIRECTED))
    await tell(bench, second, FILTER, u32(P.BROADCAST))
    await tell(bench, first, FILTER, u32(P(0)))
    assert await tell(bench, second, FILTER, u32(P.DIRECTED)) is Status.PENDING
    await bench.pass_time()
    told = [P.DIRECTED, P.DIRECTED | P.BROADCAST, P.BROADCAST, P.DIRECTED]
    assert miniport.sets == [(FILTER, u32(types)) for types in told]


@on_bench
async def test_a_request_keeps_the_data_it_was_made_with(bench: Bench) -> None:
    """The miniport sees the union; the protocol's own buffer is as it was, and may be used again."""
    miniport = Slow()
    first, second = await bound(bench, miniport)
    await tell(bench, first, FILTER, u32(P.DIRECTED))
    request = OidRequest.set(FILTER, u32(P.BROADCAST))
    await bench.passive(lambda: second.binding.request(request))
    await bench.pass_time()
    assert miniport.sets[-1] == (FILTER, u32(P.DIRECTED | P.BROADCAST))
    assert request.data == u32(P.BROADCAST)


@pytest.mark.parametrize("make", [Mini, Slow])
@on_bench
async def test_a_binding_that_closes_drops_its_filter(bench: Bench, make: Callable[[], Mini]) -> None:
    """The miniport is told what is left, and only if that is something else."""
    miniport = make()
    first, second, third = await bound(bench, miniport, 3)
    for peer, types, group in [(first, USUAL, GROUP), (second, USUAL, OTHER), (third, P.DIRECTED, b"")]:
        await tell(bench, peer, FILTER, u32(types))
        await tell(bench, peer, LIST, group)
    await bench.pass_time()
    del miniport.sets[:]
    await bench.library.unbind(first.binding)
    assert miniport.sets == [(LIST, OTHER)]
    await bench.library.unbind(second.binding)
    assert miniport.sets[1:] == [(FILTER, u32(P.DIRECTED)), (LIST, b"")]
    await bench.library.unbind(third.binding)
    assert miniport.sets[3:] == [(FILTER, u32(0))]


@on_bench
async def test_a_set_on_its_way_survives_the_close_of_another_binding(bench: Bench) -> None:
    """What is told at a close includes what another binding has set meanwhile."""
    miniport = Slow()
    first, second = await bound(bench, miniport)
    await tell(bench, first, FILTER, u32(P.DIRECTED))
    await bench.pass_time()
    await tell(bench, second, FILTER, u32(P.BROADCAST))
    await bench.library.unbind(first.binding)
    assert miniport.sets[-1] == (FILTER, u32(P.BROADCAST))
    await bench.passive(lambda: miniport.ndis.indicate_receive(miniport.fill(frame(1, to=BROADCAST))))
    assert second.received == [frame(1, to=BROADCAST)]
