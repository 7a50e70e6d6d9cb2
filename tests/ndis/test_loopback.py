"""Software loopback: which bindings hear what is sent on their own adapter, and what never reaches the wire."""

from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH
from ndisemu.ndis import MacOption, Oid, Packet, PacketFilter, PacketFlag, ProtocolOption, Status, v5
from ndisemu.ndis.v5.adapter import PacketAdapter
from tests.ndis.conftest import BROADCAST, GROUP, STATION, USUAL, Bench, Mini, Peer, frame, on_bench
from tests.ndis.looking import Both, Looker, Showing, put

P, F = PacketFilter, PacketFlag
AWAY: Final = b"\x02\x00\x00\x00\x00\x55"
PLAIN: Final = F(0)
NO_LOOPBACK: Final = ProtocolOption.NO_LOOPBACK


class Quiet(Showing):
    """A miniport that leaves loopback to NDIS."""

    options = MacOption.NO_LOOPBACK


async def bound(bench: Bench, *peers: Peer, miniport: Mini | None = None) -> PacketAdapter:
    """Start a miniport with these protocols on top."""
    adapter = await bench.start(miniport or Quiet())
    for peer in peers:
        await bench.bind(adapter, peer)
    return adapter


async def send(bench: Bench, peer: Peer, *frames: bytes, flags: PacketFlag = PLAIN) -> None:
    """Send frames in one array."""
    packets = peer.packets[: len(frames)]
    for packet, data in zip(packets, frames, strict=True):
        packet.fill(data)
        packet.flags = flags
    await bench.passive(lambda: peer.binding.send_packets(packets))
    await bench.pass_time()


def looked_at(adapter: PacketAdapter) -> bool:
    """Tell whether what is sent on an adapter is looked at."""
    return adapter.loopback.looks


HEARD: Final[list[tuple[PacketFilter, list[bytes]]]] = [
    (P(0), []),
    (P.DIRECTED, [STATION]),
    (P.DIRECTED | P.BROADCAST, [STATION, BROADCAST]),
    (P.ALL_MULTICAST, [GROUP]),
    (P.MULTICAST, []),
    (P.PROMISCUOUS, [STATION, AWAY, GROUP, BROADCAST]),
    (P.ALL_LOCAL, [STATION, AWAY, GROUP, BROADCAST]),
]


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(("types", "heard"), HEARD)
@on_bench
async def test_a_binding_hears_what_its_filter_wants(
    bench: Bench, types: PacketFilter, heard: list[bytes], own: bool
) -> None:
    """Sends of others and its own are held against its filter; promiscuous and ALL_LOCAL hear all."""
    listener = Looker("listener", types=types)
    sender = listener if own else Looker("sender", types=P(0))
    adapter = await bound(bench, *([listener] if own else [sender, listener]))
    frames = [frame(place, to=to) for place, to in enumerate((STATION, AWAY, GROUP, BROADCAST))]
    await send(bench, sender, *frames)
    assert listener.received == [data for data in frames if data[:6] in heard]
    assert listener.completes == (1 if heard else 0)
    assert adapter.loopback.looped == len(heard)
    assert isinstance(adapter.miniport, Mini)
    assert adapter.miniport.sent == frames[1:]
    assert sorted(sender.statuses) == [Status.SUCCESS] * 4


EXCLUDED: Final = [(F(0), False, True), (F.DONT_LOOPBACK, False, False), (F(0), True, False)]


@pytest.mark.parametrize(("flags", "option", "hears"), EXCLUDED)
@on_bench
async def test_the_sender_can_be_left_out(bench: Bench, flags: PacketFlag, option: bool, hears: bool) -> None:
    """DONT_LOOPBACK on the packet or PROT_OPTION_NO_LOOPBACK on the binding excludes it, and nobody else."""
    sender, other = Looker("sender"), Looker("other")
    await bound(bench, sender, other)
    if option:
        await put(bench, sender.binding, Oid.GEN_PROTOCOL_OPTIONS, NO_LOOPBACK)
    await send(bench, sender, frame(1, to=BROADCAST), flags=flags)
    assert (sender.received, other.received) == ([frame(1, to=BROADCAST)] if hears else [], [frame(1, to=BROADCAST)])


@pytest.mark.parametrize(("to", "flags"), [(STATION, F(0)), (AWAY, F.LOOPBACK_ONLY), (STATION, F.DONT_LOOPBACK)])
@on_bench
async def test_what_stays_here_is_not_on_the_wire(bench: Bench, to: bytes, flags: PacketFlag) -> None:
    """LOOPBACK_ONLY, or the adapter's own address: the miniport never sees it, and the send is a success."""
    sender, other = Looker("sender", types=P(0)), Looker("other", types=P.PROMISCUOUS)
    adapter = await bound(bench, sender, other)
    await send(bench, sender, frame(1, to=to), flags=flags)
    assert other.received == [frame(1, to=to)]
    assert isinstance(adapter.miniport, Mini)
    assert (adapter.miniport.sent, sender.statuses) == ([], [Status.SUCCESS])
    assert (adapter.sends.submitted, adapter.sends.completed) == (1, 1)


@on_bench
async def test_a_looped_frame_is_marked_and_a_copy(bench: Bench) -> None:
    """The packet behind it says IS_LOOPBACK_PACKET and RESOURCES, and holds what was sent, whatever the sender does."""
    sender, both = Looker("sender", types=P(0)), Both("both")
    adapter = await bound(bench, sender, both)
    seen: list[tuple[PacketFlag, Status | None, int, bytes]] = []

    def look(context: v5.ReceiveContext) -> None:
        packet = both.binding.get_received_packet(context)
        assert packet is not None
        seen.append((packet.flags, packet.status, bench.cpu.irql, packet.read()))
        assert packet not in sender.packets
        with pytest.raises(RuleViolation, match="rx5-refcount"):
            both.binding.return_packets([packet])

    def send_and_overwrite() -> None:
        sender.packets[0].fill(frame(1))
        sender.binding.send_packets(sender.packets[:1])
        sender.packets[0].fill(frame(2))

    both.look = look
    await bench.dispatch(send_and_overwrite)
    await bench.pass_time()
    assert seen == [(F.IS_LOOPBACK_PACKET, Status.RESOURCES, DISPATCH, frame(1))]
    assert adapter.receives.indicated == 0


@on_bench
async def test_a_looped_frame_can_be_transferred(bench: Bench) -> None:
    """NdisTransferData copies from it, as from any packet."""
    looker = Looker()
    await bound(bench, looker)
    looker.packets[7].fill(bytes(10))
    looker.look = looker.fetch(4, 10, looker.packets[7])
    await send(bench, looker, frame(1))
    assert looker.results == [(Status.SUCCESS, 10)]
    assert looker.packets[7].read() == frame(1)[18:28]


@on_bench
async def test_a_protocol_with_receive_packet_only_hears_too(bench: Bench) -> None:
    """It is offered the copy, and keeps nothing of it."""
    peer = Peer()
    await bound(bench, peer)
    peer.kept = 1
    await send(bench, peer, frame(1, to=BROADCAST), frame(2, to=BROADCAST))
    assert peer.received == [frame(1, to=BROADCAST), frame(2, to=BROADCAST)]
    assert peer.binding.receives_held == 0


@pytest.mark.parametrize("own", [STATION, BROADCAST])
@on_bench
async def test_a_miniport_that_loops_itself_is_left_alone(bench: Bench, own: bytes) -> None:
    """Without MAC_OPTION_NO_LOOPBACK everything goes to the miniport, and NDIS shows nothing."""
    looker = Looker(types=P.PROMISCUOUS)
    adapter = await bound(bench, looker, miniport=Mini())
    await send(bench, looker, frame(1, to=own))
    assert isinstance(adapter.miniport, Mini)
    assert (adapter.miniport.sent, looker.received) == ([frame(1, to=own)], [])


@on_bench
async def test_nobody_looks_where_nobody_could_hear(bench: Bench) -> None:
    """Sends are looked at unless a binding is alone and has asked for no loopback; filters and options may change."""
    first = Looker("first")
    adapter = await bound(bench, first)
    assert looked_at(adapter)
    await put(bench, first.binding, Oid.GEN_PROTOCOL_OPTIONS, NO_LOOPBACK)
    assert not looked_at(adapter)
    second = await bench.bind(adapter, Looker("second"))
    assert looked_at(adapter)
    await send(bench, first, frame(1, to=BROADCAST))
    assert (first.received, second.received) == ([], [frame(1, to=BROADCAST)])
    await bench.library.unbind(second.binding)
    assert not looked_at(adapter)
    await put(bench, first.binding, Oid.GEN_PROTOCOL_OPTIONS, 0)
    await send(bench, first, frame(2, to=BROADCAST))
    assert first.received == [frame(2, to=BROADCAST)]


@on_bench
async def test_a_new_filter_is_heard_by_at_once(bench: Bench) -> None:
    """What was let through unheard before is heard as soon as a binding wants it."""
    sender, other = Looker("sender"), Looker("other")
    await bound(bench, sender, other)
    await send(bench, sender, frame(1, to=AWAY))
    await send(bench, sender, frame(2, to=AWAY))
    await put(bench, other.binding, Oid.GEN_CURRENT_PACKET_FILTER, P.PROMISCUOUS)
    await send(bench, sender, frame(3, to=AWAY))
    assert other.received == [frame(3, to=AWAY)]


@on_bench
async def test_the_miniport_is_not_asked_for_local_frames(bench: Bench) -> None:
    """ALL_LOCAL is NDIS's own business: the union that the miniport is told does not have it."""
    looker = Looker(types=P.ALL_LOCAL | P.DIRECTED)
    adapter = await bound(bench, looker)
    assert isinstance(adapter.miniport, Mini)
    assert adapter.miniport.sets == [(Oid.GEN_CURRENT_PACKET_FILTER, P.DIRECTED.to_bytes(4, "little"))]


@on_bench
async def test_what_is_refused_is_not_heard(bench: Bench) -> None:
    """A send of packets that are not the sender's changes nothing and is shown to nobody."""
    sender, other = Looker("sender"), Looker("other")
    adapter = await bound(bench, sender, other)
    mine = sender.packets[:2]
    for packet in (*mine, other.packets[0]):
        packet.fill(frame(1))
    for wrong in ([*mine, other.packets[0]], [*mine, mine[0]]):
        with pytest.raises(RuleViolation, match="proto-reuse-pending"):
            await bench.passive(lambda wrong=wrong: sender.binding.send_packets(wrong))  # type: ignore[misc]
    await bench.pass_time()
    assert bench.rules() == ["proto-reuse-pending"] * 2
    assert (other.received, sender.completed, adapter.sends.submitted) == ([], [], 0)


@on_bench
async def test_what_is_too_long_is_the_miniports_to_refuse(bench: Bench) -> None:
    """A frame beyond OID_GEN_MAXIMUM_TOTAL_SIZE is not looped."""
    looker = Looker()
    adapter = await bound(bench, looker)
    await send(bench, looker, frame(1, to=BROADCAST, length=1515))
    assert isinstance(adapter.miniport, Mini)
    assert (len(adapter.miniport.sent), looker.received) == (1, [])


class Echo(Looker):
    """Answers each broadcast with another one, `left` times."""

    left = 50

    def receive(self, binding: v5.Binding, *arguments: object) -> Status:
        self.received.append(b"")
        if self.left:
            self.left -= 1
            packet = self.packets[1 + self.left]
            packet.fill(frame(self.left, to=BROADCAST))
            binding.send_packets([packet])
        return Status.SUCCESS


@on_bench
async def test_a_protocol_may_answer_what_it_hears(bench: Bench) -> None:
    """Frames are shown from a DPC, so answers do not pile up on the stack."""
    echo = Echo(packets=51)
    await bound(bench, echo)
    await send(bench, echo, frame(0, to=BROADCAST))
    assert len(echo.received) == 51


@on_bench
async def test_a_stopped_adapter_shows_nothing_more(bench: Bench) -> None:
    """Sends of a stopped or halted adapter are not looped, and its packet is given back."""
    looker = Looker()
    adapter = await bound(bench, looker)
    await send(bench, looker, frame(1, to=BROADCAST))
    pools = len(bench.library.packet_pools)
    adapter.stop("bugcheck", "a test stops it")
    await send(bench, looker, frame(2, to=BROADCAST))
    assert bench.rules() == ["bugcheck"]
    assert looker.received == [frame(1, to=BROADCAST)]
    assert looker.statuses[1:] == [Status.ADAPTER_NOT_READY]
    await adapter.halt()
    assert len(bench.library.packet_pools) < pools
    assert all(pool.owner != "NDIS" for pool in bench.library.packet_pools)


@on_bench
async def test_each_send_ends_once_where_the_miniport_dies_of_it(bench: Bench) -> None:
    """What stays here and what the miniport was given in the same array are both given back, by whomever first."""

    class Dying(Quiet):
        def send_packets(self, packets: Sequence[Packet]) -> None:
            raise LookupError("no ring")

    looker = Looker()
    adapter = await bound(bench, looker, miniport=Dying())
    await send(bench, looker, frame(1, to=STATION), frame(2, to=AWAY))
    assert bench.rules() == ["bugcheck"]
    assert sorted(packet.number for packet, _ in looker.completed) == [packet.number for packet in looker.packets[:2]]
    assert adapter.sends.in_flight == 0


TYPES = st.sampled_from([P(0), P.DIRECTED, USUAL, P.ALL_MULTICAST | P.BROADCAST, P.PROMISCUOUS, P.ALL_LOCAL])
SENDS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.lists(st.sampled_from([STATION, AWAY, GROUP, BROADCAST]), min_size=1, max_size=4),
        st.sampled_from([F(0), F.DONT_LOOPBACK, F.LOOPBACK_ONLY, F.DONT_LOOPBACK | F.LOOPBACK_ONLY]),
    ),
    max_size=8,
)


@given(st.lists(TYPES, min_size=3, max_size=3), st.lists(st.booleans(), min_size=3, max_size=3), SENDS)
@on_bench
async def test_loopback_agrees_with_its_rules(
    bench: Bench,
    types: Sequence[PacketFilter],
    options: Sequence[bool],
    sends: Sequence[tuple[int, Sequence[bytes], PacketFlag]],
) -> None:
    """Whatever filters, options, flags and destinations: each binding hears, and the wire has, what they say."""
    lookers = [Looker(f"looker{place}", types=chosen) for place, chosen in enumerate(types)]
    adapter = await bound(bench, *lookers)
    for looker, option in zip(lookers, options, strict=True):
        await put(bench, looker.binding, Oid.GEN_PROTOCOL_OPTIONS, NO_LOOPBACK if option else 0)
    heard: list[list[bytes]] = [[], [], []]
    wire: list[bytes] = []
    for number, (sender, destinations, flags) in enumerate(sends):
        frames = [frame(16 * number + place, to=to) for place, to in enumerate(destinations)]
        await send(bench, lookers[sender], *frames, flags=flags)
        for data in frames:
            left_out = bool(flags & F.DONT_LOOPBACK) or options[sender]
            for place, looker in enumerate(lookers):
                if not (place == sender and left_out) and (
                    P.ALL_LOCAL in types[place] or looker.binding.filter.wants(data[:6])
                ):
                    heard[place].append(data)
            if data[:6] != STATION and not flags & F.LOOPBACK_ONLY:
                wire.append(data)
    assert [looker.received for looker in lookers] == heard
    assert isinstance(adapter.miniport, Mini)
    assert adapter.miniport.sent == wire
    assert adapter.sends.submitted == adapter.sends.completed == sum(len(looker.completed) for looker in lookers)
