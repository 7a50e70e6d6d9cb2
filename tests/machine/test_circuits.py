"""Calls between two hosts: everything arrives in order on its own circuit, and every book balances at the end."""

import asyncio

import pytest

from ndisemu import Emulation, run
from ndisemu.drivers.protocols import Talker
from ndisemu.drivers.vc import VcMiniport
from ndisemu.errors import BugCheck, UsageError
from ndisemu.machine import FAULTS, Circuits, Slot
from ndisemu.ndis import Status
from ndisemu.ndis.co.adapter import CoAdapter
from ndisemu.ndis.co.states import VcState
from ndisemu.verifier import Verifier


def cards(emu: Emulation, *, tx_ring: int = 256) -> tuple[Slot, Slot]:
    """Put a connection-oriented card into each of two connected hosts."""
    slots = tuple(
        emu.host(name, cpus=2).nic("eth0", VcMiniport, parameters={"tx_ring": tx_ring, "itr": 20_000}) for name in "ab"
    )
    emu.connect(*slots, delay="5us")
    return slots[0], slots[1]


def circuits_left(*slots: Slot) -> int:
    """Count the circuits and families that are open on the cards."""
    adapters = [slot.adapter for slot in slots if isinstance(slot.adapter, CoAdapter)]
    return sum(len(adapter.connections.circuits) + len(adapter.connections.families) for adapter in adapters)


def books_balance(slot: Slot) -> bool:
    """Tell whether everything that was sent has ended, and everything lent is back."""
    sends, receives = slot.adapter.sends, slot.adapter.receives
    return (sends.in_flight, receives.lent) == (0, 0) and sends.submitted == sends.completed


@pytest.mark.parametrize("tx_ring", [256, 32])
def test_eight_circuits_carry_both_ways_at_once(tx_ring: int) -> None:
    """500 frames each way on each of 8 circuits arrive unaltered, in order, and at lawful IRQLs, also with a short ring."""

    async def main() -> None:
        async with Emulation(seed=5) as emu:
            a, b = cards(emu, tx_ring=tx_ring)
            verifier = Verifier(emu.kernel)
            for slot in (a, b):
                verifier.attach(slot.adapter)
            calls = Circuits(a, b, emu.random("circuits"), count=8, frames=500)
            await calls.bind()
            calls.start()
            await emu.idle()
            assert [(flow.sent, flow.intact, flow.late, flow.unexpected) for flow in calls.flows] == [
                (500, 500, 0, 0)
            ] * 16
            assert all(talker.done and not talker.failed for talker in calls.talkers)
            assert books_balance(a)
            assert books_balance(b)
            # The caller's call manager has said SETUP and CONNECTED for each call, the other one ACCEPT.
            assert (a.adapter.sends.submitted, b.adapter.sends.submitted) == (8 * 502, 8 * 501)
        assert (emu.findings, circuits_left(a, b)) == ([], 0)
        assert [manager.timed_out for manager in calls.managers] == [0, 0]

    run(main())


@pytest.mark.parametrize("wait", ["0us", "100us", "600us", "3ms"])
@pytest.mark.parametrize("first", ["a", "b"])
def test_a_host_that_halts_in_the_middle_hangs_up_first(wait: str, first: str) -> None:
    """Whatever is on its way when a host halts is completed, the other side learns of it, and no circuit is left."""

    async def main() -> None:
        async with Emulation(seed=6) as emu:
            a, b = cards(emu)
            calls = Circuits(a, b, emu.random("circuits"), count=4, frames=2000)
            await calls.bind()
            calls.start()
            await asyncio.sleep(float(wait[:-2]) * {"us": 1e-6, "ms": 1e-3}[wait[-2:]])
            await emu.hosts[first].halt()
            await emu.idle()
            assert books_balance(a)
            assert books_balance(b)
            assert all(line.vc is None for talker in calls.talkers for line in talker.lines.values())
            assert all(not flow.altered and not flow.late and not flow.unexpected for flow in calls.flows)
        assert (emu.findings, circuits_left(a, b)) == ([], 0)

    run(main())


@pytest.mark.parametrize("tx_ring", [256, 32])
@pytest.mark.parametrize("wait", [600, 1000, 2000])
@pytest.mark.parametrize("who", ["a", "b"])
def test_circuits_outlive_a_reset_under_load(who: str, wait: int, tx_ring: int) -> None:
    """What is queued or posted is aborted, on every circuit; calls and circuits stay, and sending goes on."""

    async def main() -> None:
        async with Emulation(seed=11) as emu:
            a, b = cards(emu, tx_ring=tx_ring)
            calls = Circuits(a, b, emu.random("circuits"), count=4, frames=1000)
            await calls.bind()
            calls.start()
            await asyncio.sleep(wait * 1e-6)
            slot = a if who == "a" else b
            assert isinstance(slot.adapter, CoAdapter)
            before = list(slot.adapter.connections.circuits)
            assert await slot.adapter.reset() is Status.SUCCESS
            await emu.idle()
            assert slot.adapter.connections.circuits == before
            assert {vc.state.current for vc in before} == {VcState.ACTIVE}
            sends, statistics = slot.adapter.sends, calls.statistics()
            assert (sends.in_flight, sends.failed, sends.cancelled) == (0, 0, statistics["unsent"])
            assert statistics["unsent"] > 0
            assert (statistics["connected"], statistics["answered"], statistics["failed"]) == (4, 4, 0)
            assert (calls.done, statistics["sent"]) == (True, 8000)
            assert all((flow.altered, flow.late, flow.unexpected) == (0, 0, 0) for flow in calls.flows)
            # Of a burst that was aborted the card may have sent some frames.
            assert sum(flow.lost for flow in calls.flows) > 0
        assert (emu.findings, circuits_left(a, b)) == ([], 0)

    run(main())


@pytest.mark.parametrize("wait", [300, 600, 2000])
def test_a_card_that_is_pulled_out_takes_its_circuits_with_it(wait: int) -> None:
    """What is out ends with NOT_ACCEPTED, the client hangs up, and the other host learns it by time-outs."""

    async def main() -> None:
        async with Emulation(seed=12) as emu:
            a, b = cards(emu)
            calls = Circuits(a, b, emu.random("circuits"), count=4, frames=1000)
            await calls.bind()
            calls.start()
            await asyncio.sleep(wait * 1e-6)
            await FAULTS["surprise_remove"].start(a)
            assert circuits_left(a) == 0
            sends = a.adapter.sends
            assert (sends.in_flight, a.adapter.receives.lent) == (0, 0)
            assert {*sends.failures} <= {Status.NOT_ACCEPTED}
            assert sends.submitted == sends.completed + sends.failed
            assert all(line.vc is None for line in calls.talkers[0].lines.values())
            await emu.idle()
        assert ([finding.rule for finding in emu.findings], circuits_left(b)) == ([], 0)

    run(main())


def test_a_card_that_hangs_is_reset_and_circuits_go_on() -> None:
    """Two seconds without progress are found by the hang check, and only what was posted is lost."""

    async def main() -> None:
        async with Emulation(seed=13) as emu:
            a, b = cards(emu)
            calls = Circuits(a, b, emu.random("circuits"), count=2, frames=1000)
            await calls.bind()
            calls.start()
            await asyncio.sleep(600e-6)
            await FAULTS["hang"].start(a)
            await emu.idle()
            assert (a.adapter.resetting.count, calls.done) == (1, True)
            assert 0 < calls.statistics()["unsent"] == a.adapter.sends.cancelled < 100
        assert (emu.findings, circuits_left(a, b)) == ([], 0)

    run(main())


def test_circuits_count_like_stations() -> None:
    """Flows by the card where they end, and what became of calls and frames, by name."""

    async def main() -> None:
        async with Emulation(seed=14) as emu:
            a, b = cards(emu)
            calls = Circuits(a, b, emu.random("circuits"), count=3, frames=100, every=50_000, start=1_000_000)
            assert (calls.arriving(a), calls.arriving(b), calls.done) == (calls.back, calls.there, True)
            await calls.bind()
            assert not calls.done
            calls.start()
            await emu.idle()
            assert calls.statistics() == {
                "calls": 3,
                "connected": 3,
                "answered": 3,
                "failed": 0,
                "refused": 0,
                "timed_out": 0,
                "sent": 600,
                "unsent": 0,
                "received": 600,
            }
            for count in (0, 2047):
                with pytest.raises(UsageError, match=f"1 to 2046 calls to b.eth0, not {count}"):
                    Circuits(a, b, emu.random("more"), count=count, frames=1)

    run(main())


def test_a_cable_that_is_pulled_ends_in_time_outs() -> None:
    """A caller whose SETUP nobody answers is told so, and hanging up does not hang."""

    async def main() -> None:
        async with Emulation() as emu:
            a, b = cards(emu)
            calls = Circuits(a, b, emu.random("circuits"), count=2, frames=10)
            await calls.bind()
            emu.cables[0].unplug()
            calls.start()
            await emu.idle()
            caller = calls.talkers[0]
            assert [line.status for line in caller.lines.values()] == [Status.DEST_OUT_OF_ORDER] * 2
            assert (caller.failed, calls.managers[0].timed_out) == (2, 2)
            # The SETUPs never left the card: a hang check has it give them back.
            assert (a.adapter.sends.cancelled, a.adapter.resetting.count, emu.now) == (2, 1, 4_000_000_000)
        assert (emu.findings, circuits_left(a, b)) == ([], 0)

    run(main())


def test_a_host_binds_circuits_to_drivers_that_have_them() -> None:
    """A protocol that does not bind is a bug check, and a wrong kind of adapter the user's mistake."""

    class Unwilling(Talker):
        async def bind_adapter(self, context: object) -> Status:
            return Status.RESOURCES

    async def main() -> None:
        async with Emulation() as emu:
            a, b = cards(emu)
            calls = Circuits(a, b, emu.random("circuits"), count=1, frames=1)
            unwilling = Unwilling("unwilling", calls.talkers[0]._family, calls.talkers[0]._wanted, {})
            with pytest.raises(BugCheck, match="unwilling did not bind"):
                await a.host.bind_circuits("eth0", unwilling)
            with pytest.raises(UsageError, match="nothing but virtual circuits"):
                await a.host.bind("eth0")

    run(main())


def test_the_same_seed_makes_the_same_run() -> None:
    """Calls, frames and times repeat."""

    async def once() -> tuple[int, list[dict[int, int]]]:
        async with Emulation(seed=9) as emu:
            a, b = cards(emu)
            calls = Circuits(a, b, emu.random("circuits"), count=3, frames=200)
            await calls.bind()
            calls.start()
            await emu.idle()
            return emu.now, [dict(flow.latencies) for flow in calls.flows]

    assert run(once()) == run(once())
