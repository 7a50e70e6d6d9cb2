"""Frames copied into and out of a whole burst of descriptors: NDIS_PACKETs or NET_BUFFERs.

What a protocol does with every burst it sends or receives. Where each frame
is in one piece, and as long as what is to be filled in, this is one pass
over the burst without a call for each (`ndisemu bench`, bursts of 64).
Otherwise the whole burst is gone through frame by frame.
"""

from collections.abc import Sequence
from mmap import mmap
from typing import Protocol

from ndisemu.ndis.data.nbl import NetBufferList


class Descriptor(Protocol):
    """What describes one frame; `window` is where it lies in `memory` if it is in one piece, else None."""

    length: int
    memory: mmap
    window: slice | None

    def fill(self, data: bytes) -> None:
        """Make `data` its contents."""
        ...

    def read(self) -> bytes:
        """Return a copy of its contents."""
        ...


def fill(descriptors: Sequence[Descriptor], frames: Sequence[bytes]) -> None:
    """Make each frame the contents of the descriptor beside it."""
    if len(frames) != len(descriptors):
        raise ValueError(f"{len(frames)} frames are not one for each of {len(descriptors)} descriptors")
    try:
        # The `strict` of `zip` would be a sixtieth of a single send (`ndisemu bench`, bursts of 1).
        for descriptor, frame in zip(descriptors, frames):  # noqa: B905
            descriptor.memory[descriptor.window] = frame  # type: ignore[index]
    except (IndexError, TypeError):
        # One has another length, or is in pieces.
        for descriptor, frame in zip(descriptors, frames, strict=True):
            descriptor.fill(frame)


def fill_lists(nbls: Sequence[NetBufferList], frames: Sequence[bytes]) -> None:
    """Make each frame the one frame of the list beside it."""
    if len(frames) != len(nbls):
        raise ValueError(f"{len(frames)} frames are not one for each of {len(nbls)} lists")
    try:
        for nbl, data in zip(nbls, frames):  # noqa: B905 - as above
            frame = nbl.frame
            frame.memory[frame.window] = data  # type: ignore[index,union-attr]
    except (AttributeError, IndexError, TypeError):
        for nbl, data in zip(nbls, frames, strict=True):
            nbl.fill(data)


def read_lists(nbls: Sequence[NetBufferList]) -> list[bytes]:
    """Return copies of all frames of all lists."""
    try:
        return [(frame := nbl.frame).memory[frame.window] for nbl in nbls]  # type: ignore[index,misc,union-attr]
    except (AttributeError, TypeError):
        # A list has several frames, or the window of one is None.
        frames: list[bytes] = []
        for nbl in nbls:
            frames += read(nbl.buffers)
        return frames


def read(descriptors: Sequence[Descriptor]) -> list[bytes]:
    """Return copies of all contents."""
    try:
        return [descriptor.memory[descriptor.window] for descriptor in descriptors]  # type: ignore[index]
    except TypeError:
        # The window of one is None.
        return [descriptor.read() for descriptor in descriptors]
