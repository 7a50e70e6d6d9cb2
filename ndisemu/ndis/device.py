"""What NDIS is given of a device: registers, an interrupt line, DMA and parameters, or a driver below.

This is the whole seam between NDIS and a card; NDIS knows no card, and a
card knows no NDIS. A miniport with a WDM lower edge has no card: its device
is a `target`, another driver that takes IRPs, and `wdm_device` fills the
places of the card with parts that do nothing.

A 5.x driver says that it has such an edge when it is compiled (it defines
NDIS_WDM before it includes `ndis.h`), so no attribute tells NDIS; the device
does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ndisemu.kernel import Cpu, InterruptLine, IoTarget
from ndisemu.memory import DmaSpace, HostMemory


class Registers(Protocol):
    """The device itself, as a bus sees it."""

    def mmio_read(self, offset: int, width: int = 4) -> int:
        """Read a register."""
        ...

    def mmio_write(self, offset: int, value: int, width: int = 4) -> None:
        """Write a register."""
        ...

    def power_off(self) -> None:
        """Stop everything the device does, at once and without its driver."""
        ...


@dataclass(frozen=True, slots=True)
class Device:
    """One device and its resources; `parameters` is what the registry would hold for the adapter.

    `cpu` takes its interrupts; `cpus` are those its DPCs may be queued on, that one alone if there are none;
    `dpc_cpu` is the one that the DPC behind an interrupt runs on, None: wherever the interrupt was taken.
    `target` is the driver below a miniport with a WDM lower edge, None where there is a card.
    """

    name: str
    registers: Registers
    line: InterruptLine
    dma: DmaSpace
    memory: HostMemory
    cpu: Cpu
    parameters: Mapping[str, int] = field(default_factory=dict)
    cpus: tuple[Cpu, ...] = ()
    target: IoTarget | None = None
    dpc_cpu: Cpu | None = None


class NoRegisters:
    """The registers of a device that has none: reads find all ones, as where no card is, and writes nothing.

    The end of the adapter closes the driver below.
    """

    __slots__ = ("_target",)

    def __init__(self, target: IoTarget) -> None:
        self._target = target

    def mmio_read(self, offset: int, width: int = 4) -> int:
        """Nobody answers on the bus."""
        return (1 << 8 * width) - 1

    def mmio_write(self, offset: int, value: int, width: int = 4) -> None:
        """Nobody listens on the bus."""

    def power_off(self) -> None:
        """Tell the driver below that nobody is above it any more."""
        self._target.close()


def wdm_device(
    name: str, target: IoTarget, memory: HostMemory, cpu: Cpu, parameters: Mapping[str, int] | None = None
) -> Device:
    """Make the device of a miniport with a WDM lower edge: a driver below, and a card's places left empty."""
    line = InterruptLine(cpu, f"{name} interrupt")
    dma = DmaSpace(memory, name)
    return Device(name, NoRegisters(target), line, dma, memory, cpu, parameters or {}, target=target)
