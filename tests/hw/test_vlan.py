"""Claims about VLANs: which tags the card inserts, strips and filters, and that it leaves all alone unless asked."""

import zlib

import pytest
from hypothesis import given, strategies as st

from ndisemu.frame.frames import Frames
from ndisemu.hw import registers as reg
from ndisemu.hw.filters import ReceiveFilter
from ndisemu.hw.vlan import insert_tags, strip_tags
from tests.hw.conftest import LAST, RECEIVE, SLOT, Host, Listener, frame

DOT1Q = b"\x81\x00"
UP_VME = reg.CTRL_FD | reg.CTRL_SLU | reg.CTRL_VME


def tagged(plain: bytes, tag: int, ethertype: bytes = DOT1Q) -> bytes:
    """Put a tag into a frame."""
    return plain[:12] + ethertype + tag.to_bytes(2, "big") + plain[12:]


def post(host: Host, *frames: tuple[bytes, int]) -> None:
    """Send frames, each with the upper bits of its descriptor's second word."""
    for place, (data, command) in enumerate(frames):
        host.load(place, data, LAST | command)
    host.write(reg.TDT, len(frames))
    host.run(20_000)


def vle(tag: int) -> int:
    """Ask for a tag."""
    return reg.TX_VLE | tag << reg.SPECIAL_SHIFT


def test_a_tag_is_inserted_where_vle_asks_for_it(host: Host, wire: Listener) -> None:
    """Behind the addresses come the EtherType and the special field; frames without VLE stay as they are."""
    host.write(reg.CTRL, UP_VME)
    post(host, (frame(1), 0), (frame(2), vle(0xB123)), (frame(3, 1514), vle(1)), (b"", vle(5)))
    assert wire.frames == [frame(1), tagged(frame(2), 0xB123), tagged(frame(3, 1514), 1)]
    assert host.nic.tx.unsupported == 0
    assert host.sent()[:4] == [True] * 4


def test_without_vme_vle_is_ignored(host: Host, wire: Listener) -> None:
    """No VLAN mode, no tag (9.2.1); a reset ends the mode."""
    post(host, (frame(1), vle(7)))
    assert wire.frames == [frame(1)]
    host.write(reg.CTRL, UP_VME)
    host.write(reg.CTRL, reg.CTRL_RST)
    host.start()
    post(host, (frame(2), vle(7)))
    assert wire.frames == [frame(1), frame(2)]


def test_vet_is_the_ethertype_of_tags(host: Host, wire: Listener) -> None:
    """Its upper byte is first on the wire, whichever register was written first."""
    host.write(reg.CTRL, UP_VME)
    host.write(reg.VET, 0x88A8)
    post(host, (frame(1), vle(9)))
    assert wire.frames == [tagged(frame(1), 9, b"\x88\xa8")]


def test_the_last_descriptor_of_a_frame_decides(host: Host, wire: Listener) -> None:
    """VLE and the special field count where EOP is set (9.1)."""
    host.write(reg.CTRL, UP_VME)
    for place, (data, command) in enumerate(
        [
            (frame(1)[:20], vle(1)),
            (frame(1)[20:], LAST),
            (frame(2)[:20], 0),
            (frame(2)[20:], LAST | vle(2)),
        ]
    ):
        host.load(place, data, command)
    host.write(reg.TDT, 4)
    host.run(5000)
    assert wire.frames == [frame(1), tagged(frame(2), 2)]


def test_a_short_frame_is_padded_with_its_tag(host: Host, wire: Listener) -> None:
    """TCTL.PSP makes what is on the wire 64 bytes with FCS, the tag among them."""
    host.write(reg.CTRL, UP_VME)
    post(host, (frame(1, 42), vle(3)), (frame(2, 58), vle(3)))
    assert wire.frames == [tagged(frame(1, 42), 3).ljust(60, b"\0"), tagged(frame(2, 58), 3)]


def test_a_tag_is_stripped_into_the_descriptor(receiver: Host) -> None:
    """VP and the special field tell of it; the length is that of what is in the buffer."""
    receiver.write(reg.CTRL, UP_VME)
    receiver.arrive(frame(1), tagged(frame(2, 100), 0xE005), tagged(frame(3), 6, b"\x88\xa8"), at=1)
    receiver.run(1)
    usual = reg.RX_DD | reg.RX_EOP | reg.RX_IXSM
    assert receiver.rx_ring.read_status(0, 3).tolist() == [
        60 | usual,
        100 | usual | reg.RX_VP | 0xE005 << reg.SPECIAL_SHIFT,
        64 | usual,
    ]
    assert receiver.received() == [frame(1), frame(2, 100), tagged(frame(3), 6, b"\x88\xa8")]


def test_without_vme_a_tag_stays_in_the_frame(receiver: Host) -> None:
    """The frame is left as received, and VP is clear."""
    receiver.arrive(tagged(frame(1), 5), at=1)
    receiver.run(1)
    assert receiver.rx_ring.read_status(0, 1).tolist() == [64 | reg.RX_DD | reg.RX_EOP | reg.RX_IXSM]
    assert receiver.received() == [tagged(frame(1), 5)]


def test_the_frame_check_sequence_is_that_of_the_wire(receiver: Host) -> None:
    """Without RCTL.SECRC the four bytes behind a stripped frame are those that came with it."""
    receiver.write(reg.CTRL, UP_VME)
    receiver.write(reg.RCTL, RECEIVE & ~reg.RCTL_SECRC)
    receiver.arrive(tagged(frame(1), 5), at=1)
    receiver.run(1)
    assert receiver.received() == [frame(1) + zlib.crc32(tagged(frame(1), 5)).to_bytes(4, "little")]


def test_the_last_descriptor_of_a_long_frame_has_the_tag(receiver: Host) -> None:
    """With buffers of 1024 bytes only the word with EOP has VP and the special field."""
    receiver.write(reg.CTRL, UP_VME)
    receiver.write(reg.RCTL, RECEIVE | 1 << 16)
    receiver.arrive(frame(1, 1514), tagged(frame(2, 1514), 0x123), frame(3), at=1)
    receiver.run(1)
    words = receiver.rx_ring.read_status(0, 5)
    assert [word >> reg.SPECIAL_SHIFT for word in words] == [0, 0, 0, 0x123, 0]
    assert [bool(word & reg.RX_VP) for word in words] == [False, False, False, True, False]
    start = receiver.rx_buffers.address + 2 * SLOT
    first = receiver.memory.map[start : start + 1024]
    rest = receiver.memory.map[start + SLOT : start + SLOT + 490]
    assert first + rest == frame(2, 1514)


def test_a_frame_that_waited_for_a_descriptor_keeps_its_tag(receiver: Host) -> None:
    """It is stripped when it is written, and not before."""
    receiver.write(reg.CTRL, UP_VME)
    receiver.write(reg.RDT, 0)
    receiver.arrive(tagged(frame(1), 5), at=1)
    receiver.run(1)
    receiver.write(reg.RDT, 3)
    receiver.run(2)
    assert receiver.rx_ring.read_status(0, 1)[0] >> reg.SPECIAL_SHIFT == 5
    assert receiver.received() == [frame(1)]


@pytest.mark.parametrize("vme", [0, reg.CTRL_VME])
def test_vfe_lets_in_the_networks_of_the_table(receiver: Host, vme: int) -> None:
    """Untagged frames pass, tagged ones if their bit is set, whether or not tags are stripped (table 9-3)."""
    receiver.write(reg.CTRL, reg.CTRL_FD | reg.CTRL_SLU | vme)
    receiver.write(reg.RCTL, RECEIVE | reg.RCTL_VFE)
    receiver.write(reg.VFTA + 4 * (0x123 >> 5), 1 << (0x123 & 31))
    wanted, other = tagged(frame(1), 0xE123), tagged(frame(2), 0xE122)
    receiver.arrive(wanted, other, frame(3), at=1)
    receiver.run(1)
    assert receiver.received() == [frame(1) if vme else wanted, frame(3)]
    assert receiver.nic.rx.dropped["filtered"] == 1

    receiver.write(reg.RCTL, RECEIVE)
    receiver.arrive(other, at=2)
    receiver.run(2)
    assert receiver.received() == [frame(2) if vme else other]


def test_the_table_does_not_help_a_foreign_address() -> None:
    """A frame must pass both filters."""
    judge = ReceiveFilter()
    judge.configure(reg.RCTL_VFE, [0] * 32, [0] * 128)
    judge.configure_vlan(DOT1Q, [0xFFFFFFFF] * 128)
    assert judge.accepts(Frames([tagged(frame(1), 5), frame(2)])) == []


@given(st.lists(st.tuples(st.binary(min_size=14, max_size=80), st.none() | st.integers(0, 0xFFFF)), max_size=12))
def test_what_was_inserted_is_stripped_again(frames: list[tuple[bytes, int | None]]) -> None:
    """Whatever the frames and tags, a card gets back what the other was given, and the tags with it."""
    frames = [(data, tag) for data, tag in frames if data[12:14] != DOT1Q]
    plain = [data for data, _ in frames]
    status = [reg.TX_EOP | (0 if tag is None else vle(tag)) for _, tag in frames]
    stripped, special = strip_tags(insert_tags(plain, status, DOT1Q), DOT1Q)
    assert stripped == plain
    assert special == [0 if tag is None else reg.RX_VP | tag << reg.SPECIAL_SHIFT for _, tag in frames]


@pytest.mark.parametrize("length", [0, 12, 14, 15])
def test_a_frame_too_short_for_its_tag_is_left_alone(length: int) -> None:
    """There is nothing to strip."""
    runt = tagged(frame(1), 5)[:length]
    assert strip_tags([runt], DOT1Q) == ([runt], [0])
