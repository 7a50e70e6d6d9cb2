"""Claims about the register map: one row for each word, what reads back, what a reset leaves, what a read clears."""

from typing import Final

import pytest

from ndisemu.hw import registers as reg
from ndisemu.hw.registers import REGISTERS, Access, Register
from tests.hw.conftest import Host

# What reads back after all ones were written, where not all 32 bits do; the vendor driver's self test agrees.
MASKS: Final = {
    "FCAH": 0xFFFF,
    "FCT": 0xFFFF,
    "VET": 0xFFFF,
    "FCTTV": 0xFFFF,
    "RDTR": 0xFFFF,
    "RADV": 0xFFFF,
    "TIDV": 0xFFFF,
    "TADV": 0xFFFF,
    "ITR": 0xFFFF,
    "FCRTL": 0x8000FFF8,
    "FCRTH": 0xFFF8,
    "TIPG": 0x3FFFFFFF,
    "TXCW": 0xC000FFFF,
    "RCTL": 0x06FFB3FE,
    "TCTL": 0x03FFFFFA,
    "RDLEN": 0xFFF80,
    "TDLEN": 0xFFF80,
    "RDBAL": 0xFFFFFFF0,
    "TDBAL": 0xFFFFFFF0,
    "AIT": 0xFFFF,
    "PBA": 0x7F,
    "RXCSUM": 0x7FF,
}
RESETS: Final = {"CTRL": 0x1, "STATUS": 0x81, "VET": 0x8100, "PBA": 0x30}
# Whose writes do more than store, each with a test of its own: resets, sets, clears, refuses.
ACTING: Final = frozenset({"CTRL", "IMS", "RDH", "RDT", "TDH", "TDT"})
STORED: Final = [row for row in REGISTERS if row.access is Access.READ_WRITE and row.name not in ACTING]


def test_no_word_has_two_rows() -> None:
    """Rows are aligned, ascend, and never overlap."""
    end = 0
    for row in REGISTERS:
        assert row.offset % 4 == 0
        assert row.offset >= end
        end = row.offset + 4 * row.count


def test_each_exported_offset_is_in_the_table() -> None:
    """Whatever a driver can import as an offset has a row with that name."""
    named = {row.name: row.offset for row in REGISTERS}
    for name, offset in named.items():
        assert getattr(reg, name, offset) == offset
    for name in ("CTRL", "ICR", "IMS", "RCTL", "TCTL", "RDBAL", "RDT", "TDBAL", "TDT", "MTA", "VFTA", "PBA"):
        assert named[name] == getattr(reg, name)


@pytest.mark.parametrize(
    ("offset", "name"),
    [
        (0x0000, "CTRL"),
        (0x00C0, "ICR"),
        (0x2818, "RDT"),
        (0x5200, "MTA[0]"),
        (0x5214, "MTA[5]"),
        (0x53FC, "MTA[127]"),
        (0x5400, "RA[0]"),
        (0x547C, "RA[31]"),
        (0x57FC, "VFTA[127]"),
        (0x4010, "statistics[4]"),
        (0x0004, "offset 0x0004"),
        (0x5201, "offset 0x5201"),
        (0x5480, "offset 0x5480"),
        (-4, "offset -0x004"),
    ],
)
def test_a_register_is_called_by_its_name(offset: int, name: str) -> None:
    """Names are those of the manual, with a place where there are many, and the offset where there is no register."""
    assert reg.register_name(offset) == name


def test_the_table_has_the_masks_of_the_manual() -> None:
    """A stored register takes all 32 bits but where the list says otherwise."""
    assert {row.name: row.mask for row in STORED if row.mask != 0xFFFFFFFF} == MASKS


@pytest.mark.parametrize("row", STORED, ids=lambda row: row.name)
@pytest.mark.parametrize("pattern", [0x00000000, 0x5A5A5A5A, 0xA5A5A5A5, 0xFFFFFFFF], ids=hex)
def test_a_stored_register_reads_back_what_its_mask_lets_through(host: Host, row: Register, pattern: int) -> None:
    """A write changes just the masked bits, of the first and the last word of a row, and of no other register."""
    before = {other.offset: host.read(other.offset) for other in STORED if other is not row}
    for place in (0, row.count - 1):
        offset = row.offset + 4 * place
        mask = 0x8003FFFF if row.name == "RA" and place % 2 else row.mask
        host.write(offset, pattern)
        assert host.read(offset) == pattern & mask
    assert {offset: host.read(offset) for offset in before} == before


@pytest.mark.parametrize("row", [row for row in REGISTERS if row.count == 1], ids=lambda row: row.name)
def test_a_reset_register_has_the_value_of_the_manual(host: Host, row: Register) -> None:
    """After power-up all is zero but what the list says."""
    assert row.reset == RESETS.get(row.name, 0)
    assert host.read(row.offset) == row.reset


def test_the_first_receive_address_is_the_permanent_one(host: Host) -> None:
    """RAL0 and RAH0 come up with the card's address and are valid; the other fifteen are empty."""
    low, high = host.read(reg.RAL0), host.read(reg.RAH0)
    assert low.to_bytes(4, "little") + (high & 0xFFFF).to_bytes(2, "little") == host.nic.mac
    assert high & ~0xFFFF == reg.RAH_AV
    assert not any(host.read(reg.RAL0 + 4 * place) for place in range(2, 32))


@pytest.mark.parametrize("row", [row for row in REGISTERS if row.access is Access.READ_ONLY], ids=lambda row: row.name)
def test_a_read_only_register_ignores_writes(host: Host, row: Register) -> None:
    """Software cannot change it."""
    host.write(row.offset, ~row.reset & 0xFFFFFFFF)
    assert host.read(row.offset) == row.reset


@pytest.mark.parametrize("offset", [reg.ICS, reg.IMC])
def test_a_write_only_register_reads_as_zero(host: Host, offset: int) -> None:
    """What was written there shows elsewhere."""
    host.write(offset, 0xFFFFFFFF)
    assert host.read(offset) == 0


@pytest.mark.parametrize("offset", [0x0004, 0x1004, 0x5480, 0x1FFFC, 0x0001])
def test_an_offset_without_a_register_reads_as_zero(host: Host, offset: int) -> None:
    """Holes in the map swallow writes."""
    host.write(offset, 0xFFFFFFFF)
    assert host.read(offset) == 0


def test_buffer_sizes_cover_what_rctl_can_ask_for() -> None:
    """Every size of the manual has its own BSIZE and BSEX bits, and no other bits."""
    assert sorted(reg.BUFFER_SIZES) == [256, 512, 1024, 2048, 4096, 8192, 16384]
    assert len(dict.fromkeys(reg.BUFFER_SIZES.values())) == 7
    assert all(bits & ~(reg.RCTL_BSIZE | reg.RCTL_BSEX) == 0 for bits in reg.BUFFER_SIZES.values())
