"""Claims about descriptor rings: runs of descriptors, read and written over the end as if it were a circle."""

from array import array

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import UsageError
from ndisemu.memory import DESCRIPTOR, DescriptorRing, HostMemory

words = st.integers(0, (1 << 64) - 1)


@st.composite
def runs(draw: st.DrawFn, size: int) -> tuple[int, int, list[int], bool, bool]:
    """Draw a run: its start, its length, the words for it, and whether only status words, or bytes, are written."""
    start = draw(st.integers(0, size - 1))
    count = draw(st.integers(0, size))
    only_status = draw(st.booleans())
    values = draw(st.lists(words, min_size=count * (2 - only_status), max_size=count * (2 - only_status)))
    return start, count, values, only_status, draw(st.booleans())


@given(st.data(), st.integers(1, 12))
def test_a_ring_is_a_list_of_pairs_that_wraps(data: st.DataObject, size: int) -> None:
    """Whatever runs are written, with or without address words, reads give what a list indexed modulo its length has."""
    ring = DescriptorRing(memoryview(array("Q", bytes(DESCRIPTOR * size))))
    model = [[0, 0] for _ in range(size)]
    for start, count, values, only_status, in_bytes in data.draw(st.lists(runs(size), max_size=6)):
        if only_status:
            ring.write_status(start, array("Q", values))
            for place in range(count):
                model[(start + place) % size][1] = values[place]
        else:
            if in_bytes:
                ring.put(start, [array("Q", values[2 * place : 2 * place + 2]).tobytes() for place in range(count)])
            else:
                ring.write(start, values)
            for place in range(count):
                model[(start + place) % size] = values[2 * place : 2 * place + 2]

        wanted = [model[(start + place) % size] for place in range(count)]
        assert ring.read(start, count).tolist() == [word for pair in wanted for word in pair]
        assert ring.read_status(start, count).tolist() == [status for _, status in wanted]
        assert ring.read_addresses(start, count) == [address for address, _ in wanted]
        assert ring.read(0, size).tolist() == [word for pair in model for word in pair]


def test_a_ring_is_a_window_on_host_memory(memory: HostMemory) -> None:
    """A descriptor is 16 bytes at its bus address: address word, then status word, little endian."""
    ring = DescriptorRing(memory.words[4096 >> 3 : (4096 + 8 * DESCRIPTOR) >> 3])
    ring.write(7, [0x1122334455667788, 0x99])
    assert memory.map[4096 + 7 * 16 : 4096 + 8 * 16] == bytes.fromhex("8877665544332211 9900000000000000")
    assert repr(ring) == "<DescriptorRing of 8>"


@pytest.mark.parametrize(
    "view",
    [memoryview(array("Q")), memoryview(array("Q", [0])), memoryview(array("Q", [0] * 3)), memoryview(bytes(32))],
    ids=["empty", "half", "odd", "bytes"],
)
def test_a_view_that_holds_no_whole_descriptors_is_refused(view: memoryview) -> None:
    """A ring is an even number of 64-bit words."""
    with pytest.raises(UsageError, match="a descriptor ring is an even number of 64-bit words"):
        DescriptorRing(view)
