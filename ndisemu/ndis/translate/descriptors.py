"""Descriptors of one generation for bytes that the other generation describes.

They are made in runs when all are in use, and used again and again; their
owner is whoever they are given to. No byte is copied: a packet's buffers and
a list's MDLs are the same objects, and where a frame begins inside of one
the descriptor made for it has MDLs of its own over the same memory.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from ndisemu.ndis.data.mdl import Mdl
from ndisemu.ndis.data.nbl import NblInfo, NblPool, NetBufferList
from ndisemu.ndis.data.netbuffer import NetBuffer
from ndisemu.ndis.data.packet import Packet, PacketPool
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.library import NdisLibrary

# How many are made at a time.
RUN: Final = 64


D = TypeVar("D")


class _Stock(ABC, Generic[D]):
    """Descriptors that are free, and the pools that they came from."""

    __slots__ = ("_free", "_library", "_name")

    def __init__(self, library: "NdisLibrary", name: str) -> None:
        self._library = library
        self._name = name
        self._free: deque[D] = deque()

    @abstractmethod
    def _make(self) -> Iterable[D]:
        """Make another run."""

    def _take(self) -> D:
        if not self._free:
            self._free.extend(self._make())
        return self._free.popleft()


class PacketStock(_Stock[Packet]):
    """Packets that stand for the frames of lists; `miniport_reserved` says which list."""

    __slots__ = ("_pools",)

    def __init__(self, library: "NdisLibrary", name: str) -> None:
        super().__init__(library, name)
        self._pools: list[PacketPool] = []

    def describe(self, frame: NetBuffer, owner: object) -> Packet:
        """Return a packet of `owner`'s over the bytes of `frame`, with its out-of-band data."""
        packet = self._take()
        packet.owner = owner
        packet.chain(*[Mdl(frame.memory, address, length) for address, length in frame.segments])
        packet.miniport_reserved = frame.nbl
        packet.ieee8021q = frame.nbl.info.get(NblInfo.IEEE_8021Q, 0)
        packet.cancel_id = frame.nbl.cancel_id
        packet.status = Status.SUCCESS
        return packet

    def take_back(self, packet: Packet) -> NetBufferList | None:
        """Keep a packet for another frame; returns the list it stood for."""
        nbl, packet.miniport_reserved = packet.miniport_reserved, None
        packet.owner = self
        self._free.append(packet)
        return nbl if isinstance(nbl, NetBufferList) else None

    def close(self) -> None:
        """Give the descriptors up; none is in use any more."""
        for pool in self._pools:
            self._library.packet_pools.remove(pool)

    def _make(self) -> PacketPool:
        pool = self._library.make_packet_pool("translated packets", self._name, RUN)
        self._pools.append(pool)
        return pool


class ListStock(_Stock[NetBufferList]):
    """Lists of one frame that stand for packets; `protocol_reserved` says which packet."""

    __slots__ = ("_pools",)

    def __init__(self, library: "NdisLibrary", name: str) -> None:
        super().__init__(library, name)
        self._pools: list[NblPool] = []

    def describe(self, packet: Packet, owner: object) -> NetBufferList:
        """Return a list of `owner`'s over the buffers of `packet`, with its out-of-band data."""
        nbl = self._take()
        nbl.owner = owner
        frame = nbl.buffers[0]
        frame.mdls.clear()
        buffer = packet.head
        while buffer is not None:
            frame.mdls.append(buffer)
            buffer = buffer.next
        frame.data_offset, frame.length = 0, packet.length
        frame.locate()
        nbl.protocol_reserved = packet
        nbl.info = {NblInfo.IEEE_8021Q: packet.ieee8021q, NblInfo.CANCEL_ID: packet.cancel_id}
        nbl.status = Status.SUCCESS
        return nbl

    def take_back(self, nbl: NetBufferList) -> Packet | None:
        """Keep a list for another packet; returns the packet it stood for."""
        packet, nbl.protocol_reserved = nbl.protocol_reserved, None
        nbl.owner = self
        self._free.append(nbl)
        return packet if isinstance(packet, Packet) else None

    def close(self) -> None:
        """Give the descriptors up; none is in use any more."""
        for pool in self._pools:
            self._library.nbl_pools.remove(pool)

    def _make(self) -> NblPool:
        pool = self._library.make_nbl_pool("translated lists", self._name, RUN)
        self._pools.append(pool)
        for nbl in pool:
            nbl.buffers = (NetBuffer(nbl),)
        return pool
