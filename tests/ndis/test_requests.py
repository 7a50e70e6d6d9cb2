"""OID requests: both styles of driver, one at a time and first come first served, whoever asks."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH
from ndisemu.ndis import Oid, OidRequest, Status, v5
from tests.ndis.conftest import LATER, WHEN, Bench, Mini, Peer, on_bench

SET: Final = Oid.GEN_NETWORK_LAYER_ADDRESSES
Answer = Status | Awaitable[Status | None] | None


class Explicit(Mini):
    """Returns PENDING, and completes when the time has come."""

    def __init__(self, when: str) -> None:
        super().__init__()
        self.when = when
        self.started = False

    def query_information(self, request: OidRequest) -> Answer:
        if not self.started:
            return self.answer(request)
        self.later(self.when, lambda: self.ndis.query_information_complete(self.answer(request)))
        return Status.PENDING

    def set_information(self, request: OidRequest) -> Answer:
        if not self.started:
            return self.take(request)
        self.later(self.when, lambda: self.ndis.set_information_complete(self.take(request)))
        return Status.PENDING


class Coroutine(Explicit):
    """Waits, and returns the status."""

    async def query_information(self, request: OidRequest) -> Status:
        if self.started:
            await self.wait(self.when)
        return self.answer(request)

    async def set_information(self, request: OidRequest) -> Status:
        if self.started:
            await self.wait(self.when)
        return self.take(request)


class Hidden(Explicit):
    """A coroutine in the explicit style: it says PENDING without having suspended."""

    async def query_information(self, request: OidRequest) -> Status:
        result = super().query_information(request)
        assert isinstance(result, Status)
        return result

    async def set_information(self, request: OidRequest) -> Status:
        result = super().set_information(request)
        assert isinstance(result, Status)
        return result


Style = Callable[[str], Explicit]
STYLES: Final = (Explicit, Coroutine, Hidden)


async def started(bench: Bench, miniport: Explicit, peer: Peer | None = None) -> Peer:
    """Bind a protocol, and let the driver take its time from now on."""
    peer = await bench.pair(miniport, peer)
    miniport.started = True
    return peer


async def ask(bench: Bench, peer: Peer, *requests: OidRequest, at: str = "passive") -> list[Status]:
    """Make requests one after the other without waiting; returns what NdisRequest returned."""
    call = bench.passive if at == "passive" else bench.dispatch
    return await call(lambda: [peer.binding.request(request) for request in requests])


def end(peer: Peer, requests: Sequence[OidRequest], returned: Sequence[Status]) -> list[Status]:
    """Return how requests ended: at once, or by exactly one ProtocolRequestComplete; nothing else was completed."""
    ended = [status for status in returned if status is not Status.PENDING]
    pended = [request for request, status in zip(requests, returned, strict=True) if status is Status.PENDING]
    assert [request for request, _ in peer.ended] == pended
    return ended + [status for _, status in peer.ended]


@pytest.mark.parametrize("at", ["passive", "dispatch"])
@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("style", STYLES)
@on_bench
async def test_every_style_ends_each_request_once(bench: Bench, style: Style, when: str, at: str) -> None:
    """Whatever the style and whenever it completes: one end each, in order, by a callback only after PENDING."""
    miniport = style(when)
    peer = await started(bench, miniport)
    requests = [
        OidRequest.query(Oid.GEN_LINK_SPEED, 4),
        OidRequest.set(SET, b"abcd"),
        OidRequest.query(Oid.GEN_LINK_SPEED, 3),
        OidRequest.query(Oid.GEN_VLAN_ID, 4),
    ]
    returned = await ask(bench, peer, *requests, at=at)
    await bench.pass_time()
    assert end(peer, requests, returned) == [
        Status.SUCCESS,
        Status.SUCCESS,
        Status.INVALID_LENGTH,
        Status.INVALID_OID,
    ]
    assert returned.count(Status.PENDING) == (0 if when == "before it returns" else 4)
    assert set(peer.levels) <= {DISPATCH}
    assert [request.answered for request in requests] == [(100_000).to_bytes(4, "little"), b"", b"", b""]
    assert [request.needed for request in requests] == [0, 0, 4, 0]
    assert miniport.sets[-1] == (SET, b"abcd")
    assert peer.binding.requests_pending == 0


@pytest.mark.parametrize("style", STYLES)
@on_bench
async def test_the_miniport_has_one_request_at_a_time(bench: Bench, style: Style) -> None:
    """Queries and sets of all protocols stand in one line; the next is passed down when the current one has ended."""
    miniport = style("from a timer")
    peer = await started(bench, miniport)
    second = Peer("second", types=peer.types)
    await bench.bind(peer.binding.adapter, second)
    oids = [Oid.GEN_LINK_SPEED, Oid.GEN_MEDIA_IN_USE, Oid.GEN_MAC_OPTIONS]
    asked = len(miniport.queries)
    for number, oid in enumerate(oids):
        await ask(bench, second if number % 2 else peer, OidRequest.query(oid, 4))
    seen = []
    for _ in oids:
        await bench.pass_time(LATER)
        seen.append(miniport.queries[asked:])
    assert seen == [oids[:1], oids[:2], oids]


@on_bench
async def test_a_request_made_in_a_completion_does_not_overtake(bench: Bench) -> None:
    """What ProtocolRequestComplete asks for stands behind what was waiting already."""

    class Eager(Peer):
        def request_complete(self, binding: v5.Binding, request: OidRequest, status: Status) -> None:
            super().request_complete(binding, request, status)
            if len(self.ended) == 1:
                binding.request(OidRequest.query(Oid.GEN_MAC_OPTIONS, 4))

    peer = await started(bench, Explicit("from a timer"), Eager())
    await ask(bench, peer, OidRequest.query(Oid.GEN_LINK_SPEED, 4), OidRequest.query(Oid.GEN_MEDIA_IN_USE, 4))
    await bench.pass_time()
    assert [request.oid for request, _ in peer.ended] == [Oid.GEN_LINK_SPEED, Oid.GEN_MEDIA_IN_USE, Oid.GEN_MAC_OPTIONS]


@on_bench
async def test_thousands_of_requests_may_wait(bench: Bench) -> None:
    """Passing down a long line does not nest one request in the other."""

    class Once(Mini):
        async def query_information(self, request: OidRequest) -> Status:
            if request.oid is Oid.GEN_LINK_SPEED and len(self.queries) == 4:
                await self.ndis.delay(LATER)
            return self.answer(request)

    peer = await bench.pair(Once())
    requests = [OidRequest.query(Oid.GEN_LINK_SPEED, 4) for _ in range(3000)]
    assert set(await ask(bench, peer, *requests)) == {Status.PENDING}
    await bench.pass_time()
    assert peer.ended == [(request, Status.SUCCESS) for request in requests]


@on_bench
async def test_a_request_may_be_made_again_when_it_has_ended(bench: Bench) -> None:
    """An NDIS_REQUEST is its protocol's again at the end; how it ended last time does not matter."""
    miniport = Explicit("from a timer")
    peer = await started(bench, miniport)
    request = OidRequest.query(Oid.GEN_LINK_SPEED, 4)
    assert await ask(bench, peer, request) == [Status.PENDING]
    await bench.pass_time()
    assert await ask(bench, peer, request) == [Status.PENDING]
    await bench.pass_time()
    assert peer.ended == [(request, Status.SUCCESS)] * 2
    miniport.when = "before it returns"
    assert await ask(bench, peer, request) == [Status.SUCCESS]
    assert (len(peer.ended), request.status) == (2, Status.SUCCESS)


@on_bench
async def test_a_pending_request_is_not_made_again(bench: Bench) -> None:
    """The same NDIS_REQUEST cannot be with NDIS twice, neither with the miniport nor waiting for it."""
    peer = await started(bench, Explicit("from a timer"))
    requests = [OidRequest.query(Oid.GEN_LINK_SPEED, 4) for _ in range(2)]
    await ask(bench, peer, *requests)
    for request in requests:
        with pytest.raises(RuleViolation, match="proto-reuse-pending: the query of OID_GEN_LINK_SPEED was made again"):
            await ask(bench, peer, request)
    assert peer.binding.requests_pending == 2
    await bench.pass_time()
    assert len(peer.ended) == 2


@pytest.mark.parametrize("value", [None, "done", Status.PENDING])
@on_bench
async def test_what_is_no_final_status_fails_the_request(bench: Bench, value: Status | None) -> None:
    """None, something that is no status, or PENDING after suspending is reported, and the request fails."""

    class Wrong(Mini):
        async def set_information(self, request: OidRequest) -> Status | None:
            if request.oid is SET:
                await self.ndis.delay(LATER)
                return value
            return Status.SUCCESS

    peer = await bench.pair(Wrong())
    requests = [OidRequest.set(SET, b"") for _ in range(2)]
    returned = await ask(bench, peer, *requests)
    await bench.pass_time()
    assert end(peer, requests, returned) == [Status.FAILURE] * 2
    assert bench.rules() == ["oid-return-status"] * 2
    assert repr(value) in bench.findings[0].text
    assert peer.binding.adapter.running


@on_bench
async def test_a_wrong_completion_is_refused(bench: Bench) -> None:
    """Nothing pending, the other kind of request, or PENDING as the status: the call raises and nothing ends."""
    miniport = Explicit("from a timer")
    peer = await started(bench, miniport)
    query, set_ = miniport.ndis.query_information_complete, miniport.ndis.set_information_complete
    with pytest.raises(RuleViolation, match="oid-double-complete: nic0 completed a query, and no request is pending"):
        await bench.passive(lambda: query(Status.SUCCESS))
    await ask(bench, peer, OidRequest.query(Oid.GEN_LINK_SPEED, 4))
    with pytest.raises(RuleViolation, match="nic0 completed a set, and the pending request is a query of OID_GEN_LINK"):
        await bench.passive(lambda: set_(Status.SUCCESS))
    with pytest.raises(RuleViolation, match="oid-complete-pending-status"):
        await bench.passive(lambda: query(Status.PENDING))
    assert bench.rules() == ["oid-double-complete", "oid-double-complete", "oid-complete-pending-status"]
    assert peer.ended == []
    await bench.pass_time()
    assert len(peer.ended) == 1


@on_bench
async def test_a_protocol_waits_for_an_answer_or_hears_why_there_is_none(bench: Bench) -> None:
    """`binding.query` and `binding.set` return at the end, and raise with the status of a failure."""
    miniport = Coroutine("from a DPC")
    heard: list[str] = []

    class Asking(Peer):
        async def unbind_adapter(self, binding: v5.Binding) -> None:
            heard.append((await binding.query(Oid.GEN_LINK_SPEED)).hex())
            await binding.set(SET, b"1234")
            with pytest.raises(RuleViolation) as caught:
                await binding.query(Oid.GEN_VLAN_ID)
            heard.append(str(caught.value))
            await binding.close()

    peer = await started(bench, miniport, Asking())
    await bench.library.unbind(peer.binding)
    text = "oid-failed: peer on nic0: query of OID_GEN_VLAN_ID ended with NDIS_STATUS_INVALID_OID"
    assert heard == [(100_000).to_bytes(4, "little").hex(), text]
    assert peer.ended == []


@on_bench
async def test_an_adapter_that_does_not_run_gets_no_requests(bench: Bench) -> None:
    """NDIS answers ADAPTER_NOT_READY itself."""
    miniport = Mini()
    peer = await bench.pair(miniport)
    asked = len(miniport.queries)
    peer.binding.adapter.stop("bugcheck", "for the test")
    assert await ask(bench, peer, OidRequest.query(Oid.GEN_LINK_SPEED, 4)) == [Status.ADAPTER_NOT_READY]
    assert bench.rules() == ["bugcheck"]
    assert (len(miniport.queries), peer.ended) == (asked, [])


@pytest.mark.parametrize(("data", "number"), [(b"\x01\x02\0\0", 0x201), (b"\x01", None), (b"", None), (b"12345", None)])
def test_a_number_has_four_bytes(data: bytes, number: int | None) -> None:
    """The data of a set is a little-endian number if it is as long as one."""
    assert OidRequest.set(SET, data).number() == number


def test_a_request_says_what_it_is() -> None:
    """A request is shown by its kind and Microsoft's name."""
    assert repr(OidRequest.set(SET, b"")) == "set of OID_GEN_NETWORK_LAYER_ADDRESSES"
    assert repr(OidRequest.query(Oid.E802_3_CURRENT_ADDRESS, 6)) == "query of OID_802_3_CURRENT_ADDRESS"
