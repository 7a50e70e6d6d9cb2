"""What each driver can do wrong with circuits, calls and families ends in a rule that names it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import pytest

from ndisemu.errors import RuleViolation, UsageError
from ndisemu.ndis import Packet, Status, co
from ndisemu.ndis.co.states import CallState, VcState
from tests.ndis.co.conftest import FAMILY, CoMini, Customer, Exchange, Office, Script, office
from tests.ndis.conftest import Bench, Mini, Peer, frame, on_bench

PARAMETERS: Final = co.CallParameters()
_OK: Final = Status.SUCCESS


async def refused(bench: Bench, rule: str, routine: Callable[[], object]) -> None:
    """Make a call that must be refused by `rule`, and recorded unless a wrong state says it all."""
    with pytest.raises(RuleViolation, match=rule):
        await bench.passive(routine)
    assert bench.rules() == ([] if rule.startswith(("st-", "proto-", "co-rx-")) else [rule])


@on_bench
async def test_a_miniport_that_says_it_is_serialized_is_refused(bench: Bench) -> None:
    """Connection-oriented miniports are deserialized by definition (seeds 001 and 003)."""

    class Serialized(CoMini):
        deserialized = False

    with pytest.raises(RuleViolation, match=r"co-deserialized: Serialized is connection-oriented"):
        bench.add(Serialized(Script([])))


@pytest.mark.parametrize("entry", ["co_create_vc", "co_delete_vc"])
@on_bench
async def test_entries_that_may_not_pend_may_not_be_coroutines(bench: Bench, entry: str) -> None:
    """They are refused when the driver is registered."""

    async def later(self: CoMini, vc: co.VirtualCircuit) -> Status:
        return Status.SUCCESS

    with pytest.raises(RuleViolation, match="entry-async"):
        bench.add(type("Late", (CoMini,), {entry: later})(Script([])))


@on_bench
async def test_protocols_bind_to_adapters_of_their_kind(bench: Bench) -> None:
    """A client finds no circuits on a connectionless adapter, and a 5.1 protocol no packets on a circuit's."""
    script = Script([])
    connectionless = await bench.start(Mini(), "nic1")
    oriented = await bench.start(CoMini(script), "nic2")
    with pytest.raises(UsageError, match="has no virtual circuits"):
        await bench.library.bind_circuits(Customer("client", script), connectionless, bench.cpu)
    with pytest.raises(UsageError, match="nothing but virtual circuits"):
        await bench.library.bind(Peer(), oriented, bench.cpu)


@pytest.mark.parametrize("entry", ["MiniportCoCreateVc", "ProtocolCoCreateVc"])
@on_bench
async def test_a_create_that_pends_fails(bench: Bench, entry: str) -> None:
    """PENDING is no answer to a creation; what had been created before is deleted again."""
    desk = await office(bench)
    desk.script.says[entry] = Status.PENDING
    assert await bench.passive(desk.client.af.create_vc) == (Status.FAILURE, None)
    assert bench.rules() == ["co-createvc-sync"]
    assert ("MiniportCoDeleteVc" in desk.log) is (entry == "ProtocolCoCreateVc")
    desk.script.says[entry] = Status.RESOURCES
    assert await bench.passive(desk.client.af.create_vc) == (Status.RESOURCES, None)
    await desk.leave()


@pytest.mark.parametrize(
    ("entry", "status", "rules"),
    [
        ("MiniportCoDeleteVc", Status.SUCCESS, ["co-deletevc-sync", "co-delete-refused"]),
        ("ProtocolCoDeleteVc", Status.FAILURE, ["co-deletevc-sync"]),
    ],
)
@on_bench
async def test_a_delete_that_pends_is_reported(bench: Bench, entry: str, status: Status, rules: list[str]) -> None:
    """A peer's refusal keeps the circuit; a miniport has no reason to refuse."""
    desk = await office(bench)
    vc = await desk.circuit()
    desk.script.says[entry] = Status.PENDING
    assert await bench.passive(vc.delete) is status
    assert bench.rules() == rules
    if status is not Status.SUCCESS:
        desk.script.says[entry] = Status.SUCCESS
        assert await bench.passive(vc.delete) is Status.SUCCESS
    await desk.leave()


@on_bench
async def test_a_circuit_without_a_context_is_reported(bench: Bench) -> None:
    """A successful creation leaves the miniport's context in the circuit."""
    desk = await office(bench)
    desk.mini.context = None
    vc = await desk.circuit()
    assert bench.rules() == ["co-vc-context"]
    assert await bench.passive(vc.delete) is Status.SUCCESS
    await desk.leave()


@on_bench
async def test_a_circuit_is_deleted_inactive_and_without_a_call(bench: Bench) -> None:
    """Until then the delete changes nothing, and says whether it is worth waiting."""
    desk = await office(bench)
    vc = await desk.call()
    assert await bench.passive(vc.delete) is Status.NOT_ACCEPTED
    desk.script.how |= {"ProtocolCmCloseCall": "explicit", "MiniportCoDeactivateVc": "explicit"}
    await bench.passive(vc.close_call)
    assert await bench.passive(vc.delete) is Status.CLOSING
    await bench.pass_time()
    assert await bench.passive(vc.delete) is Status.NOT_ACCEPTED
    await bench.passive(vc.vc.manager.deactivate)
    assert await bench.passive(vc.delete) is Status.CLOSING
    await bench.pass_time()
    assert bench.rules() == ["co-delete-inactive"] * 4
    assert await bench.passive(vc.delete) is Status.SUCCESS
    await desk.leave()


def _offer(desk: Office) -> tuple[Any, co.CallParameters]:
    """What is offered; the SAP is not looked at before the circuit's state."""

    class Nowhere:
        client = None

    return Nowhere(), PARAMETERS


def _request() -> co.CoRequest:
    return co.CoRequest(_OID, is_set=False, data=b"", length=4)


_OID: Any = 0x10107


def _indicate(desk: Office, vc: co.ClientVc) -> None:
    desk.mini.ndis.co_indicate_receive(vc.vc, desk.mini.free[:1])


async def _call(desk: Office) -> co.ClientVc:
    return await desk.call()


async def _circuit(desk: Office) -> co.ClientVc:
    return await desk.circuit()


@pytest.mark.parametrize(
    ("prepare", "rule", "wrong"),
    [
        (_circuit, "co-delete-by-creator", lambda _, vc: vc.vc.manager.delete()),
        (_circuit, "co-incoming-sequence", lambda desk, vc: vc.vc.manager.dispatch_incoming_call(*_offer(desk))),
        (_call, "co-incoming-sequence", lambda _, vc: vc.vc.manager.dispatch_call_connected()),
        (_call, "st-illegal", lambda _, vc: vc.make_call(PARAMETERS)),
        (_circuit, "st-illegal", lambda _, vc: vc.close_call()),
        (_circuit, "st-illegal", lambda _, vc: vc.vc.manager.deactivate()),
        (_circuit, "st-illegal", lambda _, vc: vc.vc.manager.dispatch_incoming_close_call(Status.SUCCESS)),
        (_call, "co-send-user", lambda desk, vc: vc.vc.manager.send_packets(desk.manager.packets[:1])),
        (
            _circuit,
            "co-activate-complete",
            lambda desk, vc: desk.mini.ndis.co_activate_vc_complete(vc.vc, _OK),
        ),
        (
            _call,
            "co-deactivate-complete",
            lambda desk, vc: desk.mini.ndis.co_deactivate_vc_complete(vc.vc, _OK),
        ),
        (_call, "co-complete-once", lambda _, vc: vc.vc.manager.make_call_complete(_OK)),
        (_call, "co-complete-once", lambda _, vc: vc.vc.manager.close_call_complete(_OK)),
        (_call, "co-complete-once", lambda _, vc: vc.incoming_call_complete(_OK)),
        (_call, "co-af-close-order", lambda desk, _: desk.client.af.close()),
        (_circuit, "co-af-close-order", lambda desk, _: desk.client.af.close()),
        (_circuit, "co-complete-once", lambda desk, _: desk.manager.afs[0].open_complete(_OK)),
        (_circuit, "co-complete-once", lambda desk, _: desk.manager.afs[0].close_complete(_OK)),
        (_circuit, "co-complete-once", lambda desk, _: desk.client.af.notify_close_complete(_OK)),
        (_circuit, "co-oid-complete", lambda desk, _: desk.client.af.co_request_complete(_request(), _OK)),
        (_circuit, "co-oid-complete", lambda desk, _: desk.mini.ndis.co_request_complete(_request(), _OK)),
        (_circuit, "co-activate-before-data", _indicate),
        (_call, "co-role", lambda desk, _: desk.client.binding.register_address_family(FAMILY)),
        (_call, "co-role", lambda desk, _: desk.manager.binding.open_address_family(FAMILY)),
        (_call, "co-indicate-connectionless", lambda desk, _: desk.mini.ndis.indicate_receive(desk.mini.free[:1])),
        (_call, "co-rx-return", lambda desk, _: desk.client.binding.return_packets(desk.client.packets[:1])),
    ],
)
@on_bench
async def test_a_call_out_of_order_is_refused_and_changes_nothing(
    bench: Bench,
    prepare: Callable[[Office], Awaitable[co.ClientVc]],
    rule: str,
    wrong: Callable[[Office, co.ClientVc], object],
) -> None:
    """The driver is told which rule it has broken, and the circuit stays as it was."""
    desk = await office(bench)
    vc = await prepare(desk)
    before = (vc.vc.state.current, call_of(vc))
    await refused(bench, rule, lambda: wrong(desk, vc))
    assert (vc.vc.state.current, call_of(vc)) == before
    await finish(bench, desk)


def call_of(vc: co.VcEnd) -> CallState | None:
    """Say where the call on `vc` is."""
    return None if vc.vc.call is None else vc.vc.call.state.current


async def finish(bench: Bench, desk: Office) -> None:
    """Halt; NDIS reports what a test has left open, and takes it away."""
    await desk.adapter.halt()
    assert set(bench.rules()) <= {"co-af-close-order"}
    assert desk.adapter.connections.circuits == []


@on_bench
async def test_a_deleted_circuit_is_used_no_more(bench: Bench) -> None:
    """By none of its handles: the client's, the call manager's, the miniport's."""
    desk = await office(bench)
    vc = await desk.circuit()
    manager = vc.vc.manager
    await bench.passive(vc.delete)
    uses: list[tuple[str, Callable[[], object]]] = [
        ("co-vc-handle-stale", lambda: vc.make_call(PARAMETERS)),
        ("co-vc-handle-stale", vc.delete),
        ("co-vc-handle-stale", lambda: manager.activate(PARAMETERS)),
        ("co-vc-handle-stale", lambda: desk.mini.ndis.co_activate_vc_complete(vc.vc, _OK)),
        ("co-vc-handle-stale", lambda: _indicate(desk, vc)),
        ("co-status-vc", lambda: desk.mini.ndis.co_indicate_status(vc.vc, Status.LINK_STATE)),
    ]
    for rule, use in uses:
        await refused(bench, rule, use)
    await desk.leave()


@on_bench
async def test_a_closed_family_is_used_no_more(bench: Bench) -> None:
    """Its handle is invalid from the close on."""
    desk = await office(bench)
    await desk.leave()
    for use in (desk.client.af.close, desk.client.af.create_vc, desk.manager.afs[0].create_vc):
        await refused(bench, "co-af-handle", use)


@on_bench
async def test_a_family_that_nobody_offers_cannot_be_opened(bench: Bench) -> None:
    """The open fails at once, and leaves nothing."""
    desk = await office(bench)
    other = co.AddressFamilyId(co.FamilyId.PPP)
    assert await bench.passive(lambda: desk.client.binding.open_address_family(other)) == (Status.FAILURE, None)
    await desk.leave()


@on_bench
async def test_parties_and_changes_of_quality_are_not_supported(bench: Bench) -> None:
    """NDIS says so, and asks nobody."""
    desk = await office(bench)
    vc = await desk.call()
    calls = (
        lambda: vc.modify_call_qos(PARAMETERS),
        lambda: vc.add_party(PARAMETERS),
        vc.drop_party,
        lambda: vc.vc.manager.dispatch_incoming_call_qos_change(PARAMETERS),
    )
    assert [await bench.passive(call) for call in calls] == [Status.NOT_SUPPORTED] * 4
    assert desk.log == []
    await desk.hang_up(vc)
    await desk.leave()


@pytest.mark.parametrize("style", ["at once", "explicit"])
@on_bench
async def test_a_call_is_made_on_an_active_circuit(bench: Bench, style: str) -> None:
    """A call manager that completes a call before its circuit is active has failed it."""
    desk = await office(bench)
    vc = await desk.circuit()
    desk.manager.activates = False
    desk.script.how["ProtocolCmMakeCall"] = style
    await bench.passive(lambda: vc.make_call(PARAMETERS))
    await bench.pass_time()
    assert (bench.rules(), call_of(vc)) == (["co-makecall-complete-order"], CallState.IDLE)
    assert await bench.passive(vc.delete) is Status.SUCCESS
    await desk.leave()


@on_bench
async def test_a_call_is_closed_when_its_sends_are_back(bench: Bench) -> None:
    """A close before that is refused, and the call goes on."""
    desk = await office(bench)
    vc = await desk.call()
    desk.mini.holds = True
    await bench.passive(lambda: vc.send_packets(desk.client.packets[:1]))
    await refused(bench, "co-close-drain", vc.close_call)
    await bench.dispatch(lambda: desk.mini.ndis.co_send_complete(vc.vc, desk.client.packets[:1], _OK))
    await desk.hang_up(vc)
    await desk.leave()


@pytest.mark.parametrize(
    ("complete", "rule"),
    [
        (
            lambda desk, one, _, packets: desk.mini.ndis.co_send_complete(one.vc, [*packets, *packets], _OK),
            "co-send-complete-once",
        ),
        (
            lambda desk, _, other, packets: desk.mini.ndis.co_send_complete(other.vc, packets, _OK),
            "co-send-complete-once",
        ),
        (lambda desk, _, __, packets: desk.mini.ndis.send_complete(packets, _OK), "send-complete-not-owned"),
        (
            lambda desk, one, _, packets: desk.mini.ndis.co_send_complete(one.vc, packets, Status.PENDING),
            "send-complete-pending",
        ),
        (
            lambda desk, one, _, packets: desk.mini.ndis.co_send_complete(one.vc, packets, None),
            "send-complete-argument",
        ),
        (lambda desk, one, _, __: desk.mini.ndis.co_send_complete(one.vc, [None], _OK), "send-complete-argument"),
    ],
)
@on_bench
async def test_each_packet_is_completed_once_on_its_circuit(
    bench: Bench,
    complete: Callable[[Office, co.ClientVc, co.ClientVc, Sequence[Packet]], object],
    rule: str,
) -> None:
    """A completion that is wrong is refused whole, and the right one still counts."""
    desk = await office(bench)
    one, other = await desk.call(), await desk.call()
    desk.mini.holds = True
    packets = desk.client.packets[:2]
    await bench.passive(lambda: one.send_packets(packets))
    with pytest.raises(RuleViolation, match=rule):
        await bench.passive(lambda: complete(desk, one, other, packets))
    bench.rules()
    assert desk.client.completed == []
    await bench.passive(lambda: desk.mini.ndis.co_send_complete(one.vc, packets, _OK))
    assert [status for _, status in desk.client.completed] == [_OK] * 2
    for vc in (one, other):
        await desk.hang_up(vc)
    await desk.leave()


@on_bench
async def test_nothing_is_indicated_after_a_deactivation(bench: Bench) -> None:
    """The refusal has a name of its own where the circuit has been active before."""
    desk = await office(bench)
    vc = await desk.call()
    await bench.passive(vc.close_call)
    await bench.passive(vc.vc.manager.deactivate)
    await refused(bench, "co-no-data-after-deactivate", lambda: _indicate(desk, vc))
    await bench.passive(vc.delete)
    await desk.leave()


@on_bench
async def test_a_miniport_that_raises_while_it_sends_is_stopped(bench: Bench) -> None:
    """The packets of the call fail, and so does whatever else it had."""

    class Raising(CoMini):
        def co_send_packets(self, vc: co.VirtualCircuit, packets: Sequence[Packet]) -> None:
            raise ValueError("a bug")

    desk = Office(bench)
    desk.mini = Raising(desk.script)
    await desk.open()
    vc = await desk.call()
    await bench.passive(lambda: vc.send_packets(desk.client.packets[:2]))
    assert [status for _, status in desk.client.completed] == [Status.FAILURE] * 2
    assert (bench.rules(), desk.adapter.alive) == (["bugcheck"], False)
    await finish(bench, desk)


@pytest.mark.parametrize(
    ("value", "coroutine", "rules"),
    [
        (Status.SUCCESS, True, []),
        (Status.RESOURCES, True, []),
        (7, True, ["send-return"]),
        (Status.SUCCESS, False, ["send-return"]),
    ],
)
@on_bench
async def test_what_a_coroutine_of_send_packets_returns_completes_the_rest(
    bench: Bench, value: object, coroutine: bool, rules: list[str]
) -> None:
    """A status completes what is left of the call; anything else is no answer, and a plain routine returns nothing."""

    class Answering(CoMini):
        def co_send_packets(self, vc: co.VirtualCircuit, packets: Sequence[Packet]) -> Any:
            self.ndis.co_send_complete(vc, packets[0], Status.SUCCESS)
            return self.ended() if coroutine else value

        async def ended(self) -> Any:
            return value

    desk = Office(bench)
    desk.mini = Answering(desk.script)
    await desk.open()
    vc = await desk.call()
    await bench.passive(lambda: vc.send_packets(desk.client.packets[:2]))
    assert bench.rules() == rules
    last = Status.FAILURE if rules else value
    assert [status for _, status in desk.client.completed] == [Status.SUCCESS, last]
    await desk.hang_up(vc)
    await desk.leave()


@pytest.mark.parametrize("leaver", ["client", "call manager"])
@on_bench
async def test_what_a_closing_binding_leaves_is_taken_away(bench: Bench, leaver: str) -> None:
    """It is reported; circuits are deactivated and deleted, also for the other side."""
    desk = await office(bench)
    await desk.register()
    vc = await desk.call()
    desk.script.how["MiniportCoDeactivateVc"] = "explicit"
    protocol: Customer | Exchange = desk.client if leaver == "client" else desk.manager
    await bench.library.unbind(protocol.binding)
    assert bench.rules() == ["co-af-close-order"]
    assert (vc.vc.live, vc.vc.state.current) == (False, VcState.DELETED)
    assert "MiniportCoDeactivateVc" in desk.log
    assert "MiniportCoDeleteVc" in desk.log
    assert desk.adapter.connections.families == []


@on_bench
async def test_a_deactivation_that_never_ends_stops_the_adapter(bench: Bench) -> None:
    """A close does not hang on it."""

    class Never(CoMini):
        def co_deactivate_vc(self, vc: co.VirtualCircuit) -> Status:
            return Status.PENDING

    desk = Office(bench)
    desk.mini = Never(desk.script)
    await desk.open()
    await desk.call()
    await bench.library.unbind(desk.client.binding)
    assert bench.rules() == ["co-af-close-order", "co-deactivate-complete"]
    assert not desk.adapter.alive


@on_bench
async def test_a_close_while_a_send_is_out_waits_for_it(bench: Bench) -> None:
    """The circuit is drained before it goes."""
    desk = await office(bench)
    vc = await desk.call()
    desk.mini.holds = True
    await bench.passive(lambda: vc.send_packets(desk.client.packets[:1]))
    desk.mini.later("from a timer", lambda: desk.mini.ndis.co_send_complete(vc.vc, desk.client.packets[:1], _OK))
    await bench.library.unbind(desk.client.binding)
    assert bench.rules() == ["co-af-close-order", "co-deactivate-drain"]
    assert [status for _, status in desk.client.completed] == [_OK]
    assert frame(1)


@on_bench
async def test_a_coroutine_that_outlives_its_binding_is_closed(bench: Bench) -> None:
    """NDIS closes it and says where it was."""
    desk = await office(bench)
    vc = await desk.circuit()
    desk.script.how["ProtocolCmMakeCall"] = "coroutine"
    await bench.passive(lambda: vc.make_call(PARAMETERS))
    await bench.library.unbind(desk.manager.binding)
    assert bench.rules() == ["co-af-close-order", "st-halt-quiet"]
    assert desk.client.ended == [Status.FAILURE]


@on_bench
async def test_a_call_that_has_ended_is_closed_by_its_client(bench: Bench) -> None:
    """A client that was told and did nothing has forgotten it, at the latest when its binding closes."""
    desk = await office(bench)
    vc = await desk.call()
    await bench.passive(lambda: vc.vc.manager.dispatch_incoming_close_call(Status.SUCCESS))
    await bench.library.unbind(desk.client.binding)
    assert bench.rules() == ["co-af-close-order", "co-incoming-close"]


@pytest.mark.parametrize("style", ["explicit", "coroutine"])
@on_bench
async def test_nobody_is_told_anything_after_its_binding_has_closed(bench: Bench, style: str) -> None:
    """What was pending ends when the binding closes, and what the call manager completes later reaches nobody."""
    desk = await office(bench)
    vc = await desk.circuit()
    desk.script.how |= {"ProtocolCmMakeCall": style, "ProtocolCmRegisterSap": style}
    await bench.passive(lambda: vc.make_call(PARAMETERS))
    await bench.passive(lambda: desk.client.af.register_sap(co.CoSap(1, b"sap")))
    await bench.library.unbind(desk.client.binding)
    told = list(desk.client.ended)
    await bench.pass_time()
    assert told == desk.client.ended == [Status.FAILURE] * 2
    assert bench.rules()[0] == "co-af-close-order"
    assert set(bench.rules()) <= {"co-vc-handle-stale", "co-complete-once"}
