"""NdisTransferData: the rest of a frame, copied by NDIS or brought by the miniport, each transfer ended exactly once."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH
from ndisemu.ndis import BufferPool, MacOption, Oid, OidRequest, Packet, Status, v5
from tests.ndis.conftest import LATER, SLOT, WHEN, Bench, Mini, frame, on_bench
from tests.ndis.looking import HEADER, STYLES, Explicit, Looker, Showing, serialize

LONG: Final = frame(1, length=200)
REST: Final = bytes(range(186))
COUNTED: Final = LONG[:HEADER] + REST


async def ready(bench: Bench, miniport: Showing) -> tuple[Looker, Packet]:
    """Start a miniport with a looker on top; returns it and one of its packets, empty but 186 bytes long."""
    looker = Looker()
    await bench.pair(miniport, looker)
    packet = looker.packets[0]
    packet.fill(bytes(186))
    return looker, packet


@on_bench
async def test_what_is_there_at_once_is_the_result(bench: Bench) -> None:
    """SUCCESS means that all bytes are in the packet, and no completion follows."""
    miniport = Showing()
    looker, packet = await ready(bench, miniport)
    looker.look = looker.fetch(0, 186, packet)
    await bench.dispatch(lambda: miniport.show(COUNTED))
    assert (looker.results, looker.transferred) == ([(Status.SUCCESS, 186)], [])
    assert packet.read() == REST
    assert packet.owner is looker.binding


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("when", WHEN)
@on_bench
async def test_a_pending_transfer_is_completed_once(bench: Bench, style: type[Showing], when: str) -> None:
    """Whatever the style and the time, the bytes come once: as the result, or by ProtocolTransferDataComplete."""
    miniport = style()
    miniport.when = when
    looker, packet = await ready(bench, miniport)
    owners: list[str] = []

    def look(context: v5.ReceiveContext) -> None:
        looker.fetch(10, 100, packet)(context)
        owners.append(str(packet.owner))

    looker.look = look
    await bench.dispatch(lambda: miniport.show(COUNTED))
    if when == "before it returns":
        assert (looker.results, owners) == ([(Status.SUCCESS, 100)], ["looker on nic0"])
    else:
        assert (looker.results, owners) == ([(Status.PENDING, 0)], ["nic0 (transferring)"])
        await bench.pass_time()
        assert looker.transferred == [(packet, Status.SUCCESS, 100)]
    assert packet.read() == REST[10:110] + bytes(86)
    assert looker.levels == [DISPATCH] * len(looker.levels)
    assert (packet.owner, looker.binding.transfers_pending) == (looker.binding, 0)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("when", WHEN)
@on_bench
async def test_a_transfer_may_fail(bench: Bench, style: type[Showing], when: str) -> None:
    """The status reaches the protocol, with no bytes."""
    miniport = style()
    miniport.when, miniport.status = when, Status.FAILURE
    looker, packet = await ready(bench, miniport)
    looker.look = looker.fetch(0, 186, packet)
    await bench.dispatch(lambda: miniport.show(COUNTED))
    await bench.pass_time()
    ends = [(status, count) for _, status, count in looker.transferred]
    assert [end for end in looker.results + ends if end[0] is not Status.PENDING] == [(Status.FAILURE, 0)]


@pytest.mark.parametrize("style", STYLES)
@on_bench
async def test_several_bindings_transfer_the_same_frame(bench: Bench, style: type[Showing]) -> None:
    """Each has its own transfer, all may be under way at once, and each ends with its own bytes."""
    miniport = style()
    miniport.when = "from a timer"
    adapter = await bench.start(miniport)
    lookers = [Looker(f"looker{place}") for place in range(3)]
    for place, looker in enumerate(lookers):
        await bench.bind(adapter, looker)
        looker.packets[0].fill(bytes(50))
        looker.look = looker.fetch(40 * place, 50, looker.packets[0])
    await bench.dispatch(lambda: miniport.show(COUNTED))
    assert [looker.binding.transfers_pending for looker in lookers] == [1, 1, 1]
    await bench.pass_time()
    assert miniport.asked == [("frame", 0, 50), ("frame", 40, 50), ("frame", 80, 50)]
    for place, looker in enumerate(lookers):
        assert looker.transferred == [(looker.packets[0], Status.SUCCESS, 50)]
        assert looker.packets[0].read() == REST[40 * place : 40 * place + 50]


RANGES: Final = [(0, 187), (186, 1), (-1, 5), (5, -1), (187, 0)]


@pytest.mark.parametrize(("offset", "length"), RANGES)
@on_bench
async def test_a_range_outside_fails(bench: Bench, offset: int, length: int) -> None:
    """What does not lie in the frame is FAILURE, and the miniport is not asked."""
    miniport = Showing()
    looker, packet = await ready(bench, miniport)
    packet.resize(SLOT)
    looker.look = looker.fetch(offset, length, packet)
    await bench.dispatch(lambda: miniport.show(COUNTED))
    assert (looker.results, miniport.asked) == ([(Status.FAILURE, 0)], [])


@on_bench
async def test_the_packet_must_be_long_enough(bench: Bench) -> None:
    """More bytes than the packet's buffers say they have is FAILURE."""
    miniport = Showing()
    looker, packet = await ready(bench, miniport)
    packet.resize(99)
    looker.look = looker.fetch(0, 100, packet)
    await bench.dispatch(lambda: miniport.show(COUNTED))
    assert (looker.results, miniport.asked) == ([(Status.FAILURE, 0)], [])


@given(st.integers(0, 130), st.integers(0, 130), st.lists(st.integers(1, 70), min_size=1, max_size=4), st.booleans())
@on_bench
async def test_a_transfer_is_a_slice(
    bench: Bench, offset: int, length: int, buffers: list[int], in_packet: bool
) -> None:
    """Offsets count from behind the header, and the bytes fill the packet's chain from its beginning."""
    miniport = Showing()
    looker = Looker()
    await bench.pair(miniport, looker)
    whole = sum(buffers)
    packet = looker.packets[0]
    pool = BufferPool(bench.memory, "chain", "test", len(buffers), 70)
    chain = list(pool)
    for buffer, size in zip(chain, buffers, strict=True):
        buffer.memory[buffer.address : buffer.address + 70] = bytes(70)
        buffer.length = size
    packet.chain(*chain)
    looker.look = looker.fetch(offset, length, packet)
    data = COUNTED[: HEADER + 130]
    if in_packet:
        packets = miniport.fill(data)
        await bench.passive(lambda: miniport.ndis.indicate_receive(packets))
    else:
        await bench.dispatch(lambda: miniport.show(data))
    if offset + length <= 130 and length <= whole:
        assert looker.results == [(Status.SUCCESS, length)]
        assert packet.read() == REST[offset : offset + length].ljust(whole, b"\0")
    else:
        assert looker.results == [(Status.FAILURE, 0)]
        assert packet.read() == bytes(whole)
    pool.close()


@on_bench
async def test_a_packet_is_copied_by_ndis(bench: Bench) -> None:
    """Behind an indication of a packet there is no MiniportTransferData, however its buffers are chained."""
    miniport = Mini()
    looker = Looker()
    await bench.pair(miniport, looker)
    packet = looker.packets[0]
    packet.fill(bytes(186))
    looker.look = looker.fetch(30, 100, packet)
    (received,) = miniport.fill(COUNTED)
    whole = received.head
    pool = BufferPool(bench.memory, "parts", "test", 3, 200)
    for part, (start, end) in zip(parts := list(pool), ((0, 60), (60, 61), (61, 200)), strict=True):
        part.length = end - start
        part.memory[part.address : part.address + part.length] = COUNTED[start:end]
    received.chain(*parts)
    await bench.passive(lambda: miniport.ndis.indicate_receive([received]))
    assert looker.shown == [(COUNTED[:HEADER], COUNTED[HEADER:60], 186)]
    assert looker.results == [(Status.SUCCESS, 100)]
    assert packet.read()[:100] == REST[30:130]
    assert whole is not None
    received.chain(whole)
    pool.close()


@pytest.mark.parametrize("late", ["after the indication", "another binding"])
@on_bench
async def test_only_whom_a_frame_is_shown_may_transfer_it(bench: Bench, late: str) -> None:
    """NdisTransferData outside of ProtocolReceive for that frame is refused, and the miniport is not asked."""
    miniport = Showing()
    looker, packet = await ready(bench, miniport)
    other = await bench.bind(looker.binding.adapter, Looker("other"))
    seen: list[v5.ReceiveContext] = []

    def look(context: v5.ReceiveContext) -> None:
        seen.append(context)
        if late == "another binding":
            with pytest.raises(RuleViolation, match="rx5-transfer-data: other on nic0 called NdisTransferData outside"):
                other.binding.transfer_data(context, 0, 10, other.packets[0])

    looker.look = look
    await bench.dispatch(lambda: miniport.show(COUNTED))
    if late == "after the indication":
        with pytest.raises(RuleViolation, match="rx5-transfer-data: looker on nic0 called NdisTransferData outside"):
            await bench.dispatch(lambda: looker.binding.transfer_data(seen[0], 0, 10, packet))
    assert bench.rules() == ["rx5-transfer-data"]
    assert miniport.asked == []


@on_bench
async def test_a_packet_takes_one_transfer_at_a_time(bench: Bench) -> None:
    """A packet that is being filled, or belongs to somebody else, is refused; the first transfer goes on."""
    miniport = Explicit()
    miniport.when = "from a timer"
    looker, packet = await ready(bench, miniport)

    def twice(context: v5.ReceiveContext) -> None:
        looker.results.append(looker.binding.transfer_data(context, 0, 10, packet))
        for wrong in (packet, miniport.free[0]):
            with pytest.raises(RuleViolation, match="proto-reuse-pending: looker on nic0 transfers into packet#"):
                looker.binding.transfer_data(context, 0, 10, wrong)

    looker.look = twice
    await bench.dispatch(lambda: miniport.show(COUNTED))
    await bench.pass_time()
    assert bench.rules() == ["proto-reuse-pending"] * 2
    assert looker.transferred == [(packet, Status.SUCCESS, 10)]


Complete = Callable[[v5.MiniportLibrary, Packet], None]
WRONG: Final[list[tuple[str, str, Complete]]] = [
    ("pending", "rx5-transfer-data", lambda n, p: n.transfer_data_complete(p, Status.PENDING, 10)),
    ("no status", "rx5-transfer-data", lambda n, p: n.transfer_data_complete(p, 0, 10)),  # type: ignore[arg-type]
    ("too many", "rx5-transfer-data", lambda n, p: n.transfer_data_complete(p, Status.SUCCESS, 11)),
    ("no number", "rx5-transfer-data", lambda n, p: n.transfer_data_complete(p, Status.SUCCESS, None)),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("what", "rule", "complete"), WRONG, ids=[what for what, _, _ in WRONG])
@on_bench
async def test_a_wrong_completion_is_refused(bench: Bench, what: str, rule: str, complete: Complete) -> None:
    """It raises and changes nothing: the right one may follow."""
    miniport = Explicit()
    miniport.when = "from a timer"
    looker, packet = await ready(bench, miniport)
    looker.look = looker.fetch(0, 10, packet)
    await bench.dispatch(lambda: miniport.show(COUNTED))
    with pytest.raises(RuleViolation, match=f"{rule}: nic0 "):
        await bench.dispatch(lambda: complete(miniport.ndis, packet))
    assert bench.rules() == ([rule] if what in {"pending", "no status"} else [])
    assert looker.transferred == []
    await bench.pass_time()
    assert looker.transferred == [(packet, Status.SUCCESS, 10)]


@pytest.mark.parametrize("style", [Showing, *STYLES])
@on_bench
async def test_a_transfer_is_not_completed_twice(bench: Bench, style: type[Showing]) -> None:
    """A completion after the end, however that was told, is refused."""
    miniport = style()
    miniport.when = "from a DPC"
    looker, packet = await ready(bench, miniport)
    looker.look = looker.fetch(0, 10, packet)
    await bench.dispatch(lambda: miniport.show(COUNTED))
    await bench.pass_time()
    with pytest.raises(RuleViolation, match="rx5-transfer-data: nic0 called NdisMTransferData"):
        await bench.dispatch(lambda: miniport.ndis.transfer_data_complete(packet, Status.SUCCESS, 10))
    assert bench.rules() == ["rx5-transfer-data"]
    assert len(looker.results + looker.transferred) == (1 if style is Showing else 2)


ANSWERS: Final[list[tuple[Any, list[tuple[Status, int]], list[str]]]] = [
    ((Status.SUCCESS, 7), [(Status.SUCCESS, 7)], []),
    ((Status.FAILURE, 0), [(Status.FAILURE, 0)], []),
    ((Status.SUCCESS, 11), [(Status.FAILURE, 0)], ["rx5-transfer-data"]),
    ((Status.SUCCESS, "7"), [(Status.FAILURE, 0)], ["rx5-transfer-data"]),
    (None, [(Status.FAILURE, 0)], ["rx5-transfer-data"]),
    (10, [(Status.FAILURE, 0)], ["rx5-transfer-data"]),
]


@pytest.mark.parametrize(("answer", "results", "rules"), ANSWERS, ids=repr)
@on_bench
async def test_an_answer_is_a_status_and_perhaps_a_number(
    bench: Bench, answer: Any, results: list[tuple[Status, int]], rules: list[str]
) -> None:
    """A pair says how many bytes have come; what makes no sense is reported and fails the transfer."""

    class Answering(Showing):
        def transfer_data(self, packet: Packet, context: object, offset: int, length: int) -> Any:
            return answer

    miniport = Answering()
    looker, packet = await ready(bench, miniport)
    looker.look = looker.fetch(0, 10, packet)
    await bench.dispatch(lambda: miniport.show(COUNTED))
    assert bench.rules() == rules
    assert looker.results == results


@pytest.mark.parametrize("style", STYLES)
@on_bench
async def test_a_driver_that_says_it_never_pends_must_not(bench: Bench, style: type[Showing]) -> None:
    """With MAC_OPTION_TRANSFERS_NOT_PEND a pending transfer is reported, and completed all the same."""
    miniport = style()
    miniport.options = MacOption.TRANSFERS_NOT_PEND
    miniport.when = "from a DPC"
    looker, packet = await ready(bench, miniport)
    looker.look = looker.fetch(0, 10, packet)
    await bench.dispatch(lambda: miniport.show(COUNTED))
    assert bench.rules() == ["rx5-transfer-data"]
    await bench.pass_time()
    assert looker.transferred == [(packet, Status.SUCCESS, 10)]


@on_bench
async def test_a_miniport_that_cannot_transfer_says_so(bench: Bench) -> None:
    """A driver that indicates by lookahead supplies MiniportTransferData; without it the adapter stops."""

    class Lacking(Showing):
        transfer_data = v5.Miniport.transfer_data

    miniport = Lacking()
    looker, packet = await ready(bench, miniport)
    second = Looker("second")
    await bench.bind(looker.binding.adapter, second)
    for one in (looker, second):
        one.look = one.fetch(0, 10, one.packets[0])
    with pytest.raises(RuleViolation, match="st-after-halt"):
        await bench.dispatch(lambda: miniport.show(COUNTED))
    assert bench.rules() == ["bugcheck"]
    assert "supplies no MiniportTransferData" in bench.findings[0].text
    assert looker.results == [(Status.FAILURE, 0)]
    assert second.results == [(Status.ADAPTER_NOT_READY, 0)]
    assert packet.owner is looker.binding


@on_bench
async def test_a_close_waits_for_transfers(bench: Bench) -> None:
    """NdisCloseAdapter ends when they have; a closing binding is shown nothing."""
    miniport = Explicit()
    miniport.when = "from a timer"
    looker, packet = await ready(bench, miniport)
    looker.look = looker.fetch(0, 10, packet)
    await bench.dispatch(lambda: miniport.show(COUNTED))
    closing = asyncio.create_task(bench.library.unbind(looker.binding))
    await bench.pass_time(LATER // 2)
    assert not closing.done()
    await bench.dispatch(lambda: miniport.show(COUNTED))
    await closing
    assert looker.transferred == [(packet, Status.SUCCESS, 10)]
    assert len(looker.shown) == 1


@pytest.mark.parametrize("style", STYLES)
@on_bench
async def test_a_transfer_that_never_ends_stops_the_adapter(bench: Bench, style: type[Showing]) -> None:
    """A binding does not wait for ever: the adapter is stopped, and its transfers end REQUEST_ABORTED."""

    class Forgetting(style):  # type: ignore[misc, valid-type]
        def later(self, when: str, action: Callable[[], object]) -> None:
            self.deferred.append(action)

    miniport = Forgetting()
    miniport.when = "from a timer"
    looker, packet = await ready(bench, miniport)
    looker.look = looker.fetch(0, 10, packet)
    await bench.dispatch(lambda: miniport.show(COUNTED))
    await bench.library.unbind(looker.binding)
    assert bench.rules() == ["stuck"]
    assert "; 1 transfers are not completed" in bench.findings[0].text
    assert looker.transferred == [(packet, Status.REQUEST_ABORTED, 0)]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("when", WHEN[:3])
@on_bench
async def test_a_serialized_miniport_is_entered_nested_to_transfer(
    bench: Bench, style: type[Showing], when: str
) -> None:
    """MiniportTransferData runs inside the indication; its completion and other entries wait for the lock."""

    class Serialized(style):  # type: ignore[misc, valid-type]
        deserialized = False
        depth = 0
        trace: list[str]

        def transfer_data(self, packet: Packet, context: object, offset: int, length: int) -> Any:
            self.trace.append(f"transfer at {self.depth}")
            return super().transfer_data(packet, context, offset, length)

        def set_information(self, request: OidRequest) -> Status:
            if self.depth:
                self.trace.append("request inside")
            self.take(request)
            return Status.SUCCESS

        def handle_interrupt(self) -> None:
            self.depth += 1
            super().handle_interrupt()
            self.depth -= 1

    miniport = Serialized()
    miniport.trace = []
    miniport.when = when
    adapter = serialize(bench, miniport)
    assert await adapter.initialize()
    looker = Looker()
    await bench.bind(adapter, looker)
    packet = looker.packets[0]
    request = OidRequest.set(Oid.GEN_NETWORK_LAYER_ADDRESSES, b"")

    def look(context: v5.ReceiveContext) -> None:
        looker.results.append(looker.binding.transfer_data(context, 0, 10, packet))
        assert looker.binding.request(request) is Status.PENDING

    looker.look = look
    miniport.later("from a DPC", lambda: miniport.show(COUNTED))
    await bench.pass_time()
    assert miniport.trace == ["transfer at 1"]
    assert looker.ended == [(request, Status.SUCCESS)]
    ends = [end[-2:] for end in looker.results + looker.transferred]
    assert [end for end in ends if end[0] is not Status.PENDING] == [(Status.SUCCESS, 10)]
    assert packet.read()[:10] == REST[:10]
