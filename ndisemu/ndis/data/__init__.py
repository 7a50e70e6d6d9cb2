"""What crosses the NDIS border: packets, buffers, requests, the state of a link."""

from ndisemu.ndis.data import contents
from ndisemu.ndis.data.link import LinkState
from ndisemu.ndis.data.mdl import BufferPool, DescriptorPool, Mdl
from ndisemu.ndis.data.packet import OobBlock, Packet, PacketPool
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.data.tag import Tag

__all__ = [
    "BufferPool",
    "DescriptorPool",
    "LinkState",
    "Mdl",
    "OidRequest",
    "OobBlock",
    "Packet",
    "PacketPool",
    "Tag",
    "contents",
]
