"""Claims about receive filtering: whatever the registers say, a frame passes exactly when the manual lets it."""

from typing import Final

import pytest
from hypothesis import given, strategies as st

from ndisemu.frame.ethernet import BROADCAST
from ndisemu.frame.frames import Frames
from ndisemu.hw import registers as reg
from ndisemu.hw.filters import MOST_VERDICTS, ReceiveFilter, hash_index

# The manual's address for the hash example, 01-AA-00-12-34-56, and what each filter offset makes of it. The upper
# two bytes are 0x5634; the table is indexed by bits 47:36, 46:35, 45:34 or 43:32 of the address.
EXAMPLE: Final = bytes.fromhex("01aa00123456")
WORKED: Final = [(0, 0x563), (1, 0xAC6), (2, 0x58D), (3, 0x634)]

SHIFT: Final = {0: 36, 1: 35, 2: 34, 3: 32}

# Few bytes, so that random addresses meet random stations and hash bits.
addresses = st.builds(
    bytes,
    st.tuples(st.sampled_from([0x00, 0x01, 0x02, 0xFF]), *[st.sampled_from([0x00, 0xFF])] * 3, *[st.integers(0, 3)] * 2)
    | st.just(tuple(BROADCAST)),
)


def wanted(address: bytes, rctl: int, stations: list[tuple[bytes, bool]], bits: list[int]) -> bool:
    """Decide as the manual does (13.4.22, 13.5), one address at a time and without remembering any."""
    if any(valid and station == address for station, valid in stations):
        return True
    if address[0] % 2 == 0:
        return rctl & reg.RCTL_UPE != 0
    if address == b"\xff" * 6 and rctl & reg.RCTL_BAM:
        return True
    if rctl & reg.RCTL_MPE:
        return True
    return (int.from_bytes(address, "little") >> SHIFT[rctl >> 12 & 3]) % 4096 in bits


def words(stations: list[tuple[bytes, bool]]) -> list[int]:
    """Write stations as RAL/RAH pairs."""
    pairs = [0] * 32
    for place, (station, valid) in enumerate(stations):
        pairs[2 * place] = int.from_bytes(station[:4], "little")
        pairs[2 * place + 1] = int.from_bytes(station[4:], "little") | valid << 31
    return pairs


def table(bits: list[int]) -> list[int]:
    """Write set bits as the 128 words of the multicast table."""
    whole = sum(1 << bit for bit in dict.fromkeys(bits))
    return [whole >> 32 * place & 0xFFFFFFFF for place in range(128)]


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.tuples(addresses, st.booleans()), max_size=16),
    st.lists(st.integers(0, 4095) | st.integers(0, 3 << 8), max_size=12),
    st.lists(addresses, min_size=1, max_size=30),
)
def test_a_burst_is_filtered_as_each_frame_by_itself(
    rctl: int, stations: list[tuple[bytes, bool]], bits: list[int], destinations: list[bytes]
) -> None:
    """Random registers and addresses: what passes, and in which order, is what the manual says of each frame."""
    some = [address for address in destinations[:4] if address[0] & 1]
    bits = bits + [(int.from_bytes(address, "little") >> SHIFT[rctl >> 12 & 3]) % 4096 for address in some]
    judge = ReceiveFilter()
    judge.configure(rctl, words(stations), table(bits))
    frames = [destination + bytes([number]) for number, destination in enumerate(destinations)]

    for _ in range(2):
        assert judge.accepts(Frames(frames)) == [frame for frame in frames if wanted(frame[:6], rctl, stations, bits)]


@pytest.mark.parametrize(("offset", "index"), WORKED)
def test_the_hash_of_the_manuals_example(offset: int, index: int) -> None:
    """Each filter offset takes its own twelve bits of the address."""
    assert hash_index(EXAMPLE, offset) == index


@pytest.mark.parametrize(("offset", "index"), WORKED)
def test_one_bit_of_the_table_lets_one_hash_in(offset: int, index: int) -> None:
    """The bit of the address admits it under its own offset and, the indexes being different, no other."""
    judge = ReceiveFilter()
    for other in range(4):
        judge.configure(other << 12, [0] * 32, table([index]))
        assert bool(judge.accepts(Frames([EXAMPLE]))) == (other == offset)


def test_a_unicast_address_never_passes_by_its_hash() -> None:
    """The table is for group addresses."""
    judge = ReceiveFilter()
    judge.configure(0, [0] * 32, [0xFFFFFFFF] * 128)
    assert judge.accepts(Frames([b"\x02" + EXAMPLE[1:], EXAMPLE])) == [EXAMPLE]


def test_new_registers_make_new_verdicts() -> None:
    """A verdict is forgotten when a register it depends on is written."""
    judge = ReceiveFilter()
    judge.configure(reg.RCTL_BAM, [0] * 32, [0] * 128)
    assert judge.accepts(Frames([BROADCAST])) == [BROADCAST]
    judge.configure(0, [0] * 32, [0] * 128)
    assert judge.accepts(Frames([BROADCAST])) == []


def test_a_flood_of_addresses_does_not_grow_the_memory_of_verdicts() -> None:
    """However many addresses come, a bounded number is remembered, and every verdict is right."""
    judge = ReceiveFilter()
    judge.configure(0, words([(bytes([2, 0, 0, 0, 0, 7]), True)]), [0] * 128)
    for start in range(0, 3 * MOST_VERDICTS, 512):
        flood = [b"\x04" + number.to_bytes(5) for number in range(start, start + 512)]
        assert judge.accepts(Frames([*flood, b"\x02\0\0\0\0\x07"])) == [b"\x02\0\0\0\0\x07"]
        assert len(judge._verdicts) <= MOST_VERDICTS


@pytest.mark.parametrize("runt", [b"", b"\x01", b"\x02", b"\xff\xff\xff\xff\xff"], ids=bytes.hex)
def test_a_frame_without_a_whole_address_does_not_pass(runt: bytes) -> None:
    """Not even promiscuous: there is nothing to match."""
    judge = ReceiveFilter()
    judge.configure(reg.RCTL_UPE | reg.RCTL_MPE | reg.RCTL_BAM, [0] * 32, [0xFFFFFFFF] * 128)
    assert judge.accepts(Frames([runt])) == []
