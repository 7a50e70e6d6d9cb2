"""The miniport lock: of all that enters a serialized adapter only one is ever active, at DISPATCH_LEVEL."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Final

import pytest
from hypothesis import given, settings, strategies as st

from ndisemu.errors import InternalError
from ndisemu.kernel import DISPATCH, PASSIVE, Cpu, Kernel, SeededRandom
from ndisemu.ndis import Oid, OidRequest, Packet, PacketFlag, Status, v5
from ndisemu.ndis.v5.miniportlock import MiniportLock
from tests.ndis.conftest import LATER, Bench, Mini, Peer, frame, on_bench


class Watched(Mini):
    """A serialized driver whose every entry notes that it is inside, and does there what might let another one in."""

    deserialized = False
    send_packets = v5.Miniport.send_packets

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.random = random
        self.inside: list[str] = []
        self.seen: dict[str, int] = {}
        self.broken: list[str] = []
        self.interrupted = 0
        self.calm = False
        self.held: list[Packet] = []

    @contextmanager
    def entered(self, entry: str) -> Iterator[None]:
        """Be inside an entry."""
        if self.inside:
            self.broken.append(f"{entry} in {self.inside[-1]}")
        if (level := self.ndis._adapter.running_cpu("a test").irql) != DISPATCH:
            self.broken.append(f"{entry} at {level}")
        self.seen[entry] = self.seen.get(entry, 0) + 1
        self.inside.append(entry)
        self.act()
        yield
        self.inside.pop()

    def act(self) -> None:
        """Do something that calls protocols, or lets interrupts in."""
        if self.calm:
            return
        if self.random.randrange(3) == 0:
            self.card.line.assert_(self.card.name)
        self.ndis.stall(self.random.randrange(500))
        chance = self.random.randrange(5)
        if chance == 0 and self.held:
            self.ndis.send_complete(self.held.pop(0), Status.SUCCESS)
        elif chance == 1 and self.free:
            packets = self.fill(frame(1))
            self.ndis.indicate_receive(packets)
            self.free += [packet for packet in packets if packet.status is not Status.PENDING]
        elif chance == 2:
            self.timer.set(self.random.randrange(LATER))

    def send(self, packet: Packet, flags: PacketFlag) -> object:  # type: ignore[override]  # either style, by chance
        with self.entered("send"):
            choice = self.random.randrange(4)
            if choice == 0:
                return Status.SUCCESS
            if choice == 1 and self.held:
                return Status.RESOURCES
            if choice == 2:
                self.held.append(packet)
                return Status.PENDING
        return self.send_slowly()

    async def send_slowly(self) -> Status:
        await self.ndis.delay(self.random.randrange(LATER))
        with self.entered("a resumed send"):
            pass
        await self.ndis.delay(self.random.randrange(LATER))
        with self.entered("a resumed send"):
            return Status.SUCCESS

    def query_information(self, request: OidRequest) -> Status:
        with self.entered("query"):
            return super().answer(request)

    def set_information(self, request: OidRequest) -> Status:
        with self.entered("set"):
            return super().take(request)

    def isr(self) -> tuple[bool, bool]:
        self.interrupted += bool(self.inside)
        return super().isr()

    def handle_interrupt(self) -> None:
        with self.entered("interrupt or timer"):
            if self.held:
                self.ndis.send_complete(self.held, Status.SUCCESS)
                self.held = []

    def return_packets(self, packets: Sequence[Packet]) -> None:
        with self.entered("return"):
            super().return_packets(packets)

    def cancel_send_packets(self, cancel_id: int) -> None:
        with self.entered("cancel"):
            pass


class Busy(Peer):
    """A protocol that calls back down from within its callbacks."""

    def __init__(self, random: Random) -> None:
        super().__init__("busy", packets=16)
        self.random = random
        self.ready: list[Packet] = []
        self.left = 60

    def send_complete(self, binding: v5.Binding, packets: Sequence[Packet], status: Status) -> None:
        super().send_complete(binding, packets, status)
        self.ready += packets
        if self.random.randrange(2):
            self.send_one()

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        self.held += packets
        self.random.choice([self.send_one, self.give_back, self.cancel, self.ask])()
        return 1

    def send_one(self) -> None:
        if self.ready and self.left:
            self.left -= 1
            packet = self.ready.pop(0)
            packet.fill(frame(2))
            packet.cancel_id = 1
            if self.binding.send(packet) is not Status.PENDING:
                self.ready.append(packet)

    def give_back(self) -> None:
        held, self.held = self.held, []
        self.binding.return_packets(held)

    def cancel(self) -> None:
        self.binding.cancel_sends(1)

    def ask(self) -> None:
        self.binding.request(OidRequest.query(Oid.GEN_LINK_SPEED, 4))


async def come_to_rest(bench: Bench, miniport: Watched, peer: Busy) -> None:
    """Let everything end that is under way."""
    miniport.calm, peer.left = True, 0
    await bench.passive(lambda: miniport.card.line.assert_("nic0"))
    await bench.pass_time(100 * LATER)
    await bench.passive(peer.give_back)


@given(st.integers(0, 2**32), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), min_size=5, max_size=40))
@settings(max_examples=40)
def test_one_entry_at_a_time(seed: int, steps: list[tuple[int, int]]) -> None:
    """Whatever the order of work on two CPUs, and whatever calls back, no entry begins inside another, but the ISR."""

    @on_bench
    async def check(bench: Bench) -> None:
        random = Random(seed)
        miniport, peer = Watched(random), Busy(random)
        await bench.pair(miniport, peer)
        peer.ready = list(peer.packets)
        bench.kernel.strategy = SeededRandom(Random(seed))
        actions: list[Callable[[], None]] = [peer.send_one, peer.give_back, peer.cancel, peer.ask]
        for action, cpu in steps:
            # All at once, so that the strategy has a choice.
            bench.kernel.submit(partial(bench.cpus[cpu].queue_thread, actions[action]))
        await bench.pass_time(100 * LATER)
        bench.kernel.strategy = None
        await come_to_rest(bench, miniport, peer)
        assert miniport.broken == []
        assert miniport.inside == []

    check()


@on_bench
async def test_every_entry_can_come_while_another_runs(bench: Bench) -> None:
    """The test above is not idle: every kind of entry happens, and interrupts do come in between."""
    random = Random(5)
    miniport, peer = Watched(random), Busy(random)
    peer.left = 1000
    await bench.pair(miniport, peer)
    peer.ready = list(peer.packets)
    for place in range(200):
        act = (peer.send_one, peer.give_back, peer.cancel, peer.ask)[place % 4]
        await bench.passive(act, cpu=place % 2)
        await bench.pass_time(LATER)
    await come_to_rest(bench, miniport, peer)
    assert sorted(miniport.seen) == ["a resumed send", "cancel", "interrupt or timer", "query", "return", "send", "set"]
    assert miniport.interrupted > 0
    assert miniport.broken == []


@on_bench
async def test_work_items_and_isr_are_not_covered(bench: Bench) -> None:
    """A work item runs at PASSIVE_LEVEL without the lock."""
    held: list[tuple[bool, int]] = []

    class Plain(Mini):
        deserialized = False

    miniport = Plain()
    adapter = await bench.start(miniport)
    assert adapter.lock is not None
    lock = adapter.lock
    await bench.passive(lambda: miniport.later("from a work item", lambda: held.append((lock.held, bench.cpu.irql))))
    await bench.passive(lambda: miniport.later("from a DPC", lambda: held.append((lock.held, bench.cpu.irql))))
    await bench.pass_time()
    assert sorted(held) == [(False, PASSIVE), (True, DISPATCH)]


def on_kernel() -> tuple[Kernel, Cpu, MiniportLock]:
    """Make a CPU that runs, and a lock."""
    kernel = Kernel()
    kernel.current = Cpu(kernel, "cpu0")
    return kernel, kernel.current, MiniportLock(kernel, "nic0")


def test_entries_run_in_the_order_in_which_they_came() -> None:
    """What comes while the lock is held runs after it, first come first served, before the holder goes on."""
    _, cpu, lock = on_kernel()
    order: list[str] = []

    def first() -> None:
        assert not lock.run(lambda: order.append("second"))
        assert not lock.run(lambda: lock.run(lambda: order.append("fourth")))
        assert not lock.run(lambda: order.append("third"))
        assert repr(lock) == "<MiniportLock of nic0 held, 3 waiting>"
        order.append("first")

    assert lock.run(first)
    assert order == ["first", "second", "third", "fourth"]
    assert (cpu.irql, repr(lock)) == (PASSIVE, "<MiniportLock of nic0 free, 0 waiting>")


def test_a_cleared_lock_forgets_who_waits() -> None:
    """The entries of an adapter that is gone do not run."""
    _, _, lock = on_kernel()
    order: list[str] = []

    def first() -> None:
        lock.run(lambda: order.append("second"))
        lock.clear()

    lock.run(first)
    assert order == []


def test_waiting_for_the_lock_costs_modelled_time() -> None:
    """A CPU that comes while another one's local time still has the lock is charged until it is free."""
    kernel, cpu, lock = on_kernel()
    lock.run(lambda: cpu.charge(700))
    kernel.current = other = Cpu(kernel, "cpu1")
    lock.run(lambda: other.charge(50))
    assert (lock.waited, other.busy_until) == (700, 750)


def test_the_lock_needs_a_cpu() -> None:
    """Outside any virtual CPU there is nobody to hold it."""
    kernel, _, lock = on_kernel()
    kernel.current = None
    with pytest.raises(InternalError, match="was asked for outside any virtual CPU"):
        lock.run(lambda: None)


LEVELS: Final = {"passive": PASSIVE, "dispatch": DISPATCH}


@pytest.mark.parametrize("at", LEVELS)
@on_bench
async def test_a_caller_has_its_irql_again(bench: Bench, at: str) -> None:
    """The entry is at DISPATCH_LEVEL whoever calls, and the caller is where it was afterwards."""
    levels: list[int] = []

    class Noting(Watched):
        def send(self, packet: Packet, flags: PacketFlag) -> Status:
            levels.append(bench.cpu.irql)
            return Status.SUCCESS

    peer = await bench.pair(Noting(Random(1)))
    peer.packets[0].fill(frame())

    def call() -> int:
        peer.binding.send(peer.packets[0])
        return bench.cpu.irql

    after = await (bench.passive if at == "passive" else bench.dispatch)(call)
    assert (levels, after) == ([DISPATCH], LEVELS[at])
