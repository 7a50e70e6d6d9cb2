"""Lists that are received on circuits of NDIS 6: they go to the circuit's user, and come back once."""

from functools import partial

import pytest

from ndisemu.errors import RuleViolation, UsageError
from ndisemu.ndis import Oid, Status, co
from tests.ndis.co.conftest import CoMini, Customer, Script
from tests.ndis.co.v6.conftest import Customer6, office6
from tests.ndis.conftest import frame
from tests.ndis.v6.conftest import RESOURCES, Bench6, Peer6, on_bench6


@pytest.mark.parametrize(("keeps", "flags", "back"), [(False, 0, 2), (True, 0, 0), (False, RESOURCES, 0)])
@on_bench6
async def test_lists_go_to_the_user_of_their_circuit(bench: Bench6, *, keeps: bool, flags: int, back: int) -> None:
    """They come back when they are returned; those with RESOURCES are the miniport's again at once."""
    desk = await office6(bench)
    vc = await desk.call()
    desk.client.keeps = keeps
    nbls = await desk.indicate(vc, frame(1), frame(2), flags=flags)
    assert (desk.client.received, desk.manager.received) == ([frame(1), frame(2)], [])
    assert len(desk.mini.returned) == back
    assert desk.client.binding.receives_held == vc.vc.receives.lent == desk.adapter.receives.lent == 2 * keeps
    await desk.give_back()
    assert [nbl.owner for nbl in nbls] == [desk.adapter] * 2
    assert (desk.adapter.receives.indicated, desk.adapter.receives.returned) == (2, 2)
    assert vc.vc.receives.starved == desk.adapter.receives.starved == (2 if flags else 0)
    await desk.hang_up(vc)
    await desk.leave()


@on_bench6
async def test_lists_of_several_circuits_are_returned_in_one_call(bench: Bench6) -> None:
    """Each goes back on the circuit it came on."""
    desk = await office6(bench)
    calls = [await desk.call() for _ in range(2)]
    desk.client.keeps = True
    for number, vc in enumerate(calls):
        await desk.indicate(vc, frame(number))
    assert [vc.vc.receives.lent for vc in calls] == [1, 1]
    await desk.give_back()
    assert [vc.vc.receives.lent for vc in calls] == [0, 0]
    for vc in calls:
        await desk.hang_up(vc)
    await desk.leave()


@pytest.mark.parametrize(("wrong", "rule"), [("twice", "rx-return-once"), ("shown", "rx-resources-no-return")])
@on_bench6
async def test_a_list_is_returned_once_by_who_has_it(bench: Bench6, wrong: str, rule: str) -> None:
    """A second return, and the return of what was only shown, is refused."""
    desk = await office6(bench)
    vc = await desk.call()
    if wrong == "shown":
        caught: list[str] = []

        def give_back(
            binding: co.v6.CoBinding, end: co.VcEnd, nbls: list[object], flags: int, refused: list[str] = caught
        ) -> None:
            try:
                binding.return_nbls(nbls)  # type: ignore[arg-type]  # they are lists
            except RuleViolation as violation:
                refused.append(violation.rule)

        desk.client.co_receive_nbls = give_back  # type: ignore[method-assign, assignment]
        await desk.indicate(vc, frame(1), flags=RESOURCES)
        assert (caught, bench.rules()) == ([rule], [rule])
    else:
        nbls = await desk.indicate(vc, frame(1))
        with pytest.raises(RuleViolation, match=rule):
            await bench.passive(partial(desk.client.binding.return_nbls, nbls))
    assert (vc.vc.receives.lent, desk.client.binding.receives_held) == (0, 0)
    await desk.hang_up(vc)
    await desk.leave()


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        ("inactive", "co-activate-before-data"),
        ("paused", "rx-state-running"),
        ("connectionless", "co-indicate-connectionless"),
    ],
)
@on_bench6
async def test_an_indication_needs_an_active_circuit_of_a_running_adapter(bench: Bench6, state: str, rule: str) -> None:
    """Anything else is refused, and the lists stay the miniport's."""
    desk = await office6(bench)
    vc = await (desk.circuit() if state == "inactive" else desk.call())
    if state == "paused":
        await desk.adapter.pause()
    nbls = desk.mini.fill(frame(1))
    indicate = desk.mini.ndis.indicate_receive if state == "connectionless" else None
    with pytest.raises(RuleViolation, match=rule):
        await bench.dispatch(
            partial(indicate, nbls) if indicate else partial(desk.mini.ndis.co_indicate_receive, vc.vc, nbls)
        )
    assert (bench.rules(), nbls[0].owner, desk.client.received) == ([rule], desk.adapter, [])
    await desk.adapter.restart()
    if state == "inactive":
        await bench.passive(vc.delete)
    else:
        await desk.hang_up(vc)
    await desk.leave()


@on_bench6
async def test_a_protocol_that_raises_gives_back_what_it_was_given(bench: Bench6) -> None:
    """Nobody else could."""
    desk = await office6(bench)
    vc = await desk.call()

    def raises(*_: object) -> None:
        raise ValueError

    desk.client.co_receive_nbls = raises  # type: ignore[method-assign, assignment]
    await desk.indicate(vc, frame(1), frame(2))
    assert (bench.rules(), vc.vc.receives.lent, len(desk.mini.returned)) == (["bugcheck"], 0, 2)
    await desk.adapter.halt()
    assert set(bench.rules()) <= {"co-af-close-order", "co-incoming-close"}


@pytest.mark.parametrize("style", ["at once", "explicit", "coroutine"])
@on_bench6
async def test_requests_go_through_miniport_co_oid_request(bench: Bench6, style: str) -> None:
    """About a circuit or the adapter, in their turn, also where NDIS 6 would answer from attributes."""
    desk = await office6(bench)
    vc = await desk.call()
    desk.mini.asked.clear()
    desk.script.how["MiniportCoRequest"] = style
    requests = [co.CoRequest.query(Oid.GEN_LINK_SPEED, 8) for _ in range(2)]
    for request, end in zip(requests, (vc, None), strict=True):
        assert isinstance(request, co.CoRequest)
        await bench.passive(partial(desk.client.binding.co_request, request, end))
    await bench.pass_time()
    assert desk.mini.asked == [vc.vc, None]
    assert [request.answered for request in requests] == [b"\1\0\0\0"] * 2
    assert desk.log.count("ProtocolCoOidRequestComplete") == (0 if style == "at once" else 2)
    await desk.hang_up(vc)
    await desk.leave()


@on_bench6
async def test_a_status_of_a_circuit_goes_to_both_its_ends(bench: Bench6) -> None:
    """One of the adapter goes to everybody."""
    desk = await office6(bench)
    vc = await desk.call()
    indicate = desk.mini.ndis.co_indicate_status
    await bench.dispatch(lambda: indicate(vc.vc, Status.LINK_SPEED_CHANGE, b"\1"))
    await bench.dispatch(lambda: indicate(None, Status.MEDIA_CONNECT))
    assert desk.client.statuses == [(vc, Status.LINK_SPEED_CHANGE, b"\1"), (None, Status.MEDIA_CONNECT, b"")]
    assert desk.manager.statuses[0][0] is vc.vc.manager
    await desk.hang_up(vc)
    await desk.leave()


@on_bench6
async def test_protocol_and_miniport_are_of_one_generation(bench: Bench6) -> None:
    """Whatever else meets is the user's mistake."""
    desk = await office6(bench)
    five = await bench.start(CoMini(Script([])), "nic5")
    with pytest.raises(UsageError, match="which speaks NDIS 6, connection-oriented"):
        await bench.library.bind_circuits(Customer("client", desk.script), desk.adapter, bench.cpu)
    with pytest.raises(UsageError, match=r"which speaks NDIS 5\.1, connection-oriented"):
        await bench.library.bind_circuits(Customer6("client", desk.script), five, bench.cpu)
    with pytest.raises(UsageError, match="nothing but virtual circuits"):
        await bench.library.bind(Peer6(), desk.adapter, bench.cpu)
    await desk.leave()
