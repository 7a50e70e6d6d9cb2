"""Reset and removal of an adapter with circuits: handles survive the one, and nothing the other."""

from collections.abc import Awaitable

import pytest

from ndisemu.kernel import Delay
from ndisemu.ndis import AttributeFlag, DeviceEvent, Status, co, v5
from ndisemu.ndis.co.states import CallState, VcState
from tests.ndis.co.conftest import CoMini, Customer, Office, Script
from tests.ndis.conftest import LATER, Bench, frame, on_bench


class Resetting(CoMini):
    """Holds what it is given, and completes it in its reset, or leaves it."""

    holds = True

    def __init__(self, script: Script, style: str, *, forgets: bool = False) -> None:
        super().__init__(script)
        self.style = style
        self.forgets = forgets

    def initialize(self, adapter: v5.AdapterInfo) -> Status | Awaitable[Status]:
        """Want to know of a removal."""
        status = super().initialize(adapter)
        self.ndis.set_attributes(AttributeFlag.SURPRISE_REMOVE_OK)
        return status

    def end_all(self, status: Status) -> None:
        """Complete everything on every circuit."""
        held, self.held = self.held, []
        for vc, packets in held:
            self.ndis.co_send_complete(vc, packets, status)

    def reset(self) -> Status | Awaitable[Status]:
        """Complete and succeed, at once or later."""
        if self.style == "coroutine":
            return self.reset_later()

        def end() -> None:
            self.end()
            self.ndis.reset_complete(Status.SUCCESS)

        self.deferred.append(end)
        self.timer.set(LATER)
        return Status.PENDING

    async def reset_later(self) -> Status:
        """Complete after a while."""
        await Delay(self.script.cpu.kernel, LATER)
        self.end()
        return Status.SUCCESS

    def end(self) -> None:
        """Complete everything, unless that is forgotten."""
        if not self.forgets:
            self.end_all(Status.REQUEST_ABORTED)

    def pnp_event_notify(self, event: DeviceEvent) -> None:
        """Complete everything."""
        if not self.forgets:
            self.end_all(Status.NOT_ACCEPTED)


class Orderly(Customer):
    """A client that closes its calls when it is unbound."""

    async def unbind_adapter(self, binding: co.CoBinding) -> None:
        """Close what is connected, then the family."""
        for vc in binding.adapter.connections.circuits[::-1]:
            end = vc.client
            if end is not None and vc.call is not None and vc.call.state.current is CallState.CONNECTED:
                end.close_call()
                vc.manager.deactivate()
                end.delete()
        self.af.close()
        await binding.close()


async def full_office(bench: Bench, mini: Resetting, script: Script) -> tuple[Office, list[co.ClientVc]]:
    """Open an office whose miniport has packets of two circuits."""
    desk = Office(bench)
    desk.script, mini.script = script, script
    script.cpu = bench.cpu
    desk.log = script.log
    desk.mini = mini
    desk.manager.script = script
    desk.client = Orderly("client", script)
    await desk.open()
    calls = [await desk.call() for _ in range(2)]
    for number, vc in enumerate(calls):
        packets = desk.client.packets[2 * number : 2 * number + 2]
        for packet in packets:
            packet.fill(frame(number))
        await bench.passive(lambda vc=vc, packets=packets: vc.send_packets(packets))  # type: ignore[misc]
    return desk, calls


@pytest.mark.parametrize("style", ["explicit", "coroutine"])
@on_bench
async def test_handles_survive_a_reset_and_what_was_out_is_aborted(bench: Bench, style: str) -> None:
    """Protocols are told when it begins and ends; what they send meanwhile does not reach the miniport."""
    script = Script([])
    mini = Resetting(script, style)
    desk, calls = await full_office(bench, mini, script)
    statuses: list[Status] = []

    def told(binding: co.CoBinding, vc: co.VcEnd | None, status: Status, data: bytes) -> None:
        statuses.append(status)
        if status is Status.RESET_START:
            calls[0].send_packets(desk.client.packets[4:5])

    desk.client.co_status = told  # type: ignore[method-assign]
    assert await desk.adapter.reset() is Status.SUCCESS
    assert statuses == [Status.RESET_START, Status.RESET_END]
    ends = dict(desk.client.completed)
    assert [ends[packet] for packet in desk.client.packets[:5]] == [
        *[Status.REQUEST_ABORTED] * 4,
        Status.RESET_IN_PROGRESS,
    ]
    assert [vc.vc.state.current for vc in calls] == [VcState.ACTIVE] * 2
    assert (desk.adapter.sends.in_flight, desk.adapter.sends.cancelled) == (0, 4)
    mini.holds = False
    await bench.passive(lambda: calls[1].send_packets(desk.client.packets[:1]))
    assert (mini.sent, calls[1].vc.sends.completed) == ([frame(0)], 1)


@pytest.mark.parametrize("style", ["explicit", "coroutine"])
@on_bench
async def test_a_miniport_that_forgets_its_packets_in_a_reset_is_told(bench: Bench, style: str) -> None:
    """A deserialized one completes them itself; NDIS does not, and they stay with it."""
    script = Script([])
    mini = Resetting(script, style, forgets=True)
    desk, calls = await full_office(bench, mini, script)
    assert await desk.adapter.reset() is Status.SUCCESS
    assert bench.rules() == ["st-reset-5d-abort"]
    assert [vc.vc.sends.in_flight for vc in calls] == [2, 2]
    await bench.dispatch(lambda: mini.end_all(Status.SUCCESS))
    assert desk.adapter.sends.in_flight == 0


@pytest.mark.parametrize("forgets", [False, True])
@on_bench
async def test_a_removal_completes_what_is_out_and_ends_every_circuit(bench: Bench, *, forgets: bool) -> None:
    """Where the miniport does not, NDIS stops it and takes everything back."""
    script = Script([])
    mini = Resetting(script, "coroutine", forgets=forgets)
    desk, _ = await full_office(bench, mini, script)
    await desk.adapter.surprise_remove()
    assert (desk.adapter.sends.in_flight, desk.adapter.connections.circuits) == (0, [])
    statuses = [status for _, status in desk.client.completed]
    if forgets:
        assert len(statuses) == 4
        # The client may not close calls with packets out, and so leaves all of it to NDIS.
        assert bench.rules()[-1] == "send-never-completed"
    else:
        assert statuses == [Status.NOT_ACCEPTED] * 4
