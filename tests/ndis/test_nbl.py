"""NET_BUFFER_LISTs describe frames over chains of MDLs, and moving a frame's start loses nothing."""

from collections.abc import Iterator
from itertools import accumulate

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import RuleViolation
from ndisemu.memory import HostMemory
from ndisemu.ndis.data.mdl import BufferPool, Mdl
from ndisemu.ndis.data.nbl import Carrier, NblInfo, NblPool, NetBufferList
from ndisemu.ndis.data.netbuffer import NetBuffer
from ndisemu.ndis.status import Status

OWNER = "protocol"


@pytest.fixture(scope="module")
def memory() -> Iterator[HostMemory]:
    host = HostMemory("a", 1 << 20)
    yield host
    host.close()


def frame_of(memory: HostMemory, lengths: list[int], offset: int, length: int) -> tuple[NetBuffer, bytes]:
    """Return a frame over MDLs of these lengths filled with counted bytes, and all bytes of the chain."""
    nbl = NetBufferList(1)
    mdls: list[Mdl] = []
    content = b""
    for start, size in zip(accumulate([0, *lengths[:-1]]), lengths, strict=True):
        address = 8192 + 4096 * len(mdls)
        part = bytes((start + place) % 251 for place in range(size))
        memory.map[address : address + size] = part
        mdls.append(Mdl(memory.map, address, size))
        content += part
    return NetBuffer(nbl, mdls, offset, length), content


shapes = st.lists(st.integers(1, 40), min_size=1, max_size=5).flatmap(
    lambda lengths: st.tuples(st.just(lengths), st.integers(0, sum(lengths))).flatmap(
        lambda pair: st.tuples(st.just(pair[0]), st.just(pair[1]), st.integers(0, sum(pair[0]) - pair[1]))
    )
)


@given(shape=shapes)
def test_a_frame_is_the_bytes_from_its_offset(memory: HostMemory, shape: tuple[list[int], int, int]) -> None:
    """Wherever a frame begins and ends in its chain, it reads as that part of the chain's bytes."""
    buffer, content = frame_of(memory, *shape)
    _, offset, length = shape
    assert buffer.read() == content[offset : offset + length]
    assert sum(size for _, size in buffer.segments) == length


@given(shape=shapes.filter(lambda shape: shape[2] > 0))
def test_the_current_mdl_is_where_the_data_begins(memory: HostMemory, shape: tuple[list[int], int, int]) -> None:
    """DataOffset into the chain and CurrentMdlOffset into CurrentMdl are the same place (4.3)."""
    buffer, _ = frame_of(memory, *shape)
    before = sum(mdl.length for mdl in buffer.mdls[: buffer.current])
    assert before + buffer.current_offset == buffer.data_offset
    assert buffer.current_offset < buffer.mdls[buffer.current].length


@given(shape=shapes, data=st.data())
def test_retreating_undoes_advancing(
    memory: HostMemory, shape: tuple[list[int], int, int], data: st.DataObject
) -> None:
    """Advancing by any part of a frame and retreating by as much gives the same frame, with the same segments."""
    buffer, _ = frame_of(memory, *shape)
    whole, segments = buffer.read(), buffer.segments
    delta = data.draw(st.integers(0, shape[2]))

    buffer.advance(delta)
    assert buffer.read() == whole[delta:]
    assert buffer.retreat(delta) is Status.SUCCESS
    assert (buffer.read(), buffer.segments) == (whole, segments)


def test_retreating_beyond_the_unused_space_takes_an_mdl_and_advancing_gives_it_back(memory: HostMemory) -> None:
    """Where there is no room in front, a spare buffer goes there; it returns to its pool when it is passed."""
    spare = BufferPool(memory, "headers", OWNER, 1, 64)
    buffer, content = frame_of(memory, [50], 4, 46)

    assert buffer.retreat(14, spare) is Status.SUCCESS
    assert (buffer.length, len(buffer.mdls), spare.free_count) == (60, 2, 0)
    assert buffer.read()[10:] == content

    buffer.advance(14, spare)
    assert (buffer.read(), len(buffer.mdls), spare.free_count) == (content[4:], 1, 1)
    spare.close()


@pytest.mark.parametrize("count", [0, 1])
def test_retreating_without_room_changes_nothing(memory: HostMemory, count: int) -> None:
    """RESOURCES, from no pool, an empty one or one of too small buffers, leaves the frame as it was."""
    spare = BufferPool(memory, "headers", OWNER, count + 1, 8)
    for _ in range(1 - count):
        spare.allocate(OWNER)
    buffer, content = frame_of(memory, [50], 0, 50)

    assert buffer.retreat(14) is Status.RESOURCES
    assert buffer.retreat(14, spare) is Status.RESOURCES
    assert (buffer.read(), buffer.data_offset, len(buffer.mdls)) == (content, 0, 1)
    assert spare.free_count == 2 * count
    spare.close()


def test_a_frame_cannot_be_longer_than_its_chain(memory: HostMemory) -> None:
    """A length that the MDLs do not hold is refused where the frame is made."""
    with pytest.raises(RuleViolation, match="has 3 bytes less than its length"):
        frame_of(memory, [10], 0, 13)


def test_advancing_past_the_end_is_refused(memory: HostMemory) -> None:
    """A frame cannot lose more than it has."""
    buffer, content = frame_of(memory, [10], 0, 10)
    with pytest.raises(RuleViolation, match="cannot be advanced by 11 bytes"):
        buffer.advance(11)
    assert buffer.read() == content


def test_a_list_retreats_all_its_frames_or_none(memory: HostMemory) -> None:
    """When one frame has no room, those before it are as they were."""
    first, content = frame_of(memory, [50], 20, 30)
    second, _ = frame_of(memory, [50], 0, 50)
    nbl = NetBufferList(2)
    nbl.buffers = (first, second)

    assert nbl.retreat(14) is Status.RESOURCES
    assert (first.read(), first.data_offset) == (content[20:], 20)


def test_a_clone_describes_the_same_bytes_and_is_counted_by_its_parent(memory: HostMemory) -> None:
    """A clone has MDLs of its own over the same memory; the parent cannot be freed before it."""
    buffers = BufferPool(memory, "data", OWNER, 1, 100)
    pool = NblPool("lists", OWNER, 1, 0, buffers)
    clones = NblPool("clones", OWNER, 1, 10)
    original = pool.allocate(OWNER)
    assert original is not None
    original.info[NblInfo.CANCEL_ID] = 7
    memory.map[buffers.block.address : buffers.block.end] = bytes(range(100))

    clone = clones.clone(original, OWNER)

    assert clone is not None
    assert clones.clone(original, OWNER) is None
    assert clone.buffers[0].read() == original.buffers[0].read() == bytes(range(100))
    assert clone.buffers[0].mdls[0] is not original.buffers[0].mdls[0]
    assert clone.cancel_id == 7
    with pytest.raises(RuleViolation, match="freed while 1 clones of it live"):
        pool.free(original, OWNER)
    clones.free(clone, OWNER)
    pool.free(original, OWNER)
    assert (pool.free_count, buffers.free_count, clones.free_count) == (1, 1, 1)
    buffers.close()


def test_context_space_is_a_stack(memory: HostMemory) -> None:
    """Each layer adds context space and frees its own, the newest first."""
    nbl = NetBufferList(3)
    lower, upper = nbl.push_context(8), nbl.push_context(16)
    assert nbl.context == [lower, upper]
    nbl.pop_context()
    nbl.pop_context()
    with pytest.raises(RuleViolation, match="no context space"):
        nbl.pop_context()


class Path(Carrier):
    """Whose lists are being sent."""


CHAINS = st.lists(st.integers(0, 3), max_size=4)


@given(counts=CHAINS, changes=CHAINS)
def test_a_list_knows_its_only_frame_and_what_it_was_submitted_with(counts: list[int], changes: list[int]) -> None:
    """Whatever its owner makes of its chain, and a miniport of what it is to send: that is undone."""
    nbl = NetBufferList(1)
    nbl.owner = OWNER
    for count in counts:
        nbl.buffers = tuple(NetBuffer(nbl) for _ in range(count))
        assert nbl.frame is (nbl.buffers[0] if count == 1 else None)
    submitted, frame = nbl.buffers, nbl.frame
    nbl.owner = Path()
    for count in changes:
        nbl.buffers = [NetBuffer(nbl) for _ in range(count)]
        assert (len(nbl.buffers), nbl.frame) == (count, None)
    assert nbl.submitted is submitted
    nbl.restore()
    assert nbl.buffers is nbl.submitted is submitted
    assert nbl.frame is frame


def test_a_freed_list_keeps_nothing(memory: HostMemory) -> None:
    """What a list is lent out with again is empty, whatever its last owner left in it."""
    pool = NblPool("lists", OWNER, 1, 0)
    nbl = pool.allocate(OWNER)
    assert nbl is not None
    nbl.status, nbl.scratch, nbl.info = Status.FAILURE, "left", {NblInfo.CANCEL_ID: 1}
    nbl.push_context(4)
    pool.free(nbl, OWNER)
    again = pool.allocate("other")
    assert again is nbl
    assert again.status == Status.SUCCESS
    assert again.scratch is None
    assert not again.info
    assert not again.context
    assert not again.buffers
