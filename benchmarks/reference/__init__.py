"""The same way from host to host in as little Python as it takes: what the emulation's features cost is the ratio to it.

No NDIS, no kernel, no registers, no filters, no statistics, no states, no
time: only what cannot be left out if frames are to travel through rings in
shared memory and nobody may touch a packet that is not his. Nothing here
imports `ndisemu`.
"""

from benchmarks.reference.path import Path, PathError, send_through
from benchmarks.reference.ring import Packet, Ring, RunRing

__all__ = ["Packet", "Path", "PathError", "Ring", "RunRing", "send_through"]
