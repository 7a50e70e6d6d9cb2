"""Scatter/gather: how an NDIS 6 miniport lets its card read what is to be sent.

NDIS 5 maps a packet before the miniport sees it; an NDIS 6 miniport maps
each NET_BUFFER itself, after it may have edited it, and frees the mapping
before it completes the list. The DDK has one call and one callback for each
NET_BUFFER; `map_all` is the same for all of a burst, in one call.

A frame knows whether it is mapped, so a mapping that is made twice, freed
twice, or still there at completion is found.

Source: NDIS reference 5.12.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from ndisemu.errors import RuleViolation
from ndisemu.ndis.data.nbl import NetBuffer

if TYPE_CHECKING:
    from ndisemu.ndis.v6.adapter import NblAdapter


_SEGMENTS: Final = attrgetter("segments")


@dataclass(frozen=True, slots=True)
class SgList:
    """`SCATTER_GATHER_LIST`: the bytes of one frame as pairs of bus address and length."""

    net_buffer: NetBuffer
    elements: tuple[tuple[int, int], ...]


class DmaChannel:
    """What `NdisMRegisterScatterGatherDma` gives an adapter: the right to map frames for its card."""

    __slots__ = ("_map", "_name", "_unmap")

    def __init__(self, adapter: "NblAdapter") -> None:
        self._name = adapter.name
        self._map = adapter.device.dma.map
        self._unmap = adapter.device.dma.unmap

    def map_all(self, buffers: Sequence[NetBuffer]) -> None:
        """Map frames that are not mapped yet, or refuse the call."""
        for place, buffer in enumerate(buffers):
            if buffer.mapped:
                for undone in buffers[:place]:
                    undone.mapped = False
                raise RuleViolation(
                    "sg-one-per-nb", f"{self._name} maps {buffer!r}, which is mapped; free its SG list first"
                )
            buffer.mapped = True
        self._map(chain.from_iterable(map(_SEGMENTS, buffers)))

    def unmap_all(self, buffers: Sequence[NetBuffer]) -> None:
        """Take mapped frames from the card, or refuse the call."""
        for place, buffer in enumerate(buffers):
            if not buffer.mapped:
                for undone in buffers[:place]:
                    undone.mapped = True
                raise RuleViolation(
                    "sg-free", f"{self._name} frees the SG list of {buffer!r}, which has none; free each exactly once"
                )
            buffer.mapped = False
        self._unmap(chain.from_iterable(map(_SEGMENTS, buffers)))
