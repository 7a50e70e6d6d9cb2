"""The queues of deserialized miniports (seed 003): two CPUs at once, in any order of work, and a lock around each touch."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, settings, strategies as st

from ndisemu import Emulation, run
from ndisemu.drivers.i8254x.receive import RxRing
from ndisemu.drivers.i8254x.transmit import TxRing
from ndisemu.drivers.priority import ORDER, PriorityMiniport
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.drivers.ring_explicit import ExplicitRingMiniport
from ndisemu.kernel import SeededRandom, SpinLock, run_passive
from ndisemu.ndis import Status, Tag, v6
from tests.drivers.conftest import Wire, frame, on_wire
from tests.drivers.wire6 import Wire6, on_wire6

DRIVERS: Final = (RingMiniport, ExplicitRingMiniport, PriorityMiniport)
Deserialized = RingMiniport | ExplicitRingMiniport


def guard(kind: type, mutators: Sequence[str]) -> Callable[[Any, SpinLock], Any]:
    """Return what turns a container into one that asserts, at each change, that somebody holds the lock."""

    def guarded(contents: Any, lock: SpinLock) -> Any:
        def checked(name: str) -> Callable[..., Any]:
            def change(self: Any, *arguments: Any) -> Any:
                assert lock.owner is not None, f"{name} of a queue without {lock.name}"
                return getattr(kind, name)(self, *arguments)

            return change

        return type(f"Guarded{kind.__name__}", (kind,), {name: checked(name) for name in mutators})(contents)

    return guarded


guarded_deque: Final = guard(deque, ("append", "appendleft", "clear", "extend", "pop", "popleft", "remove"))
guarded_dict: Final = guard(dict, ("__delitem__", "__ior__", "__setitem__", "clear", "pop", "update"))
guarded_list: Final = guard(list, ("__setitem__", "append", "pop"))


def guard_rings(tx: TxRing[Any], rx: RxRing[Any]) -> None:
    """Watch the queues of both rings."""
    tx._posted = guarded_deque(tx._posted, tx._lock)
    rx._slots = guarded_list(rx._slots, rx._lock)


def guard_queues(driver: Deserialized | Ring6Miniport) -> None:
    """Watch every queue of a driver."""
    guard_rings(driver.tx, driver.rx)
    if isinstance(driver, PriorityMiniport):
        driver.queues = {priority: guarded_deque((), driver.lock) for priority in ORDER}
    elif isinstance(driver, ExplicitRingMiniport):
        driver.waiting = guarded_deque((), driver.lock)
    elif isinstance(driver, RingMiniport):
        driver.queued = guarded_dict({}, driver.lock)
    else:
        driver.sends._queued = guarded_dict({}, driver.sends._lock)
        driver.quiet = guarded_list((), driver.lock)


@pytest.mark.parametrize("miniport", DRIVERS)
def test_no_queue_is_touched_without_its_lock(miniport: type[Deserialized]) -> None:
    """In sends that wait for room and for their turn, in completions, cancels, receives, returns and resets."""

    @on_wire(a={"tx_ring": 8}, b={"rx_ring": 8}, miniport=miniport)
    async def check(wire: Wire) -> None:
        for slot in (wire.a, wire.b):
            driver = slot.adapter.miniport
            assert isinstance(driver, miniport)
            guard_queues(driver)
        wire.receiver.kept = 1
        packets = wire.sender.binding.allocate_packets(120, 60)
        for place, packet in enumerate(packets):
            packet.cancel_id = place % 3
            packet.ieee8021q = Tag(place % 8).pack()
        for cpu, part in enumerate((packets[:60], packets[60:])):
            await wire.send(*[frame(number) for number in range(60)], packets=part, cpu=cpu)
        await wire.dispatch(wire.a.host, lambda: wire.sender.binding.cancel_sends(2), cpu=1)
        await wire.emu.idle()
        held, wire.receiver.held = wire.receiver.held, []
        await wire.dispatch(wire.b.host, lambda: wire.receiver.binding.return_packets(held), cpu=1)
        await wire.send(*[frame(number) for number in range(60)], packets=packets[:60])
        assert await wire.a.adapter.reset() is Status.SUCCESS
        assert await wire.b.adapter.reset() is Status.SUCCESS
        assert len(wire.sender.completed) == 180

    check()


@on_wire6(a={"tx_ring": 8}, b={"rx_ring": 8})
async def test_no_queue_of_the_ndis_6_miniport_is_touched_without_its_lock(wire: Wire6) -> None:
    """Nor is any of these."""
    sender = wire.a.adapter.miniport
    assert isinstance(sender, Ring6Miniport)
    for driver in (sender, wire.driver):
        guard_queues(driver)
    nbls = wire.sender.binding.allocate_nbls(120, 60)
    for place, nbl in enumerate(nbls):
        nbl.info[v6.NblInfo.CANCEL_ID] = place % 3
    for cpu, part in enumerate((nbls[:60], nbls[60:])):
        await wire.send(*[frame(number) for number in range(60)], nbls=part, cpu=cpu)
    await wire.dispatch(wire.hosts[0], lambda: wire.sender.binding.cancel_send(2), cpu=1)
    await wire.emu.idle()
    assert len(wire.sender.completed) == 120


CALLS = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 30)), min_size=2, max_size=10)


@pytest.mark.parametrize("miniport", DRIVERS)
@given(seed=st.integers(0, 2**32), calls=CALLS, ring=st.sampled_from([8, 32]))
@settings(max_examples=25, deadline=None)
def test_two_cpus_lose_and_reorder_nothing(
    miniport: type[Deserialized], seed: int, calls: list[tuple[int, int]], ring: int
) -> None:
    """In any order of work, what one CPU sends arrives once and in its order, and every packet and buffer comes back."""

    async def main() -> None:
        async with Emulation(strategy=SeededRandom(Random(seed))) as emu:
            wire = Wire(emu)
            await wire.plug(({"tx_ring": ring}, {"rx_ring": ring}), (1500, 1500), miniport)
            wire.receiver.kept = 1
            sent: list[list[bytes]] = [[], []]
            jobs: list[list[Callable[[], None]]] = [[], []]
            for number, (cpu, count) in enumerate(calls):
                packets = wire.sender.binding.allocate_packets(count, 64)
                for place, packet in enumerate(packets):
                    packet.fill(frame(100 * number + place, length=60 + cpu))
                    sent[cpu].append(packet.read())
                jobs[cpu].append(partial(wire.sender.binding.send_packets, packets))

            async def work(cpu: int) -> None:
                for job in jobs[cpu]:
                    await run_passive(job, wire.a.host.cpus[cpu])
                    held, wire.receiver.held = wire.receiver.held, []
                    give_back = partial(wire.receiver.binding.return_packets, held)
                    await run_passive(give_back, wire.b.host.cpus[cpu])

            await asyncio.gather(work(0), work(1))
            await emu.idle()
            received = wire.receiver.received
            assert [[data for data in received if len(data) == 60 + cpu] for cpu in (0, 1)] == sent
            assert wire.sender.statuses == [Status.SUCCESS] * sum(count for _, count in calls)
            driver = wire.b.adapter.miniport
            assert isinstance(driver, miniport)
            assert sum(driver.rx.books) + len(wire.receiver.held) == len(driver.rx.pool.empty)
        assert emu.findings == []

    run(main())
