"""The chain of a list that a protocol is only shown: what it was, and how to have it back.

A protocol that is shown a list with NDIS_RECEIVE_FLAGS_RESOURCES gives back
what it was given: the same frames in the same order, each beginning and
ending where it did. The bytes themselves are not compared.

Source: NDIS reference 5.6 and 9.8.
"""

from dataclasses import dataclass

from ndisemu.ndis.data.mdl import Mdl
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.netbuffer import NetBuffer


@dataclass(frozen=True, slots=True)
class Shape:
    """The frames of a list, and of each frame its MDLs, DataOffset and DataLength."""

    buffers: tuple[NetBuffer, ...]
    extents: tuple[tuple[tuple[Mdl, ...], int, int], ...]

    @classmethod
    def of(cls, nbl: NetBufferList) -> "Shape":
        """Look at a list."""
        buffers = nbl.buffers
        return cls(buffers, tuple((tuple(buffer.mdls), buffer.data_offset, buffer.length) for buffer in buffers))

    def restore(self, nbl: NetBufferList) -> None:
        """Undo whatever was done to the chain since."""
        nbl.buffers = self.buffers
        for buffer, (mdls, offset, length) in zip(self.buffers, self.extents, strict=True):
            buffer.mdls[:] = mdls
            buffer.data_offset, buffer.length = offset, length
            buffer.locate()
