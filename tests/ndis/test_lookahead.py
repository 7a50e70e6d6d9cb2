"""Lookahead indications: who is shown a frame, how much of it, for how long, and when a batch has ended."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH
from ndisemu.ndis import Oid, PacketFilter, Status, v5
from tests.ndis.conftest import BROADCAST, GROUP, Bench, Peer, frame, on_bench
from tests.ndis.looking import HEADER, Both, Looker, Showing, put

P = PacketFilter
LONG: Final = frame(1, length=200)


async def show(bench: Bench, miniport: Showing, *frames: bytes, **options: Any) -> None:
    """Let a miniport indicate frames in one DPC, with one end."""

    def indicate() -> None:
        for data in frames:
            miniport.show(data, complete=False, **options)
        miniport.ndis.eth_indicate_receive_complete()

    miniport.later("from a DPC", indicate)
    await bench.pass_time()


@on_bench
async def test_a_binding_is_shown_header_and_lookahead(bench: Bench) -> None:
    """ProtocolReceive is given the header, what the miniport shows behind it, and the size without the header."""
    miniport = Showing()
    looker = await bench.pair(miniport, Looker())
    assert isinstance(looker, Looker)
    await show(bench, miniport, LONG)
    assert looker.shown == [(LONG[:HEADER], LONG[HEADER:][:20], 186)]
    assert looker.levels == [DISPATCH] * 2


@on_bench
async def test_each_binding_is_shown_what_its_filter_wants(bench: Bench) -> None:
    """Filters hold for lookahead as for packets, and what nobody wants is counted."""
    miniport = Showing()
    adapter = await bench.start(miniport)
    lookers = [Looker(str(types), types=types) for types in (P.DIRECTED, P.BROADCAST)]
    for looker in lookers:
        await bench.bind(adapter, looker)
    frames = [frame(1), frame(2, to=BROADCAST), frame(3, to=GROUP)]
    await show(bench, miniport, *frames, lookahead=46)
    assert [looker.received for looker in lookers] == [[frames[0]], [frames[1]]]
    receives = adapter.receives
    assert (receives.indicated, receives.returned, receives.unwanted) == (3, 3, 1)


@on_bench
async def test_a_protocol_with_both_handlers_is_shown_it_in_the_one(bench: Bench) -> None:
    """There is no packet to offer; a protocol that has ProtocolReceivePacket only does not hear of the frame."""
    miniport = Showing()
    adapter = await bench.start(miniport)
    both, only = Both("both"), Peer("only")
    await bench.bind(adapter, both)
    await bench.bind(adapter, only)
    await show(bench, miniport, frame(1))
    assert (len(both.shown), only.received) == (1, [])


@on_bench
async def test_the_views_end_with_the_call(bench: Bench) -> None:
    """Header and lookahead that a protocol keeps cannot be read later, nor can the packet behind be asked for."""
    kept: list[memoryview] = []

    class Keeping(Looker):
        def receive(
            self,
            binding: v5.Binding,
            context: v5.ReceiveContext,
            header: memoryview,
            lookahead: memoryview,
            packet_size: int,
        ) -> Status:
            kept.extend((header, lookahead))
            assert binding.get_received_packet(context) is None
            self.context = context
            return Status.NOT_ACCEPTED

    miniport = Showing()
    keeping = Keeping()
    await bench.pair(miniport, keeping)
    await show(bench, miniport, frame(1))
    for view in kept:
        with pytest.raises(ValueError, match="released"):
            bytes(view)
    with pytest.raises(RuleViolation, match="rx5-received-packet: looker on nic0 called NdisGetReceivedPacket outside"):
        await bench.passive(lambda: keeping.binding.get_received_packet(keeping.context))
    assert bench.rules() == ["rx5-received-packet"]


@pytest.mark.parametrize("count", [1, 3])
@on_bench
async def test_a_batch_is_completed_once_for_all_who_were_shown_something(bench: Bench, count: int) -> None:
    """One NdisMEthIndicateReceiveComplete covers many frames; a binding that was shown none is not told."""
    miniport = Showing()
    adapter = await bench.start(miniport)
    lookers = [Looker("one"), Looker("two"), Looker("other", types=P.MULTICAST)]
    for looker in lookers:
        await bench.bind(adapter, looker)
    await show(bench, miniport, *[frame(number) for number in range(count)])
    assert [looker.completes for looker in lookers] == [1, 1, 0]
    await bench.dispatch(miniport.ndis.eth_indicate_receive_complete)
    assert [looker.completes for looker in lookers] == [1, 1, 0]


@on_bench
async def test_a_batch_that_is_never_completed_is_reported_at_the_next(bench: Bench) -> None:
    """An indication from a later DPC tells that the one before has forgotten the end; the same DPC may go on."""
    miniport = Showing()
    await bench.pair(miniport, Looker())
    for number in range(2):
        miniport.later("from a DPC", lambda number=number: miniport.show(frame(number), complete=False))  # type: ignore[misc]
    await bench.pass_time()
    assert bench.rules() == []
    await show(bench, miniport, frame(3))
    assert bench.rules() == ["rx5-indicate-complete"]
    await show(bench, miniport, frame(4))


@on_bench
async def test_the_last_batch_must_be_completed_as_well(bench: Bench) -> None:
    """What is missing at halt is reported then."""
    miniport = Showing()
    looker = await bench.pair(miniport, Looker())
    await bench.dispatch(lambda: miniport.show(frame(1), complete=False))
    await looker.binding.adapter.halt()
    assert bench.rules() == ["rx5-indicate-complete"]


INDICATIONS: Final[list[tuple[str, Callable[[v5.MiniportLibrary], None]]]] = [
    ("a header of 13 bytes", lambda ndis: ndis.eth_indicate_receive(0, LONG[:13], LONG[13:], 187)),
    ("more than there is", lambda ndis: ndis.eth_indicate_receive(0, LONG[:14], LONG[14:], 185)),
    ("less than was asked for", lambda ndis: ndis.eth_indicate_receive(0, LONG[:14], LONG[14:113], 186)),
    ("less than a short frame has", lambda ndis: ndis.eth_indicate_receive(0, LONG[:14], LONG[14:63], 50)),
]


@pytest.mark.parametrize(("what", "indicate"), INDICATIONS, ids=[what for what, _ in INDICATIONS])
@on_bench
async def test_a_wrong_lookahead_is_refused(
    bench: Bench, what: str, indicate: Callable[[v5.MiniportLibrary], None]
) -> None:
    """It is at least the smaller of the frame and OID_GEN_CURRENT_LOOKAHEAD, and no more than the frame."""
    miniport = Showing()
    looker = await bench.pair(miniport, Looker())
    wide = await bench.bind(looker.binding.adapter, Looker("wide"))
    await put(bench, wide.binding, Oid.GEN_CURRENT_LOOKAHEAD, 100)
    with pytest.raises(RuleViolation, match="rx5-lookahead: nic0 indicated "):
        await bench.dispatch(lambda: indicate(miniport.ndis))
    await bench.dispatch(lambda: miniport.show(LONG, lookahead=100))
    await bench.dispatch(lambda: miniport.show(frame(2), lookahead=46))
    assert looker.received == wide.received == [LONG[:114], frame(2)]


class Speechless(Looker):
    """Forgets to return a status."""

    def receive(self, *arguments: Any) -> Any:
        self.received.append(b"")


@on_bench
async def test_what_is_no_status_is_the_protocols_fault(bench: Bench) -> None:
    """ProtocolReceive that returns nothing is reported, and the others are shown the frame all the same."""
    miniport = Showing()
    first = await bench.pair(miniport, Speechless("first"))
    second = await bench.bind(first.binding.adapter, Looker("second"))
    await show(bench, miniport, frame(1), lookahead=46)
    assert bench.rules() == ["rx5-receive-status"]
    assert (first.received, second.received) == ([b""], [frame(1)])


@on_bench
async def test_a_protocol_that_raises_disturbs_nobody(bench: Bench) -> None:
    """It is reported and called no more; the miniport and the other bindings go on."""

    def stumble(context: object) -> None:
        raise LookupError("no such frame")

    miniport = Showing()
    first, second = Looker("first"), Looker("second")
    await bench.pair(miniport, first)
    await bench.bind(first.binding.adapter, second)
    first.look = stumble
    await show(bench, miniport, frame(1), frame(2))
    assert bench.rules() == ["bugcheck"]
    assert bench.findings[0].text == "ProtocolReceive of first raised LookupError: no such frame"
    assert (len(first.shown), first.completes, len(second.shown), second.completes) == (1, 0, 2, 1)
