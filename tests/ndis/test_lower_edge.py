"""A miniport's IRPs to the driver below: who may send, who is told, and what becomes of them at the adapter's end."""

from collections.abc import Awaitable
from dataclasses import replace
from typing import Any, cast

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, Cpu
from ndisemu.ndis import Adapter, Irp, NtStatus, Status, v5, wdm_device
from tests.ndis.conftest import Bench, Mini, on_bench


class Below:
    """A driver that keeps what it is sent, and ends it when it is cancelled."""

    def __init__(self, cpu: Cpu) -> None:
        self.cpu = cpu
        self.taken: list[Irp] = []
        self.closed = 0

    def call(self, irp: Irp) -> None:
        self.taken.append(irp)
        irp.pend(lambda irp: irp.complete(NtStatus.CANCELLED))

    def close(self) -> None:
        self.closed += 1


class Upper(Mini):
    """A miniport that sends two READs when it starts, and halts as the test says."""

    def __init__(self, *, tidy: bool = True) -> None:
        super().__init__()
        self.tidy = tidy
        self.reads: list[Irp] = []
        self.ended: list[tuple[NtStatus, int]] = []
        self.raises = False

    def initialize(self, adapter: v5.AdapterInfo) -> Status | Awaitable[Status]:
        self.ndis.set_attributes()
        self.reads = [self.ndis.call_driver(Irp.read(100), self.read_done) for _ in range(2)]
        return Status.SUCCESS

    def read_done(self, irp: Irp) -> None:
        self.ended.append((irp.status, self.ndis._enter("a test").irql))
        if self.raises:
            raise LookupError("no such read")

    async def halt(self) -> None:
        if self.tidy:
            for irp in self.reads:
                self.ndis.cancel_irp(irp)
                await irp


async def start(bench: Bench, miniport: v5.Miniport) -> tuple[Adapter, Below]:
    """Start `miniport` over a driver that keeps what it is sent."""
    seed = bench.device()
    below = Below(seed.cpu)
    device = wdm_device(seed.name, below, seed.memory, seed.cpu)
    adapter = bench.library.add_adapter(miniport, device)
    assert await adapter.initialize()
    return adapter, below


@on_bench
async def test_a_tidy_driver_ends_with_its_irps(bench: Bench) -> None:
    """Each IRP is completed before MiniportHalt returns, and told at DISPATCH_LEVEL; then the device below is closed."""
    miniport = Upper()
    adapter, below = await start(bench, miniport)
    assert (len(adapter.resources.irps), below.closed) == (2, 0)
    await adapter.halt()
    assert miniport.ended == [(NtStatus.CANCELLED, DISPATCH)] * 2
    assert (adapter.resources.irps, below.closed) == ({}, 1)


@on_bench
async def test_an_irp_that_outlives_its_driver_is_a_violation(bench: Bench) -> None:
    """It is named and cancelled, and the driver that is gone is not told."""
    miniport = Upper(tidy=False)
    adapter, below = await start(bench, miniport)
    await adapter.halt()
    assert bench.rules() == ["irp-outstanding-at-halt"] * 2
    assert [irp.status for irp in below.taken] == [NtStatus.CANCELLED] * 2
    await bench.pass_time()
    assert miniport.ended == []


@on_bench
async def test_a_completion_routine_that_raises_stops_its_adapter(bench: Bench) -> None:
    """It is driver code like any other: a bug check, and what is left is cancelled in silence."""
    miniport = Upper()
    _, below = await start(bench, miniport)
    miniport.raises = True
    bench.kernel.submit(lambda: below.taken[0].complete(NtStatus.SUCCESS))
    await bench.pass_time()
    assert bench.rules() == ["bugcheck"]
    assert below.taken[1].status is NtStatus.CANCELLED
    assert len(miniport.ended) == 1


@on_bench
async def test_a_card_takes_no_irps(bench: Bench) -> None:
    """A driver above a card has nobody to send to; a coroutine is no completion routine."""
    refused: list[str] = []

    class Confused(Mini):
        def initialize(self, adapter: v5.AdapterInfo) -> Status | Awaitable[Status]:
            async def late(irp: Irp) -> None:
                raise AssertionError("never called")

            for completion in (None, cast("Any", late)):
                try:
                    self.ndis.call_driver(Irp.read(100), completion)
                except RuleViolation as error:
                    refused.append(error.rule)
            return super().initialize(adapter)

    miniport = Confused()
    await bench.pair(miniport)
    assert refused == ["irp-no-target", "entry-async"]


@on_bench
async def test_where_no_card_is_the_bus_reads_ones(bench: Bench) -> None:
    """A driver that looks for registers finds what it would find in an empty slot."""
    seed = bench.device()
    device = wdm_device(seed.name, Below(seed.cpu), seed.memory, seed.cpu, {"mtu": 1500})
    device.registers.mmio_write(8, 1)
    assert [device.registers.mmio_read(8, width) for width in (1, 2, 4)] == [0xFF, 0xFFFF, 0xFFFFFFFF]
    assert replace(device, parameters={}).target is device.target


@on_bench
async def test_a_serialized_driver_has_no_such_edge(bench: Bench) -> None:
    """A miniport with a WDM lower edge is deserialized (seed 003); another one is refused when it is registered."""

    class Serialized(Upper):
        deserialized = False

    device = wdm_device("nic1", Below(bench.cpu), bench.library.memory, bench.cpu)
    with pytest.raises(RuleViolation, match="st-deserialize-flag: Serialized is serialized, and nic1 has a WDM"):
        bench.library.add_adapter(Serialized(), device)
    assert "nic1" not in bench.library.adapters
