"""Sends from protocol to miniport and back: both styles of driver, every way to complete, and what is refused."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH
from ndisemu.ndis import Packet, PacketFlag, Status, v5
from tests.ndis.conftest import LATER, WHEN, Bench, Mini, Peer, frame, on_bench
from tests.ndis.sendstyles import STYLES, Coroutine, Explicit, Style


def owners(peer: Peer) -> list[object]:
    """Return whose each packet of a protocol is."""
    return [packet.owner for packet in peer.packets]


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.NO_CABLE])
@pytest.mark.parametrize("at", ["passive", "dispatch"])
@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("style", STYLES)
@on_bench
async def test_every_style_completes_each_packet_once(
    bench: Bench, style: Style, when: str, at: str, status: Status
) -> None:
    """Whatever the style and whenever it completes, each packet comes back once, with its status, at DISPATCH_LEVEL."""
    miniport = style(when, status)
    peer = await bench.pair(miniport)
    packets = await bench.send(peer, 3, at=at)
    await bench.pass_time()
    assert peer.completed == [(packet, status) for packet in packets]
    assert [packet.owner for packet in packets] == [peer.binding] * 3
    assert set(peer.levels) == {DISPATCH}
    assert miniport.sent == [frame(0), frame(1), frame(2)]
    assert peer.binding.sends_pending == 0


@pytest.mark.parametrize("style", STYLES)
@on_bench
async def test_a_packet_is_the_adapters_while_it_is_sent(bench: Bench, style: Style) -> None:
    """Between submission and completion the packet is on its way, mapped for the card, and counted in flight."""
    peer = await bench.pair(style("from a timer", Status.SUCCESS))
    adapter = peer.binding.adapter
    (packet,) = await bench.send(peer)
    address, length = packet.segments[0]
    assert owners(peer)[0] is adapter.sends
    assert adapter.device.dma.mapped == {address: slice(address, address + length)}
    assert (adapter.sends.in_flight, peer.binding.sends_pending) == (1, 1)
    await bench.pass_time()
    assert owners(peer)[0] is peer.binding
    assert adapter.device.dma.mapped == {}
    assert (adapter.sends.in_flight, adapter.sends.completed) == (0, 1)


@on_bench
async def test_parts_of_an_array_may_be_completed_apart(bench: Bench) -> None:
    """Each packet has its own status; what the driver has not completed gets what the call returns."""

    class Parts(Mini):
        async def send_packets(self, packets: Sequence[Packet]) -> Status:
            self.ndis.send_complete(packets[1], Status.NO_CABLE)
            await self.ndis.delay(LATER)
            self.ndis.send_complete(packets[3:], Status.FAILURE)
            return Status.SUCCESS

    peer = await bench.pair(Parts())
    packets = await bench.send(peer, 5)
    await bench.pass_time()
    expected = [
        (packets[1], Status.NO_CABLE),
        (packets[3], Status.FAILURE),
        (packets[4], Status.FAILURE),
        (packets[0], Status.SUCCESS),
        (packets[2], Status.SUCCESS),
    ]
    assert peer.completed == expected
    sends = peer.binding.adapter.sends
    assert (sends.submitted, sends.completed, sends.failed) == (5, 2, 3)
    assert sends.failures == {Status.NO_CABLE: 1, Status.FAILURE: 2}


@on_bench
async def test_none_completes_nothing(bench: Bench) -> None:
    """A coroutine that returns without a status leaves its packets to whoever completes them later."""

    class Leaves(Mini):
        async def send_packets(self, packets: Sequence[Packet]) -> None:
            await self.ndis.delay(LATER)
            self.deferred.append(lambda: self.ndis.send_complete(packets, Status.SUCCESS))
            self.timer.set(5 * LATER)

    peer = await bench.pair(Leaves())
    await bench.send(peer, 2)
    await bench.pass_time(2 * LATER)
    assert (peer.completed, peer.binding.adapter.fibers) == ([], {})
    await bench.pass_time()
    assert peer.statuses == [Status.SUCCESS, Status.SUCCESS]


@on_bench
async def test_the_status_in_the_out_of_band_block_is_ignored_on_return(bench: Bench) -> None:
    """A deserialized driver may leave there what it likes; a packet ends with what completes it."""

    class Scribbles(Mini):
        def send_packets(self, packets: Sequence[Packet]) -> None:
            for packet, status in zip(packets, (Status.FAILURE, Status.RESOURCES, Status.PENDING), strict=True):
                packet.status = status
            self.deferred.append(lambda: self.ndis.send_complete(packets, Status.SUCCESS))
            self.timer.set(LATER)

    peer = await bench.pair(Scribbles())
    await bench.send(peer, 3)
    assert peer.completed == []
    await bench.pass_time()
    assert peer.statuses == [Status.SUCCESS] * 3


@pytest.mark.parametrize("value", [Status.PENDING, "done", 0, True])
@on_bench
async def test_what_is_no_final_status_fails_the_rest(bench: Bench, value: Status) -> None:
    """PENDING after suspending, or something that is no status, is reported and fails what is left of the call."""

    class Wrong(Mini):
        async def send_packets(self, packets: Sequence[Packet]) -> Status:
            self.ndis.send_complete(packets[0], Status.SUCCESS)
            await self.ndis.delay(LATER)
            return value

    peer = await bench.pair(Wrong())
    await bench.send(peer, 3)
    await bench.pass_time()
    assert peer.statuses == [Status.SUCCESS, Status.FAILURE, Status.FAILURE]
    assert bench.rules() == ["send-return"]
    assert repr(value) in bench.findings[0].text
    assert peer.binding.adapter.running


@on_bench
async def test_packets_reach_the_miniport_in_the_order_of_submission(bench: Bench) -> None:
    """NDIS keeps no queue: arrays of any length go down at once and in order, also from within a completion."""

    class Echo(Peer):
        def send_complete(self, binding: object, packets: Sequence[Packet], status: Status) -> None:
            super().send_complete(self.binding, packets, status)
            if len(self.completed) == 3:
                self.packets[3].fill(frame(3))
                self.binding.send_packets([self.packets[3]])

    miniport = Mini()
    peer = await bench.pair(miniport, Echo())
    await bench.send(peer, 3)
    assert miniport.sent == [frame(number) for number in range(4)]


@on_bench
async def test_an_empty_array_reaches_nobody(bench: Bench) -> None:
    """MiniportSendPackets is always given at least one packet, and sends nothing that was not submitted."""
    peer = await bench.pair(Explicit("before it returns"))
    await bench.passive(lambda: peer.binding.send_packets([]))
    assert (peer.binding.adapter.sends.submitted, peer.levels) == (0, [])


@on_bench
async def test_the_array_is_the_protocols_again_when_the_call_returns(bench: Bench) -> None:
    """A protocol may reuse the list itself at once; only the packets are on their way."""
    peer = await bench.pair(Coroutine("from a timer"))
    array = peer.packets[:2]
    for packet in array:
        packet.fill(frame())
    await bench.passive(lambda: peer.binding.send_packets(array))
    array.clear()
    await bench.pass_time()
    assert peer.completed == [(packet, Status.SUCCESS) for packet in peer.packets[:2]]


@on_bench
async def test_a_deserialized_miniport_may_not_answer_resources(bench: Bench) -> None:
    """NDIS_STATUS_RESOURCES fails the send, goes to the protocol as it is, and is reported."""
    peer = await bench.pair(Explicit("before it returns", Status.RESOURCES))
    await bench.send(peer)
    assert peer.statuses == [Status.RESOURCES]
    assert bench.rules() == ["send-complete-resources-5d"]


class Holds(Mini):
    """Keeps what it is given, and lets the test complete."""

    def send_packets(self, packets: Sequence[Packet]) -> None:
        self.deferred.append(lambda: self.ndis.send_complete(packets, Status.SUCCESS))


COMPLETIONS: Final[list[tuple[Callable[[list[Packet], Packet], list[Packet]], str]]] = [
    (lambda mine, _: [mine[1], mine[0], mine[1]], "send-double-complete"),
    (lambda mine, _: [mine[0], mine[2]], "send-double-complete"),
    (lambda mine, other: [mine[0], other], "send-complete-not-owned"),
    (lambda mine, _: [mine[0], mine[3]], "send-complete-not-owned"),
]


@pytest.mark.parametrize(
    ("choose", "rule"), COMPLETIONS, ids=["twice in an array", "completed before", "another adapter's", "never sent"]
)
@on_bench
async def test_a_wrong_completion_is_refused_whole(
    bench: Bench, choose: Callable[[list[Packet], Packet], list[Packet]], rule: str
) -> None:
    """A completion with one wrong packet in it raises, and every packet stays whose it was."""
    miniport, other = Holds(), Holds()
    peer = await bench.pair(miniport)
    second = await bench.bind(await bench.start(other, "nic1"), Peer("second"))
    await bench.send(peer, 3)
    await bench.send(second, 1)
    await bench.passive(lambda: miniport.ndis.send_complete(peer.packets[2], Status.SUCCESS))
    before, told = owners(peer) + owners(second), list(peer.completed)
    with pytest.raises(RuleViolation) as caught:
        await bench.passive(
            lambda: miniport.ndis.send_complete(choose(peer.packets, second.packets[0]), Status.SUCCESS)
        )
    assert caught.value.rule == rule
    assert bench.rules() == [rule]
    assert "nic0 completed packet#" in caught.value.text
    assert owners(peer) + owners(second) == before
    assert peer.completed == told
    assert peer.binding.adapter.sends.in_flight == 2
    await bench.passive(lambda: miniport.ndis.send_complete(peer.packets[:2], Status.SUCCESS))
    await bench.passive(other.handle_interrupt)
    assert second.statuses == [Status.SUCCESS]


@on_bench
async def test_a_completion_is_never_pending(bench: Bench) -> None:
    """NdisMSendComplete with NDIS_STATUS_PENDING is refused, and the packet stays with the miniport."""
    miniport = Holds()
    peer = await bench.pair(miniport)
    (packet,) = await bench.send(peer)
    with pytest.raises(RuleViolation, match="send-complete-pending: nic0 completed packet#"):
        await bench.passive(lambda: miniport.ndis.send_complete(packet, Status.PENDING))
    assert bench.rules() == ["send-complete-pending"]
    assert packet.owner is peer.binding.adapter.sends
    await bench.passive(miniport.handle_interrupt)


@on_bench
async def test_a_wrong_submission_is_refused_whole(bench: Bench) -> None:
    """An array with a packet in it that is on its way, twice there, or another binding's is refused, and none is sent."""
    miniport = Holds()
    peer = await bench.pair(miniport)
    second = await bench.bind(peer.binding.adapter, Peer("second"))
    await bench.send(peer, 1)
    before = owners(peer) + owners(second)
    mine = peer.packets
    for array in ([mine[1], mine[0]], [mine[1], mine[2], mine[1]], [mine[1], second.packets[0]]):
        with pytest.raises(RuleViolation, match="proto-reuse-pending: a protocol submitted packet#"):
            await bench.passive(lambda array=array: peer.binding.send_packets(array))  # type: ignore[misc]
        assert owners(peer) + owners(second) == before
        assert bench.rules() == ["proto-reuse-pending"]
    assert (peer.binding.adapter.sends.submitted, peer.binding.sends_pending, len(miniport.deferred)) == (1, 1, 1)
    await bench.passive(miniport.handle_interrupt)
    assert peer.completed == [(mine[0], Status.SUCCESS)]


@on_bench
async def test_a_completion_of_several_protocols_packets_tells_each_its_own(bench: Bench) -> None:
    """One NdisMSendComplete may cover packets of several bindings; each protocol gets those it sent."""
    miniport = Holds()
    peer = await bench.pair(miniport)
    second = await bench.bind(peer.binding.adapter, Peer("second"))
    await bench.send(peer, 2)
    await bench.send(second, 2)
    mixed = [peer.packets[0], second.packets[0], second.packets[1], peer.packets[1]]
    await bench.passive(lambda: miniport.ndis.send_complete(mixed, Status.SUCCESS))
    assert [packet for packet, _ in peer.completed] == peer.packets[:2]
    assert [packet for packet, _ in second.completed] == second.packets[:2]


@on_bench
async def test_observers_see_every_send_end(bench: Bench) -> None:
    """The event hook counts as many packets completed as sent, also those that NDIS completes itself."""
    events: list[tuple[str, str, int, str]] = []
    bench.kernel.probe.event = lambda *event: events.append(event)
    peer = await bench.pair(Coroutine("from a timer"))
    await bench.send(peer, 3)
    await bench.pass_time()
    peer.binding.adapter.stop("bugcheck", "for the test")
    await bench.send(peer, 2)
    assert bench.rules() == ["bugcheck"]
    assert [event for event in events if event[0].startswith("send")] == [
        ("send", "nic0", 3, ""),
        ("send complete", "nic0", 3, "SUCCESS"),
        ("send", "nic0", 2, ""),
        ("send complete", "nic0", 2, "ADAPTER_NOT_READY"),
    ]


class Single(Mini):
    """A deserialized driver with MiniportSend only, which returns `answer`."""

    send_packets = v5.Miniport.send_packets

    def __init__(self, answer: object = Status.PENDING) -> None:
        super().__init__()
        self.answer_with = answer
        self.flags: list[PacketFlag] = []

    def send(self, packet: Packet, flags: PacketFlag) -> Status:
        self.flags.append(flags)
        self.sent.append(packet.read())
        if self.answer_with is Status.PENDING:
            self.deferred.append(lambda: self.ndis.send_complete(packet, Status.SUCCESS))
        return self.answer_with  # type: ignore[return-value]  # a test may want it wrong


async def send_one(bench: Bench, peer: Peer) -> Status:
    """Call NdisSend."""
    peer.packets[0].fill(frame())
    return await bench.passive(lambda: peer.binding.send(peer.packets[0]))


ANSWERS: Final[list[tuple[object, Status, list[str]]]] = [
    (Status.SUCCESS, Status.SUCCESS, []),
    (Status.NO_CABLE, Status.NO_CABLE, []),
    (Status.RESOURCES, Status.RESOURCES, ["send-resources-sync-deserialized"]),
    (None, Status.FAILURE, ["send-sync-status-valid"]),
    ("sent", Status.FAILURE, ["send-sync-status-valid"]),
]


@pytest.mark.parametrize(("answer", "status", "rules"), ANSWERS, ids=str)
@on_bench
async def test_a_synchronous_answer_of_a_deserialized_miniport_send(
    bench: Bench, answer: object, status: Status, rules: list[str]
) -> None:
    """It is the completion: NdisSend returns it, an array hears of it by callback; RESOURCES and no status are wrong."""
    peer = await bench.pair(Single(answer))
    assert await send_one(bench, peer) is status
    assert (peer.completed, peer.binding.sends_pending, bench.rules()) == ([], 0, rules)
    packets = await bench.send(peer, 2)
    assert peer.completed == [(packet, status) for packet in packets]
    assert bench.rules() == rules * 2
    assert peer.binding.adapter.device.dma.mapped == {}


@on_bench
async def test_a_pending_miniport_send_is_completed_later(bench: Bench) -> None:
    """NdisSend says PENDING, the packet's flags are the call's, and ProtocolSendComplete follows."""
    miniport = Single()
    peer = await bench.pair(miniport)
    peer.packets[0].flags = PacketFlag.DONT_LOOPBACK
    assert await send_one(bench, peer) is Status.PENDING
    assert (miniport.flags, peer.completed) == ([PacketFlag.DONT_LOOPBACK], [])
    await bench.passive(miniport.handle_interrupt)
    assert peer.statuses == [Status.SUCCESS]


@pytest.mark.parametrize("style", STYLES[:3])
@on_bench
async def test_ndis_send_over_arrays_is_always_pending(bench: Bench, style: Style) -> None:
    """MiniportSendPackets completes by NdisMSendComplete only, before it returns or not."""
    peer = await bench.pair(style("before it returns", Status.SUCCESS))
    assert await send_one(bench, peer) is Status.PENDING
    assert peer.statuses == [Status.SUCCESS]


@on_bench
async def test_ndis_uses_send_packets_where_there_is_one(bench: Bench) -> None:
    """A driver with both entries is given arrays only."""

    class Both(Mini):
        def send(self, packet: Packet, flags: PacketFlag) -> Status:
            raise AssertionError("MiniportSend was called")

    miniport = Both()
    peer = await bench.pair(miniport)
    assert await send_one(bench, peer) is Status.PENDING
    assert miniport.sent == [frame()]


@on_bench
async def test_a_miniport_send_that_raises_ends_the_array(bench: Bench) -> None:
    """The packet fails, the rest of the array does not reach the driver, and comes back after what it had."""

    class Raises(Single):
        def send(self, packet: Packet, flags: PacketFlag) -> Status:
            if len(self.sent) == 1:
                raise LookupError("no ring")
            return super().send(packet, flags)

    miniport = Raises()
    peer = await bench.pair(miniport)
    await bench.send(peer, 4)
    await bench.pass_time()
    assert bench.rules() == ["bugcheck"]
    assert bench.findings[0].text == "MiniportSend raised LookupError: no ring"
    assert len(miniport.sent) == 1
    assert peer.completed == [(peer.packets[place], Status.FAILURE) for place in (1, 0, 2, 3)]


@pytest.mark.parametrize("miniport", [Mini, Single])
@on_bench
async def test_ndis_send_refuses_what_is_not_the_protocols(bench: Bench, miniport: Callable[[], Mini]) -> None:
    """A packet on its way is refused, and NdisSend works again afterwards."""
    peer = await bench.pair(miniport())
    other = await bench.bind(peer.binding.adapter, Peer("other"))
    with pytest.raises(RuleViolation, match="proto-reuse-pending"):
        await bench.passive(lambda: peer.binding.send(other.packets[0]))
    assert bench.rules() == ["proto-reuse-pending"]
    assert await send_one(bench, peer) is Status.PENDING
    if isinstance(peer.binding.adapter.miniport, Single):
        await bench.passive(peer.binding.adapter.miniport.handle_interrupt)
    assert peer.statuses == [Status.SUCCESS]


@on_bench
async def test_a_closing_binding_answers_ndis_send(bench: Bench) -> None:
    """NdisSend returns CLOSING once the close has begun, and the packet stays the protocol's."""
    miniport = Single()
    peer = await bench.pair(miniport)
    await send_one(bench, peer)
    closing = asyncio.ensure_future(bench.library.unbind(peer.binding))
    await bench.pass_time(1)
    assert await bench.passive(lambda: peer.binding.send(peer.packets[1])) is Status.CLOSING
    assert peer.packets[1].owner is peer.binding
    await bench.passive(miniport.handle_interrupt)
    await closing


class Cancels(Mini):
    """Keeps everything, and gives a cancelled send back."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Packet] = []
        self.asked: list[int] = []

    def send_packets(self, packets: Sequence[Packet]) -> None:
        self.held += packets
        self.deferred = [lambda: self.ndis.send_complete(self.held, Status.SUCCESS)]

    def cancel_send_packets(self, cancel_id: int) -> None:
        self.asked.append(cancel_id)
        gone = [packet for packet in self.held if packet.cancel_id == cancel_id]
        self.held = [packet for packet in self.held if packet.cancel_id != cancel_id]
        self.ndis.send_complete(gone, Status.REQUEST_ABORTED)


@on_bench
async def test_a_cancel_goes_to_the_miniport(bench: Bench) -> None:
    """MiniportCancelSendPackets gets the id, completes its packets with REQUEST_ABORTED, and the books say cancelled."""
    miniport = Cancels()
    peer = await bench.pair(miniport)
    for packet, cancel_id in zip(peer.packets, (7, 8, 7, 0), strict=False):
        packet.cancel_id = cancel_id
    packets = await bench.send(peer, 4)
    await bench.passive(lambda: peer.binding.cancel_sends(7))
    assert miniport.asked == [7]
    assert peer.completed == [(packets[0], Status.REQUEST_ABORTED), (packets[2], Status.REQUEST_ABORTED)]
    assert peer.binding.adapter.sends.cancelled == 2
    await bench.passive(miniport.handle_interrupt)
    assert peer.statuses[2:] == [Status.SUCCESS] * 2


@on_bench
async def test_a_cancel_without_the_entry_has_no_effect(bench: Bench) -> None:
    """A driver that has no MiniportCancelSendPackets sends what it has."""
    miniport = Holds()
    peer = await bench.pair(miniport)
    peer.packets[0].cancel_id = 7
    await bench.send(peer)
    await bench.passive(lambda: peer.binding.cancel_sends(7))
    assert peer.completed == []
    await bench.passive(miniport.handle_interrupt)
    assert peer.statuses == [Status.SUCCESS]


@on_bench
async def test_there_is_nothing_to_cancel_without_an_id_or_a_send(bench: Bench) -> None:
    """The id 0 is refused, as it marks packets that cannot be cancelled; without sends nobody is asked."""
    miniport = Cancels()
    peer = await bench.pair(miniport)
    with pytest.raises(
        RuleViolation, match="proto-cancel-id-zero: peer on nic0 called NdisCancelSendPackets with the id 0"
    ):
        await bench.passive(lambda: peer.binding.cancel_sends(0))
    await bench.passive(lambda: peer.binding.cancel_sends(7))
    assert miniport.asked == []
