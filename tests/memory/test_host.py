"""Claims about a host's memory: what the allocator gives out, what it takes back, and whose an address is."""

import os
from contextlib import closing

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import RuleViolation, UsageError
from ndisemu.memory import PAGE, POISON, Block, DescriptorRing, HostMemory

SIZE = 6 * PAGE

# An allocation (length, power of two of the alignment), or the place among the live blocks of the one to free.
steps = st.lists(
    st.one_of(
        st.tuples(st.integers(1, 2 * PAGE), st.integers(0, 12)),
        st.integers(0, 20),
    ),
    max_size=40,
)


def lowest_fit(live: list[Block], length: int, alignment: int) -> int | None:
    """Find the lowest aligned address with room, by trying every address at which free room can begin."""
    for start in sorted([PAGE, *(block.end for block in live)]):
        address = -(-start // alignment) * alignment
        clear = all(address + length <= block.address or block.end <= address for block in live)
        if clear and address + length <= SIZE:
            return address
    return None


@given(steps)
def test_the_allocator_gives_the_lowest_fit_and_loses_nothing(steps: list[tuple[int, int] | int]) -> None:
    """Each block is the lowest aligned free range; what is freed is poisoned, what is not keeps its bytes."""
    with closing(HostMemory("h", SIZE)) as memory:
        live: list[Block] = []
        for number, step in enumerate(steps):
            if isinstance(step, tuple):
                length, alignment = step[0], 1 << step[1]
                wanted = lowest_fit(live, length, alignment)
                block = memory.allocate(length, owner="o", purpose=f"p{number}", alignment=alignment)
                assert (block and block.address) == wanted
                if block is not None:
                    assert block.length == length
                    memory.map[block.address : block.end] = bytes([number]) * length
                    live.append(block)
            elif live:
                block = live.pop(step % len(live))
                memory.free(block)
                assert memory.map[block.address : block.end] == bytes([POISON]) * block.length
            for block in live:
                assert memory.map[block.address : block.end] == bytes([int(block.purpose[1:])]) * block.length
            assert memory.blocks == tuple(sorted(live))

        for block in live:
            memory.free(block)
        whole = memory.allocate(SIZE - PAGE, owner="o", purpose="everything", alignment=PAGE)
        assert whole is not None
        assert whole.address == PAGE


def test_bus_address_zero_is_never_given_out(memory: HostMemory) -> None:
    """The first page belongs to nobody, so that 0 is no address."""
    block = memory.allocate(1, owner="o", purpose="p", alignment=1)
    assert block is not None
    assert block.address == PAGE


def test_a_block_larger_than_what_is_left_is_none(memory: HostMemory, block: Block) -> None:
    """Without room there is no block, and what is allocated stays as it is."""
    assert memory.allocate(15 * PAGE, owner="o", purpose="p") is None
    assert memory.blocks == (block,)


@pytest.mark.parametrize(("length", "alignment"), [(0, 64), (-1, 64), (8, 0), (8, 3), (8, -8)])
def test_senseless_lengths_and_alignments_are_refused(memory: HostMemory, length: int, alignment: int) -> None:
    """A length below one, or an alignment that is no power of two, is the caller's mistake and says whose."""
    with pytest.raises(UsageError, match=f"nic0 cannot allocate {length} bytes aligned to {alignment} for its ring"):
        memory.allocate(length, owner="nic0", purpose="ring", alignment=alignment)


@pytest.mark.parametrize(
    "wrong",
    [
        Block(PAGE, 4095, "nic0", "ring"),
        Block(PAGE, 4097, "nic0", "ring"),
        Block(PAGE + 64, 4096, "nic0", "ring"),
        Block(PAGE, 4096, "nic1", "ring"),
        Block(PAGE, 4096, "nic0", "ring", cached=False),
        Block(0, 4096, "nic0", "ring"),
    ],
    ids=str,
)
def test_only_exactly_what_was_allocated_can_be_freed(memory: HostMemory, block: Block, wrong: Block) -> None:
    """Freeing another range, or another's, is a violation that changes nothing."""
    memory.map[block.address : block.end] = b"x" * block.length

    with pytest.raises(RuleViolation, match="free exactly what was allocated, once") as caught:
        memory.free(wrong)

    assert caught.value.rule == "shm-double-free"
    assert memory.blocks == (block,)
    assert memory.map[block.address : block.end] == b"x" * block.length


def test_a_block_can_be_freed_once(memory: HostMemory, block: Block) -> None:
    """The second time it is not allocated any more."""
    memory.free(block)
    with pytest.raises(RuleViolation, match="ring of nic0 at 0x1000, 4096 bytes is not allocated"):
        memory.free(block)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (0x0FFF, "is free memory"),
        (0x1000, "belongs to the ring of nic0 at 0x1000, 4096 bytes"),
        (0x1FFF, "belongs to the ring of nic0 at 0x1000, 4096 bytes"),
        (0x2000, "is free memory"),
        (0xFFFF, "is free memory"),
        (0x10000, "is outside the 65536 bytes of host h"),
        (-1, "is outside the 65536 bytes of host h"),
    ],
)
def test_describe_says_whose_an_address_is(memory: HostMemory, block: Block, address: int, text: str) -> None:
    """An address is a block's, free, or outside."""
    assert memory.describe(address) == text


def test_a_starved_owner_gets_nothing_and_keeps_what_it_has(memory: HostMemory, block: Block) -> None:
    """Only that owner is refused, only until it is relieved, and what it has can be freed."""
    memory.starve("nic0")
    memory.starve("nic0")
    assert memory.allocate(8, owner="nic0", purpose="buffers") is None
    assert memory.allocate(8, owner="nic01", purpose="ring") is not None
    assert memory.allocate(8, owner="pool", purpose="packets") is not None
    memory.free(block)
    assert memory.allocate(8, owner="nic0", purpose="buffers") is None

    memory.relieve("nic0")
    memory.relieve("nic0")
    assert memory.allocate(8, owner="nic0", purpose="buffers") is not None


def test_words_and_map_are_the_same_bytes(memory: HostMemory, block: Block) -> None:
    """A 64-bit word is the eight bytes at its address, little endian."""
    memory.words[block.address >> 3] = 0x0807060504030201
    assert memory.map[block.address : block.address + 8] == bytes(range(1, 9))


def test_poison_fills_just_its_range(memory: HostMemory, block: Block) -> None:
    """A range that crosses pages is filled to its last byte, and no further."""
    memory.poison(PAGE + 1, 2 * PAGE)
    assert memory.map[PAGE : 3 * PAGE + 2] == b"\0" + bytes([POISON]) * 2 * PAGE + b"\0"


def test_a_size_is_rounded_up_to_whole_pages() -> None:
    """A host has whole pages."""
    with closing(HostMemory("h", 2 * PAGE + 1)) as memory:
        assert memory.size == 3 * PAGE
        assert len(memory.map) == len(memory.words) * 8 == 3 * PAGE


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (2 * PAGE - 1, "the memory of host h must be at least 8192 bytes, not 8191"),
        (1 << 60, f"host h cannot have {1 << 60} bytes of memory: "),
    ],
)
def test_an_impossible_size_is_refused(size: int, text: str) -> None:
    """A host needs a page beside the first, and not more than there is."""
    with pytest.raises(UsageError, match=text):
        HostMemory("h", size)


def test_a_system_without_memfd_serves_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no memfd, a deleted temporary file backs the mapping."""
    monkeypatch.delattr(os, "memfd_create", raising=False)
    with closing(HostMemory("h", 2 * PAGE)) as memory:
        memory.words[PAGE >> 3] = 7
        assert memory.map[PAGE] == 7


def test_closing_gives_the_descriptor_back_even_while_rings_are_around() -> None:
    """After close the memory cannot be used through it; a ring that somebody still holds does no harm."""
    memory = HostMemory("h", 2 * PAGE)
    ring = DescriptorRing(memory.words[:16])
    descriptor = memory._fd

    memory.close()

    with pytest.raises(ValueError, match="released"):
        memory.words[0] = 1
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    assert ring.read(0, 1).tolist() == [0, 0]


def test_the_status_line_counts_bytes_and_blocks(memory: HostMemory, block: Block) -> None:
    """A memory's repr says how much of it is in use."""
    assert repr(memory) == "<HostMemory h 4096/65536 bytes in 1 blocks>"
