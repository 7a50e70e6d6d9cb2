"""Frames copied into and out of bursts of descriptors."""

from contextlib import closing

import pytest
from hypothesis import given, strategies as st

from ndisemu.memory import PAGE, HostMemory
from ndisemu.ndis.data import contents
from ndisemu.ndis.data.mdl import BufferPool
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.netbuffer import NetBuffer
from ndisemu.ndis.data.packet import Packet

SIZE = 40
BURST = st.lists(st.tuples(st.booleans(), st.booleans(), st.binary(min_size=2, max_size=SIZE)), max_size=6)


def describe(pool: BufferPool, *, packet: bool, pieces: bool) -> Packet | NetBuffer:
    """Make a packet of one buffer, or a NET_BUFFER of one MDL or two."""
    first, second = (pool.allocate("test") for _ in range(2))
    assert first is not None
    assert second is not None
    if packet:
        made = Packet(0)
        made.chain(first)
        return made
    if pieces:
        first.length = 1
    return NetBuffer(NetBufferList(0), [first, second], 0, SIZE)


@given(BURST)
def test_what_is_filled_in_is_read_out(burst: list[tuple[bool, bool, bytes]]) -> None:
    """Whatever the lengths, and whether a frame is in one piece or in several."""
    with closing(HostMemory("h", 2 * PAGE)) as memory:
        pool = BufferPool(memory, "buffers", "test", 2 * len(burst) + 1, SIZE)
        made = [describe(pool, packet=packet, pieces=pieces) for packet, pieces, _ in burst]
        frames = [data for _, _, data in burst]
        for _ in range(2):
            contents.fill(made, frames)
            assert contents.read(made) == frames == [descriptor.read() for descriptor in made]
            assert [descriptor.length for descriptor in made] == [len(data) for data in frames]


def test_every_descriptor_has_a_frame() -> None:
    """A burst with more frames than descriptors, or lists, is a mistake; so is one with fewer."""
    with pytest.raises(ValueError, match="1 frames are not one for each of 0 descriptors"):
        contents.fill([], [b"x"])
    with pytest.raises(ValueError, match="0 frames are not one for each of 1 lists"):
        contents.fill_lists([NetBufferList(0)], [])


@given(st.lists(st.tuples(st.booleans(), st.binary(min_size=2, max_size=SIZE)), max_size=6))
def test_lists_are_filled_and_read_by_their_frames(burst: list[tuple[bool, bytes]]) -> None:
    """Each list has one frame to fill; what is read of lists is the frames of all of them, in order."""
    with closing(HostMemory("h", 2 * PAGE)) as memory:
        pool = BufferPool(memory, "buffers", "test", 2 * len(burst) + 1, SIZE)
        lists = []
        for pieces, _ in burst:
            nbl = NetBufferList(0)
            frame = describe(pool, packet=False, pieces=pieces)
            assert isinstance(frame, NetBuffer)
            nbl.buffers = (frame,)
            lists.append(nbl)
        frames = [data for _, data in burst]
        contents.fill_lists(lists, frames)
        assert contents.read_lists(lists) == frames
        together = NetBufferList(1)
        together.buffers = tuple(nbl.buffers[0] for nbl in lists)
        assert contents.read_lists([*lists, together]) == frames * 2
