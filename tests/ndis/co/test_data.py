"""Data on circuits: sends and receives, who gets them, and what a deactivation waits for."""

from collections.abc import Sequence
from functools import partial

import pytest

from ndisemu.ndis import Oid, Packet, Status, co
from ndisemu.ndis.co.states import CallState, VcState
from tests.ndis.co.conftest import Office, office
from tests.ndis.conftest import LATER, Bench, frame, on_bench


def filled(packets: list[Packet], *numbers: int) -> list[Packet]:
    """Put numbered frames into a protocol's packets."""
    for packet, number in zip(packets, numbers, strict=False):
        packet.fill(frame(number))
    return packets[: len(numbers)]


@on_bench
async def test_a_send_comes_back_with_the_status_of_its_completion(bench: Bench) -> None:
    """The Status in the out-of-band block is the miniport's own business (seed 001)."""
    desk = await office(bench)
    vc = await desk.call()
    desk.mini.holds = True
    sent = filled(desk.client.packets, 1, 2)
    await bench.passive(lambda: vc.send_packets(sent))
    for packet in sent:
        packet.status = Status.FAILURE
    await bench.dispatch(lambda: desk.mini.ndis.co_send_complete(vc.vc, sent, Status.SUCCESS))
    assert desk.client.completed == [(packet, Status.SUCCESS) for packet in sent]
    assert (vc.vc.sends.completed, vc.vc.sends.in_flight, desk.adapter.sends.completed) == (2, 0, 2)
    await desk.hang_up(vc)
    await desk.leave()


@on_bench
async def test_each_circuit_has_its_own_sends_and_the_adapter_their_sum(bench: Bench) -> None:
    """The books of a circuit that is gone stay in the adapter's."""
    desk = await office(bench)
    first, second = await desk.call(), await desk.call()
    await bench.passive(lambda: first.send_packets(filled(desk.client.packets, 1)))
    await bench.passive(lambda: second.send_packets(filled(desk.client.packets[1:], 2, 3)))
    assert [end.vc.sends.submitted for end in (first, second)] == [1, 2]
    await desk.hang_up(first)
    assert (desk.adapter.sends.submitted, desk.adapter.sends.completed, desk.adapter.sends.in_flight) == (3, 3, 0)
    assert desk.mini.sent == [frame(number) for number in (1, 2, 3)]
    await desk.hang_up(second)
    await desk.leave()


@pytest.mark.parametrize(
    ("state", "status", "rules"),
    [
        ("created", Status.VC_NOT_ACTIVATED, ["co-activate-before-data"]),
        ("activating", Status.VC_NOT_ACTIVATED, ["co-activate-before-data"]),
        ("active", Status.VC_NOT_ACTIVATED, ["co-client-waits-connected"]),
        ("calling", Status.VC_NOT_ACTIVATED, ["co-client-waits-connected"]),
        ("released", Status.CLOSING, []),
        ("closing", Status.CLOSING, ["co-close-drain"]),
        ("closed", Status.VC_NOT_ACTIVATED, ["co-client-waits-connected"]),
        ("deactivating", Status.CLOSING, []),
        ("deleted", Status.VC_NOT_ACTIVATED, ["co-vc-handle-stale"]),
    ],
)
@on_bench
async def test_what_cannot_be_carried_is_completed_by_ndis(
    bench: Bench, state: str, status: Status, rules: list[str]
) -> None:
    """The miniport sees nothing of it, and the sender learns what it did wrong."""
    desk = await office(bench)
    await desk.register()
    vc = await bring(desk, state)
    await bench.passive(lambda: vc.send_packets(filled(desk.client.packets, 1)))
    assert (bench.rules(), desk.mini.sent) == (rules, [])
    assert desk.client.completed == [(desk.client.packets[0], status)]
    assert desk.adapter.sends.in_flight == 0
    await desk.adapter.halt()
    await bench.pass_time()
    # What a driver completes later finds the circuit gone.
    assert set(bench.rules()) <= {"co-af-close-order", "co-incoming-close", "co-vc-handle-stale"}


async def bring(desk: Office, state: str) -> co.ClientVc:
    """Bring a circuit into a state, by the name that a test gives it."""
    bench, how, parameters = desk.bench, desk.script.how, co.CallParameters()
    vc = await desk.circuit()
    manager = vc.vc.manager
    slow = {
        "activating": "MiniportCoActivateVc",
        "calling": "ProtocolCmMakeCall",
        "closing": "ProtocolCmCloseCall",
        "deactivating": "MiniportCoDeactivateVc",
    }
    if state in slow:
        how[slow[state]] = "explicit"
    if state in {"activating", "active", "calling"}:
        await bench.passive(lambda: manager.activate(parameters))
        desk.manager.activates = False
    if state not in {"created", "activating", "active", "deleted"}:
        await bench.passive(lambda: vc.make_call(parameters))
    if state == "released":
        await bench.passive(lambda: manager.dispatch_incoming_close_call(Status.SUCCESS))
    if state in {"closing", "closed"}:
        await bench.passive(vc.close_call)
    if state == "deactivating":
        await bench.passive(manager.deactivate)
    if state == "deleted":
        await bench.passive(vc.delete)
    return vc


@on_bench
async def test_a_call_that_is_accepted_carries_nothing_before_it_is_connected(bench: Bench) -> None:
    """A client that sends in ProtocolClIncomingCall, or before CallConnected, is told so."""
    desk = await office(bench)
    sap = await desk.register()
    _, vc = await bench.passive(desk.manager.afs[0].create_vc)
    assert vc is not None
    client = vc.vc.client
    assert client is not None
    await bench.passive(lambda: vc.activate(co.CallParameters()))
    await bench.passive(lambda: vc.dispatch_incoming_call(sap, co.CallParameters()))
    await bench.passive(lambda: client.send_packets(filled(desk.client.packets, 1)))
    assert bench.rules() == ["co-client-waits-connected"]
    await bench.passive(vc.dispatch_call_connected)
    await bench.passive(lambda: client.send_packets(filled(desk.client.packets, 2)))
    assert [status for _, status in desk.client.completed] == [Status.VC_NOT_ACTIVATED, Status.SUCCESS]
    await bench.passive(client.close_call)
    await bench.passive(vc.deactivate)
    await bench.passive(vc.delete)
    await bench.passive(desk.client.sap.deregister)
    await desk.leave()


@pytest.mark.parametrize(
    ("kept", "starved", "back", "held", "rules"),
    [
        (0, False, 2, 0, []),
        (1, False, 0, 2, []),
        (2, False, 0, 4, []),
        ((1, 0), False, 1, 1, []),
        (0, True, 0, 0, []),
        (1, True, 0, 0, ["co-rx-return"]),
        (-1, False, 2, 0, ["co-rx-return"]),
        ((1,), False, 2, 0, ["co-rx-return"]),
        ("two", False, 2, 0, ["co-rx-return"]),
    ],
)
@on_bench
async def test_a_protocol_keeps_as_many_references_as_it_says(
    bench: Bench, kept: int, starved: bool, back: int, held: int, rules: list[str]
) -> None:
    """Packets come back when the last reference is returned, those short of resources at once and for good."""
    desk = await office(bench)
    vc = await desk.call()
    desk.client.kept = kept
    status = Status.RESOURCES if starved else Status.SUCCESS
    packets = desk.mini.fill(frame(1), frame(2), status=status)
    await bench.dispatch(lambda: desk.mini.ndis.co_indicate_receive(vc.vc, packets))
    assert (desk.client.received, desk.manager.received) == ([frame(1), frame(2)], [])
    assert (len(desk.mini.returned), desk.client.binding.receives_held) == (back, held)
    assert bench.rules() == rules
    while desk.client.binding.receives_held:
        lent = [packet for packet in packets if packet.references]
        await bench.passive(partial(desk.client.binding.return_packets, lent))
    assert len(desk.mini.returned) == (0 if starved else 2)
    assert vc.vc.receives.lent == desk.adapter.receives.lent == 0
    assert (desk.adapter.receives.indicated, desk.adapter.receives.returned) == (2, 2)
    await desk.hang_up(vc)
    await desk.leave()


@pytest.mark.parametrize(
    ("kept", "starved", "times", "rules"),
    [
        (0, False, 1, ["co-rx-return"]),
        (1, False, 1, []),
        (1, False, 2, ["co-rx-return"]),
        (0, True, 1, ["co-rx-return"]),
    ],
)
@on_bench
async def test_what_is_returned_inside_the_handler_must_have_been_promised(
    bench: Bench, kept: int, starved: bool, times: int, rules: list[str]
) -> None:
    """The books are right afterwards, whatever the protocol has done."""
    desk = await office(bench)
    vc = await desk.call()

    def keep(vc: co.VcEnd, packets: Sequence[Packet]) -> int:
        for _ in range(times):
            desk.client.binding.return_packets(packets)
        return kept

    desk.client.co_receive_packets = keep  # type: ignore[method-assign]
    packets = desk.mini.fill(frame(1), frame(2), status=Status.RESOURCES if starved else Status.SUCCESS)
    await bench.dispatch(lambda: desk.mini.ndis.co_indicate_receive(vc.vc, packets))
    assert bench.rules() == rules
    assert (desk.client.binding.receives_held, vc.vc.receives.lent) == (0, 0)
    assert [packet.owner for packet in packets] == [desk.adapter] * 2
    await desk.hang_up(vc)
    await desk.leave()


@on_bench
async def test_packets_of_several_circuits_are_returned_in_one_array(bench: Bench) -> None:
    """Each goes back on the circuit it came on."""
    desk = await office(bench)
    calls = [await desk.call() for _ in range(2)]
    desk.client.kept = 1
    for number, vc in enumerate(calls):
        packets = desk.mini.fill(frame(number))
        await bench.dispatch(partial(desk.mini.ndis.co_indicate_receive, vc.vc, packets))
    assert [vc.vc.receives.lent for vc in calls] == [1, 1]
    await bench.passive(lambda: desk.client.binding.return_packets(desk.client.held))
    assert [vc.vc.receives.lent for vc in calls] == [0, 0]
    for vc in calls:
        await desk.hang_up(vc)
    await desk.leave()


@on_bench
async def test_receive_complete_goes_to_who_was_offered_something(bench: Bench) -> None:
    """NdisMCoReceiveComplete leads to ProtocolReceiveComplete once, and to nobody else."""
    desk = await office(bench)
    vc = await desk.call()
    await bench.dispatch(lambda: desk.mini.ndis.co_indicate_receive(vc.vc, desk.mini.fill(frame(1))))
    for _ in range(2):
        await bench.dispatch(desk.mini.ndis.co_receive_complete)
    assert desk.log == ["ProtocolReceiveComplete"]
    await desk.hang_up(vc)
    await desk.leave()


@on_bench
async def test_a_signalling_circuit_is_the_call_managers_own(bench: Bench) -> None:
    """It has no client and no call, and its data is the call manager's."""
    desk = await office(bench)
    status, vc = await bench.passive(desk.manager.binding.create_vc)
    assert (status, vc is not None) == (Status.SUCCESS, True)
    assert vc is not None
    assert await bench.passive(lambda: vc.activate(co.CallParameters())) is Status.SUCCESS
    await bench.passive(lambda: vc.send_packets(filled(desk.manager.packets, 1)))
    await bench.dispatch(lambda: desk.mini.ndis.co_indicate_receive(vc.vc, desk.mini.fill(frame(2))))
    assert (desk.mini.sent, desk.manager.received, desk.client.received) == ([frame(1)], [frame(2)], [])
    assert await bench.passive(vc.deactivate) is Status.SUCCESS
    assert await bench.passive(vc.delete) is Status.SUCCESS
    assert "ProtocolCoDeleteVc (client)" not in desk.log
    await desk.leave()


@on_bench
async def test_a_deactivation_waits_for_sends_and_receives(bench: Bench) -> None:
    """NDIS reports a miniport that ends it too early, and keeps the end back until nothing is outstanding."""
    desk = await office(bench)
    vc = await desk.call()
    desk.mini.holds = True
    desk.client.kept = 1
    sent = filled(desk.client.packets, 1)
    await bench.passive(lambda: vc.send_packets(sent))
    await bench.dispatch(lambda: desk.mini.ndis.co_indicate_receive(vc.vc, desk.mini.fill(frame(2))))
    assert await bench.passive(vc.vc.manager.deactivate) is Status.PENDING
    assert bench.rules() == ["co-deactivate-drain"]
    await bench.dispatch(lambda: desk.mini.ndis.co_send_complete(vc.vc, sent, Status.SUCCESS))
    states = [vc.vc.state.current]
    await bench.passive(lambda: desk.client.binding.return_packets(desk.client.held))
    states.append(vc.vc.state.current)
    assert states == [VcState.DEACTIVATING, VcState.CREATED]
    assert desk.log[-1] == "ProtocolCmDeactivateVcComplete"
    assert await bench.passive(vc.close_call) is Status.SUCCESS
    assert await bench.passive(vc.delete) is Status.SUCCESS
    await desk.leave()


@pytest.mark.parametrize("style", ["at once", "explicit", "coroutine"])
@on_bench
async def test_a_failed_reactivation_leaves_the_old_parameters_in_force(bench: Bench, style: str) -> None:
    """The circuit carries data before, meanwhile and afterwards; a successful one changes the parameters."""
    desk = await office(bench)
    vc = await desk.call()
    old, new = vc.vc.parameters, co.CallParameters(co.CallFlag.QUERY_CALL_PARAMETERS)
    desk.script.how["MiniportCoActivateVc"] = style
    desk.script.says["MiniportCoActivateVc"] = Status.INVALID_DATA
    await bench.passive(lambda: vc.vc.manager.activate(new))
    await bench.passive(lambda: vc.send_packets(filled(desk.client.packets, 1)))
    await bench.pass_time()
    assert (vc.vc.state.current, vc.vc.parameters is old) == (VcState.ACTIVE, True)
    desk.script.says["MiniportCoActivateVc"] = Status.SUCCESS
    await bench.passive(lambda: vc.vc.manager.activate(new))
    await bench.pass_time()
    assert (vc.vc.state.current, vc.vc.parameters is new) == (VcState.ACTIVE, True)
    assert [status for _, status in desk.client.completed] == [Status.SUCCESS]
    await desk.hang_up(vc)
    await desk.leave()


@on_bench
async def test_a_dead_miniport_gives_everything_back(bench: Bench) -> None:
    """Sends come back circuit by circuit in their order, and pending activations fail."""
    desk = await office(bench)
    first, second, third = await desk.call(), await desk.call(), await desk.circuit()
    desk.mini.holds = True
    desk.script.how["MiniportCoActivateVc"] = "explicit"
    for end, places in ((second, slice(0, 1)), (first, slice(1, 3))):
        await bench.passive(partial(end.send_packets, desk.client.packets[places]))
    assert await bench.passive(lambda: third.vc.manager.activate(co.CallParameters())) is Status.PENDING
    await bench.passive(lambda: desk.adapter.stop("bugcheck", "the test stops it"))
    await bench.pass_time(LATER)
    assert [packet.number for packet, _ in desk.client.completed] == [
        desk.client.packets[place].number for place in (1, 2, 0)
    ]
    assert {status for _, status in desk.client.completed} == {Status.FAILURE}
    assert (third.vc.state.current, desk.manager.ended[-1]) == (VcState.CREATED, Status.FAILURE)
    assert await bench.passive(first.close_call) is Status.SUCCESS
    assert await bench.passive(first.vc.manager.deactivate) is Status.SUCCESS
    assert await bench.passive(first.delete) is Status.SUCCESS
    assert await bench.passive(desk.client.af.create_vc) == (Status.ADAPTER_NOT_READY, None)
    await desk.adapter.halt()
    assert set(bench.rules()) == {"bugcheck", "co-af-close-order"}


@on_bench
async def test_a_protocol_that_raises_fails_what_others_wait_for(bench: Bench) -> None:
    """A call that a dead call manager would have to complete fails, and the client goes on."""
    desk = await office(bench)
    pending, fresh = await desk.circuit(), await desk.circuit()
    desk.script.how["ProtocolCmMakeCall"] = "explicit"
    assert await bench.passive(lambda: pending.make_call(co.CallParameters())) is Status.PENDING
    await bench.passive(lambda: desk.manager.binding.fail("ProtocolTimer", ValueError("a bug")))
    assert desk.client.ended == [Status.FAILURE]
    assert await bench.passive(lambda: fresh.make_call(co.CallParameters())) is Status.FAILURE
    assert await bench.passive(fresh.delete) is Status.SUCCESS
    await bench.pass_time()
    await desk.adapter.halt()
    assert set(bench.rules()) == {"bugcheck", "co-af-close-order", "co-complete-once"}


@on_bench
async def test_a_request_goes_to_the_miniport_in_its_turn(bench: Bench) -> None:
    """With its circuit or without; one at a time, whoever asks."""
    desk = await office(bench)
    vc = await desk.call()
    desk.mini.asked.clear()
    desk.script.how["MiniportCoRequest"] = "explicit"
    requests = [co.CoRequest.query(Oid.GEN_LINK_SPEED, 8) for _ in range(2)]
    ends = (vc, None)
    ask = desk.client.binding.co_request
    for request, end in zip(requests, ends, strict=True):
        assert isinstance(request, co.CoRequest)
        assert await bench.passive(partial(ask, request, end)) is Status.PENDING
    await bench.pass_time()
    assert desk.mini.asked == [vc.vc, None]
    assert [request.answered for request in requests] == [b"\1\0\0\0"] * 2
    assert desk.log.count("ProtocolCoRequestComplete") == 2
    await desk.hang_up(vc)
    await desk.leave()


@pytest.mark.parametrize("style", ["at once", "explicit", "coroutine"])
@on_bench
async def test_a_request_with_a_family_goes_to_the_other_side(bench: Bench, style: str) -> None:
    """Client and call manager ask each other directly."""
    desk = await office(bench)
    desk.script.how["ProtocolCoRequest"] = style
    for asking, af in ((desk.client, desk.client.af), (desk.manager, desk.manager.afs[0])):
        request = co.CoRequest.query(Oid.GEN_LINK_SPEED, 8)
        assert isinstance(request, co.CoRequest)
        status = await bench.passive(partial(af.co_request, request))
        await bench.pass_time()
        assert (status, asking.ended) == (
            (Status.SUCCESS, []) if style == "at once" else (Status.PENDING, [Status.SUCCESS])
        )
        assert request.answered == b"peer"
    await desk.leave()


@on_bench
async def test_a_status_of_a_circuit_goes_to_both_its_ends(bench: Bench) -> None:
    """One of the adapter goes to everybody."""
    desk = await office(bench)
    vc = await desk.call()
    indicate = desk.mini.ndis.co_indicate_status
    await bench.dispatch(lambda: indicate(vc.vc, Status.LINK_SPEED_CHANGE, b"\1"))
    await bench.dispatch(lambda: indicate(None, Status.MEDIA_CONNECT))
    assert desk.client.statuses == [(vc, Status.LINK_SPEED_CHANGE, b"\1"), (None, Status.MEDIA_CONNECT, b"")]
    assert desk.manager.statuses[0][0] is vc.vc.manager
    assert len(desk.manager.statuses) == 2
    await desk.hang_up(vc)
    await desk.leave()


@on_bench
async def test_a_client_that_is_bound_later_learns_of_the_family_too(bench: Bench) -> None:
    """ProtocolCoAfRegisterNotify comes once for each family, whoever was there first."""
    desk = await office(bench)
    await bench.pass_time()
    other = co.AddressFamilyId(co.FamilyId.TAPI)
    assert await bench.passive(lambda: desk.manager.binding.register_address_family(other)) is Status.SUCCESS
    assert await bench.passive(lambda: desk.manager.binding.register_address_family(other)) is Status.FAILURE
    await bench.pass_time()
    assert desk.client.notified == [desk.client.af.family, other]
    await desk.leave()


@on_bench
async def test_a_call_manager_may_change_the_parameters_of_a_call(bench: Bench) -> None:
    """The client finds the new ones in the completion, with CALL_PARAMETERS_CHANGED."""
    desk = await office(bench)
    vc = await desk.circuit()
    desk.script.how["ProtocolCmMakeCall"] = "explicit"
    desk.manager.parameters = co.CallParameters(co.CallFlag.CALL_PARAMETERS_CHANGED)
    await bench.passive(lambda: vc.make_call(co.CallParameters()))
    await bench.pass_time()
    assert vc.vc.call is not None
    assert (vc.vc.call.parameters, vc.vc.call.state.current) == (desk.manager.parameters, CallState.CONNECTED)
    await desk.hang_up(vc)
    await desk.leave()
