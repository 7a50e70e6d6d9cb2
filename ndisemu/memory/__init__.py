"""Host memory: one shared mapping per host, what cards may touch of it, rings and pools."""

from ndisemu.memory.dma import DmaSpace, DmaViolation, Mappable
from ndisemu.memory.host import PAGE, POISON, WORD, Block, HostMemory
from ndisemu.memory.pool import Pool
from ndisemu.memory.ring import DESCRIPTOR, DescriptorRing, repeat

__all__ = ["DESCRIPTOR", "PAGE", "POISON", "WORD", "Block", "DescriptorRing", "DmaSpace", "DmaViolation", "HostMemory",
           "Mappable", "Pool", "repeat"]  # fmt: skip
