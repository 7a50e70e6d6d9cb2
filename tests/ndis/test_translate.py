"""Protocols of one generation on miniports of the other: every send ends once, every packet and list comes back."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings, strategies as st

from ndisemu.ndis import Packet, Status, v6
from ndisemu.ndis.translate.descriptors import RUN
from ndisemu.ndis.translate.statuses import TO_5, TO_6, to_5, to_6
from ndisemu.ndis.v6.listbook import FAILURES
from tests.ndis.conftest import WHEN, Mini, Peer, frame
from tests.ndis.looking import Both
from tests.ndis.v6.conftest import RESOURCES, Bench6, Mini6, Peer6, on_bench6


class Slow(Mini):
    """A 5.x miniport that completes what it is given when the time has come, the last packet first."""

    def __init__(self, when: str, status: Status = Status.SUCCESS) -> None:
        super().__init__()
        self.when = when
        self.status = status

    def send_packets(self, packets: Sequence[Packet]) -> None:
        self.sent += [packet.read() for packet in packets]
        self.later(self.when, lambda: self.ndis.send_complete(packets[::-1], self.status))


class Slow6(Mini6):
    """The same of NDIS 6."""

    def __init__(self, when: str, status: Status = Status.SUCCESS) -> None:
        super().__init__()
        self.when = when
        self.status = status

    def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        self.note_sent(nbls)
        self.later(self.when, lambda: self.complete(nbls[::-1], self.status))


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.PAUSED, Status.SEND_ABORTED, Status.FAILURE])
@pytest.mark.parametrize("when", WHEN)
@on_bench6
async def test_packets_of_a_5x_protocol_are_sent_as_lists(bench: Bench6, when: str, status: Status) -> None:
    """Every packet comes back once, with the 5.x word for how its list has ended, and is the protocol's again."""
    miniport = Slow6(when, status)
    peer = await bench.bind(await bench.start6(miniport), Peer(packets=2 * RUN))
    await bench.send(peer, 2 * RUN)
    await bench.pass_time()
    assert miniport.sent == [frame(number) for number in range(2 * RUN)]
    assert peer.completed == [(packet, to_5(status)) for packet in reversed(peer.packets)]
    assert {packet.owner for packet in peer.packets} == {peer.binding}
    assert peer.binding.sends_pending == 0


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.REQUEST_ABORTED, Status.NO_CABLE])
@pytest.mark.parametrize("when", WHEN)
@on_bench6
async def test_lists_of_an_ndis_6_protocol_are_sent_as_packets(bench: Bench6, when: str, status: Status) -> None:
    """Every list comes back once, with the NDIS 6 word for how its packets have ended."""
    miniport = Slow(when, status)
    peer = await bench.bind6(await bench.start(miniport), Peer6(lists=2 * RUN))
    await bench.send6(peer, 2 * RUN)
    await bench.pass_time()
    assert miniport.sent == [frame(number) for number in range(2 * RUN)]
    assert sorted(nbl.number for nbl, _ in peer.completed) == sorted(nbl.number for nbl in peer.nbls)
    assert peer.statuses == [to_6(status)] * 2 * RUN
    assert {nbl.owner for nbl in peer.nbls} == {peer.binding}


class Mixed(Mini):
    """A 5.x miniport that fails every packet whose frame says so."""

    def send_packets(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            bad = packet.read()[17] == 1
            self.ndis.send_complete(packet, Status.REQUEST_ABORTED if bad else Status.SUCCESS)


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=4), min_size=1, max_size=6))
@settings(max_examples=40)
def test_a_list_ends_with_its_last_frame_and_fails_with_any(plans: list[list[bool]]) -> None:
    """A list of several frames is as many packets; it comes back once, failed if one of them has failed."""

    @on_bench6
    async def check(bench: Bench6) -> None:
        peer = await bench.bind6(await bench.start(Mixed()), Peer6(lists=24))
        spare = iter(peer.nbls)
        sent = []
        for plan in plans:
            nbl = next(spare)
            others = [next(spare) for _ in plan[1:]]
            for place, (carrier, fails) in enumerate(zip([nbl, *others], plan, strict=True)):
                carrier.fill(frame(int(fails), length=60 + place))
            own = nbl.buffers
            nbl.buffers = tuple(other.buffers[0] for other in (nbl, *others))
            for buffer in nbl.buffers:
                buffer.nbl = nbl
            sent.append((nbl, own))
        await bench.passive(lambda: peer.binding.send_nbls([nbl for nbl, _ in sent]))
        await bench.pass_time()
        assert dict(peer.completed) == {
            nbl: Status.SEND_ABORTED if any(plan) else Status.SUCCESS
            for (nbl, _), plan in zip(sent, plans, strict=True)
        }
        assert len(peer.completed) == len(plans)
        for nbl, own in sent:
            nbl.buffers = own

    check()


@pytest.mark.parametrize("kept", [0, 1, 3])
@on_bench6
async def test_lists_reach_a_5x_protocol_as_packets(bench: Bench6, kept: int) -> None:
    """It keeps as many references as it likes, and the list goes back to the miniport with the last of them."""
    miniport = Mini6()
    peer = Peer()
    peer.kept = kept
    await bench.bind(await bench.start6(miniport), peer)
    await bench.indicate(miniport, frame(1), frame(2))
    assert peer.received == [frame(1), frame(2)]
    assert len(miniport.returned) == (0 if kept else 2)
    for _ in range(kept):
        assert len(miniport.returned) == 0
        await bench.passive(lambda: peer.binding.return_packets(peer.held))
    assert len(miniport.returned) == 2


@on_bench6
async def test_lists_with_resources_are_shown_to_a_5x_protocol(bench: Bench6) -> None:
    """NDIS_RECEIVE_FLAGS_RESOURCES is NDIS_STATUS_RESOURCES there: ProtocolReceive, and the list is back at once."""
    miniport = Mini6()
    peer = Both()
    await bench.bind(await bench.start6(miniport), peer)
    await bench.indicate(miniport, frame(1), frame(2), flags=RESOURCES)
    assert [header + lookahead for header, lookahead, _ in peer.shown] == [frame(1), frame(2)]
    assert miniport.returned == []


@pytest.mark.parametrize("keeps", [False, True])
@on_bench6
async def test_packets_reach_an_ndis_6_protocol_as_lists(bench: Bench6, keeps: bool) -> None:
    """Each list holds one reference of its packet, until the protocol returns it."""
    miniport = Mini()
    peer = Peer6()
    peer.keeps = keeps
    await bench.bind6(await bench.start(miniport), peer)
    packets = miniport.fill(frame(1), frame(2))
    await bench.dispatch(lambda: miniport.ndis.indicate_receive(packets))
    assert peer.received == [(frame(1), 0), (frame(2), 0)]
    assert miniport.returned == ([] if keeps else packets)
    await bench.passive(peer.give_back)
    assert miniport.returned == packets


@on_bench6
async def test_packets_with_resources_are_shown_to_an_ndis_6_protocol(bench: Bench6) -> None:
    """NDIS_STATUS_RESOURCES is NDIS_RECEIVE_FLAGS_RESOURCES there, and the packet is the miniport's at once."""
    miniport = Mini()
    peer = await bench.bind6(await bench.start(miniport))
    packets = miniport.fill(frame(1), status=Status.RESOURCES)
    await bench.dispatch(lambda: miniport.ndis.indicate_receive(packets))
    assert peer.received == [(frame(1), RESOURCES)]
    assert packets[0].owner is miniport.ndis._adapter


@on_bench6
async def test_packets_come_back_from_an_ndis_6_protocol_that_fails(bench: Bench6) -> None:
    """What it has not returned when it raises is returned for it."""

    class Failing(Peer6):
        def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
            binding.return_nbls(nbls[:1])
            raise ValueError

    miniport = Mini()
    await bench.bind6(await bench.start(miniport), Failing())
    packets = miniport.fill(frame(1), frame(2))
    await bench.dispatch(lambda: miniport.ndis.indicate_receive(packets))
    assert (miniport.returned, bench.rules()) == (packets, ["bugcheck"])


@pytest.mark.parametrize("refuse", [False, True])
@on_bench6
async def test_frames_shown_by_their_beginning_reach_an_ndis_6_protocol_whole(bench: Bench6, refuse: bool) -> None:
    """A lookahead indication is fetched first; what cannot be fetched is not shown."""

    class Beginnings(Mini):
        def transfer_data(self, packet: Packet, context: object, offset: int, length: int) -> Status:
            assert isinstance(context, bytes)
            packet.put(context[14 + offset : 14 + offset + length])
            return Status.FAILURE if refuse else Status.SUCCESS

    miniport = Beginnings()
    peer = await bench.bind6(await bench.start(miniport))
    long, short = frame(1, length=1000), frame(2)

    def indicate() -> None:
        miniport.ndis.eth_indicate_receive(long, long[:14], long[14:200], 986)
        miniport.ndis.eth_indicate_receive(short, short[:14], short[14:], 46)
        miniport.ndis.eth_indicate_receive_complete()

    await bench.dispatch(indicate)
    assert [data for data, _ in peer.received] == ([short] if refuse else [long, short])


@on_bench6
async def test_a_5x_protocol_is_refused_while_its_adapter_is_paused(bench: Bench6) -> None:
    """Its sends end with ADAPTER_NOT_READY, and go out again after the restart."""
    adapter = await bench.start6(Mini6())
    peer = await bench.bind(adapter)
    await adapter.pause()
    await bench.send(peer)
    await adapter.restart()
    await bench.send(peer)
    assert peer.statuses == [Status.ADAPTER_NOT_READY, Status.SUCCESS]


@on_bench6
async def test_what_was_made_for_a_translation_goes_with_its_binding(bench: Bench6) -> None:
    """After the close there are no descriptors and no memory left, in either direction."""
    adapters = (await bench.start6(Mini6(), "new"), await bench.start(Mini(), "old"))
    before = (len(bench.library.packet_pools), len(bench.library.nbl_pools), bench.memory.blocks)
    old, new = await bench.bind(adapters[0]), await bench.bind6(adapters[1])
    await bench.send(old, 3)
    await bench.send6(new, 3)
    await bench.library.unbind(old.binding)
    await bench.library.unbind(new.binding)
    assert (len(bench.library.packet_pools), len(bench.library.nbl_pools), bench.memory.blocks) == before


def test_every_status_that_is_translated_is_one_of_its_generation() -> None:
    """What NDIS 6 is told is among what an NDIS 6 send may end with; success stays what it is."""
    assert [status for status in TO_6.values() if status not in FAILURES] == []
    assert not set(TO_5) & set(TO_5.values())
    assert to_5(Status.SUCCESS) is to_6(Status.SUCCESS) is Status.SUCCESS
