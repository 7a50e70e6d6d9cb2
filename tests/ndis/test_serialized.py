"""Serialized sends: the per-packet table of NDIS reference 5.2 row by row, the gate, the queue, and what is refused."""

from collections.abc import Callable, Sequence

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH
from ndisemu.ndis import Oid, OidRequest, Packet, PacketFlag, Status, v5
from ndisemu.ndis.v5.adapter import PacketAdapter
from ndisemu.ndis.v5.serialized import SerializedSends
from tests.ndis.conftest import LATER, WHEN, Bench, Mini, Peer, frame, on_bench
from tests.ndis.sendstyles import Send

PENDING, RESOURCES, SUCCESS, FAILURE = Status.PENDING, Status.RESOURCES, Status.SUCCESS, Status.FAILURE


def number(packet: Packet) -> int:
    """Read the number of a `frame`."""
    return int.from_bytes(packet.read()[14:18], "big")


class Arrays(Mini):
    """MiniportSendPackets: answers from a script, a status or None for each packet it is given; then PENDING."""

    deserialized = False

    def __init__(self, *script: object) -> None:
        super().__init__()
        self.script = list(script)
        self.calls: list[list[int]] = []
        self.held: list[Packet] = []
        self.levels: list[int] = []
        self.during: Callable[[], object] = lambda: None

    def answer_next(self, packet: Packet) -> object:
        """Give the next answer of the script."""
        answer = self.script.pop(0) if self.script else PENDING
        if answer is PENDING:
            self.held.append(packet)
        return answer

    def note(self, packets: Sequence[Packet]) -> None:
        """Note a call, and do what the test wants during it."""
        self.calls.append([number(packet) for packet in packets])
        self.levels.append(self.ndis._adapter.running_cpu("a test").irql)
        self.during()

    def send_packets(self, packets: Sequence[Packet]) -> Send:
        self.note(packets)
        for packet in packets:
            packet.status = self.answer_next(packet)  # type: ignore[assignment]  # a script may be wrong on purpose
            if packet.status is RESOURCES:
                break
        return None

    def complete(self, status: Status = SUCCESS) -> None:
        """Complete the oldest packet."""
        self.ndis.send_complete(self.held.pop(0), status)


class Singles(Arrays):
    """MiniportSend: the same, a packet at a time."""

    send_packets = v5.Miniport.send_packets

    def send(self, packet: Packet, flags: PacketFlag) -> Send:
        self.note([packet])
        return self.answer_next(packet)  # type: ignore[return-value]  # a script may be wrong on purpose


def path(peer: Peer) -> SerializedSends:
    """Return the send path below a protocol."""
    adapter = peer.binding.adapter
    assert isinstance(adapter, PacketAdapter)
    assert isinstance(adapter.sends, SerializedSends)
    return adapter.sends


async def in_dpc(bench: Bench, miniport: Mini, action: Callable[[], object]) -> None:
    """Let the miniport do something in its interrupt's DPC."""
    await bench.passive(lambda: miniport.later("from a DPC", action))
    await bench.pass_time(1)


async def send_one(bench: Bench, peer: Peer, place: int = 0) -> Status:
    """Call NdisSend."""
    peer.packets[place].fill(frame(place))
    return await bench.passive(lambda: peer.binding.send(peer.packets[place]))


# The table.


@pytest.mark.parametrize("status", [SUCCESS, FAILURE, Status.INVALID_PACKET, Status.INVALID_LENGTH])
@on_bench
async def test_a_final_status_of_miniport_send_is_what_ndis_send_returns(bench: Bench, status: Status) -> None:
    """The packet is the protocol's again, no ProtocolSendComplete follows, and the books are closed."""
    peer = await bench.pair(Singles(status))
    assert await send_one(bench, peer) is status
    await bench.pass_time()
    assert peer.completed == []
    assert peer.packets[0].owner is peer.binding
    assert (peer.binding.sends_pending, path(peer).in_flight) == (0, 0)
    assert peer.binding.adapter.device.dma.mapped == {}


@pytest.mark.parametrize("status", [SUCCESS, FAILURE])
@on_bench
async def test_a_final_status_for_a_packet_of_an_array_is_a_callback(bench: Bench, status: Status) -> None:
    """NdisSendPackets returns nothing, so ProtocolSendComplete tells it, at DISPATCH_LEVEL."""
    peer = await bench.pair(Singles(status, status))
    await bench.send(peer, 2)
    assert peer.statuses == [status] * 2
    assert set(peer.levels) == {DISPATCH}


@on_bench
async def test_a_packet_that_was_queued_is_a_callback(bench: Bench) -> None:
    """A send from within the driver's own call is queued and PENDING; its status comes by ProtocolSendComplete."""
    miniport = Singles(SUCCESS, FAILURE)
    peer = await bench.pair(miniport)
    inner: list[Status] = []

    def during() -> None:
        miniport.during = lambda: None
        peer.packets[1].fill(frame(1))
        inner.append(peer.binding.send(peer.packets[1]))

    miniport.during = during
    assert await send_one(bench, peer) is SUCCESS
    assert inner == [PENDING]
    assert peer.completed == [(peer.packets[1], FAILURE)]
    assert miniport.calls == [[0], [1]]


@pytest.mark.parametrize("driver", [Arrays, Singles])
@on_bench
async def test_pending_is_outstanding_until_the_completion(bench: Bench, driver: type[Arrays]) -> None:
    """NdisSend says PENDING; NdisMSendComplete is the one ProtocolSendComplete."""
    miniport = driver(PENDING)
    peer = await bench.pair(miniport)
    assert await send_one(bench, peer) is PENDING
    assert peer.packets[0].owner is path(peer)
    assert path(peer).in_flight == 1
    await in_dpc(bench, miniport, lambda: miniport.complete(Status.NO_CABLE))
    assert peer.completed == [(peer.packets[0], Status.NO_CABLE)]
    assert path(peer).in_flight == 0


@pytest.mark.parametrize("status", [SUCCESS, FAILURE])
@on_bench
async def test_a_final_oob_status_is_a_callback_at_once(bench: Bench, status: Status) -> None:
    """Also for NdisSend: the packets of MiniportSendPackets end by ProtocolSendComplete, as the table has it."""
    peer = await bench.pair(Arrays(status))
    assert await send_one(bench, peer) is PENDING
    assert peer.completed == [(peer.packets[0], status)]


@on_bench
async def test_oob_statuses_are_each_packets_own(bench: Bench) -> None:
    """Finished ones come back at once, pending ones when they are completed."""
    miniport = Arrays(SUCCESS, PENDING, FAILURE, PENDING)
    peer = await bench.pair(miniport)
    packets = await bench.send(peer, 4)
    assert peer.completed == [(packets[0], SUCCESS), (packets[2], FAILURE)]
    assert miniport.held == [packets[1], packets[3]]
    await in_dpc(bench, miniport, lambda: miniport.ndis.send_complete(miniport.held, SUCCESS))
    assert peer.completed[2:] == [(packets[1], SUCCESS), (packets[3], SUCCESS)]


@on_bench
async def test_resources_of_miniport_send_goes_to_the_head_of_the_queue(bench: Bench) -> None:
    """The protocol sees PENDING; the packet is the queue's and unmapped, and comes first again when the gate opens."""
    miniport = Singles(PENDING, RESOURCES)
    peer = await bench.pair(miniport)
    await send_one(bench, peer, 0)
    assert await send_one(bench, peer, 1) is PENDING
    assert await send_one(bench, peer, 2) is PENDING
    sends = path(peer)
    assert miniport.calls == [[0], [1]]
    assert [packet.owner for packet in peer.packets[:3]] == [sends, sends.queue, sends.queue]
    assert (sends.gate_open, list(sends.queue.packets)) == (False, peer.packets[1:3])
    assert list(peer.binding.adapter.device.dma.mapped) == [peer.packets[0].segments[0][0]]
    assert (repr(sends.queue), sends.in_flight) == ("the send queue of nic0", 3)
    await in_dpc(bench, miniport, miniport.complete)
    assert miniport.calls == [[0], [1], [1], [2]]
    await in_dpc(bench, miniport, lambda: miniport.ndis.send_complete(miniport.held, SUCCESS))
    assert peer.statuses == [SUCCESS] * 3


@on_bench
async def test_resources_in_an_array_gives_all_behind_it_back_too(bench: Bench) -> None:
    """What stands behind the first RESOURCES need not be set; it comes again, in order, before what was sent since."""
    miniport = Arrays(PENDING, SUCCESS, RESOURCES)
    peer = await bench.pair(miniport)
    await bench.send(peer, 4)
    await bench.send(peer, 2, first=4)
    assert miniport.calls == [[0, 1, 2, 3]]
    assert peer.completed == [(peer.packets[1], SUCCESS)]
    await in_dpc(bench, miniport, miniport.complete)
    assert miniport.calls[1:] == [[2, 3, 4, 5]]
    await in_dpc(bench, miniport, lambda: miniport.ndis.send_complete(miniport.held, SUCCESS))
    assert [number for call in [miniport.calls[0][:2], miniport.calls[1]] for number in call] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("status", [RESOURCES, PENDING])
@on_bench
async def test_a_completion_is_never_resources_or_pending(bench: Bench, status: Status) -> None:
    """It is refused, and the packet stays with the miniport."""
    miniport = Singles(PENDING)
    peer = await bench.pair(miniport)
    await bench.send(peer)
    with pytest.raises(RuleViolation, match=f"send-complete-{status.name.lower()}: nic0 completed packet#"):
        await bench.dispatch(lambda: miniport.ndis.send_complete(miniport.held[0], status))
    assert peer.packets[0].owner is path(peer)
    await in_dpc(bench, miniport, miniport.complete)
    assert bench.rules() == [f"send-complete-{status.name.lower()}"]


@on_bench
async def test_a_second_completion_and_a_foreign_packet_are_refused(bench: Bench) -> None:
    """NdisMSendComplete is for what the miniport has, once."""
    miniport = Singles(PENDING)
    peer = await bench.pair(miniport)
    (packet,) = await bench.send(peer)
    await in_dpc(bench, miniport, miniport.complete)
    for wrong, rule in ((packet, "send-double-complete"), (peer.packets[5], "send-complete-not-owned")):
        with pytest.raises(RuleViolation, match=rule):
            await bench.dispatch(lambda wrong=wrong: miniport.ndis.send_complete(wrong, SUCCESS))  # type: ignore[misc]
        assert bench.rules() == [rule]


@on_bench
async def test_what_was_given_back_is_not_the_miniports(bench: Bench) -> None:
    """Completing a packet that was answered with RESOURCES is refused, and it is sent later all the same."""
    miniport = Singles(PENDING, RESOURCES)
    peer = await bench.pair(miniport)
    await bench.send(peer, 2)
    with pytest.raises(RuleViolation, match="send-resources-relinquish: nic0 completed packet#9, which NDIS has"):
        await bench.dispatch(lambda: miniport.ndis.send_complete(peer.packets[:2], SUCCESS))
    assert bench.rules() == ["send-resources-relinquish"]
    assert peer.packets[0].owner is path(peer)
    await in_dpc(bench, miniport, miniport.complete)
    await in_dpc(bench, miniport, miniport.complete)
    assert peer.statuses == [SUCCESS] * 2


# What a driver may not answer.


@pytest.mark.parametrize("value", [None, 0, True, "sent"])
@on_bench
async def test_miniport_send_returns_a_status(bench: Bench, value: object) -> None:
    """Anything else fails the packet and is reported; the next one is sent."""
    miniport = Singles(value, SUCCESS)
    peer = await bench.pair(miniport)
    await bench.send(peer, 2)
    assert peer.statuses == [FAILURE, SUCCESS]
    assert bench.rules() == ["send-sync-status-valid"]


@on_bench
async def test_every_oob_status_is_set_before_return(bench: Bench) -> None:
    """A packet that NDIS finds unset has failed; the others are as they were set."""
    peer = await bench.pair(Arrays(SUCCESS, None, SUCCESS))
    await bench.send(peer, 3)
    assert peer.statuses == [SUCCESS, FAILURE, SUCCESS]
    assert bench.rules() == ["send-oob-status-set-before-return"]
    assert "set no status for packet#9" in bench.findings[0].text


@on_bench
async def test_the_tail_behind_resources_is_left_alone(bench: Bench) -> None:
    """A driver that takes a later packet is reported, and NDIS takes that one back too."""

    class Skips(Arrays):
        def send_packets(self, packets: Sequence[Packet]) -> None:
            super().send_packets(packets[:1])
            if len(self.calls) == 1:
                packets[1].status = PENDING

    miniport = Skips(RESOURCES)
    peer = await bench.pair(miniport)
    await bench.send(peer, 2)
    assert bench.rules() == ["send-resources-tail-untouched"]
    assert list(path(peer).queue.packets) == peer.packets[:2]
    miniport.script = [SUCCESS]
    await bench.passive(lambda: peer.binding.adapter.stop("bugcheck", "for the test"))
    await bench.pass_time()
    assert (bench.rules(), peer.statuses) == (["bugcheck"], [FAILURE] * 2)


@on_bench
async def test_what_was_completed_in_the_call_is_pending(bench: Bench) -> None:
    """MiniportSend that completes its packet and returns SUCCESS as well ends it twice; the completion counts."""
    miniport = Singles(SUCCESS)
    peer = await bench.pair(miniport)
    miniport.during = lambda: miniport.ndis.send_complete(peer.packets[0], Status.NO_CABLE)
    assert await send_one(bench, peer) is PENDING
    assert peer.statuses == [Status.NO_CABLE]
    assert bench.rules() == ["send-sync-status-then-complete"]


# The gate and the queue.


@pytest.mark.parametrize("driver", [Arrays, Singles])
@pytest.mark.parametrize("event", ["a completion", "resources available"])
@on_bench
async def test_a_gate_event_during_the_call_is_remembered(bench: Bench, event: str, driver: type[Arrays]) -> None:
    """RESOURCES behind a completion in the same call does not close the gate: nothing would open it again."""
    miniport = driver(PENDING, RESOURCES)
    peer = await bench.pair(miniport)
    await bench.send(peer)

    def during() -> None:
        if miniport.held:
            if event == "a completion":
                miniport.complete()
            else:
                miniport.ndis.send_resources_available()

    miniport.during = during
    await bench.send(peer, 1, first=1)
    assert miniport.calls == [[0], [1], [1]]
    miniport.during = lambda: None
    await in_dpc(bench, miniport, lambda: miniport.ndis.send_complete(miniport.held, SUCCESS))
    assert peer.statuses == [SUCCESS] * 2


@pytest.mark.parametrize("when", WHEN[1:])
@on_bench
async def test_the_queue_goes_on_after_the_call_that_opened_the_gate(bench: Bench, when: str) -> None:
    """Never inside NdisMSendComplete or NdisMSendResourcesAvailable, whoever calls them."""
    miniport = Singles(PENDING, RESOURCES)
    peer = await bench.pair(miniport)
    await bench.send(peer, 2)
    calls: list[int] = []

    def act() -> None:
        miniport.ndis.send_resources_available()
        calls.append(len(miniport.calls))
        miniport.complete()
        calls.append(len(miniport.calls))

    await bench.passive(lambda: miniport.later(when, act))
    await bench.pass_time()
    assert (calls[0], len(miniport.calls)) == (2, 3)
    if when != "from a work item":
        assert calls == [2, 2]
    await in_dpc(bench, miniport, miniport.complete)


@on_bench
async def test_resources_with_nothing_outstanding_stalls(bench: Bench) -> None:
    """No timer tries again and nothing hangs; NdisMSendResourcesAvailable is what lets the queue go on."""
    miniport = Singles(RESOURCES, SUCCESS)
    peer = await bench.pair(miniport)
    await bench.send(peer)
    await bench.pass_time(3_000_000_000)
    assert (miniport.calls, peer.completed) == ([[0]], [])
    await in_dpc(bench, miniport, miniport.ndis.send_resources_available)
    assert (miniport.calls, peer.statuses) == ([[0], [0]], [SUCCESS])


@on_bench
async def test_a_stalled_queue_is_reset(bench: Bench) -> None:
    """A driver that said RESOURCES and never more is reset by the hang check, which aborts the queue."""

    class Stalls(Singles):
        def reset(self) -> Status:
            return SUCCESS

    miniport = Stalls(RESOURCES, SUCCESS)
    peer = await bench.pair(miniport)
    await bench.send(peer, 3)
    await bench.pass_time(9_000_000_000)
    assert peer.completed == [(packet, Status.REQUEST_ABORTED) for packet in peer.packets[:3]]
    assert await send_one(bench, peer) is SUCCESS
    assert miniport.calls == [[0], [0]]


@on_bench
async def test_a_removed_adapters_queue_comes_back(bench: Bench) -> None:
    """What NDIS has queued ends with NOT_ACCEPTED when the device is pulled out."""
    peer = await bench.pair(Singles(RESOURCES))
    await bench.send(peer, 3)
    await peer.binding.adapter.surprise_remove()
    assert peer.statuses == [Status.NOT_ACCEPTED] * 3


@on_bench
async def test_resources_available_is_harmless_with_an_open_gate(bench: Bench) -> None:
    """It only takes an earlier RESOURCES back."""
    miniport = Singles(SUCCESS)
    peer = await bench.pair(miniport)
    await in_dpc(bench, miniport, miniport.ndis.send_resources_available)
    await bench.send(peer)
    assert (peer.statuses, miniport.calls) == ([SUCCESS], [[0]])


@pytest.mark.parametrize(("most", "sizes"), [(0, [1] * 8), (1, [1] * 8), (3, [3, 3, 2]), (100, [8])])
@on_bench
async def test_an_array_is_no_longer_than_the_miniport_says(bench: Bench, most: int, sizes: list[int]) -> None:
    """OID_GEN_MAXIMUM_SEND_PACKETS cuts what the protocol sends; the driver is called at DISPATCH_LEVEL."""
    miniport = Arrays(*[SUCCESS] * 8)
    miniport.most = most
    peer = await bench.pair(miniport)
    await bench.send(peer, 8)
    assert [len(call) for call in miniport.calls] == sizes
    assert peer.statuses == [SUCCESS] * 8
    assert set(miniport.levels) == {DISPATCH}


@on_bench
async def test_a_serialized_driver_says_how_many_it_takes(bench: Bench) -> None:
    """The OID is mandatory there; without an answer the adapter does not start."""

    class Silent(Arrays):
        def answer(self, request: OidRequest) -> Status:
            return Status.NOT_SUPPORTED if request.oid is Oid.GEN_MAXIMUM_SEND_PACKETS else super().answer(request)

    adapter = bench.add(Silent())
    assert not await adapter.initialize()
    assert bench.rules() == ["oid-mandatory"]
    assert "OID_GEN_MAXIMUM_SEND_PACKETS" in bench.findings[0].text


@on_bench
async def test_the_queue_is_first_come_first_served_across_bindings(bench: Bench) -> None:
    """Packets of two protocols reach the miniport in the order of submission, and come back to their own."""
    miniport = Singles(RESOURCES, *[SUCCESS] * 9)
    peer = await bench.pair(miniport)
    second = await bench.bind(peer.binding.adapter, Peer("second"))
    for place in range(3):
        await bench.send(peer, 1, first=place)
        second.packets[place].fill(frame(100 + place))
        await bench.passive(lambda place=place: second.binding.send_packets(second.packets[place : place + 1]))  # type: ignore[misc]
    await in_dpc(bench, miniport, miniport.ndis.send_resources_available)
    assert miniport.calls == [[0], [0], [100], [1], [101], [2], [102]]
    assert [packet for packet, _ in peer.completed] == peer.packets[:3]
    assert [packet for packet, _ in second.completed] == second.packets[:3]


@pytest.mark.parametrize("driver", [Arrays, Singles])
@on_bench
async def test_the_strict_variant_has_one_packet_outstanding(bench: Bench, driver: type[Arrays]) -> None:
    """After PENDING the next send waits for a completion, or for NdisMSendResourcesAvailable."""

    class Strict(driver):  # type: ignore[misc, valid-type]  # the kind under test
        strict_one_outstanding = True

    miniport = Strict(SUCCESS, PENDING)
    peer = await bench.pair(miniport)
    await bench.send(peer, 5)
    assert miniport.calls == [[0], [1]]
    await in_dpc(bench, miniport, miniport.complete)
    assert miniport.calls == [[0], [1], [2]]
    await in_dpc(bench, miniport, miniport.ndis.send_resources_available)
    assert miniport.calls == [[0], [1], [2], [3]]
    while miniport.held:
        await in_dpc(bench, miniport, miniport.complete)
    assert peer.statuses == [SUCCESS] * 5


@on_bench
async def test_a_send_waits_for_the_entry_that_runs(bench: Bench) -> None:
    """What a protocol sends from a completion or an indication reaches the driver when its DPC has returned."""
    order: list[str] = []

    class Echo(Peer):
        def send_complete(self, binding: v5.Binding, packets: Sequence[Packet], status: Status) -> None:
            super().send_complete(binding, packets, status)
            if len(self.completed) == 1:
                self.packets[1].fill(frame(1))
                order.append(f"NdisSend: {binding.send(self.packets[1]).name}")

    miniport = Singles(PENDING, PENDING)
    peer = await bench.pair(miniport, Echo())
    await bench.send(peer)

    def work() -> None:
        miniport.complete()
        order.append(f"{len(miniport.calls)} calls in the DPC")

    await in_dpc(bench, miniport, work)
    assert order == ["NdisSend: PENDING", "1 calls in the DPC"]
    assert miniport.calls == [[0], [1]]
    await in_dpc(bench, miniport, miniport.complete)


# Coroutines.


class Waits(Arrays):
    """A coroutine that sets what the script says, waits, and returns `last`."""

    last: object = SUCCESS

    async def send_packets(self, packets: Sequence[Packet]) -> Status:
        super().send_packets(packets)
        await self.ndis.delay(LATER)
        return self.last  # type: ignore[return-value]  # a test may want it wrong


@on_bench
async def test_a_coroutine_that_suspends_has_answered(bench: Bench) -> None:
    """What it has set counts, the rest is PENDING, and what it returns completes what it has left."""
    miniport = Waits(SUCCESS, PENDING, None, RESOURCES)
    miniport.most = 5
    peer = await bench.pair(miniport)
    packets = await bench.send(peer, 5)
    assert peer.completed == [(packets[0], SUCCESS)]
    assert list(path(peer).queue.packets) == packets[3:]
    miniport.last = Status.NO_CABLE
    await bench.pass_time(LATER + 1)
    assert peer.completed[1:] == [(packets[1], Status.NO_CABLE), (packets[2], Status.NO_CABLE)]
    assert miniport.calls == [[0, 1, 2, 3, 4], [3, 4]]
    await bench.pass_time()
    assert peer.completed[3:] == [(packets[3], Status.NO_CABLE), (packets[4], Status.NO_CABLE)]


@pytest.mark.parametrize("last", [PENDING, RESOURCES, 7])
@on_bench
async def test_a_coroutine_that_has_suspended_ends_with_how_the_send_ended(bench: Bench, last: object) -> None:
    """RESOURCES is an answer to the call, and too late by then."""
    miniport = Waits()
    miniport.last = last
    peer = await bench.pair(miniport)
    await bench.send(peer, 2)
    await bench.pass_time()
    assert (peer.statuses, bench.rules()) == ([FAILURE] * 2, ["send-return"])


@pytest.mark.parametrize("suspends", [False, True])
@on_bench
async def test_a_send_that_raises_fails_before_what_is_queued(bench: Bench, suspends: bool) -> None:
    """The call's packets fail, then the outstanding ones come back, then the queue."""

    class Raises(Singles):
        async def send(self, packet: Packet, flags: PacketFlag) -> Status:
            super().send(packet, flags)
            if len(self.calls) == 2:
                if suspends:
                    await self.ndis.delay(LATER)
                raise LookupError("no ring")
            await self.ndis.delay(100 * LATER)
            return SUCCESS

    miniport = Raises()
    peer = await bench.pair(miniport)
    if suspends:
        miniport.script = [PENDING, PENDING, PENDING]
    await bench.send(peer, 4)
    await bench.pass_time()
    assert bench.rules() == ["bugcheck"]
    assert bench.findings[0].text == "MiniportSend raised LookupError: no ring"
    assert peer.completed == [(peer.packets[place], FAILURE) for place in (1, 0, 2, 3)]


# Books, and refusals of NDIS.


@on_bench
async def test_the_books_count_the_queue(bench: Bench) -> None:
    """Submitted is completed, failed and cancelled, and what is in flight: with the miniport, or queued."""
    miniport = Singles(SUCCESS, FAILURE, PENDING, RESOURCES)
    peer = await bench.pair(miniport)
    await bench.send(peer, 6)
    sends = path(peer)
    assert (sends.submitted, sends.completed, sends.failed, sends.in_flight) == (6, 1, 1, 4)
    assert peer.binding.sends_pending == 4
    assert await bench.dispatch(lambda: sends.reclaim(Status.REQUEST_ABORTED)) == 4
    assert (sends.cancelled, sends.in_flight, sends.gate_open) == (4, 0, True)
    assert peer.completed[2:] == [(packet, Status.REQUEST_ABORTED) for packet in peer.packets[2:6]]


@pytest.mark.parametrize("driver", [Arrays, Singles])
@on_bench
async def test_an_adapter_that_is_gone_answers_ndis_send(bench: Bench, driver: type[Arrays]) -> None:
    """NdisSend returns ADAPTER_NOT_READY and NdisSendPackets completes with it."""
    peer = await bench.pair(driver())
    peer.binding.adapter.stop("bugcheck", "for the test")
    assert await send_one(bench, peer) is Status.ADAPTER_NOT_READY
    await bench.send(peer)
    assert (peer.statuses, bench.rules()) == ([Status.ADAPTER_NOT_READY], ["bugcheck"])
    assert peer.binding.sends_pending == 0


# Cancelling.


@on_bench
async def test_a_cancel_takes_matches_out_of_the_queue(bench: Bench) -> None:
    """NDIS completes them with REQUEST_ABORTED, others keep their places, and another binding's are not touched."""
    miniport = Singles(RESOURCES, *[SUCCESS] * 9)
    peer = await bench.pair(miniport)
    second = await bench.bind(peer.binding.adapter, Peer("second"))
    for place in range(4):
        peer.packets[place].cancel_id = second.packets[place].cancel_id = 5 + place % 2
    await bench.send(peer, 4)
    for place in range(2):
        second.packets[place].fill(frame(100 + place))
    await bench.passive(lambda: second.binding.send_packets(second.packets[:2]))
    await bench.passive(lambda: peer.binding.cancel_sends(5))
    assert peer.completed == [(peer.packets[0], Status.REQUEST_ABORTED), (peer.packets[2], Status.REQUEST_ABORTED)]
    assert path(peer).cancelled == 2
    await in_dpc(bench, miniport, miniport.ndis.send_resources_available)
    assert miniport.calls[1:] == [[1], [3], [100], [101]]
    assert second.statuses == [SUCCESS] * 2


@on_bench
async def test_a_cancel_asks_the_miniport_for_what_it_has(bench: Bench) -> None:
    """After NDIS's own queue comes MiniportCancelSendPackets, under the lock: it waits for the entry that runs."""
    order: list[str] = []

    class Cancels(Singles):
        def cancel_send_packets(self, cancel_id: int) -> None:
            order.append(f"cancel {cancel_id}")
            self.complete(Status.REQUEST_ABORTED)

    miniport = Cancels(PENDING, RESOURCES)
    peer = await bench.pair(miniport)
    for packet in peer.packets:
        packet.cancel_id = 9
    await bench.send(peer, 2)

    def work() -> None:
        peer.binding.cancel_sends(9)
        order.append(f"{len(peer.completed)} back in the DPC")

    await in_dpc(bench, miniport, work)
    assert order == ["1 back in the DPC", "cancel 9"]
    assert peer.completed == [(packet, Status.REQUEST_ABORTED) for packet in reversed(peer.packets[:2])]
