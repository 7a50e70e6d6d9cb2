"""Hang checks: when NDIS looks, what it finds, and that looking keeps no run going."""

from collections.abc import Callable, Sequence
from typing import Final

import pytest

from ndisemu.kernel import DISPATCH
from ndisemu.ndis import AttributeFlag, Oid, OidRequest, Packet, Status, v5
from ndisemu.ndis.hang import SECOND, HangCheck, Seen
from ndisemu.ndis.reset import ResetResult
from tests.ndis.conftest import Bench, Mini, Peer, on_bench

INTERVAL: Final = 2 * SECOND


class Watched(Mini):
    """Keeps sends and some requests; answers the hang check as it is told, and notes when it is asked and reset."""

    def __init__(self, *, seconds: int = 0, flags: AttributeFlag = AttributeFlag.BUS_MASTER) -> None:
        super().__init__()
        self.seconds = seconds
        self.flags = flags
        self.hangs = False
        self.held: list[Packet] = []
        self.checks: list[tuple[int, int]] = []
        self.resets: list[int] = []
        self.outcome = Status.SUCCESS

    def initialize(self, adapter: v5.AdapterInfo) -> Status:
        super().initialize(adapter)
        self.ndis.set_attributes(self.flags, check_for_hang_seconds=self.seconds)
        return Status.SUCCESS

    def send_packets(self, packets: Sequence[Packet]) -> None:
        self.held += packets

    def query_information(self, request: OidRequest) -> Status:
        return Status.PENDING if request.oid is Oid.GEN_LINK_SPEED else self.answer(request)

    def check_for_hang(self) -> bool:
        cpu = self.ndis._adapter.running_cpu("a test")
        self.checks.append((cpu.kernel.now, cpu.irql))
        return self.hangs

    def reset(self) -> ResetResult:
        self.resets.append(self.ndis._adapter.kernel.now)
        self.give_back()
        return self.outcome

    def give_back(self) -> None:
        held, self.held = self.held, []
        if held:
            self.ndis.send_complete(held, Status.REQUEST_ABORTED)


class Unwatched(Watched):
    """Supplies no hang check."""

    check_for_hang = v5.Miniport.check_for_hang


class Aborting(Watched):
    """Ends its pending request when it is reset."""

    def reset(self) -> ResetResult:
        if self.ndis._adapter.requests.current is not None:
            self.ndis.query_information_complete(Status.REQUEST_ABORTED)
        return super().reset()


async def ask_slowly(bench: Bench, peer: Peer) -> OidRequest:
    """Make a request that pends."""
    request = OidRequest.query(Oid.GEN_LINK_SPEED, 4)
    assert await bench.passive(lambda: peer.binding.request(request)) is Status.PENDING
    return request


@pytest.mark.parametrize(("seconds", "interval"), [(0, 2), (1, 2), (2, 2), (3, 2), (4, 4), (5, 4), (60, 60)])
@on_bench
async def test_the_interval_is_even_and_at_least_two_seconds(bench: Bench, seconds: int, interval: int) -> None:
    """From CheckForHangTimeInSeconds of NdisMSetAttributesEx; MiniportCheckForHang runs at DISPATCH_LEVEL."""
    miniport = Watched(seconds=seconds)
    await bench.start(miniport)
    await bench.pass_time(3 * interval * SECOND + SECOND)
    assert miniport.checks == [(tick * interval * SECOND, DISPATCH) for tick in (1, 2, 3)]


@on_bench
async def test_nothing_is_checked_after_halt(bench: Bench) -> None:
    """Hang checks begin when the adapter runs and end when it halts; after a new start they go on."""
    miniport = Watched()
    adapter = await bench.start(miniport)
    await bench.pass_time(INTERVAL)
    await adapter.halt()
    await bench.pass_time(2 * INTERVAL)
    assert len(miniport.checks) == 1
    miniport.free = []
    assert await adapter.initialize()
    await bench.pass_time(INTERVAL)
    assert len(miniport.checks) == 2


@on_bench
async def test_a_miniport_that_hangs_is_reset(bench: Bench) -> None:
    """MiniportCheckForHang returns TRUE: the adapter is reset at once, and every send comes back."""
    miniport = Watched()
    peer = await bench.pair(miniport)
    await bench.send(peer, 2)
    await bench.pass_time(SECOND)
    miniport.hangs = True
    await bench.pass_time(SECOND)
    miniport.hangs = False
    await bench.pass_time(3 * INTERVAL)
    assert miniport.resets == [INTERVAL]
    assert peer.statuses == [Status.REQUEST_ABORTED] * 2


@on_bench
async def test_a_request_that_survives_two_ticks_resets_the_adapter(bench: Bench) -> None:
    """Seen at three ticks in a row, it is too old: between four and six seconds."""
    miniport = Aborting()
    peer = await bench.pair(miniport)
    await bench.pass_time(SECOND)
    request = await ask_slowly(bench, peer)
    await bench.pass_time(5 * INTERVAL)
    assert miniport.resets == [3 * INTERVAL]
    assert peer.ended == [(request, Status.REQUEST_ABORTED)]


@on_bench
async def test_requests_that_follow_each_other_are_not_one(bench: Bench) -> None:
    """Each of them is quick; that one is pending at every tick means nothing."""
    miniport = Watched()
    peer = await bench.pair(miniport)
    for _ in range(6):
        await ask_slowly(bench, peer)
        await bench.pass_time(INTERVAL)
        await bench.passive(lambda: miniport.ndis.query_information_complete(Status.SUCCESS))
    assert miniport.resets == []


@on_bench
async def test_a_miniport_may_take_its_time_for_requests(bench: Bench) -> None:
    """With IGNORE_REQUEST_TIMEOUT no request resets the adapter."""
    miniport = Watched(flags=AttributeFlag.BUS_MASTER | AttributeFlag.IGNORE_REQUEST_TIMEOUT)
    peer = await bench.pair(miniport)
    await ask_slowly(bench, peer)
    await bench.pass_time(10 * INTERVAL)
    await bench.passive(lambda: miniport.ndis.query_information_complete(Status.SUCCESS))
    assert miniport.resets == []


@pytest.mark.parametrize(
    ("flags", "serialized", "expected"),
    [
        (AttributeFlag.BUS_MASTER, True, [3 * INTERVAL]),
        (AttributeFlag.BUS_MASTER | AttributeFlag.IGNORE_PACKET_TIMEOUT, True, []),
        (AttributeFlag.BUS_MASTER, False, []),
    ],
)
@on_bench
async def test_ndis_times_the_sends_of_a_serialized_miniport(
    bench: Bench, flags: AttributeFlag, *, serialized: bool, expected: list[int]
) -> None:
    """Its oldest send has survived two ticks: a reset, unless it ignores that; a deserialized one looks after itself."""
    miniport = Unwatched(flags=flags)
    adapter = await bench.start(miniport)
    peer = await bench.bind(adapter)
    if serialized:
        bench.serialize(adapter)
    miniport.give_back = miniport.held.clear  # type: ignore[method-assign]  # as a serialized one does
    await bench.send(peer, 1)
    await bench.pass_time(5 * INTERVAL)
    assert miniport.resets == expected
    await bench.passive(lambda: miniport.held and miniport.ndis.send_complete(miniport.held, Status.SUCCESS))
    assert peer.statuses == [Status.REQUEST_ABORTED if expected else Status.SUCCESS]


@on_bench
async def test_an_adapter_that_cannot_be_reset_is_left_alone(bench: Bench) -> None:
    """One reset that fails is enough: hang checks ask for no more."""
    miniport = Watched()
    miniport.hangs = True
    miniport.outcome = Status.HARD_ERRORS
    adapter = await bench.start(miniport)
    await bench.pass_time(5 * INTERVAL)
    assert len(miniport.resets) == 1
    assert bench.rules() == ["st-reset-failed"]
    miniport.outcome, miniport.hangs = Status.SUCCESS, False
    assert await adapter.reset() is Status.SUCCESS
    miniport.hangs = True
    await bench.pass_time(INTERVAL)
    miniport.hangs = False
    assert len(miniport.resets) == 3


@on_bench
async def test_a_check_that_raises_stops_the_adapter(bench: Bench) -> None:
    """It is a bug check, like any other."""

    class Broken(Watched):
        def check_for_hang(self) -> bool:
            raise LookupError("no watchdog")

    adapter = await bench.start(Broken())
    await bench.pass_time(2 * INTERVAL)
    assert bench.rules() == ["bugcheck"]
    assert bench.findings[0].text == "MiniportCheckForHang raised LookupError: no watchdog"
    assert not adapter.running


@pytest.mark.parametrize(("style", "waits"), [(Watched, True), (Unwatched, False)])
@on_bench
async def test_what_a_hang_check_may_end_is_waited_for(
    bench: Bench, style: Callable[[], Watched], *, waits: bool
) -> None:
    """A kernel with a send outstanding is busy for some ticks, if its driver looks after it; then nobody hopes any more."""
    miniport = style()
    adapter = await bench.start(miniport)
    peer = await bench.bind(adapter)
    assert bench.kernel.next_work() is None
    await bench.send(peer, 1)
    assert (bench.kernel.next_work() is not None) is waits
    await bench.pass_time(6 * INTERVAL)
    assert bench.kernel.next_work() is None
    await bench.send(peer, 1, first=1)
    assert (bench.kernel.next_work() is not None) is waits
    await bench.passive(miniport.give_back)
    assert bench.kernel.next_work() is None


def test_the_same_thing_is_seen_again() -> None:
    """What counts is how often in a row."""
    seen = Seen()
    assert [seen.again(what) for what in (7, 7, 7, 8, None, 8, 8)] == [1, 2, 3, 1, 0, 1, 2]


@on_bench
async def test_patience_is_longer_than_a_hang_check_takes(bench: Bench) -> None:
    """Whoever waits without end for a miniport gives the hang check its chance first."""
    hang: HangCheck = (await bench.start(Watched(seconds=10))).hang
    assert hang.patience == 40 * SECOND
