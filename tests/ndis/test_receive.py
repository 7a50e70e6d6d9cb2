"""Receives from miniport to protocols and back: who is offered what, who keeps it, and when it returns."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH
from ndisemu.ndis import Packet, PacketFilter, Status, v5
from ndisemu.ndis.v5.adapter import PacketAdapter
from tests.ndis.conftest import BROADCAST, BUFFERS, GROUP, Bench, Mini, Peer, frame, on_bench
from tests.ndis.looking import Both, Looker, serialize

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


class Stubborn(Peer):
    """Keeps whatever it is offered, or says so."""

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int | Sequence[int]:
        super().receive_packets(binding, packets)
        return self.kept


@pytest.mark.parametrize("kept", [1, [0, 1], "1"], ids=repr)
@on_bench
async def test_packets_marked_resources_are_kept_by_nobody(bench: Bench, kept: Any) -> None:
    """They are the miniport's when the call returns, whatever the protocol answers, and never pass MiniportReturnPacket."""
    miniport = Mini()
    peer = await bench.pair(miniport, Stubborn())
    peer.kept = kept
    packets = await indicate(bench, miniport, frame(1), frame(2), status=Status.RESOURCES)
    assert bench.rules() == ["rx5-resources-zero"]
    assert peer.received == [frame(1), frame(2)]
    assert (miniport.returned, peer.binding.receives_held) == ([], 0)
    assert [packet.owner for packet in packets] == [peer.binding.adapter] * 2
    assert peer.binding.adapter.receives.starved == 2
    with pytest.raises(RuleViolation, match="rx5-refcount"):
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
    assert bench.rules() == ["rx5-refcount"]
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
    with pytest.raises(RuleViolation, match="rx5-refcount: a protocol returned packet#"):
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
        with pytest.raises(RuleViolation, match="rx-reindicate-in-use: nic0 indicated packet#"):
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


@on_bench
async def test_a_protocol_without_receive_packet_is_shown_packets_one_by_one(bench: Bench) -> None:
    """ProtocolReceive is given each packet, and the miniport has all of them back when the call returns."""
    miniport = Mini()
    looker = Looker()
    await bench.pair(miniport, looker)
    packets = await indicate(bench, miniport, frame(1), frame(2, length=80))
    assert looker.shown == [(frame(1)[:14], frame(1)[14:], 46), (frame(2)[:14], frame(2, length=80)[14:], 66)]
    assert looker.levels == [DISPATCH] * 3
    assert miniport.returned == packets


@on_bench
async def test_packets_marked_resources_go_to_protocol_receive(bench: Bench) -> None:
    """A protocol that has both handlers is offered what it may keep in the one, and shown the rest in the other."""
    miniport = Mini()
    both = Both()
    await bench.pair(miniport, both)
    packets = miniport.fill(*map(frame, range(5)))
    for place in (1, 3):
        packets[place].status = Status.RESOURCES
    await bench.passive(lambda: miniport.ndis.indicate_receive(packets))
    assert both.received == list(map(frame, range(5)))
    assert [header + rest for header, rest, _ in both.shown] == [frame(1), frame(3)]
    assert miniport.returned == [packets[0], packets[2], packets[4]]


@on_bench
async def test_the_packet_behind_can_be_asked_for(bench: Bench) -> None:
    """NdisGetReceivedPacket gives the packet that ProtocolReceive is shown, with its OOB block."""
    miniport = Mini()
    looker = Looker()
    await bench.pair(miniport, looker)
    found: list[Packet | None] = []
    looker.look = lambda context: found.append(looker.binding.get_received_packet(context))
    packets = await indicate(bench, miniport, frame(1), frame(2), status=Status.RESOURCES)
    assert found == packets


@on_bench
async def test_the_header_is_as_long_as_the_miniport_says(bench: Bench) -> None:
    """HeaderSize of the OOB block is where the lookahead begins, also behind the first buffer."""
    miniport = Mini()
    looker = Looker()
    await bench.pair(miniport, looker)
    packets = miniport.fill(frame(1), frame(2))
    packets[0].oob.header_size = 18
    packets[1].oob.header_size = 61
    await bench.passive(lambda: miniport.ndis.indicate_receive(packets))
    assert looker.shown == [(frame(1)[:18], frame(1)[18:], 42), (frame(2), b"", 0)]


@on_bench
async def test_the_end_of_an_array_is_told_once(bench: Bench) -> None:
    """ProtocolReceiveComplete follows the whole array, however mixed, for every binding that was shown some of it."""
    miniport = Mini()
    adapter = await bench.start(miniport)
    lookers = [Both("one"), Looker("two", types=P.BROADCAST), Looker("none", types=P.MULTICAST)]
    for looker in lookers:
        await bench.bind(adapter, looker)
    packets = miniport.fill(frame(1), frame(2), frame(3, to=BROADCAST))
    packets[1].status = Status.RESOURCES
    await bench.passive(lambda: miniport.ndis.indicate_receive(packets))
    assert [looker.completes for looker in lookers] == [1, 1, 0]
    await indicate(bench, miniport, frame(4))
    assert [looker.completes for looker in lookers] == [2, 1, 0]


@on_bench
async def test_a_packet_may_be_returned_when_the_array_ends(bench: Bench) -> None:
    """NDIS's own hold lasts until after ProtocolReceiveComplete, so the miniport gets the array in one piece."""

    class Tidy(Both):
        def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
            self.held += packets
            return 1

        def receive_complete(self, binding: v5.Binding) -> None:
            held, self.held = self.held, []
            binding.return_packets(held)

    miniport = Mini()
    tidy = await bench.pair(miniport, Tidy())
    packets = await indicate(bench, miniport, frame(1), frame(2))
    assert (miniport.returned, tidy.binding.receives_held) == (packets, 0)


@pytest.mark.parametrize("sticky", [False, True])
@on_bench
async def test_resources_may_be_sticky(bench: Bench, sticky: bool) -> None:
    """By the older rule all packets behind the first with RESOURCES are treated so; by the usual one none."""
    miniport = Mini()
    both = Both()
    peer = await bench.pair(miniport, both)
    adapter = peer.binding.adapter
    assert isinstance(adapter, PacketAdapter)
    adapter.receives.resources_sticky = sticky
    packets = miniport.fill(frame(1), frame(2), frame(3))
    packets[1].status = Status.RESOURCES
    await bench.passive(lambda: miniport.ndis.indicate_receive(packets))
    assert len(both.shown) == (2 if sticky else 1)
    assert miniport.returned == ([packets[0]] if sticky else [packets[0], packets[2]])
    assert [packet.owner for packet in packets] == [adapter] * 3
    assert packets[2].status is (Status.RESOURCES if sticky else Status.SUCCESS)


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILURE])
@on_bench
async def test_a_status_must_be_set_before(bench: Bench, status: Status) -> None:
    """An array with a packet that is neither SUCCESS nor RESOURCES is refused whole."""
    miniport = Mini()
    peer = await bench.pair(miniport)
    packets = miniport.fill(frame(1), frame(2))
    packets[1].status = status
    with pytest.raises(RuleViolation, match="rx-oob-status-initialised: nic0 indicated packet#1 with "):
        await bench.passive(lambda: miniport.ndis.indicate_receive(packets))
    assert (peer.received, miniport.returned) == ([], [])
    assert [packet.owner for packet in packets] == [peer.binding.adapter] * 2


class Serialized(Mini):
    """A miniport that NDIS locks for."""

    deserialized = False


@on_bench
async def test_a_serialized_miniport_reads_in_the_status_who_has_a_packet(bench: Bench) -> None:
    """PENDING is kept and comes back through MiniportReturnPacket; SUCCESS and RESOURCES are the miniport's at once."""
    miniport = Serialized()
    adapter = serialize(bench, miniport)
    assert await adapter.initialize()
    peer = await bench.bind(adapter)
    peer.kept = [1, 0]
    packets = miniport.fill(frame(1), frame(2), frame(3))
    packets[2].status = Status.RESOURCES
    await bench.dispatch(lambda: miniport.ndis.indicate_receive(packets))
    assert [packet.status for packet in packets] == [Status.PENDING, Status.SUCCESS, Status.RESOURCES]
    assert [packet.owner for packet in packets] == [adapter.receives, adapter, adapter]
    assert miniport.returned == []
    await give_back(bench, peer, packets[:1])
    assert (miniport.returned, adapter.receives.lent) == (packets[:1], 0)


@on_bench
async def test_a_serialized_miniport_has_back_at_once_what_nobody_keeps(bench: Bench) -> None:
    """MiniportReturnPacket is not called for it, also where a protocol kept and returned it within the walk."""
    miniport = Serialized()
    adapter = serialize(bench, miniport)
    assert await adapter.initialize()
    peer = await bench.bind(adapter, Hasty())
    peer.kept = 1
    packets = miniport.fill(frame(1), frame(2), frame(3, to=NOT_OURS))
    await bench.dispatch(lambda: miniport.ndis.indicate_receive(packets))
    assert [packet.status for packet in packets] == [Status.SUCCESS] * 3
    assert [packet.owner for packet in packets] == [adapter] * 3
    assert (miniport.returned, adapter.receives.lent) == ([], 0)


@on_bench
async def test_one_binding_closes_while_others_go_on(bench: Bench) -> None:
    """A close waits for the binding's own references; the packet stays lent for the others'."""
    miniport = Mini()
    first = await bench.pair(miniport)
    second = await bench.bind(first.binding.adapter, Peer("second"))
    first.kept, second.kept = 2, 1
    packets = await indicate(bench, miniport, frame(1))
    closing = asyncio.create_task(bench.library.unbind(first.binding))
    await bench.pass_time()
    await give_back(bench, first, packets)
    await bench.pass_time()
    assert not closing.done()
    await give_back(bench, first, packets)
    await closing
    assert miniport.returned == []
    await indicate(bench, miniport, frame(2))
    await give_back(bench, second, second.held)
    assert (first.received, second.received) == ([frame(1)], [frame(1), frame(2)])
    assert len(miniport.returned) == 2


DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("indicate"), st.lists(st.sampled_from([0, 0, 1, 2]), min_size=3, max_size=3)),
        st.tuples(st.just("return"), st.tuples(st.integers(0, 2), st.integers(0, BUFFERS))),
    ),
    max_size=30,
)


@pytest.mark.parametrize("kind", [Mini, Serialized])
@given(DEEDS)
@on_bench
async def test_references_of_several_bindings_add_up(
    bench: Bench, kind: type[Mini], deeds: list[tuple[str, Any]]
) -> None:
    """A packet is the miniport's when all bindings have returned what each promised, not before, and then once."""
    miniport = kind()
    adapter = serialize(bench, miniport)
    assert await adapter.initialize()
    peers = [await bench.bind(adapter, Peer(f"peer{place}")) for place in range(3)]
    owed: list[dict[Packet, int]] = [{}, {}, {}]
    for what, numbers in deeds:
        if what == "indicate" and miniport.free:
            for peer, kept in zip(peers, numbers, strict=True):
                peer.kept = kept
            packets = miniport.fill(frame())
            await bench.dispatch(lambda packets=packets: miniport.ndis.indicate_receive(packets))  # type: ignore[misc]
            for debts, kept in zip(owed, numbers, strict=True):
                debts.update({packets[0]: kept} if kept else {})
            if kind is Serialized and packets[0].status is Status.SUCCESS:
                miniport.free += packets
        elif what == "return" and owed[numbers[0]]:
            debts = owed[numbers[0]]
            packet = list(debts)[numbers[1] % len(debts)]
            debts[packet] -= 1
            if not debts[packet]:
                del debts[packet]
            await give_back(bench, peers[numbers[0]], [packet])
        lent = {packet for debts in owed for packet in debts}
        assert sorted(packet.number for packet in [*miniport.free, *lent]) == list(range(BUFFERS))
        assert adapter.receives.lent == len(lent)
        assert [peer.binding.receives_held for peer in peers] == [sum(debts.values()) for debts in owed]
        assert all(packet.references == sum(debts.get(packet, 0) for debts in owed) for packet in lent)
    for peer, debts in zip(peers, owed, strict=True):
        for packet, count in debts.items():
            for _ in range(count):
                await give_back(bench, peer, [packet])
    assert (adapter.receives.lent, len(miniport.free)) == (0, BUFFERS)
