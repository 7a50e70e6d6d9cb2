"""A binding whose protocol speaks packets: what 5.x protocols and connection-oriented ones share.

Source: NDIS reference 3.1 and 4.2.
"""

from typing import TYPE_CHECKING

from ndisemu.ndis.binding import BaseBinding, binding_name
from ndisemu.ndis.data.packet import Packet, PacketPool
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.states import BINDING_TRANSITIONS, BindingState, Machine

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter


class PacketBinding(BaseBinding):
    """A binding that allocates packets, and frees them when it closes."""

    __slots__ = ("_packet_pools",)

    def __init__(self, adapter: "Adapter", protocol_name: str) -> None:
        name = binding_name(protocol_name, adapter)
        super().__init__(adapter, name, Machine(name, BindingState.OPENING, BINDING_TRANSITIONS))
        self._packet_pools: list[PacketPool] = []

    @property
    def is_open(self) -> bool:
        """Whether it has been opened and its close has not begun."""
        return self.state.current is BindingState.OPEN

    @ddi("NdisAllocatePacketPoolEx", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 3.1")
    def allocate_packets(self, count: int, size: int) -> list[Packet]:
        """Make `count` packets of this binding's, each with one buffer of `size` bytes, for as long as it is open."""
        library = self.adapter.library
        pool = library.make_packet_pool("send packets", self.name, count)
        self._packet_pools.append(pool)
        buffers = library.make_buffer_pool("send buffers", self.name, count, size)
        self._buffer_pools.append(buffers)
        packets = []
        for packet, buffer in zip(pool, buffers, strict=True):
            pool.allocate(self)
            buffers.allocate(self)
            packet.chain(buffer)
            packets.append(packet)
        return packets

    def free_pools(self) -> None:
        """Free the packets."""
        for pool in self._packet_pools:
            for packet in pool:
                if packet.owner is self:
                    pool.free(packet, self)
            self.adapter.library.packet_pools.remove(pool)
