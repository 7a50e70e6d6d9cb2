"""NET_BUFFER_LISTs of several frames, which a station over NDIS 6 sends.

Frames of a flow share what is said beside them, so one list may have many,
and what is done by the list is done once for all of them: hand-over, status,
completion. A list keeps its frames; where a burst ends, it may be sent with
the first few of them.

Source: NDIS reference 4.3.
"""

from collections.abc import Sequence

from ndisemu.ndis import contents, v6


class Chains:
    """Lists of a protocol, with all the frames that belong to each of them."""

    __slots__ = ("_frames",)

    def __init__(self, lists: Sequence[v6.NetBufferList]) -> None:
        self._frames = {nbl: nbl.buffers for nbl in lists}

    def fill(self, nbls: Sequence[v6.NetBufferList], frames: Sequence[bytes]) -> None:
        """Deal `frames` out to as many lists as that takes, in order: to each as many as belong to it, to the last the rest."""
        start = 0
        for nbl in nbls:
            chain = self._frames[nbl]
            part = frames[start : start + len(chain)]
            start += len(chain)
            if len(nbl.buffers) != len(part):
                nbl.buffers = chain[: len(part)]
            contents.fill(nbl.buffers, part)
        if start < len(frames):
            raise ValueError(f"{len(frames)} frames are more than the {start} that {len(nbls)} lists have")
