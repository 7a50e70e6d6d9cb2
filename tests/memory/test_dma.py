"""Claims about what a card may read and write: allowed blocks both ways, mapped buffers one way, nothing else."""

from contextlib import closing
from copy import copy

import pytest
from hypothesis import given, strategies as st

from ndisemu.memory import Block, DmaSpace, DmaViolation, HostMemory, Mappable
from ndisemu.memory.host import PAGE


class Frame(Mappable):
    """A frame in one piece, in several, or empty."""

    def __init__(self, segments: tuple[tuple[int, int], ...]) -> None:
        """What is in one piece says where."""
        super().__init__()
        self.lie(segments)

    def lie(self, segments: tuple[tuple[int, int], ...]) -> None:
        """Lie somewhere, or somewhere else."""
        self.leave()
        self.segments, self.address, self.window = segments, 0, None
        if len(segments) == 1:
            ((self.address, length),) = segments
            self.window = slice(self.address, self.address + length)

    def resize(self, length: int) -> None:
        """Have another length in the same place, if it is in one piece."""
        if self.window is not None:
            self.segments, self.window = ((self.address, length),), slice(self.address, self.address + length)


@pytest.fixture
def dma(memory: HostMemory) -> DmaSpace:
    """Give the view of a card that may touch nothing yet."""
    return DmaSpace(memory, "h.eth0")


@pytest.fixture
def mapped(memory: HostMemory, dma: DmaSpace) -> Block:
    """Give 100 bytes in a block of the protocol's, mapped for a send in flight, and filled with their place."""
    block = memory.allocate(256, owner="app", purpose="packet")
    assert block is not None
    memory.map[block.address : block.end] = bytes(range(256))
    dma.map([Frame(((block.address, 100),))])
    return block


def test_a_mapped_buffer_can_be_read_whole_and_in_parts(dma: DmaSpace, mapped: Block) -> None:
    """Any range inside a mapped buffer is readable."""
    at = mapped.address
    parts = dma.gather([at, at, at + 10, at + 99], [100, 1, 90, 1])
    assert parts == [bytes(range(100)), b"\x00", bytes(range(10, 100)), b"\x63"]


@pytest.mark.parametrize(("start", "length"), [(0, 101), (1, 100), (99, 2), (100, 1), (-1, 2), (-1, 102)])
def test_nothing_beside_a_mapped_buffer_can_be_read(dma: DmaSpace, mapped: Block, start: int, length: int) -> None:
    """A range that sticks out of the mapped part is refused, although its block is longer."""
    with pytest.raises(DmaViolation):
        dma.gather([mapped.address + start], [length])


def test_a_range_over_two_mapped_buffers_is_refused(dma: DmaSpace, mapped: Block) -> None:
    """Two buffers side by side are two buffers."""
    behind = mapped.address + 100
    dma.map([Frame(((behind, 50),))])
    assert dma.gather([behind], [50]) == [bytes(range(100, 150))]
    with pytest.raises(DmaViolation):
        dma.gather([mapped.address + 90], [20])


def test_a_mapped_buffer_cannot_be_written(memory: HostMemory, dma: DmaSpace, mapped: Block) -> None:
    """A send in flight is read only."""
    with pytest.raises(DmaViolation, match="write 1 bytes"):
        dma.scatter([mapped.address], [b"x"])
    assert memory.map[mapped.address] == 0


def test_an_unmapped_buffer_cannot_be_read_any_more(dma: DmaSpace) -> None:
    """When a send is over, so is the card's access, and the next send of the same frame has it again."""
    frame = Frame(((PAGE, 100),))
    dma.map([frame])
    assert dma.gather([PAGE], [100]) == [bytes(100)]
    dma.unmap([frame])
    with pytest.raises(DmaViolation):
        dma.gather([PAGE], [100])
    dma.map([frame])
    assert dma.gather([PAGE], [100]) == [bytes(100)]


def test_an_allowed_block_can_be_read_and_written_anywhere(dma: DmaSpace, block: Block) -> None:
    """Shared memory goes both ways, to its last byte."""
    dma.allow(block)
    dma.scatter([block.address, block.end - 3], [b"abc", b"xyz"])
    assert dma.gather([block.address + 1, block.end - 3], [2, 3]) == [b"bc", b"xyz"]


@pytest.mark.parametrize(("start", "length"), [(-1, 1), (-1, 2), (4095, 2), (4096, 1), (0, 4097)])
def test_nothing_beside_an_allowed_block_can_be_touched(
    memory: HostMemory, dma: DmaSpace, block: Block, start: int, length: int
) -> None:
    """Neither a read nor a write may stick out of a block, and a refused write writes nothing there."""
    dma.allow(block)
    with pytest.raises(DmaViolation):
        dma.gather([block.address + start], [length])
    with pytest.raises(DmaViolation):
        dma.scatter([block.address + start], [b"x" * length])
    assert not any(memory.map[: 3 * PAGE])


def test_a_range_over_two_allowed_blocks_is_refused(memory: HostMemory, dma: DmaSpace, block: Block) -> None:
    """Two allocations side by side are two allocations, in whatever order they were allowed."""
    behind = memory.allocate(4096, owner="nic0", purpose="buffers")
    assert behind is not None
    assert behind.address == block.end
    dma.allow(behind)
    dma.allow(block)
    assert dma.block_at(block.address, 4096, "read") is block
    assert dma.block_at(behind.address, 4096, "read") is behind
    with pytest.raises(DmaViolation):
        dma.scatter([block.end - 1], [b"xy"])


def test_a_revoked_block_is_taken_from_the_card(dma: DmaSpace, block: Block) -> None:
    """What was allowed can be revoked."""
    dma.allow(block)
    dma.revoke(block)
    with pytest.raises(DmaViolation):
        dma.scatter([block.address], [b"x"])
    assert repr(dma) == "<DmaSpace h.eth0: 0 blocks, 0 buffers mapped>"


@pytest.mark.parametrize(
    ("address", "whose"),
    [
        (0x1000, "belongs to the ring of nic0 at 0x1000, 4096 bytes"),
        (0x5000, "is free memory"),
        (0x7FFFFFFFFFFF, "is outside the 65536 bytes of host h"),
    ],
)
def test_a_violation_names_card_address_and_owner(dma: DmaSpace, block: Block, address: int, whose: str) -> None:
    """The message says who did what where, whose it is, and what would have been right."""
    with pytest.raises(DmaViolation) as caught:
        dma.gather([address], [4])
    assert caught.value.rule == "dma-unmapped"
    assert caught.value.text == (
        f"h.eth0 tried to read 4 bytes at {address:#x}, which {whose}; "
        "a card may touch memory allocated for it, and read what is mapped for a send in flight"
    )


@pytest.mark.parametrize("length", [None, 8], ids=["of any length", "of one length"])
@pytest.mark.parametrize("bad", range(4))
def test_each_range_of_a_burst_is_checked(
    memory: HostMemory, dma: DmaSpace, block: Block, bad: int, length: int | None
) -> None:
    """One bad range anywhere in a burst is found, and a burst never writes there."""
    dma.allow(block)
    addresses = [block.address + 64 * place for place in range(4)]
    addresses[bad] = block.end + 64
    with pytest.raises(DmaViolation, match=f"{block.end + 64:#x}"):
        dma.gather(addresses, [8] * 4)
    with pytest.raises(DmaViolation, match=f"{block.end + 64:#x}"):
        dma.scatter(addresses, [b"12345678"] * 4, length)
    assert not any(memory.map[block.end :])


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 10)), max_size=12))
def test_scatter_then_gather_is_what_a_list_of_bytes_says(writes: list[tuple[int, int]]) -> None:
    """A burst writes its parts in order, later over earlier, and a read sees them."""
    model = bytearray(70)
    parts = [bytes([number + 1]) * length for number, (_, length) in enumerate(writes)]
    for (start, length), part in zip(writes, parts, strict=True):
        model[start : start + length] = part

    with closing(HostMemory("h", 2 * PAGE)) as memory:
        block = memory.allocate(70, owner="o", purpose="p")
        assert block is not None
        dma = DmaSpace(memory, "h.eth0")
        dma.allow(block)
        alike = len(parts[0]) if parts and len({len(part) for part in parts}) == 1 else None
        dma.scatter([block.address + start for start, _ in writes], parts, alike)
        assert dma.gather([block.address], [70]) == [bytes(model)]


SHAPES = st.lists(st.tuples(st.integers(1, 4), st.sampled_from([60, 90])), max_size=2)
STEPS = st.tuples(st.sampled_from(["send", "end", "move", "resize"]), st.integers(0, 3), SHAPES)


@pytest.mark.parametrize("mapper", ["NDIS", "the driver"])
@given(st.lists(STEPS, max_size=30))
def test_the_card_may_read_what_is_in_flight_and_nothing_else(
    mapper: str, steps: list[tuple[str, int, list[tuple[int, int]]]]
) -> None:
    """Whatever begins where another begins, and wherever frames go meanwhile: what was mapped counts, until it comes back."""
    with closing(HostMemory("host", 8 * PAGE)) as memory:
        dma = DmaSpace(memory, "h.eth0")
        frames = [Frame(((PAGE, 60),)) for _ in range(4)]
        in_flight: list[list[tuple[int, int]]] = [[] for _ in frames]
        for step, place, shape in steps:
            frame = frames[place]
            if step == "move":
                frame.lie(tuple((PAGE * page, length) for page, length in shape))
            elif step == "resize":
                frame.resize(75)
            elif mapper == "NDIS":
                # It does so once for each send.
                if (step == "send") is (frame.mapped is None):
                    (dma.map if step == "send" else dma.unmap)([frame])
                    in_flight[place] = list(frame.segments) if step == "send" else []
            else:
                before = frame.mapped is not None
                if step == "send":
                    assert dma.map_frames([frame]) is (frame if before else None)
                    in_flight[place] = in_flight[place] if before else list(frame.segments)
                else:
                    assert dma.unmap_frames([frame]) is (None if before else frame)
                    in_flight[place] = []
            longest = dict(sorted(piece for pieces in in_flight for piece in pieces))
            assert dma.mapped == {address: slice(address, address + length) for address, length in longest.items()}
            for address in range(PAGE, 5 * PAGE, PAGE):
                for length in (60, 75, 90):
                    if length <= longest.get(address, 0):
                        assert dma.gather([address], [length]) == [bytes(length)]
                    else:
                        with pytest.raises(DmaViolation):
                            dma.gather([address], [length])


def test_a_frame_goes_from_one_card_to_another(memory: HostMemory, dma: DmaSpace) -> None:
    """What is sent by another card of the host now, the first one may not read."""
    other, frame = DmaSpace(memory, "h.eth1"), Frame(((PAGE, 60),))
    for first, second in ((dma, other), (other, dma)):
        first.map([frame])
        with pytest.raises(DmaViolation):
            second.gather([PAGE], [60])
        assert first.gather([PAGE], [60]) == [bytes(60)]
        first.unmap([frame])


@pytest.mark.parametrize("segments", [((PAGE, 60),), ((PAGE, 30), (2 * PAGE, 30))], ids=["whole", "in pieces"])
def test_a_frame_is_taken_back_from_the_card_that_has_it(
    memory: HostMemory, dma: DmaSpace, segments: tuple[tuple[int, int], ...]
) -> None:
    """Another card's driver that frees it is told, or changes nothing."""
    other, frame = DmaSpace(memory, "h.eth1"), Frame(segments)
    assert dma.map_frames([frame]) is None
    assert other.unmap_frames([frame]) is frame
    other.unmap([frame])
    assert list(dma.mapped) == [address for address, _ in segments]
    assert dma.unmap_frames([frame]) is None
    assert dma.mapped == {}


def test_a_copy_of_a_frame_is_known_to_no_card(dma: DmaSpace) -> None:
    """It is neither mapped nor listed, and may be mapped in its own right when the first is back."""
    frame = Frame(((PAGE, 60),))
    dma.map([frame])
    twin = copy(frame)
    assert (twin.mapped, twin.space, twin.window) == (None, None, frame.window)
    dma.unmap([frame])
    assert dma.map_frames([twin]) is None
    assert dma.gather([PAGE], [60]) == [bytes(60)]


def test_a_frame_that_was_struck_off_is_found_nowhere(dma: DmaSpace) -> None:
    """A driver has deleted the field that says where it is listed: what it lies in now is not read at its old address."""
    frame = Frame(((PAGE, 60),))
    dma.map([frame])
    dma.unmap([frame])
    frame.space = None
    dma.strike(frame)
    frame.lie(((2 * PAGE, 60),))
    dma.map([frame])
    assert dma.gather([2 * PAGE], [60]) == [bytes(60)]
    with pytest.raises(DmaViolation):
        dma.gather([PAGE], [60])


def test_a_frame_is_mapped_once(dma: DmaSpace) -> None:
    """A burst with one that is mapped already, or to be unmapped and is not, is named and changes nothing."""
    one, two, three = frames = [Frame(((PAGE * place, 60),)) for place in (1, 2, 3)]
    assert dma.map_frames([two]) is None
    before = dict(dma.mapped)
    assert dma.map_frames(frames) is two
    assert dma.map_frames([one, one]) is one
    assert dma.unmap_frames([two, three]) is three
    assert dma.mapped == before
    assert [frame.mapped for frame in frames] == [None, two.window, None]


def test_a_frame_whose_length_was_changed_on_its_way_is_taken_back(dma: DmaSpace) -> None:
    """What begins where another does too: the card may read nothing of either when both are back."""
    one, two = Frame(((PAGE, 60),)), Frame(((PAGE, 80),))
    assert dma.map_frames([one, two]) is None
    one.resize(70)
    assert dma.mapped == {PAGE: slice(PAGE, PAGE + 80)}
    assert dma.unmap_frames([one]) is None
    assert dma.unmap_frames([two]) is None
    assert dma.mapped == {}
