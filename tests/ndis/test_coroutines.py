"""A driver's coroutine resumes where it suspended, waits only for what NDIS gives it, and holds no lock meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import pytest

from ndisemu.kernel import DISPATCH, PASSIVE, Signal
from ndisemu.ndis import Oid, OidRequest, Packet, Status, v5
from tests.ndis.conftest import LATER, WHEN, Bench, Mini, on_bench

STOPPED: Final = Status.FAILURE


class Tracing(Mini):
    """Notes on which CPU and at which IRQL each step of its send runs."""

    def __init__(self, when: str) -> None:
        super().__init__()
        self.when = when
        self.steps: list[tuple[str, int]] = []
        self.inside = False

    async def send_packets(self, packets: Sequence[Packet]) -> Status:
        self.note()
        for _ in range(2):
            await self.wait(self.when)
            assert not self.inside
            self.note()
        return Status.SUCCESS

    def note(self) -> None:
        cpu = self.ndis._adapter.running_cpu("a test")
        self.steps.append((cpu.name, cpu.irql))

    def later(self, when: str, action: Callable[[], object]) -> None:
        def inside() -> None:
            self.inside = True
            action()
            self.inside = False

        super().later(when, inside)


@pytest.mark.parametrize("cpu", [0, 1])
@pytest.mark.parametrize(("at", "level"), [("passive", PASSIVE), ("dispatch", DISPATCH)])
@pytest.mark.parametrize("when", WHEN[1:])
@on_bench
async def test_a_coroutine_resumes_where_it_suspended(bench: Bench, when: str, at: str, level: int, cpu: int) -> None:
    """Each step runs on the CPU and at the IRQL of the send, never nested inside whoever woke it."""
    miniport = Tracing(when)
    peer = await bench.pair(miniport)
    peer.packets[0].fill(bytes(60))
    call = bench.passive if at == "passive" else bench.dispatch
    await call(lambda: peer.binding.send_packets(peer.packets[:1]), cpu=cpu)
    await bench.pass_time()
    assert miniport.steps == [(f"cpu{cpu}", level)] * 3
    assert peer.statuses == [Status.SUCCESS]


class Awaiting(Mini):
    """Awaits something in an entry point that may pend."""

    def __init__(self, awaited: Callable[[], Awaitable[object]], entry: str) -> None:
        super().__init__()
        self.awaited = awaited
        self.entry = entry

    async def send_packets(self, packets: Sequence[Packet]) -> Status:
        if self.entry == "send":
            await self.awaited()
        return Status.SUCCESS

    async def set_information(self, request: OidRequest) -> Status:
        if self.entry == "set" and request.data == b"now!":
            await self.awaited()
        return Status.SUCCESS


@pytest.mark.parametrize("entry", ["send", "set"])
@pytest.mark.parametrize(
    "awaited",
    [lambda: asyncio.sleep(1), lambda: asyncio.get_running_loop().create_future(), lambda: asyncio.sleep(0)],
    ids=["asyncio.sleep", "a future", "asyncio.sleep(0)"],
)
@on_bench
async def test_an_entry_that_may_pend_awaits_nothing_foreign(
    bench: Bench, awaited: Callable[[], Awaitable[object]], entry: str
) -> None:
    """Awaiting asyncio where the kernel steps is `irql-await`: the operation fails and the adapter stops there."""
    peer = await bench.pair(Awaiting(awaited, entry))
    if entry == "send":
        await bench.send(peer)
        assert peer.statuses == [STOPPED]
    else:
        request = OidRequest.set(Oid.GEN_NETWORK_LAYER_ADDRESSES, b"now!")
        assert await bench.passive(lambda: peer.binding.request(request)) is STOPPED
    assert bench.rules() == ["irql-await"]
    assert "await self.awaited()" in bench.findings[0].trace
    assert not peer.binding.adapter.running


@on_bench
async def test_a_lock_is_not_held_across_an_await(bench: Bench) -> None:
    """Suspending with a spin lock is `irql-await`: the lock is given back, the send fails, the adapter stops."""

    class Holding(Mini):
        async def send_packets(self, packets: Sequence[Packet]) -> None:
            with self.lock:
                await Signal()

        def initialize(self, adapter: v5.AdapterInfo) -> Status | Awaitable[Status]:
            self.lock = self.ndis.allocate_spin_lock("queue")
            return super().initialize(adapter)

    miniport = Holding()
    peer = await bench.pair(miniport)
    await bench.send(peer)
    assert bench.rules() == ["irql-await"]
    assert "nic0 queue" in bench.findings[0].text
    assert miniport.lock.owner is None
    assert (peer.statuses, bench.cpu.irql) == ([STOPPED], PASSIVE)


@on_bench
async def test_coroutines_are_listed_in_the_order_of_their_suspension(bench: Bench) -> None:
    """An adapter knows its suspended coroutines, oldest first, and forgets each as it ends."""

    class Slow(Mini):
        async def send_packets(self, packets: Sequence[Packet]) -> Status:
            await self.ndis.delay(packets[0].length * LATER)
            return Status.SUCCESS

    peer = await bench.pair(Slow())
    adapter = peer.binding.adapter
    for packet, length in zip(peer.packets, (70, 60, 80), strict=False):
        packet.resize(length)
        await bench.passive(lambda packet=packet: peer.binding.send_packets([packet]))  # type: ignore[misc]
    assert [fiber.irql for fiber in adapter.fibers] == [PASSIVE] * 3
    assert all("delay(packets[0].length" not in fiber.where() and "Slow" in fiber.where() for fiber in adapter.fibers)
    await bench.pass_time(75 * LATER)
    assert len(adapter.fibers) == 1
    await bench.pass_time(75 * LATER)
    assert adapter.fibers == {}
    assert [packet.length for packet, _ in peer.completed] == [60, 70, 80]


@on_bench
async def test_passive_code_may_await_asyncio(bench: Bench) -> None:
    """Initialize, work items and halt run in a task, where a driver may wait for anything."""

    class Patient(Mini):
        async def initialize(self, adapter: v5.AdapterInfo) -> Status:
            await asyncio.sleep(1e-6)
            super().initialize(adapter)
            await self.ndis.sleep(LATER)
            self.ndis.schedule_work_item(self.work)
            return Status.SUCCESS

        async def work(self) -> None:
            await asyncio.sleep(1e-6)
            self.deferred.append(lambda: None)

        async def halt(self) -> None:
            await asyncio.sleep(1e-6)
            super().halt()

    miniport = Patient()
    await bench.start(miniport)
    await bench.pass_time()
    assert len(miniport.deferred) == 1
