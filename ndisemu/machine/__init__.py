"""Machines: hosts with CPUs, memory, NDIS and cards, wired together in one emulation."""

from ndisemu.machine.application import Application
from ndisemu.machine.circuits import Circuits
from ndisemu.machine.emulation import Emulation
from ndisemu.machine.host import Host, Slot

__all__ = ["Application", "Circuits", "Emulation", "Host", "Slot"]
