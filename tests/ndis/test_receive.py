"""Receives from miniport to protocols and back: who is offered what, who keeps it, and when it returns."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH
from ndisemu.ndis import Packet, PacketFilter, Status, v5
from tests.ndis.conftest import BROADCAST, BUFFERS, GROUP, Bench, Mini, Peer, frame, on_bench

P = PacketFilter
NOT_OURS: Final = b"\x02\x00\x00\x00\x00\x77"


async def indicate(bench: Bench, miniport: Mini, *frames: bytes, status: Status = Status.SUCCESS) -> list[Packet]:
    """Let a miniport indicate one array."""
    packets = miniport.fill(*frames, status=status)
    await bench.passive(lambda: miniport.ndis.indicate_receive(packets))
    return packets


async def give_back(bench: Bench, peer: Peer, packets: Sequence[Packet]) -> None:
    """Let a protocol return packets."""
    await bench.passive(lambda: peer.binding.return_packets(packets))


@on_bench
async def test_a_protocol_that_keeps_nothing_gives_everything_back_at_once(bench: Bench) -> None:
    """All packets of the array are through MiniportReturnPacket before the indication returns."""
    miniport = Mini()
    peer = await bench.pair(miniport)
    packets = await indicate(bench, miniport, frame(1), frame(2))
    assert peer.received == [frame(1), frame(2)]
    assert peer.levels == [DISPATCH]
    assert miniport.returned == packets
    assert [packet.owner for packet in packets] == [peer.binding.adapter] * 2


@pytest.mark.parametrize("kept", [2, [2, 2, 2], (2, 2, 2)])
@on_bench
async def test_a_packet_returns_with_its_last_reference(bench: Bench, kept: int | Sequence[int]) -> None:
    """A promise of two references is kept by two returns; until then the packet is lent."""
    miniport = Mini()
    peer = await bench.pair(miniport)
    peer.kept = kept
    packets = await indicate(bench, miniport, frame(1), frame(2), frame(3))
    receives = peer.binding.adapter.receives
    assert (miniport.returned, receives.lent, peer.binding.receives_held) == ([], 3, 6)
    assert [packet.owner for packet in packets] == [receives] * 3
    await give_back(bench, peer, packets)
    assert (miniport.returned, peer.binding.receives_held) == ([], 3)
    await give_back(bench, peer, [packets[2], packets[0]])
    assert miniport.returned == [packets[2], packets[0]]
    await give_back(bench, peer, [packets[1]])
    assert (len(miniport.returned), receives.lent, peer.binding.receives_held) == (3, 0, 0)


@on_bench
async def test_each_packet_may_be_kept_differently(bench: Bench) -> None:
    """A list of references has one number for each packet; 0 is not kept."""
    miniport = Mini()
    peer = await bench.pair(miniport)
    peer.kept = [0, 1, 0]
    packets = await indicate(bench, miniport, frame(1), frame(2), frame(3))
    assert miniport.returned == [packets[0], packets[2]]
    await give_back(bench, peer, [packets[1]])
    assert miniport.returned == [packets[0], packets[2], packets[1]]


@on_bench
async def test_each_binding_gets_what_it_wants(bench: Bench) -> None:
    """A frame goes to every binding whose filter wants it, and a promiscuous one changes nothing for the others."""
    miniport = Mini()
    adapter = await bench.start(miniport)
    peers = [
        await bench.bind(adapter, Peer(str(types), types=types)) for types in (P.DIRECTED, P.BROADCAST, P.PROMISCUOUS)
    ]
    frames = [frame(1), frame(2, to=BROADCAST), frame(3, to=NOT_OURS), frame(4, to=GROUP), frame(5)]
    await indicate(bench, miniport, *frames)
    assert [peer.received for peer in peers] == [[frames[0], frames[4]], [frames[1]], frames]


@on_bench
async def test_two_protocols_may_keep_the_same_packet(bench: Bench) -> None:
    """It returns when both have given it back."""
    miniport = Mini()
    first = await bench.pair(miniport)
    second = await bench.bind(first.binding.adapter, Peer("second"))
    first.kept = second.kept = 1
    packets = await indicate(bench, miniport, frame(1))
    await give_back(bench, second, packets)
    assert miniport.returned == []
    await give_back(bench, first, packets)
    assert miniport.returned == packets


@pytest.mark.parametrize("bindings", [0, 1, 2])
@on_bench
async def test_what_nobody_wants_goes_back_and_is_counted(bench: Bench, bindings: int) -> None:
    """A frame that no filter lets in returns at once, as unwanted, however many bindings there are."""
    miniport = Mini()
    adapter = await bench.start(miniport)
    peers = [await bench.bind(adapter, Peer(f"peer{place}")) for place in range(bindings)]
    packets = await indicate(bench, miniport, frame(1, to=NOT_OURS), frame(2), frame(3, to=GROUP))
    assert miniport.returned == packets
    assert [peer.received for peer in peers] == [[frame(2)]] * bindings
    assert adapter.receives.unwanted == (2 if bindings else 3)
    assert (adapter.receives.indicated, adapter.receives.returned) == (3, 3)


@on_bench
async def test_packets_marked_resources_are_kept_by_nobody(bench: Bench) -> None:
    """They are the miniport's when the call returns, whatever the protocol answers, and never pass MiniportReturnPacket."""
    miniport = Mini()
    peer = await bench.pair(miniport)
    peer.kept = 1
    packets = await indicate(bench, miniport, frame(1), frame(2), status=Status.RESOURCES)
    assert peer.received == [frame(1), frame(2)]
    assert (miniport.returned, peer.binding.receives_held) == ([], 0)
    assert [packet.owner for packet in packets] == [peer.binding.adapter] * 2
    assert peer.binding.adapter.receives.starved == 2
    with pytest.raises(RuleViolation, match="proto-return-not-held"):
        await give_back(bench, peer, packets)


@on_bench
async def test_each_packet_of_a_mixed_array_has_its_own_status(bench: Bench) -> None:
    """RESOURCES concerns the packets that are marked so, not those behind them."""
    miniport = Mini()
    peer = await bench.pair(miniport)
    peer.kept = 1
    packets = miniport.fill(frame(1), frame(2), frame(3))
    packets[1].status = Status.RESOURCES
    await bench.passive(lambda: miniport.ndis.indicate_receive(packets))
    assert sorted(peer.received) == [frame(1), frame(2), frame(3)]
    adapter = peer.binding.adapter
    assert [packet.owner for packet in packets] == [adapter.receives, adapter, adapter.receives]
    await give_back(bench, peer, [packets[0], packets[2]])
    assert miniport.returned == [packets[0], packets[2]]


class Hasty(Peer):
    """Returns packets inside ProtocolReceivePacket, `early` times each, and answers `kept`."""

    early = 1

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int | Sequence[int]:
        super().receive_packets(binding, packets)
        for _ in range(self.early):
            binding.return_packets(packets)
        return self.kept


@on_bench
async def test_a_packet_returned_early_waits_for_the_end_of_the_walk(bench: Bench) -> None:
    """A protocol may return inside the handler what it then promises: harmless, also for the binding behind it."""
    miniport = Mini()
    first = await bench.pair(miniport, Hasty("hasty"))
    second = await bench.bind(first.binding.adapter, Peer("second"))
    first.kept, second.kept = 2, 1
    packets = await indicate(bench, miniport, frame(1), frame(2))
    assert (first.binding.receives_held, second.binding.receives_held, miniport.returned) == (2, 2, [])
    assert second.received == [frame(1), frame(2)]
    await give_back(bench, first, packets)
    await give_back(bench, second, packets)
    assert miniport.returned == packets
    first.kept = second.kept = 1
    await indicate(bench, miniport, frame(3))
    assert first.binding.receives_held == 0
    await give_back(bench, second, second.held[2:])


@on_bench
async def test_returning_what_is_not_promised_is_reported(bench: Bench) -> None:
    """A protocol that returns inside the handler and promises nothing is at fault; the miniport does not notice."""
    miniport = Mini()
    peer = await bench.pair(miniport, Hasty())
    packets = await indicate(bench, miniport, frame(1), frame(2))
    assert bench.rules() == ["proto-return-not-held"]
    assert bench.findings[0].text.startswith("peer on nic0 returned 2 packets more than")
    assert (miniport.returned, peer.binding.receives_held) == (packets, 0)
    assert peer.binding.adapter.running


WRONG: Final[list[Any]] = [-1, [1], [1, 1, 1], [1, -1], "11", {1, 2}]


@pytest.mark.parametrize("kept", WRONG, ids=repr)
@on_bench
async def test_a_nonsensical_count_is_the_protocols_fault(bench: Bench, kept: Any) -> None:
    """A count that does not fit the array is reported, counts nothing, and does not disturb the miniport."""
    miniport = Mini()
    peer = await bench.pair(miniport)
    peer.kept = kept
    packets = await indicate(bench, miniport, frame(1), frame(2))
    assert bench.rules() == ["rx5-refcount"]
    assert repr(kept) in bench.findings[0].text
    assert (miniport.returned, peer.binding.receives_held) == (packets, 0)


RETURNS: Final[list[tuple[str, Callable[[list[Packet], Peer], list[Packet]]]]] = [
    ("too often", lambda lent, _: [lent[1], lent[0], lent[1]]),
    ("not received", lambda lent, peer: [lent[1], peer.packets[0]]),
]


@pytest.mark.parametrize(("what", "choose"), RETURNS)
@on_bench
async def test_a_wrong_return_is_refused_whole(
    bench: Bench, what: str, choose: Callable[[list[Packet], Peer], list[Packet]]
) -> None:
    """A packet returned too often, or not received at all: the call raises, and every reference is as before."""
    miniport = Mini()
    peer = await bench.pair(miniport)
    peer.kept = 1
    packets = await indicate(bench, miniport, frame(1), frame(2))
    with pytest.raises(RuleViolation, match="proto-return-not-held: a protocol returned packet#"):
        await give_back(bench, peer, choose(packets, peer))
    assert [packet.references for packet in packets] == [1, 1]
    assert (peer.binding.receives_held, miniport.returned) == (2, [])
    await give_back(bench, peer, packets)
    assert miniport.returned == packets


@on_bench
async def test_only_a_miniports_own_packets_can_be_indicated(bench: Bench) -> None:
    """An array with a packet that is lent, or twice in it, is refused, and the others stay the miniport's."""
    miniport = Mini()
    peer = await bench.pair(miniport)
    peer.kept = 1
    (lent,) = await indicate(bench, miniport, frame(1))
    mine = miniport.fill(frame(2), frame(3))
    for array in ([mine[0], lent], [mine[0], mine[1], mine[0]], [mine[0], peer.packets[0]]):
        with pytest.raises(RuleViolation, match="recv-indicate-not-owned: nic0 indicated packet#"):
            await bench.passive(lambda array=array: miniport.ndis.indicate_receive(array))  # type: ignore[misc]
        assert [packet.owner for packet in mine] == [peer.binding.adapter] * 2
    assert peer.received == [frame(1)]
    await give_back(bench, peer, [lent])


@on_bench
async def test_an_array_in_a_list_is_the_miniports_again(bench: Bench) -> None:
    """What the miniport does with the list itself afterwards concerns nobody; an empty one is no indication."""
    miniport = Mini()
    peer = await bench.pair(miniport)
    packets = await indicate(bench, miniport, frame(1))
    packets.clear()
    await bench.passive(lambda: miniport.ndis.indicate_receive([]))
    assert peer.received == [frame(1)]


@on_bench
async def test_a_closing_binding_receives_nothing(bench: Bench) -> None:
    """From NdisCloseAdapter on, no packet is offered, though other bindings go on."""
    miniport = Mini()
    first = await bench.pair(miniport)
    second = await bench.bind(first.binding.adapter, Peer("second"))
    first.kept = 1
    packets = await indicate(bench, miniport, frame(1))
    closing = asyncio.create_task(bench.library.unbind(first.binding))
    await bench.pass_time()
    await indicate(bench, miniport, frame(2))
    await give_back(bench, first, packets)
    await closing
    assert (first.received, second.received) == ([frame(1)], [frame(1), frame(2)])


STEPS = st.lists(
    st.tuples(st.sampled_from(["indicate", "starved", "return"]), st.integers(1, 3), st.integers(0, 2)), max_size=30
)


@given(STEPS)
@on_bench
async def test_the_books_of_received_packets_always_balance(bench: Bench, steps: list[tuple[str, int, int]]) -> None:
    """Whatever is indicated, kept and returned: indicated = returned + lent, and free + lent = the pool."""
    miniport = Mini()
    peer = await bench.pair(miniport)
    receives = peer.binding.adapter.receives
    debts: list[Packet] = []
    for what, count, kept in steps:
        peer.kept = kept
        if what == "return":
            back, debts = debts[:count], debts[count:]
            if len(dict.fromkeys(back)) == len(back):
                await give_back(bench, peer, back)
            else:
                debts = back + debts
        elif len(miniport.free) >= count:
            status = Status.RESOURCES if what == "starved" else Status.SUCCESS
            packets = await indicate(bench, miniport, *[frame()] * count, status=status)
            if what == "starved":
                miniport.free += packets
            else:
                debts += packets * kept
        assert receives.indicated == receives.returned + receives.lent
        assert len(miniport.free) + receives.lent == BUFFERS
        assert peer.binding.receives_held == len(debts)
    for packet in debts:
        await give_back(bench, peer, [packet])
    assert (receives.lent, len(miniport.free)) == (0, BUFFERS)
