"""Calls between two hosts: everything arrives in order on its own circuit, and every book balances at the end."""

import asyncio

import pytest

from ndisemu import Emulation, run
from ndisemu.drivers.protocols import Talker
from ndisemu.drivers.vc import VcMiniport
from ndisemu.errors import BugCheck, UsageError
from ndisemu.machine import Circuits, Slot
from ndisemu.ndis import Status
from ndisemu.ndis.co.adapter import CoAdapter
from ndisemu.verifier.irql import IrqlRules


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
            for slot in (a, b):
                IrqlRules(emu.kernel).attach(slot.adapter)
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
            assert (caller.failed, calls.managers[0].timed_out, emu.now) == (2, 2, 50_000_000)
        # The SETUPs never left the card, which does not give them back.
        assert ([finding.rule for finding in emu.findings], circuits_left(a, b)) == (["send-never-completed"], 0)

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
