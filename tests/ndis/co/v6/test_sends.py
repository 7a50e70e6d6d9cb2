"""Lists that are sent on circuits of NDIS 6: in order, completed once each with the status that the miniport has set."""

from collections.abc import Callable, Sequence

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import Delay
from ndisemu.ndis import Status, co, v6
from ndisemu.ndis.co.states import VcState
from tests.ndis.co.v6.conftest import CoMini6, Pending, office6
from tests.ndis.conftest import LATER, WHEN, frame
from tests.ndis.v6.conftest import Bench6, on_bench6

Lists = Sequence[v6.NetBufferList]


def in_a_coroutine(mini: CoMini6, when: str) -> Callable[[co.VirtualCircuit, Lists], Pending]:
    """Send, wait, and return the status that completes what is left."""

    async def send(vc: co.VirtualCircuit, nbls: Lists) -> Status:
        mini.note_sent(nbls)
        await mini.wait(when)
        return Status.SUCCESS

    return send


def explicitly(mini: CoMini6, when: str) -> Callable[[co.VirtualCircuit, Lists], Pending]:
    """Send, and call the completion at its time."""

    def send(vc: co.VirtualCircuit, nbls: Lists) -> Status:
        mini.note_sent(nbls)
        mini.later(when, lambda: mini.end(vc, nbls))
        return Status.PENDING

    return send


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("style", [in_a_coroutine, explicitly])
@on_bench6
async def test_every_list_comes_back_once_in_either_style(
    bench: Bench6, style: Callable[[CoMini6, str], Callable[[co.VirtualCircuit, Lists], Pending]], when: str
) -> None:
    """In the order of the sends, with SUCCESS, and counted for the circuit and the adapter."""
    desk = await office6(bench)
    vc = await desk.call()
    desk.mini.sends = style(desk.mini, when)
    sent = await desk.send(vc, 1, 2) + await desk.send(vc, 3, first=2)
    await bench.pass_time()
    assert desk.mini.sent == [frame(number) for number in (1, 2, 3)]
    assert desk.client.completed == [(nbl, Status.SUCCESS) for nbl in sent]
    assert [nbl.owner for nbl in sent] == [desk.client.binding] * 3
    for book in (vc.vc.sends, desk.adapter.sends):
        assert (book.submitted, book.completed, book.in_flight) == (3, 3, 0)
    await desk.hang_up(vc)
    await desk.leave()


@on_bench6
async def test_lists_of_one_completion_may_end_differently(bench: Bench6) -> None:
    """Each has its own status, and one that was never set counts as a failure of the driver (seed 003)."""
    desk = await office6(bench)
    vc = await desk.call()
    desk.mini.holds = True
    sent = await desk.send(vc, 1, 2, 3)
    sent[0].status, sent[1].status = Status.SUCCESS, Status.RESOURCES
    await bench.dispatch(lambda: desk.mini.ndis.co_send_complete(vc.vc, sent))
    assert [status for _, status in desk.client.completed] == [Status.SUCCESS, Status.RESOURCES, Status.FAILURE]
    assert bench.rules() == ["send-nbl-status-set"]
    assert (vc.vc.sends.completed, vc.vc.sends.failed, desk.adapter.sends.failed) == (1, 2, 2)
    await desk.hang_up(vc)
    await desk.leave()


@pytest.mark.parametrize("wrong", ["twice", "another circuit", "a circuit that is gone", "the adapter's call"])
@on_bench6
async def test_a_list_is_completed_once_on_the_circuit_it_was_sent_on(bench: Bench6, wrong: str) -> None:
    """Anything else is refused and changes nothing."""
    desk = await office6(bench)
    vc, other = await desk.call(), await desk.call()
    desk.mini.holds = True
    sent = await desk.send(vc, 1)
    sent[0].status = Status.SUCCESS
    where, rule = vc, "co-send-complete-once"
    if wrong == "twice":
        await bench.dispatch(lambda: desk.mini.ndis.co_send_complete(vc.vc, sent))
    elif wrong == "another circuit":
        where = other
    elif wrong == "a circuit that is gone":
        await desk.hang_up(other)
        where, rule = other, "co-vc-handle-stale"
    complete = desk.mini.ndis.co_send_complete
    if wrong == "the adapter's call":
        rule = "send-complete-not-owned"
    before = (vc.vc.sends.in_flight, list(desk.client.completed))
    with pytest.raises(RuleViolation, match=rule):
        await bench.dispatch(
            lambda: desk.mini.ndis.send_complete(sent) if "adapter" in wrong else complete(where.vc, sent)
        )
    assert (bench.rules(), (vc.vc.sends.in_flight, desk.client.completed)) == ([rule], before)
    if wrong != "twice":
        await bench.dispatch(lambda: complete(vc.vc, sent))
    for end in (vc, other):
        if end.vc.live:
            await desk.hang_up(end)
    await desk.leave()


@pytest.mark.parametrize("later", [False, True])
@on_bench6
async def test_a_miniport_that_raises_fails_its_call_and_gives_back_the_rest(bench: Bench6, *, later: bool) -> None:
    """What it had of other calls comes back in the order of submission."""
    desk = await office6(bench)
    vc = await desk.call()
    desk.mini.holds = True
    held = await desk.send(vc, 1, 2)
    desk.mini.holds = False

    async def raise_later(vc: co.VirtualCircuit, nbls: Lists) -> None:
        if later:
            await Delay(bench.kernel, LATER)
        raise ValueError

    desk.mini.sends = raise_later
    sent = await desk.send(vc, 3, first=2)
    await bench.pass_time()
    assert desk.client.completed == [(nbl, Status.FAILURE) for nbl in sent + held]
    assert (vc.vc.sends.in_flight, desk.adapter.sends.in_flight) == (0, 0)
    await desk.adapter.halt()
    assert set(bench.rules()) == {"bugcheck", "co-af-close-order"}


@on_bench6
async def test_what_cannot_be_carried_is_completed_by_ndis(bench: Bench6) -> None:
    """On a circuit without a connected call, and, of either driver, while it is paused."""
    desk = await office6(bench)
    idle, vc = await desk.circuit(), await desk.call()
    await desk.send(idle, 1)
    assert bench.rules() == ["co-activate-before-data"]
    await desk.adapter.pause()
    await desk.send(vc, 2, first=1)
    assert [status for _, status in desk.client.completed] == [Status.VC_NOT_ACTIVATED, Status.PAUSED]
    assert (vc.vc.state.current, desk.mini.sent) == (VcState.ACTIVE, [])
    await desk.adapter.restart()
    await desk.send(vc, 3, first=2)
    assert (desk.client.completed[-1][1], desk.mini.sent) == (Status.SUCCESS, [frame(3)])
    await desk.hang_up(vc)
    assert await bench.passive(idle.delete) is Status.SUCCESS
    await desk.leave()


@on_bench6
async def test_packets_and_lists_do_not_mix(bench: Bench6) -> None:
    """A protocol of NDIS 6 that sends packets on its circuit is told that it cannot."""
    desk = await office6(bench)
    vc = await desk.call()
    with pytest.raises(RuleViolation, match=r"co-send-generation: .*NdisCoSendPackets.*NDIS 6"):
        await bench.passive(lambda: vc.send_packets([]))
    assert bench.rules() == ["co-send-generation"]
    await desk.hang_up(vc)
    await desk.leave()


@on_bench6
async def test_a_deactivation_waits_for_lists_in_both_directions(bench: Bench6) -> None:
    """NDIS reports a miniport that ends it too early, and keeps the end back until nothing is outstanding."""
    desk = await office6(bench)
    vc = await desk.call()
    desk.mini.holds = desk.client.keeps = True
    sent = await desk.send(vc, 1)
    await desk.indicate(vc, frame(2))
    assert await bench.passive(vc.vc.manager.deactivate) is Status.PENDING
    assert bench.rules() == ["co-deactivate-drain"]
    await bench.dispatch(lambda: desk.mini.end(vc.vc, sent))
    states = [vc.vc.state.current]
    await desk.give_back()
    states.append(vc.vc.state.current)
    assert states == [VcState.DEACTIVATING, VcState.CREATED]
    assert await bench.passive(vc.close_call) is Status.SUCCESS
    assert await bench.passive(vc.delete) is Status.SUCCESS
    await desk.leave()


@on_bench6
async def test_a_pause_waits_for_the_lists_of_every_circuit(bench: Bench6) -> None:
    """First the protocols drain, then the miniport pauses; calls stay connected."""
    desk = await office6(bench)
    vc = await desk.call()
    desk.mini.holds = True
    sent = await desk.send(vc, 1)
    bench.calls.clear()

    def complete() -> None:
        assert bench.calls == []
        desk.mini.end(vc.vc, sent)

    timer = desk.mini.ndis.allocate_timer_object
    await bench.passive(lambda: timer(complete, "completion").set(LATER))
    await desk.adapter.pause()
    assert bench.calls == ["MiniportPause"]
    assert desk.log == ["NetEventPause client", "NetEventPause call manager"]
    assert desk.client.completed == [(sent[0], Status.SUCCESS)]
    await desk.adapter.restart()
    await desk.hang_up(vc)
    await desk.leave()
