"""Scatter/gather: how an NDIS 6 miniport lets its card read what is to be sent.

NDIS 5 maps a packet before the miniport sees it; an NDIS 6 miniport maps
each NET_BUFFER itself, after it may have edited it, and frees the mapping
before it completes the list. The DDK has one call and one callback for each
NET_BUFFER; `map` is the same for all of a burst, in one call.

A frame knows whether it is mapped, so a mapping that is made twice, freed
twice, or still there at completion is found.

Source: NDIS reference 5.12.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ndisemu.errors import RuleViolation
from ndisemu.kernel import shown
from ndisemu.ndis.data.netbuffer import NetBuffer
from ndisemu.ndis.ddi import Kind, ddi
from ndisemu.ndis.miniportlibrary import after_halt
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.v6.adapter import NblAdapter

_SOURCE = "NDIS reference 5.12"
_ALLOCATE: Final = "NdisMAllocateNetBufferSGList"
_FREE: Final = "NdisMFreeNetBufferSGList"


@dataclass(frozen=True, slots=True)
class SgList:
    """`SCATTER_GATHER_LIST`: the bytes of one frame as pairs of bus address and length."""

    net_buffer: NetBuffer
    elements: tuple[tuple[int, int], ...]


class DmaChannel:
    """The DMA handle that NdisMRegisterScatterGatherDma gives."""

    # A watcher may stand before the methods of one channel.
    __slots__ = ("__dict__", "_adapter", "_space")

    def __init__(self, adapter: "NblAdapter") -> None:
        self._adapter = adapter
        self._space = adapter.device.dma

    @ddi(_ALLOCATE, irql="== DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def allocate_net_buffer_sg_list(self, buffer: NetBuffer, context: object = None) -> Status:
        """Map one frame for the card; `process_sg_list` is given the list, here before this returns."""
        self.map((buffer,))
        adapter, made = self._adapter, SgList(buffer, buffer.segments)
        adapter.call("MiniportProcessSGList", lambda: adapter.miniport.process_sg_list(made, context))
        return Status.SUCCESS

    @ddi(_FREE, irql="== DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def free_net_buffer_sg_list(self, sg_list: SgList) -> None:
        """Take a frame from the card, before its list is completed."""
        self.unmap((sg_list.net_buffer,))

    def map(self, buffers: Sequence[NetBuffer]) -> None:
        """Map a burst of frames; the SG list of each is its `segments`. IRQL <= DISPATCH."""
        # As the library's `_enter` does, without a call for each single send.
        adapter = self._adapter
        if not adapter.alive:
            raise after_halt(_ALLOCATE, adapter)
        (adapter.kernel.current or adapter.running_cpu(_ALLOCATE)).preempt()
        try:
            wrong = self._space.map_frames(buffers)
        except AttributeError:
            self._refuse(buffers, self._space.unmap)
            raise
        if wrong is not None:
            raise RuleViolation(
                "sg-one-per-nb", f"{self._adapter.name} maps {wrong!r}, which is mapped; free its SG list first"
            )

    def unmap(self, buffers: Sequence[NetBuffer]) -> None:
        """Take a burst of frames from the card. IRQL <= DISPATCH."""
        # As the library's `_enter` does, without a call for each single send.
        adapter = self._adapter
        if not adapter.alive:
            raise after_halt(_FREE, adapter)
        (adapter.kernel.current or adapter.running_cpu(_FREE)).preempt()
        try:
            wrong = self._space.unmap_frames(buffers)
        except AttributeError:
            self._refuse(buffers, self._space.map)
            raise
        if wrong is not None:
            raise RuleViolation(
                "sg-free",
                f"{self._adapter.name} frees the SG list of {wrong!r}, which has none; free each exactly once",
            )

    def _refuse(self, buffers: Sequence[NetBuffer], undo: Callable[[Sequence[NetBuffer]], None]) -> None:
        """Refuse a burst in which something is no frame, and undo what was done before it; frames may also be maimed."""
        others: Sequence[object] = buffers
        for place, one in enumerate(others):
            if not isinstance(one, NetBuffer):
                undo(buffers[:place])
                text = f"{self._adapter.name} maps or unmaps {shown(one)}; what is mapped are NET_BUFFERs, all of each list"
                raise RuleViolation("call-argument", text) from None

    def reclaim(self, buffers: Sequence[NetBuffer]) -> None:
        """Take from the card what its driver has left mapped."""
        self._space.unmap_frames([buffer for buffer in buffers if buffer.mapped is not None])
