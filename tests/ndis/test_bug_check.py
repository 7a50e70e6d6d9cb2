"""What happens to an adapter whose driver raises: its own calls fail, the rest comes back in order, others go on."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Final

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import Finding, Signal
from ndisemu.ndis import Oid, OidRequest, Packet, Status
from ndisemu.ndis.states import AdapterState
from tests.ndis.conftest import LATER, Bench, Mini, Peer, frame, on_bench


class Broken(Mini):
    """Raises where the test wants it; sends and sets wait for ever before."""

    def __init__(self, where: str = "") -> None:
        super().__init__()
        self.where = where
        self.entered = 0

    def raise_in(self, where: str) -> None:
        if where == self.where:
            raise LookupError(f"no {where}")

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        self.entered += 1
        self.raise_in("send")
        await self.ndis.delay(LATER)
        if packets[0].read() == frame(4):
            self.ndis.send_complete(packets[0], Status.SUCCESS)
            self.raise_in("suspended send")
        await self.ndis.delay(100 * LATER)

    async def query_information(self, request: OidRequest) -> Status:
        if request.oid is Oid.GEN_VENDOR_ID:
            self.raise_in("query")
        return self.answer(request)

    async def set_information(self, request: OidRequest) -> Status:
        if request.oid is Oid.GEN_CURRENT_PACKET_FILTER:
            return Status.SUCCESS
        await self.ndis.delay(LATER)
        self.raise_in("suspended set")
        await self.ndis.delay(100 * LATER)
        return Status.SUCCESS

    def isr(self) -> tuple[bool, bool]:
        self.raise_in("isr")
        return super().isr()

    def handle_interrupt(self) -> None:
        self.raise_in("dpc")
        super().handle_interrupt()

    def return_packets(self, packets: Sequence[Packet]) -> None:
        self.raise_in("return")

    def act(self) -> None:
        self.raise_in("work")


def interrupt(miniport: Broken) -> None:
    """Let the card interrupt."""
    miniport.card.line.assert_(miniport.card.name)


def expire(miniport: Broken) -> None:
    """Let the driver's timer expire."""
    miniport.timer.set(0)


ENTRIES: Final[dict[str, tuple[str, Callable[[Broken], object]]]] = {
    "isr": ("MiniportISR", interrupt),
    "dpc": ("MiniportHandleInterrupt", interrupt),
    "work": ("work item", lambda miniport: miniport.ndis.schedule_work_item(miniport.act)),
    "return": ("MiniportReturnPacket", lambda miniport: miniport.ndis.indicate_receive(miniport.fill(frame()))),
}


def told(finding: Finding, entry: str, where: str) -> bool:
    """Tell whether a finding names entry and error, with the driver's own line in its traceback."""
    return finding.text == f"{entry} raised LookupError: no {where}" and "self.raise_in(" in finding.trace


@pytest.mark.parametrize("where", ENTRIES)
@on_bench
async def test_an_immediate_entry_that_raises_stops_its_adapter(bench: Bench, where: str) -> None:
    """The report names the entry and shows the driver's traceback; the card is off, and everything comes back."""
    miniport = Broken(where)
    peer = await bench.pair(miniport)
    await bench.send(peer, 2)
    entry, provoke = ENTRIES[where]
    await bench.passive(lambda: provoke(miniport))
    await bench.pass_time()
    assert bench.rules() == ["bugcheck"]
    assert told(bench.findings[0], entry, where)
    assert bench.findings[0].actor == "nic0"
    assert peer.binding.adapter.state.current is AdapterState.FAILED
    assert miniport.card.powered_off == 1
    assert peer.completed == [(packet, Status.FAILURE) for packet in peer.packets[:2]]


@on_bench
async def test_a_timer_that_raises_stops_its_adapter(bench: Bench) -> None:
    """MiniportTimer is an entry point like others."""
    miniport = Broken("dpc")
    await bench.start(miniport)
    await bench.passive(lambda: expire(miniport))
    await bench.pass_time()
    assert bench.rules() == ["bugcheck"]
    assert told(bench.findings[0], "MiniportTimer", "dpc")


@pytest.mark.parametrize("where", ["send", "suspended send"])
@on_bench
async def test_a_send_that_raises_fails_its_own_packets_first(bench: Bench, where: str) -> None:
    """The packets of the call that raised fail, then NDIS gives back the rest in the order of submission."""
    miniport = Broken()
    peer = await bench.pair(miniport)
    await bench.send(peer, 2)
    await bench.send(peer, 2, first=2)
    miniport.where = where
    await bench.send(peer, 3, first=4)
    await bench.pass_time()
    assert bench.rules() == ["bugcheck"]
    assert told(bench.findings[0], "MiniportSendPackets", where)
    mine = peer.packets
    expected = [(mine[place], Status.FAILURE) for place in (4, 5, 6, 0, 1, 2, 3)]
    if where != "send":
        expected[0] = (mine[4], Status.SUCCESS)
    assert peer.completed == expected
    assert miniport.entered == 3
    assert peer.binding.adapter.fibers == {}


@on_bench
async def test_a_miniport_that_has_raised_is_not_entered_again(bench: Bench) -> None:
    """What a protocol sends from the completion of the failed packets comes back ADAPTER_NOT_READY."""

    class Stubborn(Peer):
        def send_complete(self, binding: object, packets: Sequence[Packet], status: Status) -> None:
            super().send_complete(self.binding, packets, status)
            if len(self.completed) < 4:
                self.binding.send_packets(packets)

    miniport = Broken("send")
    peer = await bench.pair(miniport, Stubborn())
    await bench.send(peer)
    await bench.pass_time()
    assert miniport.entered == 1
    assert peer.statuses == [Status.FAILURE, *[Status.ADAPTER_NOT_READY] * 3]
    assert bench.rules() == ["bugcheck"]


@pytest.mark.parametrize("where", ["query", "suspended set"])
@on_bench
async def test_a_request_that_raises_fails_with_those_that_wait(bench: Bench, where: str) -> None:
    """The request fails, and the ones behind it end without having reached the driver."""
    miniport = Broken(where)
    peer = await bench.pair(miniport)
    asked = len(miniport.queries)
    first = OidRequest.set(Oid.GEN_NETWORK_LAYER_ADDRESSES, b"")
    if where == "query":
        first = OidRequest.query(Oid.GEN_VENDOR_ID, 4)
    others = [OidRequest.query(Oid.GEN_LINK_SPEED, 4) for _ in range(3)]
    statuses = await bench.passive(lambda: [peer.binding.request(request) for request in [first, *others]])
    await bench.pass_time()
    assert bench.rules() == ["bugcheck"]
    assert len(miniport.queries) == asked
    if where == "query":
        assert statuses == [Status.FAILURE, *[Status.ADAPTER_NOT_READY] * 3]
    else:
        assert statuses == [Status.PENDING] * 4
        assert peer.ended == [(request, Status.FAILURE) for request in [first, *others]]


@on_bench
async def test_other_adapters_go_on(bench: Bench) -> None:
    """A stopped adapter is its own misfortune: on the same host and CPU the other one sends and receives."""
    peer = await bench.pair(Broken("isr"))
    healthy = Mini()
    second = await bench.bind(await bench.start(healthy, "nic1"), Peer("second"))
    broken = peer.binding.adapter
    await bench.passive(lambda: interrupt(broken.miniport))  # type: ignore[arg-type]  # it is the one above
    await bench.pass_time()
    assert bench.rules() == ["bugcheck"]
    await bench.send(second)
    await bench.passive(lambda: healthy.ndis.indicate_receive(healthy.fill(frame(7))))
    assert (second.statuses, second.received) == ([Status.SUCCESS], [frame(7)])


@on_bench
async def test_a_violation_that_a_driver_lets_through_stops_it_under_its_rule(bench: Bench) -> None:
    """A refused call raises in the driver; if it does not catch that, the bug check bears the rule's id."""

    class Twice(Mini):
        def send_packets(self, packets: Sequence[Packet]) -> None:
            self.ndis.send_complete(packets, Status.SUCCESS)
            self.ndis.send_complete(packets, Status.SUCCESS)

    peer = await bench.pair(Twice())
    await bench.send(peer)
    assert peer.statuses == [Status.SUCCESS]
    assert bench.rules() == ["send-double-complete"]


@on_bench
async def test_a_violation_that_a_driver_catches_is_on_record_and_changes_nothing(bench: Bench) -> None:
    """A refused call leaves a driver that catches the error as it was, and is found all the same."""

    class Careful(Mini):
        def send_packets(self, packets: Sequence[Packet]) -> None:
            self.ndis.send_complete(packets, Status.SUCCESS)
            with pytest.raises(RuleViolation):
                self.ndis.send_complete(packets, Status.SUCCESS)

    peer = await bench.pair(Careful())
    await bench.send(peer, 2)
    assert peer.statuses == [Status.SUCCESS] * 2
    assert peer.binding.adapter.running
    assert bench.rules() == ["send-double-complete"]


@on_bench
async def test_a_coroutine_that_catches_its_refusal_is_on_record(bench: Bench) -> None:
    """Swallowing what a foreign await raises does not make the await legal."""

    class Stubborn(Mini):
        async def send_packets(self, packets: Sequence[Packet]) -> None:
            with contextlib.suppress(RuleViolation):
                await asyncio.sleep(1)
            self.ndis.send_complete(packets, Status.SUCCESS)

    peer = await bench.pair(Stubborn())
    await bench.send(peer, 1)
    assert bench.rules() == ["irql-await"]
    assert peer.statuses == [Status.SUCCESS]


@on_bench
async def test_an_interrupt_that_raises_below_a_coroutine_ends_both(bench: Bench) -> None:
    """An ISR may break its adapter while its coroutine runs on the same stack: that one's next call is refused."""

    class Nested(Broken):
        after = 0

        async def send_packets(self, packets: Sequence[Packet]) -> None:
            await self.ndis.delay(LATER)
            self.where = "isr"
            interrupt(self)
            self.ndis.stall(1)
            self.after += 1

    miniport = Nested()
    peer = await bench.pair(miniport)
    await bench.send(peer)
    await bench.pass_time()
    assert (bench.rules(), peer.statuses) == (["bugcheck"], [Status.FAILURE])
    assert peer.binding.adapter.fibers == {}
    assert miniport.after == 1


@on_bench
async def test_a_coroutine_that_first_suspends_on_a_dead_adapter_is_closed(bench: Bench) -> None:
    """A send during which the adapter is stopped does not live on; its packets come back."""
    ended: list[str] = []

    class Doomed(Mini):
        async def send_packets(self, packets: Sequence[Packet]) -> None:
            self.ndis._adapter.stop("bugcheck", "for the test")
            try:
                await Signal()
            finally:
                ended.append("closed")

    peer = await bench.pair(Doomed())
    await bench.send(peer, 2)
    assert ended == ["closed"]
    await bench.pass_time()
    assert (bench.rules(), peer.statuses) == (["bugcheck"], [Status.FAILURE] * 2)
    assert peer.binding.adapter.fibers == {}


@on_bench
async def test_a_dead_drivers_clean_up_cannot_call_ndis(bench: Bench) -> None:
    """A coroutine that is closed runs its `finally`; what that asks of NDIS is refused, and reported."""

    class Tidy(Broken):
        async def send_packets(self, packets: Sequence[Packet]) -> None:
            try:
                await self.ndis.delay(LATER)
            finally:
                self.ndis.send_complete(packets, Status.SUCCESS)

    miniport = Tidy("isr")
    peer = await bench.pair(miniport)
    await bench.send(peer)
    await bench.passive(lambda: interrupt(miniport))
    await bench.pass_time()
    assert bench.rules() == ["bugcheck", "st-halt-quiet"]
    assert "st-after-halt" in bench.findings[1].text
    assert peer.statuses == [Status.FAILURE]


@on_bench
async def test_a_dead_drivers_library_refuses_every_call(bench: Bench) -> None:
    """After the bug check neither NDIS nor the card's registers can be reached."""
    miniport = Mini()
    adapter = await bench.start(miniport)
    space = await bench.passive(miniport.ndis.map_io_space)
    adapter.stop("bugcheck", "for the test")
    bench.rules()
    calls: list[Callable[[], object]] = [
        lambda: space.read(0),
        lambda: space.write(0, 1),
        lambda: miniport.ndis.indicate_receive(miniport.fill(frame())),
        lambda: miniport.ndis.schedule_work_item(lambda: None),
        lambda: miniport.ndis.stall(1),
    ]
    for call in calls:
        with pytest.raises(RuleViolation, match=r"st-after-halt: .* nic0 in state Failed"):
            await bench.passive(call)
    assert miniport.card.accesses == 0


@on_bench
async def test_the_first_error_is_the_one_that_counts(bench: Bench) -> None:
    """A dead adapter does not die again: what its code still raises is a consequence."""
    peer = await bench.pair(Mini())
    adapter = peer.binding.adapter
    adapter.bug_check("MiniportISR", LookupError("first"))
    adapter.bug_check("MiniportISR", LookupError("second"))
    assert [finding.text for finding in bench.findings] == ["MiniportISR raised LookupError: first"]
    assert bench.rules() == ["bugcheck"]
    assert repr(adapter) == "<Adapter nic0 Failed: 0 sends, 0 receives in flight>"


@on_bench
async def test_a_failed_adapter_has_no_way_back(bench: Bench) -> None:
    """Only a new adapter can take the place of one that was stopped."""
    adapter = await bench.start(Mini())
    adapter.stop("bugcheck", "for the test")
    bench.rules()
    with pytest.raises(RuleViolation, match="MiniportInitialize in state Failed, which accepts nothing more"):
        await adapter.initialize()
