"""NET_BUFFER_LISTs and their pools.

A list is a flow of frames (`netbuffer`) that share out-of-band data; it is
what is owned, sent, indicated and completed. Chains of lists are Python
sequences here, in the order of their Next pointers. A clone describes the
same bytes with MDLs of its own; its parent counts it until it is freed.

Source: NDIS reference 4.3.
"""

from collections.abc import Sequence
from enum import IntEnum, IntFlag
from operator import attrgetter
from typing import Any

from ndisemu.errors import RuleViolation
from ndisemu.kernel import shown
from ndisemu.memory import Pool
from ndisemu.ndis.data.mdl import BufferPool, Mdl
from ndisemu.ndis.data.netbuffer import NetBuffer
from ndisemu.ndis.status import Status


class NblFlag(IntFlag):
    """NDIS_NBL_FLAGS_*: the public NblFlags."""

    SEND_READ_ONLY = 0x1
    RECV_READ_ONLY = 0x2
    HD_SPLIT = 0x100
    IS_IPV4 = 0x200
    IS_IPV6 = 0x400
    IS_TCP = 0x800
    IS_UDP = 0x1000
    SPLIT_AT_UPPER_LAYER_PROTOCOL_HEADER = 0x2000
    SPLIT_AT_UPPER_LAYER_PROTOCOL_PAYLOAD = 0x4000
    IS_LOOPBACK_PACKET = 0x8000


class NblInfo(IntEnum):
    """Indices of NetBufferListInfo[], as far as this release looks at them."""

    TCP_IP_CHECKSUM = 0
    TCP_LARGE_SEND = 2
    IEEE_8021Q = 4
    CANCEL_ID = 5
    MEDIA_SPECIFIC = 6
    FRAME_TYPE = 7


NO_FLAGS = NblFlag(0)


class Carrier:
    """An owner of lists that are being sent: a list that has such an owner remembers the frames that it was submitted with."""

    __slots__ = ()


class NetBufferList:
    """NET_BUFFER_LIST: frames that are sent, indicated and completed together.

    `buffers` are its frames, and `frame` is the only one, as most lists have
    it; None where there are several or none, and from the moment on in which
    a miniport has set the frames of what it is to send: then `before` are those
    that it was submitted with, and else None. To set `buffers` is
    the way to change all of them; the others are NDIS's own.

    `owner` says who may touch it, `binding` who submitted it (SourceHandle) or
    has been lent it on a circuit, `children` how many clones of it live. `info` are the values of
    NetBufferListInfo[]; `scratch` is lost at each hand-over.
    """

    __slots__ = ("_buffers", "before", "binding", "children", "context", "flags", "frame", "info", "miniport_reserved", "number", "owner",
                 "parent", "protocol_reserved", "references", "scratch", "serial", "status")  # fmt: skip

    def __init__(self, number: int) -> None:
        self.number = number
        self.owner: object | None = None
        self.binding: object | None = None
        self._buffers: tuple[NetBuffer, ...] = ()
        self.frame: NetBuffer | None = None
        self.before: tuple[NetBuffer, ...] | None = None
        self.status = Status.SUCCESS
        self.flags = NO_FLAGS
        self.info: dict[NblInfo, int] = {}
        self.context: list[bytearray] = []
        self.parent: NetBufferList | None = None
        self.children = 0
        self.references = 0
        self.serial = -1
        self.scratch: object | None = None
        self.protocol_reserved: object | None = None
        self.miniport_reserved: object | None = None

    def __repr__(self) -> str:
        return f"nbl#{self.number}"

    def __getstate__(self) -> object:
        """Return what a copy of the descriptor is made of: a copy is nobody's, so NDIS takes it for none of its own."""
        state: Any = super().__getstate__()
        return None, state[1] | {"owner": None, "binding": None}

    @property
    def buffers(self) -> tuple[NetBuffer, ...]:
        """Its frames, in order."""
        return self._buffers

    @buffers.setter
    def buffers(self, buffers: Sequence[NetBuffer]) -> None:
        try:
            chain = tuple(buffers)
        except TypeError:
            text = f"the NET_BUFFERs of {self!r} were set to {shown(buffers)}; they are a sequence of NetBuffer"
            raise TypeError(text) from None
        before, self._buffers = self._buffers, chain
        if not isinstance(getattr(self, "owner", None), Carrier):
            self.before = None
            self._find_frame()
        else:
            self.frame = None
            if self.before is None:
                self.before = before

    # Read without a call of Python's, which each reader would make for each burst (`ndisemu bench`, ring6-lists).
    buffers = property(attrgetter("_buffers"), buffers.fset, doc=buffers.__doc__)  # type: ignore[assignment,attr-defined]

    @property
    def submitted(self) -> tuple[NetBuffer, ...]:
        """The frames that it was submitted with, as long as it is being sent."""
        return self._buffers if self.before is None else self.before

    def restore(self) -> None:
        """Have the frames again that it was submitted with."""
        if self.before is not None:
            self._buffers, self.before = self.before, None
        self._find_frame()

    def drop(self) -> None:
        """Have no frames any more, as what stood there was none."""
        self._buffers, self.before, self.frame = (), None, None

    def _find_frame(self) -> None:
        self.frame = self._buffers[0] if len(self._buffers) == 1 else None

    @property
    def cancel_id(self) -> int:
        """The id under which its send can be cancelled; 0 is none (`NDIS_SET_NET_BUFFER_LIST_CANCEL_ID`)."""
        return self.info.get(NblInfo.CANCEL_ID, 0)

    @property
    def ieee8021q(self) -> int:
        """The TagHeader of Ieee8021QNetBufferListInfo (`data.tag`); 0 for none."""
        return self.info.get(NblInfo.IEEE_8021Q, 0)

    @ieee8021q.setter
    def ieee8021q(self, header: int) -> None:
        self.info[NblInfo.IEEE_8021Q] = header

    def push_context(self, size: int) -> bytearray:
        """Add context space of a layer (`NdisAllocateNetBufferListContext`)."""
        space = bytearray(size)
        self.context.append(space)
        return space

    def pop_context(self) -> None:
        """Give the newest context space back (`NdisFreeNetBufferListContext`)."""
        if not self.context:
            raise RuleViolation("nbl-context", f"{self!r} has no context space to free")
        self.context.pop()

    def fill(self, data: bytes) -> None:
        """Make `data` the one frame of this list."""
        (frame,) = self.buffers
        frame.fill(data)

    def retreat(self, delta: int, spare: BufferPool | None = None) -> Status:
        """Grow the front of every frame (`NdisRetreatNetBufferListDataStart`); all or, with RESOURCES, none."""
        for place, buffer in enumerate(self.buffers):
            if buffer.retreat(delta, spare) is not Status.SUCCESS:
                for grown in self.buffers[:place]:
                    grown.advance(delta, spare)
                return Status.RESOURCES
        return Status.SUCCESS

    def advance(self, delta: int, spare: BufferPool | None = None) -> None:
        """Shrink the front of every frame (`NdisAdvanceNetBufferListDataStart`)."""
        for buffer in self.buffers:
            buffer.advance(delta, spare)


class NblPool(Pool[NetBufferList]):
    """A pool of lists, numbered from `first`; each has one frame over its own buffer where `buffers` are given.

    `NdisAllocateNetBufferListPool`, with fAllocateNetBuffer and DataSize if there are buffers.
    """

    __slots__ = ("_buffers",)

    def __init__(self, name: str, owner: str, count: int, first: int, buffers: BufferPool | None = None) -> None:
        super().__init__(name, owner, [NetBufferList(first + place) for place in range(count)])
        self._buffers = buffers

    def allocate(self, owner: object) -> NetBufferList | None:
        """Lend a list; None when all are out."""
        nbl = super().allocate(owner)
        if nbl is not None and self._buffers is not None:
            mdl = self._buffers.allocate(nbl)
            if mdl is None:
                super().free(nbl, owner)
                return None
            nbl.buffers = (NetBuffer(nbl, [mdl], 0, mdl.length),)
        return nbl

    def free(self, item: NetBufferList, owner: object) -> None:
        """Take a list back (`NdisFreeNetBufferList`); one with living clones is refused."""
        if item.children:
            raise RuleViolation("nbl-clone-free", f"{item!r} is freed while {item.children} clones of it live")
        super().free(item, owner)
        for buffer in item.buffers:
            buffer.leave()
        if self._buffers is not None:
            for buffer in item.buffers:
                for mdl in buffer.mdls:
                    self._buffers.free(mdl, item)
        item.buffers = ()
        item.info = {}
        item.context = []
        item.flags = NO_FLAGS
        item.status = Status.SUCCESS
        item.scratch = item.protocol_reserved = item.miniport_reserved = None
        if item.parent is not None:
            item.parent.children -= 1
            item.parent = None

    def clone(self, original: NetBufferList, owner: object) -> NetBufferList | None:
        """Describe the same bytes again (`NdisAllocateCloneNetBufferList`); None when the pool is empty."""
        clone = super().allocate(owner)
        if clone is None:
            return None
        copies = []
        for buffer in original.buffers:
            mdls = []
            for mdl in buffer.mdls:
                copy = Mdl(mdl.memory, mdl.address, mdl.capacity)
                copy.length = mdl.length
                mdls.append(copy)
            copies.append(NetBuffer(clone, mdls, buffer.data_offset, buffer.length))
        clone.buffers = tuple(copies)
        clone.info = dict(original.info)
        clone.parent = original
        original.children += 1
        return clone
