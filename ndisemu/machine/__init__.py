"""Machines: hosts with CPUs, memory, NDIS and cards, wired together in one emulation."""

from ndisemu.machine.application import Application
from ndisemu.machine.circuits import Circuits
from ndisemu.machine.emulation import Emulation
from ndisemu.machine.faults import FAULTS, Fault
from ndisemu.machine.host import Host
from ndisemu.machine.slot import BaseSlot, Slot, WireCounts
from ndisemu.machine.stream import StreamSlot

__all__ = [
    "FAULTS",
    "Application",
    "BaseSlot",
    "Circuits",
    "Emulation",
    "Fault",
    "Host",
    "Slot",
    "StreamSlot",
    "WireCounts",
]
