"""Claims about reading captures: every legal form is understood, every illegal one refused by name and place."""

import os
import re
import shutil
import struct
import subprocess
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given, strategies as st

from ndisemu.errors import UsageError
from ndisemu.frame.capture import CapturedFrame, CaptureError, iterate_capture, read_capture
from ndisemu.frame.ethernet import MIN_FRAME, parse_mac

CAPTURES = Path(__file__).parents[2] / "scenarios" / "captures"
TCP_ICMP = CAPTURES / "linux-tcp-icmp.pcapng"
MIXED = CAPTURES / "mixed-protocols.pcapng"
FRAME = bytes(range(61))

Options = tuple[tuple[int, bytes], ...]


class Blocks:
    """An encoder of both byte orders that shares nothing with the project's own."""

    def __init__(self, order: str) -> None:
        self.order = order

    def pack(self, layout: str, *values: int) -> bytes:
        return struct.pack(self.order + layout, *values)

    def block(self, kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        length = self.pack("I", len(body) + 12)
        return self.pack("I", kind) + length + body + length

    def options(self, options: Options, *, end: bool = True) -> bytes:
        encoded = [self.pack("HH", code, len(value)) + value + bytes(-len(value) % 4) for code, value in options]
        return b"".join(encoded) + (bytes(4) if options and end else b"")

    def section(self, major: int = 1, minor: int = 0) -> bytes:
        return self.block(0x0A0D0D0A, self.pack("IHHq", 0x1A2B3C4D, major, minor, -1))

    def interface(self, *options: tuple[int, bytes], link: int = 1, snaplen: int = 0) -> bytes:
        return self.block(1, self.pack("HHI", link, 0, snaplen) + self.options(options))

    def enhanced(
        self, ticks: int, data: bytes, *options: tuple[int, bytes], number: int = 0, original: int | None = None
    ) -> bytes:
        lengths = (len(data), len(data) if original is None else original)
        head = self.pack("IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, *lengths)
        return self.block(6, head + data + bytes(-len(data) % 4) + self.options(options))

    def obsolete(self, ticks: int, data: bytes, *options: tuple[int, bytes], number: int = 0) -> bytes:
        head = self.pack("HHIIII", number, 9, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
        return self.block(2, head + data + bytes(-len(data) % 4) + self.options(options))

    def simple(self, data: bytes, original: int | None = None) -> bytes:
        return self.block(3, self.pack("I", len(data) if original is None else original) + data)

    def pcap(self, magic: int = 0xA1B2C3D4, network: int = 1) -> bytes:
        return self.pack("IHHiIII", magic, 2, 4, 0, 0, 65535, network)

    def record(self, seconds: int, fraction: int, data: bytes, original: int | None = None) -> bytes:
        return self.pack("IIII", seconds, fraction, len(data), len(data) if original is None else original) + data


LITTLE, BIG = Blocks("<"), Blocks(">")
START = LITTLE.section() + LITTLE.interface((9, b"\x09"))
both_orders = pytest.mark.parametrize("order", [LITTLE, BIG], ids=["little", "big"])


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that each example overwrites."""
    return tmp_path_factory.mktemp("capture") / "file.pcapng"


def read(path: Path, content: bytes) -> list[CapturedFrame]:
    path.write_bytes(content)
    return read_capture(path)


def complaint(path: Path, content: bytes) -> str:
    """What is said about a file, without the file's name, which comes first."""
    with pytest.raises(CaptureError) as caught:
        read(path, content)
    name, _, text = str(caught.value).partition(": ")
    assert name == str(path)
    return text


# What is understood


@both_orders
def test_every_kind_of_packet_block_is_read_in_both_byte_orders(scratch: Path, order: Blocks) -> None:
    """Enhanced, obsolete and simple packets give the same frame, whichever way round the integers are."""
    content = order.section() + order.interface((9, b"\x09")) + order.interface((9, b"\x09"))
    content += order.enhanced(2**32 + 5, FRAME, number=1) + order.obsolete(7, FRAME, number=1) + order.simple(FRAME)

    assert read(scratch, content) == [
        CapturedFrame(2**32 + 5, FRAME, 61, 1),
        CapturedFrame(7, FRAME, 61, 1),
        CapturedFrame(7, FRAME, 61, 0),
    ]


def test_a_simple_packet_takes_the_time_of_the_frame_before_it(scratch: Path) -> None:
    """A block without a time does not send a replay back to the beginning; the first of all is at 0."""
    content = START + LITTLE.simple(FRAME) + LITTLE.enhanced(5, FRAME) + LITTLE.simple(FRAME)

    assert [frame.time for frame in read(scratch, content)] == [0, 5, 5]


@pytest.mark.parametrize(
    ("options", "ticks", "time"),
    [
        ((), 1_000_001, 1_000_001_000),
        (((9, b"\x00"),), 3, 3_000_000_000),
        (((9, b"\x03"),), 1_204, 1_204_000_000),
        (((9, b"\x06"),), 1, 1_000),
        (((9, b"\x09"),), 1, 1),
        (((9, b"\x0c"),), 12_999, 12),
        (((9, b"\x7f"),), 2**64 - 1, 0),
        (((9, b"\x80"),), 2, 2_000_000_000),
        (((9, b"\x8a"),), 512, 500_000_000),
        (((9, b"\xa0"),), 2**63, 2**31 * 10**9),
        (((9, b"\xff"),), 2**64 - 1, 0),
        (((14, struct.pack("<q", 1_700_000_000)),), 1, 1_700_000_000_000_001_000),
        (((14, struct.pack("<q", -1)), (9, b"\x09")), 0, -1_000_000_000),
        (((2, b"eth0"), (9, b"\x09"), (12, b"Linux")), 1, 1),
    ],
)
def test_times_are_whole_nanoseconds_at_any_resolution_and_offset(
    scratch: Path, options: Options, ticks: int, time: int
) -> None:
    """Ticks of powers of ten and of two become nanoseconds exactly, rounded down where they are finer."""
    content = LITTLE.section() + LITTLE.interface(*options) + LITTLE.enhanced(ticks, FRAME)

    assert [frame.time for frame in read(scratch, content)] == [time]


def test_a_section_has_its_own_byte_order_and_interfaces(scratch: Path) -> None:
    """Captures that were concatenated are read as one, each by its own description."""
    first = LITTLE.section() + LITTLE.interface((9, b"\x09")) + LITTLE.enhanced(1, FRAME)
    second = BIG.section(minor=2) + BIG.interface((9, b"\x03")) + BIG.enhanced(1, FRAME)

    assert [frame.time for frame in read(scratch, first + second + first)] == [1, 1_000_000, 1]
    assert "interface 0, and 0 are described before it" in complaint(scratch, first + LITTLE.section() + first[-96:])


@both_orders
@pytest.mark.parametrize("packet", [Blocks.enhanced, Blocks.obsolete], ids=["enhanced", "obsolete"])
@pytest.mark.parametrize(
    ("flags", "outbound"), [(0, None), (1, False), (2, True), (3, None), (0xFFFF_0001 & ~0x1E0, False)]
)
def test_direction_and_comments_are_read_from_options(
    scratch: Path, order: Blocks, packet: type, flags: int, outbound: bool | None
) -> None:
    """The lowest two bits of the flags are the direction, and several comments are one, line by line."""
    options = ((1, b"one"), (2, order.pack("I", flags)), (77, b"unknown"), (1, b"zw\xc3\xb6lf \xff"))
    content = order.section() + order.interface() + packet(order, 0, FRAME, *options)

    (frame,) = read(scratch, content)

    assert (frame.outbound, frame.comment, frame.data) == (outbound, "one\nzwölf \ufffd", FRAME)


def test_options_may_end_with_the_block(scratch: Path) -> None:
    """The option that ends the options may be missing."""
    body = LITTLE.pack("IIIII", 0, 0, 0, 4, 4) + b"abcd" + LITTLE.options(((1, b"hello"),), end=False)

    (frame,) = read(scratch, START + LITTLE.block(6, body))

    assert (frame.data, frame.comment) == (b"abcd", "hello")


@pytest.mark.parametrize("kind", [0, 4, 5, 7, 10, 0xBAD, 0x0000_0A0A, 0x8000_0001, 0xFFFF_FFFF])
def test_blocks_without_frames_are_skipped(scratch: Path, kind: int) -> None:
    """Names, statistics, secrets and vendors' own blocks change nothing, wherever they stand."""
    other = LITTLE.block(kind, b"\xff" * 40)

    content = LITTLE.section() + other + LITTLE.interface() + other + LITTLE.enhanced(1, FRAME) + other
    assert read(scratch, content) == [CapturedFrame(1000, FRAME, 61, 0)]


def test_a_captured_check_sequence_is_taken_off(scratch: Path) -> None:
    """Where the file says that a frame ends with its check sequence, the frame is given without it."""
    flags = LITTLE.pack("I", 4 << 5 | 1)
    content = START + LITTLE.enhanced(0, FRAME + b"crc!", (2, flags)) + LITTLE.enhanced(0, b"cr", (2, flags))
    classic = LITTLE.pcap(network=0x2400_0001) + LITTLE.record(0, 0, FRAME + b"crc!")

    assert [(frame.data, frame.original_length) for frame in read(scratch, content)] == [(FRAME, 65), (b"", 2)]
    assert [(frame.data, frame.original_length) for frame in read(scratch, classic)] == [(FRAME, 65)]


@both_orders
@pytest.mark.parametrize(("magic", "unit"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)], ids=["micro", "nano"])
def test_classic_captures_are_read_in_all_four_forms(scratch: Path, order: Blocks, magic: int, unit: int) -> None:
    """A pcap file has micro- or nanoseconds in either byte order."""
    content = order.pcap(magic) + order.record(0, 5, b"") + order.record(2**32 - 1, 999_999, FRAME)

    assert read(scratch, content) == [
        CapturedFrame(5 * unit, b"", 0, 0),
        CapturedFrame((2**32 - 1) * 10**9 + 999_999 * unit, FRAME, 61, 0),
    ]


@pytest.mark.parametrize("content", [LITTLE.section(), START, BIG.section(), LITTLE.pcap(), BIG.pcap(0xA1B23C4D)])
def test_a_capture_may_be_empty(scratch: Path, content: bytes) -> None:
    """A capture in which nothing was captured is a capture."""
    assert read(scratch, content) == []


def test_an_interface_of_another_kind_is_harmless_without_frames(scratch: Path) -> None:
    """Only frames are refused for their link type, not the description of an interface that captured none."""
    content = LITTLE.section() + LITTLE.interface(link=189) + LITTLE.interface() + LITTLE.enhanced(1, FRAME, number=1)

    assert read(scratch, content) == [CapturedFrame(1000, FRAME, 61, 1)]


# What is refused

BY_SNAP_LENGTH = "by a snap length; capture whole frames, such as with tcpdump -s 0"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "not a pcapng or pcap capture: it is empty"),
        (b"\n", "not a pcapng or pcap capture: it begins with 0a"),
        (b"GIF89a...", "not a pcapng or pcap capture: it begins with 47 49 46 38"),
        (b"version: 1\n", "not a pcapng or pcap capture: it begins with 76 65 72 73"),
        (b"\x1f\x8b\x08\x00", "not a pcapng or pcap capture: it begins with 1f 8b 08 00"),
        (
            START + LITTLE.enhanced(1, FRAME)[:-1],
            "truncated at byte 155, after 0 frames: what begins at byte 60 needs 96 bytes, and 95 are there",
        ),
        (
            START + LITTLE.enhanced(1, FRAME) + b"\x06\x00",
            "truncated at byte 158, after 1 frame: what begins at byte 156 needs 12 bytes, and 2 are there",
        ),
        (
            LITTLE.pcap() + 2 * LITTLE.record(1, 1, FRAME) + LITTLE.record(1, 1, FRAME)[:20],
            "truncated at byte 198, after 2 frames: what begins at byte 178 needs 77 bytes, and 20 are there",
        ),
        (
            LITTLE.pcap()[:23],
            "truncated at byte 23, after 0 frames: what begins at byte 0 needs 24 bytes, and 23 are there",
        ),
        (
            START + LITTLE.pack("III", 6, 0xFFFF_FFFC, 0),
            "at byte 60, after 0 frames: a length of 4294967292 bytes is absurd; the most that is read is 67108864",
        ),
        (
            LITTLE.pcap() + LITTLE.pack("IIII", 0, 0, 0xFFFF_FFFF, 1),
            "at byte 24, after 0 frames: a length of 4294967311 bytes is absurd; the most that is read is 67108864",
        ),
        (
            START + LITTLE.pack("III", 6, 8, 0),
            "at byte 60, after 0 frames: a block length is a multiple of 4 from 12 up, not 8",
        ),
        (
            START + LITTLE.pack("III", 6, 14, 0),
            "at byte 60, after 0 frames: a block length is a multiple of 4 from 12 up, not 14",
        ),
        (
            START + LITTLE.enhanced(1, FRAME)[:-4] + LITTLE.pack("I", 100),
            "at byte 60, after 0 frames: the block length is 96 where the block begins and 100 where it ends",
        ),
        (
            LITTLE.section().replace(b"\x4d\x3c\x2b\x1a", b"\x4d\x3c\x2b\x2a"),
            "at byte 0, after 0 frames: the byte order of the section is 1a2b3c4d or reversed, not 4d3c2b2a",
        ),
        (LITTLE.section(2), "at byte 0, after 0 frames: pcapng 2.0 is unknown, only 1.0 and 1.2 can be read"),
        (
            START + LITTLE.enhanced(1, FRAME) + LITTLE.enhanced(1, FRAME, number=2),
            "at byte 156, after 1 frame: a frame from interface 2, and 1 are described before it",
        ),
        (
            LITTLE.section() + LITTLE.simple(FRAME),
            "at byte 28, after 0 frames: a frame from interface 0, and 0 are described before it",
        ),
        (
            LITTLE.section() + LITTLE.interface(link=113) + LITTLE.enhanced(1, FRAME),
            "at byte 48, after 0 frames: link type 113 is not Ethernet (1), the only one that can be read",
        ),
        (
            BIG.pcap(network=105),
            "at byte 0, after 0 frames: link type 105 is not Ethernet (1), the only one that can be read",
        ),
        (
            START + LITTLE.enhanced(1, FRAME, original=1514),
            f"at byte 60, after 0 frames: the frame was cut to 61 of its 1514 bytes {BY_SNAP_LENGTH}",
        ),
        (
            LITTLE.section() + LITTLE.interface(snaplen=61) + LITTLE.simple(FRAME, 62),
            f"at byte 48, after 0 frames: the frame was cut to 61 of its 62 bytes {BY_SNAP_LENGTH}",
        ),
        (
            LITTLE.pcap() + LITTLE.record(0, 0, FRAME, 62),
            f"at byte 24, after 0 frames: the frame was cut to 61 of its 62 bytes {BY_SNAP_LENGTH}",
        ),
        (
            START + LITTLE.block(6, LITTLE.pack("IIIII", 0, 0, 0, 9, 9) + b"12345678"),
            "at byte 60, after 0 frames: 9 B do not fit into the 8 B left in the block or option",
        ),
        (
            START + LITTLE.block(6, LITTLE.pack("IIII", 0, 0, 0, 9)),
            "at byte 60, after 0 frames: 20 B do not fit into the 16 B left in the block or option",
        ),
        (
            START + LITTLE.enhanced(1, b"", (2, b"\x01\x00")),
            "at byte 60, after 0 frames: 4 B do not fit into the 2 B left in the block or option",
        ),
        (
            LITTLE.section() + LITTLE.block(1, LITTLE.pack("HHIHH", 1, 0, 0, 9, 60000) + b"\x09"),
            "at byte 28, after 0 frames: 60000 B do not fit into the 4 B left in the block or option",
        ),
        (
            LITTLE.section() + LITTLE.interface((9, b"")),
            "at byte 28, after 0 frames: 1 B do not fit into the 0 B left in the block or option",
        ),
    ],
)
def test_a_bad_capture_is_refused_with_what_and_where(scratch: Path, content: bytes, text: str) -> None:
    """Each mistake has its own sentence, with the byte where the block begins and the frames before it."""
    assert complaint(scratch, content) == text


def test_a_missing_file_is_a_capture_error(tmp_path: Path) -> None:
    """A name without a file is the user's mistake, told with the name."""
    path = tmp_path / "web.pcapng"

    with pytest.raises(UsageError) as caught:
        read_capture(path)

    assert str(caught.value) == f"{path}: cannot be read: No such file or directory"


def test_a_name_that_no_file_can_have_is_a_capture_error() -> None:
    """A NUL in a name is refused like a missing file."""
    with pytest.raises(CaptureError, match=r"cannot be read: .*embedded null"):
        read_capture(Path("a\0b"))


def test_a_directory_is_a_capture_error(tmp_path: Path) -> None:
    """A directory is refused for what it is."""
    with pytest.raises(CaptureError, match="not a regular file, which a capture must be"):
        read_capture(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    """Nobody writes into the pipe, and reading returns all the same."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(CaptureError, match="not a regular file"):
        read_capture(pipe)


def test_frames_before_the_bad_place_are_given_first(scratch: Path) -> None:
    """Iterating gives what can be read, and then says what is wrong."""
    scratch.write_bytes(START + 2 * LITTLE.enhanced(1, FRAME) + b"\x06")
    frames = iterate_capture(scratch)

    assert [next(frames).data, next(frames).data] == [FRAME, FRAME]
    with pytest.raises(CaptureError, match="after 2 frames"):
        next(frames)


@pytest.mark.parametrize(
    "content",
    [
        START + LITTLE.pack("III", 6, 0x0300_0000, 0),
        LITTLE.pcap() + LITTLE.pack("IIII", 0, 0, 0x0300_0000, 0x0300_0000),
    ],
    ids=["pcapng", "pcap"],
)
def test_a_length_in_the_file_allocates_no_more_than_the_file_holds(scratch: Path, content: bytes) -> None:
    """A hundred bytes that claim to be 48 MiB do not take 48 MiB to refuse."""
    scratch.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(CaptureError, match="truncated"):
            read_capture(scratch)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2 * 1024 * 1024


# Any bytes at all


def small_captures() -> list[bytes]:
    """One capture of each form, with every kind of block that holds a frame or an option."""
    files = []
    for order in (LITTLE, BIG):
        interface = order.interface((2, b"eth0"), (9, b"\x09"), (14, order.pack("q", 5)))
        packets = order.enhanced(9, FRAME, (1, b"one"), (2, order.pack("I", 2))) + order.obsolete(9, FRAME)
        files.append(order.section() + interface + packets + order.block(99, b"other") + order.simple(FRAME))
        files.append(order.pcap() + order.record(1, 2, FRAME) + order.record(3, 4, FRAME[:14]))
    return files


@pytest.mark.parametrize("content", small_captures(), ids=["pcapng-le", "pcap-le", "pcapng-be", "pcap-be"])
def test_a_capture_cut_anywhere_gives_a_prefix_or_an_error(scratch: Path, content: bytes) -> None:
    """Between two blocks a cut file is a shorter capture; everywhere else it is an error that names the cut."""
    whole = read(scratch, content)
    lengths = []
    for cut in range(4, len(content)):
        outcome = frames_or_error(scratch, content[:cut])
        if isinstance(outcome, CaptureError):
            assert f": truncated at byte {cut}, after " in str(outcome)
        else:
            assert outcome == whole[: len(outcome)]
            lengths.append(len(outcome))

    assert lengths == sorted(lengths)
    assert set(lengths) == set(range(len(whole)))


def frames_or_error(path: Path, content: bytes) -> list[CapturedFrame] | CaptureError:
    """Read, and let nothing else pass."""
    try:
        return read(path, content)
    except CaptureError as error:
        return error


def check(path: Path, content: bytes) -> None:
    """Frames that fit into the file, or an error in one line that begins with the file's name."""
    outcome = frames_or_error(path, content)
    if isinstance(outcome, CaptureError):
        assert re.fullmatch(re.escape(str(path)) + ": .+", str(outcome))
    else:
        assert sum(len(frame.data) for frame in outcome) <= len(content)


@given(st.binary(max_size=400))
@example(b"\x0a\x0d\x0d\x0a")
def test_arbitrary_bytes_give_frames_or_a_capture_error(scratch: Path, content: bytes) -> None:
    """No file at all makes the reader raise anything else."""
    check(scratch, content)


@given(st.sampled_from([START, BIG.section(), LITTLE.pcap(), BIG.pcap(0xA1B23C4D)]), st.binary(max_size=400))
def test_arbitrary_bytes_after_a_good_beginning_give_frames_or_a_capture_error(
    scratch: Path, start: bytes, rest: bytes
) -> None:
    """A file that begins well may go on in any way."""
    check(scratch, start + rest)


@given(st.integers(0, 100), st.binary(max_size=120))
def test_arbitrary_bodies_of_well_framed_blocks_give_frames_or_a_capture_error(
    scratch: Path, kind: int, body: bytes
) -> None:
    """A block whose frame is right may hold anything."""
    check(scratch, START + LITTLE.block(kind % 8, body))


@given(st.sampled_from(small_captures()), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6))
def test_a_damaged_capture_gives_frames_or_a_capture_error(
    scratch: Path, content: bytes, damage: list[tuple[int, int]]
) -> None:
    """Any bytes of a good capture may be any others."""
    damaged = bytearray(content)
    for at, value in damage:
        damaged[at % len(damaged)] = value
    check(scratch, bytes(damaged))


@given(
    st.sampled_from([LITTLE, BIG]),
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 10**9 - 1), st.binary(max_size=200)), max_size=8),
)
def test_a_classic_capture_is_read_as_it_was_written(
    scratch: Path, order: Blocks, records: list[tuple[int, int, bytes]]
) -> None:
    """Whatever frames a nanosecond pcap holds come out as they went in."""
    content = order.pcap(0xA1B23C4D) + b"".join(order.record(*record) for record in records)

    assert [(frame.time, frame.data) for frame in read(scratch, content)] == [
        (seconds * 10**9 + fraction, data) for seconds, fraction, data in records
    ]


# Real captures


def test_a_capture_of_two_linux_stacks_is_read_whole() -> None:
    """The 1500 frames are in order of nanosecond times, and from the two stations that talked."""
    frames = read_capture(TCP_ICMP)
    times = [frame.time for frame in frames]
    sources = [frame.data[6:12] for frame in frames]

    assert len(frames) == 1500
    assert times == sorted(times)
    assert any(time % 1000 for time in times)
    assert sources.count(parse_mac("02:00:00:00:0a:01")) == 1237
    assert sources.count(parse_mac("02:00:00:00:0b:01")) == 263
    assert sum(len(frame.data) < MIN_FRAME for frame in frames) == 4


def test_a_capture_of_many_protocols_is_read_with_directions_and_comments() -> None:
    """The 55 frames come from two interfaces, each with a direction and a comment, from a runt to a jumbo."""
    frames = read_capture(MIXED)

    assert len(frames) == 55
    assert {frame.interface for frame in frames} == {0, 1}
    assert {frame.outbound for frame in frames} == {False, True}
    assert (frames[0].comment, frames[0].outbound, frames[0].time) == ("dhcp discover", True, 1_700_000_000_124_691_356)
    assert sorted((len(frame.data), frame.comment) for frame in frames)[:: len(frames) - 1] == [
        (18, "runt 18"),
        (9014, "jumbo 9014"),
    ]
    assert all(frame.original_length == len(frame.data) for frame in frames)


@pytest.mark.tshark
@pytest.mark.parametrize("path", [TCP_ICMP, MIXED], ids=lambda path: path.stem)
@pytest.mark.parametrize("form", ["pcapng", "nsecpcap", "pcap"])
def test_tshark_agrees_on_every_frame_in_every_form(tmp_path: Path, path: Path, form: str) -> None:
    """Converted by an independent tool, a capture holds the same frames at the same times."""
    tool = shutil.which("tshark")
    if tool is None:
        pytest.skip("tshark is not installed (Debian package tshark)")
    converted = tmp_path / form
    subprocess.run([tool, "-r", path, "-F", form, "-w", converted], check=True, capture_output=True)
    unit = 1000 if form == "pcap" else 1

    expected = [(frame.time // unit * unit, frame.data) for frame in read_capture(path)]
    assert [(frame.time, frame.data) for frame in read_capture(converted)] == expected
    listed = subprocess.run(
        [tool, "-r", converted, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert [line.split("\t") for line in listed.stdout.splitlines()] == [
        [f"{time // 10**9}.{time % 10**9:09}", str(len(data))] for time, data in expected
    ]
