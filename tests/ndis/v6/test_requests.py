"""OID requests of NDIS 6: at PASSIVE_LEVEL, one at a time, answered by NDIS where it can, cancelled and timed."""

from collections.abc import Callable
from typing import Final

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import PASSIVE
from ndisemu.ndis import MacOption, Medium, Oid, OidRequest, PacketFilter, Status, v6
from tests.ndis.conftest import STATION, WHEN
from tests.ndis.v6.conftest import Bench6, Mini6, Peer6, Pending, on_bench6

VENDOR: Final = b"\xff\xff\xff\0"


class Explicit(Mini6):
    """Answers when the time has come, after having said PENDING."""

    def __init__(self, when: str = "from a DPC") -> None:
        super().__init__()
        self.when = when
        self.levels: list[int] = []
        self.pended: list[OidRequest] = []

    def note(self) -> None:
        self.levels.append(self.ndis._adapter.running_cpu("a test").irql)

    def oid_request(self, request: OidRequest) -> Pending:
        self.note()
        self.later(self.when, lambda: self.ndis.oid_request_complete(request, self.answer(request)))
        return Status.PENDING


class Coroutine(Explicit):
    """Waits for the time, then returns the status."""

    async def oid_request(self, request: OidRequest) -> Status:
        self.note()
        await self.wait(self.when)
        self.note()
        return self.answer(request)


class Keeping(Mini6):
    """Keeps every query it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.pended: list[OidRequest] = []

    def oid_request(self, request: OidRequest) -> Pending:
        if request.is_set:
            return Status.SUCCESS
        self.pended.append(request)
        return Status.PENDING


STYLES: Final[tuple[Callable[[str], Explicit], ...]] = (Explicit, Coroutine)


async def ask(bench: Bench6, peer: Peer6, request: OidRequest, *, at: str = "passive") -> Status:
    """Make a request; returns what the call returned."""
    call = bench.passive if at == "passive" else bench.dispatch
    return await call(lambda: peer.binding.request(request))


@pytest.mark.parametrize("at", ["passive", "dispatch"])
@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("style", STYLES)
@on_bench6
async def test_a_request_runs_at_passive_level(
    bench: Bench6, style: Callable[[str], Explicit], when: str, at: str
) -> None:
    """From wherever it is made, MiniportOidRequest is entered and resumed at PASSIVE_LEVEL, and its end is told once."""
    miniport = style(when)
    peer = await bench.pair6(miniport)
    miniport.levels.clear()
    request = OidRequest.query(Oid.GEN_VENDOR_ID, 4)
    status = await ask(bench, peer, request, at=at)
    await bench.pass_time()
    if status is Status.PENDING:
        assert peer.ended == [(request, Status.SUCCESS)]
    else:
        assert (status, at, when, peer.ended) == (Status.SUCCESS, "passive", "before it returns", [])
    assert request.answered == VENDOR
    assert set(miniport.levels) == {PASSIVE}


# What NDIS answers from ATTRIBUTES (4.5), little endian.
ANSWERS: Final = {
    Oid.GEN_SUPPORTED_LIST: Oid.GEN_VENDOR_ID.to_bytes(4, "little"),
    Oid.GEN_HARDWARE_STATUS: bytes(4),
    Oid.GEN_MEDIA_SUPPORTED: Medium.E802_3.to_bytes(4, "little"),
    Oid.GEN_MEDIA_IN_USE: Medium.E802_3.to_bytes(4, "little"),
    Oid.GEN_MAXIMUM_LOOKAHEAD: (1500).to_bytes(4, "little"),
    Oid.GEN_MAXIMUM_FRAME_SIZE: (1500).to_bytes(4, "little"),
    Oid.GEN_LINK_SPEED: (10_000_000).to_bytes(4, "little"),
    Oid.GEN_DRIVER_VERSION: b"\x00\x06",
    Oid.GEN_MAC_OPTIONS: int(
        MacOption.COPY_LOOKAHEAD_DATA | MacOption.TRANSFERS_NOT_PEND | MacOption.NO_LOOPBACK
    ).to_bytes(4, "little"),
    Oid.GEN_MEDIA_CONNECT_STATUS: bytes(4),
    Oid.E802_3_PERMANENT_ADDRESS: STATION,
    Oid.E802_3_CURRENT_ADDRESS: STATION,
    Oid.E802_3_MAXIMUM_LIST_SIZE: (32).to_bytes(4, "little"),
    Oid.GEN_CURRENT_PACKET_FILTER: int(PacketFilter.DIRECTED | PacketFilter.BROADCAST).to_bytes(4, "little"),
    Oid.E802_3_MULTICAST_LIST: b"",
}


@pytest.mark.parametrize("oid", ANSWERS)
@on_bench6
async def test_ndis_answers_from_the_attributes(bench: Bench6, oid: Oid) -> None:
    """What the miniport has said in its general attributes, or NDIS knows itself, is never asked again (4.5)."""
    miniport = Mini6()
    peer = await bench.pair6(miniport)
    miniport.requests.clear()
    request = OidRequest.query(oid, 64)
    assert await ask(bench, peer, request) is Status.SUCCESS
    assert (request.answered, miniport.requests) == (ANSWERS[oid], [])


@pytest.mark.parametrize(
    ("oid", "data", "status"),
    [
        (Oid.GEN_CURRENT_PACKET_FILTER, int(PacketFilter.SOURCE_ROUTING).to_bytes(4, "little"), Status.NOT_SUPPORTED),
        (Oid.GEN_CURRENT_PACKET_FILTER, b"\1", Status.INVALID_LENGTH),
        (Oid.E802_3_MULTICAST_LIST, b"\x01\0\0\0\0\0" * 33, Status.MULTICAST_FULL),
        (Oid.E802_3_MULTICAST_LIST, bytes(6), Status.INVALID_DATA),
        (Oid.E802_3_MULTICAST_LIST, bytes(5), Status.INVALID_LENGTH),
    ],
)
@on_bench6
async def test_limits_are_enforced_before_the_miniport_is_bothered(
    bench: Bench6, oid: Oid, data: bytes, status: Status
) -> None:
    """A set that exceeds what the attributes say ends in NDIS (5.8)."""
    miniport = Mini6()
    peer = await bench.pair6(miniport)
    miniport.requests.clear()
    assert await ask(bench, peer, OidRequest.set(oid, data)) is status
    assert miniport.requests == []


@on_bench6
async def test_a_waiting_request_is_cancelled_by_ndis(bench: Bench6) -> None:
    """One that has not reached the miniport ends with REQUEST_ABORTED; the miniport hears nothing of it."""
    miniport = Keeping()
    peer = await bench.pair6(miniport)
    first, second = (OidRequest.query(Oid.GEN_VENDOR_ID, 4) for _ in range(2))
    second.request_id = 9
    assert [await ask(bench, peer, request) for request in (first, second)] == [Status.PENDING] * 2
    await bench.dispatch(lambda: peer.binding.cancel_request(9))
    assert (peer.ended, miniport.cancelled, miniport.pended) == ([(second, Status.REQUEST_ABORTED)], [], [first])
    await bench.passive(lambda: miniport.ndis.oid_request_complete(first, Status.SUCCESS))


@on_bench6
async def test_a_cancel_goes_to_the_miniport_that_has_the_request(bench: Bench6) -> None:
    """MiniportCancelOidRequest names the id; the miniport ends it with REQUEST_ABORTED. Id 0 cannot be cancelled."""

    class Obliging(Keeping):
        def cancel_oid_request(self, request_id: int) -> None:
            super().cancel_oid_request(request_id)
            self.ndis.oid_request_complete(self.pended.pop(), Status.REQUEST_ABORTED)

    miniport = Obliging()
    peer = await bench.pair6(miniport)
    request = OidRequest.query(Oid.GEN_VENDOR_ID, 4)
    request.request_id = 4
    await ask(bench, peer, request)
    for wrong in (0, 5):
        await bench.dispatch(lambda wrong=wrong: peer.binding.cancel_request(wrong))  # type: ignore[misc]
    assert miniport.cancelled == []
    await bench.dispatch(lambda: peer.binding.cancel_request(4))
    assert (miniport.cancelled, peer.ended) == ([4], [(request, Status.REQUEST_ABORTED)])


@on_bench6
async def test_ndis_cancels_a_request_that_takes_too_long(bench: Bench6) -> None:
    """A timeout in the request makes NDIS cancel it when it expires, and not when it has ended before."""

    class Obliging(Keeping):
        def cancel_oid_request(self, request_id: int) -> None:
            super().cancel_oid_request(request_id)
            self.ndis.oid_request_complete(self.pended.pop(), Status.REQUEST_ABORTED)

    miniport = Obliging()
    peer = await bench.pair6(miniport)
    quick, slow = (OidRequest.query(Oid.GEN_VENDOR_ID, 4) for _ in range(2))
    quick.timeout, slow.timeout, slow.request_id = 1, 2, 3
    await ask(bench, peer, quick)
    await bench.passive(lambda: miniport.ndis.oid_request_complete(miniport.pended.pop(), Status.SUCCESS))
    await ask(bench, peer, slow)
    await bench.pass_time(1_500_000_000)
    assert miniport.cancelled == []
    await bench.pass_time(1_000_000_000)
    assert (miniport.cancelled, peer.ended[1:]) == ([3], [(slow, Status.REQUEST_ABORTED)])


@on_bench6
async def test_only_the_pending_request_can_be_completed(bench: Bench6) -> None:
    """Another one, none, or the same one twice, is refused."""
    miniport = Keeping()
    peer = await bench.pair6(miniport)
    request, other = (OidRequest.query(Oid.GEN_VENDOR_ID, 4) for _ in range(2))
    await ask(bench, peer, request)
    for wrong, status, rule in (
        (other, Status.SUCCESS, "oid-double-complete"),
        (None, Status.SUCCESS, "oid-double-complete"),
        (request, Status.PENDING, "oid-complete-pending-status"),
    ):
        with pytest.raises(RuleViolation, match=rule):
            await bench.passive(lambda wrong=wrong, status=status: miniport.ndis.oid_request_complete(wrong, status))  # type: ignore[misc]
        assert bench.rules() == [rule]
    await bench.passive(lambda: miniport.ndis.oid_request_complete(request, Status.SUCCESS))
    for wrong in (request, None):
        with pytest.raises(RuleViolation, match="oid-double-complete"):
            await bench.passive(lambda wrong=wrong: miniport.ndis.oid_request_complete(wrong, Status.SUCCESS))  # type: ignore[misc]
        assert bench.rules() == ["oid-double-complete"]
    assert peer.ended == [(request, Status.SUCCESS)]


@on_bench6
async def test_a_request_is_answered_while_the_adapter_is_paused(bench: Bench6) -> None:
    """Pausing stops data, not requests (5.1)."""
    peer = await bench.pair6(Mini6())
    await peer.binding.adapter.pause()
    request = OidRequest.query(Oid.GEN_VENDOR_ID, 4)
    assert await ask(bench, peer, request) is Status.SUCCESS
    assert request.answered == VENDOR


@on_bench6
async def test_a_request_that_waits_for_its_cpu_dies_with_the_adapter(bench: Bench6) -> None:
    """It is taken back with everything else, and the dead driver is not entered."""
    miniport = Mini6()
    peer = await bench.pair6(miniport)
    miniport.requests.clear()
    adapter = peer.binding.adapter
    request = OidRequest.query(Oid.GEN_VENDOR_ID, 4)

    def ask_and_fail() -> None:
        assert peer.binding.request(request) is Status.PENDING
        adapter.stop("bugcheck", "for the test")

    await bench.dispatch(ask_and_fail)
    await bench.pass_time()
    assert (peer.ended, miniport.requests) == ([(request, Status.FAILURE)], [])
    assert bench.rules() == ["bugcheck"]


@on_bench6
async def test_a_driver_that_raises_fails_its_request(bench: Bench6) -> None:
    """The request ends with FAILURE, and the adapter stops."""

    class Raising(Mini6):
        def oid_request(self, request: OidRequest) -> Pending:
            if not request.is_set:
                raise ValueError("for the test")
            return Status.SUCCESS

    peer = await bench.pair6(Raising())
    assert await ask(bench, peer, OidRequest.query(Oid.GEN_VENDOR_ID, 4)) is Status.FAILURE
    assert (bench.rules(), peer.binding.adapter.running) == (["bugcheck"], False)


@on_bench6
async def test_a_protocol_learns_of_the_adapter_at_the_bind(bench: Bench6) -> None:
    """The bind parameters say what it need not query."""
    seen: list[v6.BindParameters] = []

    class Reading(Peer6):
        async def bind_adapter(self, context: v6.BindContext) -> Status:
            seen.append(context.parameters)
            return await super().bind_adapter(context)

    await bench.pair6(Mini6(), Reading())
    assert seen == [v6.BindParameters("nic0", STATION, 1500)]
