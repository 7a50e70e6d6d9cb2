"""NDIS 6 sends from protocol to miniport and back: both styles, every status, every state, and what is refused."""

from collections.abc import Callable, Sequence
from typing import Final

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.ndis import PacketFilter, Status, v6
from ndisemu.ndis.v6.listbook import FAILURES
from tests.ndis.conftest import BROADCAST, GROUP, STATION, USUAL, WHEN, frame
from tests.ndis.v6.conftest import RESOURCES, Bench6, Mini6, Peer6, Pending, on_bench6

Lists = Sequence[v6.NetBufferList]


class Explicit(Mini6):
    """Returns first, and completes when the time has come."""

    def __init__(self, when: str = "from a DPC", status: Status = Status.SUCCESS) -> None:
        super().__init__()
        self.when = when
        self.status = status

    def send(self, nbls: Lists, port: int, flags: int) -> Pending:
        self.note_sent(nbls)
        self.later(self.when, lambda: self.complete(nbls, self.status))
        return None


class Said(Explicit):
    """As `Explicit`, and says PENDING."""

    def send(self, nbls: Lists, port: int, flags: int) -> Pending:
        super().send(nbls, port, flags)
        return Status.PENDING


class Coroutine(Explicit):
    """Waits for the time, then completes."""

    async def send(self, nbls: Lists, port: int, flags: int) -> None:
        self.note_sent(nbls)
        await self.wait(self.when)
        self.complete(nbls, self.status)


class Returning(Explicit):
    """Waits for the time, then returns the status of all."""

    async def send(self, nbls: Lists, port: int, flags: int) -> Status:
        self.note_sent(nbls)
        await self.wait(self.when)
        return self.status


class Keeping(Mini6):
    """Completes nothing by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[v6.NetBufferList] = []

    def send(self, nbls: Lists, port: int, flags: int) -> Pending:
        self.kept += nbls
        return None


Style = Callable[[str, Status], Explicit]
STYLES: Final = (Explicit, Said, Coroutine, Returning)


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.RESOURCES])
@pytest.mark.parametrize("at", ["passive", "dispatch"])
@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("style", STYLES)
@on_bench6
async def test_every_style_completes_each_list_once(
    bench: Bench6, style: Style, when: str, at: str, status: Status
) -> None:
    """Whatever the style and whenever it completes, each list comes back once, with its status, to its owner."""
    miniport = style(when, status)
    peer = await bench.pair6(miniport)
    nbls = await bench.send6(peer, 3, at=at)
    await bench.pass_time()
    assert peer.completed == [(nbl, status) for nbl in nbls]
    assert [nbl.owner for nbl in nbls] == [peer.binding] * 3
    assert miniport.sent == [frame(0), frame(1), frame(2)]
    sends = peer.binding.adapter.sends
    assert (sends.submitted, sends.completed + sends.failed, sends.in_flight) == (3, 3, 0)


@on_bench6
async def test_a_list_is_out_of_the_protocols_hands_until_it_is_completed(bench: Bench6) -> None:
    """While it is on its way the send path owns it; sending it again is refused and changes nothing."""
    miniport = Keeping()
    peer = await bench.pair6(miniport)
    (nbl,) = await bench.send6(peer)
    assert [nbl.owner] == [peer.binding.adapter.sends]
    with pytest.raises(RuleViolation, match="proto-reuse-pending"):
        await bench.passive(lambda: peer.binding.send_nbls([nbl]))
    assert (miniport.kept, bench.rules()) == ([nbl], ["proto-reuse-pending"])
    await bench.passive(lambda: miniport.complete([nbl]))
    assert nbl.owner is peer.binding


@on_bench6
async def test_a_list_is_completed_once(bench: Bench6) -> None:
    """A second completion is refused, and the protocol hears of the first alone."""
    miniport = Keeping()
    peer = await bench.pair6(miniport)
    nbls = await bench.send6(peer)
    await bench.passive(lambda: miniport.complete(nbls))
    with pytest.raises(RuleViolation, match="send-double-complete: nic0 completed nbl#"):
        await bench.passive(lambda: miniport.complete(nbls))
    assert (len(peer.completed), bench.rules()) == (1, ["send-double-complete"])


@pytest.mark.parametrize("wrong", [Status.PENDING, 0, None])
@on_bench6
async def test_a_list_without_a_status_counts_as_failed(bench: Bench6, wrong: object) -> None:
    """The driver sets the status of each list before it completes it (seed 003)."""
    miniport = Keeping()
    peer = await bench.pair6(miniport)
    nbls = await bench.send6(peer, 3)
    nbls[0].status = nbls[2].status = Status.SUCCESS
    if wrong is not Status.PENDING:
        nbls[1].status = wrong  # type: ignore[assignment]  # that is the mistake
    await bench.passive(lambda: miniport.ndis.send_complete(nbls))
    assert peer.statuses == [Status.SUCCESS, Status.FAILURE, Status.SUCCESS]
    assert bench.rules() == ["send-nbl-status-set"]
    sends = peer.binding.adapter.sends
    assert (sends.completed, sends.failed) == (2, 1)


@pytest.mark.parametrize("status", [other for other in Status if other is not Status.PENDING])
def test_the_status_of_a_send_is_one_of_the_documents(status: Status) -> None:
    """What a list may end with is listed (5.4); another status is reported, and passed on."""

    @on_bench6
    async def check(bench: Bench6) -> None:
        miniport = Keeping()
        peer = await bench.pair6(miniport)
        nbls = await bench.send6(peer)
        await bench.passive(lambda: miniport.complete(nbls, status))
        assert peer.statuses == [status]
        assert bench.rules() == ([] if status in (Status.SUCCESS, *FAILURES) else ["send-nbl-status-value"])

    check()


@on_bench6
async def test_lists_of_one_completion_may_end_differently(bench: Bench6) -> None:
    """Each has its own status, and the books count each."""
    miniport = Keeping()
    peer = await bench.pair6(miniport)
    nbls = await bench.send6(peer, 4)
    ends = [Status.SUCCESS, Status.SEND_ABORTED, Status.INVALID_LENGTH, Status.SUCCESS]
    for nbl, end in zip(nbls, ends, strict=True):
        nbl.status = end
    await bench.passive(lambda: miniport.ndis.send_complete(nbls))
    assert peer.statuses == ends
    sends = peer.binding.adapter.sends
    assert (sends.completed, sends.cancelled, sends.failed) == (2, 1, 1)
    assert sends.failures == {Status.INVALID_LENGTH: 1}


@on_bench6
async def test_ndis_completes_what_is_sent_to_a_paused_stack(bench: Bench6) -> None:
    """Unless the adapter is Running, sends end with PAUSED, and the miniport never sees them (5.4)."""
    miniport = Mini6()
    peer = await bench.pair6(miniport)
    adapter = peer.binding.adapter
    await adapter.pause()
    await bench.send6(peer)
    await adapter.restart()
    await bench.send6(peer, first=1)
    assert peer.statuses == [Status.PAUSED, Status.SUCCESS]
    assert miniport.sent == [frame(1)]


@on_bench6
async def test_a_pause_waits_for_the_sends(bench: Bench6) -> None:
    """NetEventPause ends when every list is back, and MiniportPause comes only then; new sends end with PAUSED."""
    miniport = Keeping()
    peer = await bench.pair6(miniport)
    await bench.send6(peer, 2)
    bench.calls.clear()

    def finish() -> None:
        assert bench.calls == ["NetEventPause peer"]
        peer.binding.send_nbls(peer.nbls[2:3])
        miniport.complete(miniport.kept)

    miniport.deferred.append(finish)
    miniport.timer.set(7_000)
    await peer.binding.adapter.pause()
    assert bench.kernel.now == 7_000
    assert bench.calls == ["NetEventPause peer", "MiniportPause"]
    assert peer.statuses == [Status.PAUSED, Status.SUCCESS, Status.SUCCESS]


@on_bench6
async def test_sends_that_never_end_stop_the_adapter(bench: Bench6) -> None:
    """A pause does not wait for ever: the adapter is stopped, and its lists come back in the order of submission."""
    peer = await bench.pair6(Keeping())
    nbls = await bench.send6(peer, 3)
    await peer.binding.adapter.halt()
    assert peer.completed == [(nbl, Status.REQUEST_ABORTED) for nbl in nbls]
    assert bench.rules() == ["send-never-completed"]


@on_bench6
async def test_a_driver_that_raises_fails_what_is_left_of_its_call(bench: Bench6) -> None:
    """The lists it has completed stay completed, the others fail, and the adapter stops."""

    class Raising(Mini6):
        def send(self, nbls: Lists, port: int, flags: int) -> Pending:
            self.complete(nbls[:1])
            raise ValueError("for the test")

    peer = await bench.pair6(Raising())
    await bench.send6(peer, 3)
    assert peer.statuses == [Status.SUCCESS, Status.FAILURE, Status.FAILURE]
    assert bench.rules() == ["bugcheck"]


@pytest.mark.parametrize("value", [Status.PENDING, True, "sent"])
@on_bench6
async def test_what_a_send_may_return_is_a_status_or_nothing(bench: Bench6, value: object) -> None:
    """PENDING after having suspended, or something else, is reported, and what is left fails."""

    class Odd(Mini6):
        async def send(self, nbls: Lists, port: int, flags: int) -> Status:
            await self.wait("from a DPC")
            return value  # type: ignore[return-value]  # that is the mistake

    peer = await bench.pair6(Odd())
    await bench.send6(peer)
    await bench.pass_time()
    assert (peer.statuses, bench.rules()) == ([Status.FAILURE], ["send-async-only-6"])


@on_bench6
async def test_a_list_without_frames_fails_its_call(bench: Bench6) -> None:
    """No miniport could ever complete it, so none sees it; all lists of the call end with FAILURE."""
    miniport = Mini6()
    peer = await bench.pair6(miniport)
    peer.nbls[1].buffers = ()
    await bench.passive(lambda: peer.binding.send_nbls(peer.nbls[:3]))
    assert (miniport.sent, peer.statuses) == ([], [Status.FAILURE] * 3)
    assert bench.rules() == ["proto-send-wellformed"]
    assert [nbl.owner for nbl in peer.nbls] == [peer.binding] * len(peer.nbls)


@on_bench6
async def test_a_cancel_reaches_the_miniport(bench: Bench6) -> None:
    """NdisCancelSendNetBufferLists names an id; what the miniport still queues under it ends with SEND_ABORTED."""

    class Queueing(Keeping):
        def cancel_send(self, cancel_id: int) -> None:
            self.complete([nbl for nbl in self.kept if nbl.cancel_id == cancel_id], Status.SEND_ABORTED)

    miniport = Queueing()
    peer = await bench.pair6(miniport)
    for nbl, cancel_id in zip(peer.nbls, (7, 8, 7), strict=False):
        nbl.info[v6.NblInfo.CANCEL_ID] = cancel_id
    nbls = await bench.send6(peer, 3)
    await bench.passive(lambda: peer.binding.cancel_send(7))
    assert peer.completed == [(nbls[0], Status.SEND_ABORTED), (nbls[2], Status.SEND_ABORTED)]
    await bench.passive(lambda: miniport.complete([nbls[1]]))
    assert peer.binding.adapter.sends.cancelled == 2


@on_bench6
async def test_lists_go_back_to_whom_they_came_from(bench: Bench6) -> None:
    """One completion may hold lists of several protocols; each gets its own, in order."""
    miniport = Keeping()
    adapter = await bench.start6(miniport)
    one, two = await bench.bind6(adapter, Peer6("one", types=PacketFilter(0))), await bench.bind6(adapter, Peer6("two"))
    mine, yours = await bench.send6(one, 2), await bench.send6(two, 2)
    mixed = [mine[0], yours[0], yours[1], mine[1]]
    await bench.passive(lambda: miniport.complete(mixed))
    assert [nbl for nbl, _ in one.completed] == mine
    assert [nbl for nbl, _ in two.completed] == yours


@pytest.mark.parametrize("looks", [False, True])
@on_bench6
async def test_other_bindings_are_shown_what_is_sent(bench: Bench6, looks: bool) -> None:
    """Frames that another binding's filter wants are looped back to it; to the sender only if it asks for that (5.11)."""
    miniport = Mini6()
    adapter = await bench.start6(miniport)
    sender = await bench.bind6(adapter, Peer6("sender"))
    other = await bench.bind6(adapter, Peer6("other", types=USUAL))
    frames = [frame(0, to=BROADCAST), frame(1, to=GROUP), frame(2, to=STATION)]
    nbls = sender.nbls[:3]
    for nbl, data in zip(nbls, frames, strict=True):
        nbl.fill(data)
    flags = int(v6.SendFlag.CHECK_FOR_LOOPBACK) if looks else 0
    await bench.passive(lambda: sender.binding.send_nbls(nbls, 0, flags))
    shown = [(frames[0], RESOURCES), (frames[2], RESOURCES)]
    assert other.received == shown
    assert sender.received == (shown if looks else [])
    assert miniport.sent == frames


@on_bench6
async def test_a_mapping_that_is_left_is_found_and_freed(bench: Bench6) -> None:
    """An SG list must be freed before its list is completed; one that lives is reported and taken from the card."""
    miniport = Keeping()
    peer = await bench.pair6(miniport)
    nbls = await bench.send6(peer, 2)
    await bench.dispatch(lambda: miniport.dma.map([buffer for nbl in nbls for buffer in nbl.buffers]))
    space = peer.binding.adapter.device.dma
    assert len(space.mapped) == 2
    await bench.dispatch(lambda: miniport.dma.unmap(nbls[0].buffers))
    await bench.dispatch(lambda: miniport.complete(nbls))
    assert (bench.rules(), space.mapped) == (["sg-free"], {})
    assert peer.statuses == [Status.SUCCESS] * 2


@pytest.mark.parametrize("left", [0, 1, 2])
@on_bench6
async def test_a_mapping_of_any_frame_of_a_list_is_found(bench: Bench6, left: int) -> None:
    """A list of several frames is looked at whole: with all mappings freed it is as any other, with one left it is not."""
    miniport = Keeping()
    peer = await bench.pair6(miniport)
    nbl, *others = peer.nbls[:2]
    nbl.buffers += tuple(buffer for other in others for buffer in other.buffers)
    await bench.dispatch(lambda: peer.binding.send_nbls([nbl]))
    await bench.dispatch(lambda: miniport.dma.map(nbl.buffers))
    await bench.dispatch(lambda: miniport.dma.unmap([buffer for at, buffer in enumerate(nbl.buffers, 1) if at != left]))
    await bench.dispatch(lambda: miniport.complete([nbl]))
    assert (bench.rules(), peer.statuses) == (["sg-free"] if left else [], [Status.SUCCESS])
    assert peer.binding.adapter.device.dma.mapped == {}


@on_bench6
async def test_a_frame_that_was_overwritten_loses_no_list(bench: Bench6) -> None:
    """A completion over nonsense is refused and changes nothing; with the frames set right all lists come back."""
    miniport = Keeping()
    peer = await bench.pair6(miniport)
    nbls = await bench.send6(peer, 3)
    nbls[1].frame = 5  # type: ignore[assignment]
    with pytest.raises(RuleViolation, match="send-complete-argument"):
        await bench.dispatch(lambda: miniport.complete(nbls))
    assert {nbl.owner for nbl in nbls} == {peer.binding.adapter.sends}
    nbls[1].frame = None
    await bench.dispatch(lambda: miniport.complete(nbls))
    assert peer.statuses == [Status.SUCCESS] * 3
    assert all(nbl.frame is nbl.buffers[0] for nbl in nbls)


@on_bench6
async def test_a_chain_that_was_put_together_again_is_as_it_was(bench: Bench6) -> None:
    """It is the frames that count, and their order; not which sequence they were set from."""
    miniport = Keeping()
    peer = await bench.pair6(miniport)
    nbls = peer.binding.allocate_nbls(2, 100, 3)
    await bench.dispatch(lambda: peer.binding.send_nbls(nbls))
    whole = nbls[0].buffers
    nbls[0].buffers = whole[:1]
    nbls[0].buffers = list(whole)
    nbls[1].buffers = nbls[1].buffers[::-1]
    await bench.dispatch(lambda: miniport.complete(nbls))
    (finding,) = bench.findings
    assert "with 3 NET_BUFFERs, others, or in another order, than those that it was submitted with" in str(finding.text)
    assert bench.rules() == ["send-nb-list-unmodified"]
    assert nbls[0].buffers == whole
    assert peer.statuses == [Status.SUCCESS] * 2


@on_bench6
async def test_a_chain_that_was_changed_is_found_and_restored(bench: Bench6) -> None:
    """The NET_BUFFERs of a list are the same at completion as at submission, in number and order."""
    miniport = Keeping()
    peer = await bench.pair6(miniport)
    nbls = await bench.send6(peer, 3)
    chains = [nbl.buffers for nbl in nbls]
    nbls[1].buffers = nbls[0].buffers
    nbls[1].buffers = ()
    await bench.dispatch(lambda: miniport.complete(nbls))
    (finding,) = bench.findings
    assert "completed nbl#9 with 0 NET_BUFFERs, and not the 1 that it was submitted with" in str(finding.text)
    assert bench.rules() == ["send-nb-list-unmodified"]
    assert [nbl.buffers for nbl in nbls] == chains
    assert peer.statuses == [Status.SUCCESS] * 3
