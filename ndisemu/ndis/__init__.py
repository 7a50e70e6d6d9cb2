"""NDIS.SYS: statuses, OIDs, packets, adapters, bindings and the library drivers call. It knows no card.

A driver imports from here, from `v5` and from `co` only; `library.NdisLibrary` is what
a machine puts into each host.
"""

from ndisemu.kernel import DISPATCH, PASSIVE, Event, Irql, Signal, SpinLock, Timer, Turn
from ndisemu.memory import DescriptorRing
from ndisemu.ndis import co, v5
from ndisemu.ndis.adapter import Adapter
from ndisemu.ndis.binding import BaseBinding
from ndisemu.ndis.constants import (
    AttributeFlag,
    HardwareStatus,
    MacOption,
    MediaState,
    Medium,
    PacketFilter,
    PacketFlag,
    ProtocolOption,
)
from ndisemu.ndis.data import BufferPool, Mdl, OidRequest, OobBlock, Packet, PacketPool
from ndisemu.ndis.device import Device
from ndisemu.ndis.library import NdisLibrary
from ndisemu.ndis.oid import Oid
from ndisemu.ndis.resources import SharedMemory
from ndisemu.ndis.status import Status

__all__ = [
    "DISPATCH",
    "PASSIVE",
    "Adapter",
    "AttributeFlag",
    "BaseBinding",
    "BufferPool",
    "DescriptorRing",
    "Device",
    "Event",
    "HardwareStatus",
    "Irql",
    "MacOption",
    "Mdl",
    "MediaState",
    "Medium",
    "NdisLibrary",
    "Oid",
    "OidRequest",
    "OobBlock",
    "Packet",
    "PacketFilter",
    "PacketFlag",
    "PacketPool",
    "ProtocolOption",
    "SharedMemory",
    "Signal",
    "SpinLock",
    "Status",
    "Timer",
    "Turn",
    "co",
    "v5",
]
