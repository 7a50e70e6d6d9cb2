"""NDIS.SYS: statuses, OIDs, packets, adapters, bindings and the library drivers call. It knows no card.

A driver imports from here, and from `v5`, `v6` or `co`, only; `library.NdisLibrary` is what
a machine puts into each host.
"""

from ndisemu.kernel import (
    DISPATCH,
    PASSIVE,
    Event,
    Irp,
    Irql,
    LockState,
    NtStatus,
    RwLock,
    Signal,
    SpinLock,
    Timer,
    Turn,
)
from ndisemu.memory import DescriptorRing
from ndisemu.ndis import co, v5, v6
from ndisemu.ndis.adapter import Adapter
from ndisemu.ndis.allocation import Allocation
from ndisemu.ndis.binding import BaseBinding
from ndisemu.ndis.constants import (
    AttributeFlag,
    HardwareStatus,
    MacOption,
    MediaConnectState,
    MediaDuplexState,
    MediaState,
    Medium,
    PacketFilter,
    PacketFlag,
    PauseFunctions,
    ProtocolOption,
)
from ndisemu.ndis.data import (
    BufferPool,
    DescriptorPool,
    LinkState,
    Mdl,
    OidRequest,
    OobBlock,
    Packet,
    PacketPool,
    Tag,
    contents,
)
from ndisemu.ndis.device import Device, wdm_device
from ndisemu.ndis.indication import StatusIndication
from ndisemu.ndis.library import NdisLibrary
from ndisemu.ndis.miniportlibrary import RegisterSpace
from ndisemu.ndis.oid import Oid
from ndisemu.ndis.pnp import DeviceEvent, NetEvent, NetPnPEvent, PowerState
from ndisemu.ndis.resources import SharedMemory
from ndisemu.ndis.status import Status

__all__ = [
    "DISPATCH",
    "PASSIVE",
    "Adapter",
    "Allocation",
    "AttributeFlag",
    "BaseBinding",
    "BufferPool",
    "DescriptorPool",
    "DescriptorRing",
    "Device",
    "DeviceEvent",
    "Event",
    "HardwareStatus",
    "Irp",
    "Irql",
    "LinkState",
    "LockState",
    "MacOption",
    "Mdl",
    "MediaConnectState",
    "MediaDuplexState",
    "MediaState",
    "Medium",
    "NdisLibrary",
    "NetEvent",
    "NetPnPEvent",
    "NtStatus",
    "Oid",
    "OidRequest",
    "OobBlock",
    "Packet",
    "PacketFilter",
    "PacketFlag",
    "PacketPool",
    "PauseFunctions",
    "PowerState",
    "ProtocolOption",
    "RegisterSpace",
    "RwLock",
    "SharedMemory",
    "Signal",
    "SpinLock",
    "Status",
    "StatusIndication",
    "Tag",
    "Timer",
    "Turn",
    "co",
    "contents",
    "v5",
    "v6",
    "wdm_device",
]
