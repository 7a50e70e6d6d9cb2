"""What NDIS is given of a device: registers, an interrupt line, DMA and parameters.

This is the whole seam between NDIS and a card; NDIS knows no card, and a
card knows no NDIS.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ndisemu.kernel import Cpu, InterruptLine
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

    `cpu` takes its interrupts; `cpus` are those its DPCs may be queued on, that one alone if there are none.
    """

    name: str
    registers: Registers
    line: InterruptLine
    dma: DmaSpace
    memory: HostMemory
    cpu: Cpu
    parameters: Mapping[str, int] = field(default_factory=dict)
    cpus: tuple[Cpu, ...] = ()
