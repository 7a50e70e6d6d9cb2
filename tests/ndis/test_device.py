"""The seam between NDIS and a card: registers, a line, DMA, memory and parameters, or a driver below."""

from dataclasses import FrozenInstanceError, fields, replace

import pytest

from ndisemu.ndis import Device, Status, v5
from tests.ndis.conftest import Bench, Card, Mini, on_bench


def test_the_seam_is_as_narrow_as_this() -> None:
    """What NDIS is given of a device is listed here; more of it would be knowledge of a card."""
    assert [field.name for field in fields(Device)] == [
        "name",
        "registers",
        "line",
        "dma",
        "memory",
        "cpu",
        "parameters",
        "cpus",
        "target",
        "dpc_cpu",
    ]


@on_bench
async def test_a_device_is_fixed_and_has_no_parameters_of_itself(bench: Bench) -> None:
    """Nobody swaps a part of a device while its adapter lives."""
    device = bench.device()
    assert device.parameters == {}
    with pytest.raises(FrozenInstanceError):
        device.name = "other"  # type: ignore[misc]  # that is the mistake


@on_bench
async def test_parameters_are_what_initialize_reads(bench: Bench) -> None:
    """What the registry would hold for the adapter reaches MiniportInitialize."""
    seen: list[dict[str, int]] = []

    class Reading(Mini):
        def initialize(self, adapter: v5.AdapterInfo) -> Status:
            seen.append(dict(adapter.parameters))
            super().initialize(adapter)
            return Status.SUCCESS

    device = replace(bench.device(), parameters={"tx_ring": 64})
    miniport = Reading()
    assert isinstance(device.registers, Card)
    miniport.card = device.registers
    assert await bench.library.add_adapter(miniport, device).initialize()
    assert seen == [{"tx_ring": 64}]


@on_bench
async def test_ndis_itself_touches_no_register(bench: Bench) -> None:
    """Between initialize and halt only the driver reads and writes; at the end NDIS takes the power away."""
    miniport = Mini()
    peer = await bench.pair(miniport)
    await bench.send(peer, 3)
    assert (miniport.card.accesses, miniport.card.powered_off) == (0, 0)
    await peer.binding.adapter.halt()
    assert (miniport.card.accesses, miniport.card.powered_off) == (0, 1)
