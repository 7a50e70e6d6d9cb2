"""Calls from beginning to end, in the order of the reference, and every operation in every style."""

from collections.abc import Callable
from typing import Any

import pytest

from ndisemu.ndis import Status, co
from ndisemu.ndis.co.states import CallState, HandleState, VcState
from tests.ndis.co.conftest import FAMILY, PENDING_STYLES, SAP, STYLES, Office, office
from tests.ndis.conftest import Bench, on_bench

BAD = Status.RESOURCES


@on_bench
async def test_an_outgoing_call_goes_in_the_order_of_the_reference(bench: Bench) -> None:
    """Create, make, activate, complete; data; close, complete; deactivate; delete (6.3)."""
    desk = await office(bench)
    for entry in ("ProtocolCmMakeCall", "ProtocolCmCloseCall", "MiniportCoDeactivateVc"):
        desk.script.how[entry] = "explicit"
    vc = await desk.circuit()
    assert await bench.passive(lambda: vc.make_call(co.CallParameters())) is Status.PENDING
    await bench.pass_time()
    await bench.passive(lambda: vc.send_packets(desk.client.packets[:2]))
    assert await bench.passive(vc.close_call) is Status.PENDING
    await bench.pass_time()
    assert await bench.passive(vc.vc.manager.deactivate) is Status.PENDING
    await bench.pass_time()
    assert await bench.passive(vc.delete) is Status.SUCCESS
    assert desk.log == [
        "MiniportCoCreateVc",
        "ProtocolCoCreateVc (call manager)",
        "ProtocolCmMakeCall",
        "MiniportCoActivateVc",
        "ProtocolClMakeCallComplete",
        "ProtocolCmCloseCall",
        "ProtocolClCloseCallComplete",
        "MiniportCoDeactivateVc",
        "ProtocolCmDeactivateVcComplete",
        "ProtocolCoDeleteVc (call manager)",
        "MiniportCoDeleteVc",
    ]
    assert [status for _, status in desk.client.completed] == [Status.SUCCESS] * 2
    assert desk.client.ended == [Status.SUCCESS] * 2
    await desk.leave()


@on_bench
async def test_an_incoming_call_goes_in_the_order_of_the_reference(bench: Bench) -> None:
    """Create, activate, offer, accept, connect; the other side closes; the client answers; deactivate; delete (6.3)."""
    desk = await office(bench)
    sap = await desk.register()
    desk.script.how = {"MiniportCoActivateVc": "explicit", "ProtocolClIncomingCall": "explicit"}
    desk.log.clear()
    status, vc = await bench.passive(desk.manager.afs[0].create_vc)
    assert (status, vc is None) == (Status.SUCCESS, False)
    assert vc is not None
    assert await bench.passive(lambda: vc.activate(co.CallParameters())) is Status.PENDING
    await bench.pass_time()
    assert await bench.passive(lambda: vc.dispatch_incoming_call(sap, co.CallParameters())) is Status.PENDING
    await bench.pass_time()
    await bench.passive(vc.dispatch_call_connected)
    await bench.passive(lambda: vc.dispatch_incoming_close_call(Status.SUCCESS))
    client = vc.vc.client
    assert client is not None
    assert await bench.passive(client.close_call) is Status.SUCCESS
    assert await bench.passive(vc.deactivate) is Status.SUCCESS
    assert await bench.passive(vc.delete) is Status.SUCCESS
    assert desk.log == [
        "MiniportCoCreateVc",
        "ProtocolCoCreateVc (client)",
        "MiniportCoActivateVc",
        "ProtocolCmActivateVcComplete",
        "ProtocolClIncomingCall",
        "ProtocolCmIncomingCallComplete",
        "ProtocolClCallConnected",
        "ProtocolClIncomingCloseCall",
        "ProtocolCmCloseCall",
        "MiniportCoDeactivateVc",
        "ProtocolCoDeleteVc (client)",
        "MiniportCoDeleteVc",
    ]
    assert await bench.passive(desk.client.sap.deregister) is Status.SUCCESS
    await desk.leave()


class Asking:
    """One operation of 6.2: the entry that answers it, what asks for it, its callback, and its state afterwards."""

    def __init__(
        self,
        entry: str,
        callback: str,
        prepare: Callable[[Office], Any],
        ask: Callable[[Office, Any], Status],
        after: Callable[[Office, Any], tuple[object, object, object]],
    ) -> None:
        self.entry = entry
        self.callback = callback
        self.prepare = prepare
        self.ask = ask
        self.after = after


async def nothing(desk: Office) -> list[Any]:
    """Prepare nothing."""
    return []


async def a_circuit(desk: Office) -> co.ClientVc:
    """Prepare a circuit."""
    return await desk.circuit()


async def a_call(desk: Office) -> co.ClientVc:
    """Prepare a connected call."""
    return await desk.call()


async def a_sap(desk: Office) -> co.CallManagerSap:
    """Prepare a registered SAP."""
    return await desk.register()


async def an_offer(desk: Office) -> co.CallManagerVc:
    """Prepare an active circuit, on which a call can be offered."""
    await desk.register()
    _, vc = await desk.bench.passive(desk.manager.afs[0].create_vc)
    assert vc is not None
    await desk.bench.passive(lambda: vc.activate(co.CallParameters()))
    return vc


def open_again(desk: Office, kept: list[Any]) -> Status:
    """Open the family a second time."""
    status, af = desk.client.binding.open_address_family(FAMILY)
    kept.append(af)
    return status


def register(desk: Office, kept: list[Any]) -> Status:
    """Register a SAP."""
    status, sap = desk.client.af.register_sap(SAP)
    kept.append(sap)
    return status


def call_state(vc: co.VcEnd) -> CallState:
    """Say where the call on `vc` is."""
    assert vc.vc.call is not None
    return vc.vc.call.state.current


V, C, H = VcState, CallState, HandleState
# After `after`: what is, what it is with SUCCESS, and what it is with a failure.
ASKINGS = [
    Asking(
        "ProtocolCmOpenAf",
        "ProtocolClOpenAfComplete",
        nothing,
        open_again,
        lambda desk, _: (desk.manager.afs[-1].state.current, H.OPEN, H.CLOSED),
    ),
    Asking(
        "ProtocolCmCloseAf",
        "ProtocolClCloseAfComplete",
        nothing,
        lambda desk, _: desk.client.af.close(),
        lambda desk, _: (desk.client.af.state.current, H.CLOSED, H.CLOSED),
    ),
    Asking(
        "ProtocolCmRegisterSap",
        "ProtocolClRegisterSapComplete",
        nothing,
        register,
        lambda desk, _: (desk.manager.saps[-1].client.state.current, H.OPEN, H.CLOSED),
    ),
    Asking(
        "ProtocolCmDeregisterSap",
        "ProtocolClDeregisterSapComplete",
        a_sap,
        lambda desk, _: desk.client.sap.deregister(),
        lambda desk, _: (desk.client.sap.state.current, H.CLOSED, H.CLOSED),
    ),
    Asking(
        "ProtocolCmMakeCall",
        "ProtocolClMakeCallComplete",
        a_circuit,
        lambda _, vc: vc.make_call(co.CallParameters()),
        lambda _, vc: (call_state(vc), C.CONNECTED, C.IDLE),
    ),
    Asking(
        "ProtocolCmCloseCall",
        "ProtocolClCloseCallComplete",
        a_call,
        lambda _, vc: vc.close_call(b"bye"),
        lambda _, vc: (call_state(vc), C.IDLE, C.IDLE),
    ),
    Asking(
        "MiniportCoActivateVc",
        "ProtocolCmActivateVcComplete",
        a_circuit,
        lambda _, vc: vc.vc.manager.activate(co.CallParameters()),
        lambda _, vc: (vc.vc.state.current, V.ACTIVE, V.CREATED),
    ),
    Asking(
        "MiniportCoDeactivateVc",
        "ProtocolCmDeactivateVcComplete",
        a_call,
        lambda _, vc: vc.vc.manager.deactivate(),
        lambda _, vc: (vc.vc.state.current, V.CREATED, V.CREATED),
    ),
    Asking(
        "ProtocolClIncomingCall",
        "ProtocolCmIncomingCallComplete",
        an_offer,
        lambda desk, vc: vc.dispatch_incoming_call(desk.manager.saps[-1], co.CallParameters()),
        lambda _, vc: (call_state(vc), C.ACCEPTED, C.IDLE),
    ),
    Asking(
        "ProtocolClNotifyCloseAf",
        "ProtocolCmNotifyCloseAfComplete",
        nothing,
        lambda desk, _: desk.manager.afs[0].notify_close(),
        lambda desk, _: (desk.client.af.state.current, H.OPEN, H.OPEN),
    ),
]


@pytest.mark.parametrize("asking", ASKINGS, ids=lambda asking: asking.entry)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("status", [Status.SUCCESS, BAD], ids=lambda status: status.name)
@on_bench
async def test_every_operation_ends_once_in_every_style(
    bench: Bench, asking: Asking, style: str, status: Status
) -> None:
    """What was done at once is returned, and what was pending is told by the callback; never both."""
    desk = await office(bench)
    prepared = await asking.prepare(desk)
    desk.script.how[asking.entry] = style
    desk.script.says[asking.entry] = status
    desk.log.clear()
    told = len(desk.client.ended) + len(desk.manager.ended)
    returned = await bench.passive(lambda: asking.ask(desk, prepared))
    await bench.pass_time()
    state, good, bad = asking.after(desk, prepared)
    callbacks = [entry for entry in desk.log if entry == asking.callback]
    ended = [*desk.client.ended, *desk.manager.ended][told:]
    always_succeeds = good is bad and asking.entry not in {"ProtocolCmCloseCall", "ProtocolClNotifyCloseAf"}
    end = Status.SUCCESS if always_succeeds else status
    if style in PENDING_STYLES:
        assert (returned, len(callbacks), ended) == (Status.PENDING, 1, [end])
    else:
        assert (returned, callbacks, ended) == (end, [], [])
    assert state is (good if status is Status.SUCCESS else bad)
    assert desk.log[0] == asking.entry
    unlawful = asking.entry == "MiniportCoDeactivateVc" and status is BAD and not style.startswith("explicit")
    assert bench.rules()[: int(unlawful)] == ["co-deactivate-complete"] * unlawful
    await tear_down(bench, desk)


async def tear_down(bench: Bench, desk: Office) -> None:
    """Let NDIS take away what a test has left, which it reports."""
    await desk.adapter.halt()
    assert set(bench.rules()) <= {"co-af-close-order"}
