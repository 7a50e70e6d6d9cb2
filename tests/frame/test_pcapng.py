"""Claims about the pcapng encoder: its bytes, its limits, and what independent tools read in them."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import UsageError
from ndisemu.frame.capture import CapturedFrame, read_capture
from ndisemu.frame.ethernet import parse_mac
from ndisemu.frame.pcapng import enhanced_packet, interface_description, interface_statistics, section_header

FRAME = parse_mac("02:00:00:00:0b:01") + parse_mac("02:00:00:00:0a:01") + b"\x88\xb5" + bytes(range(50))

Judge = Callable[..., str]

uint32 = st.integers(0, 2**32 - 1)
uint64 = st.integers(0, 2**64 - 1)
# Not the NUL, which ends a text for some tools, and not too long for an option.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200)
packets = st.lists(
    st.builds(
        CapturedFrame,
        time=uint64,
        data=st.binary(max_size=300),
        original_length=st.just(0),
        interface=st.integers(0, 1),
        outbound=st.none() | st.booleans(),
        comment=st.none() | texts,
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that each example overwrites."""
    return tmp_path_factory.mktemp("pcapng") / "written.pcapng"


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Run an independent tool and give what it prints; its settings are its defaults."""

    def run(tool: str, *arguments: str) -> str:
        path = shutil.which(tool)
        if path is None:
            pytest.skip(f"{tool} is not installed (Debian package tshark)")
        environment = os.environ | {"HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        done = subprocess.run([path, *arguments], capture_output=True, text=True, check=True, env=environment)
        return done.stdout

    return run


def test_a_section_header_is_exactly_these_bytes() -> None:
    """The encoding of a section header never changes from machine to machine."""
    assert section_header(application="ndisemu", comment="hi").hex(" ", 4) == (
        "0a0d0d0a 34000000 4d3c2b1a 01000000 ffffffff ffffffff 01000200 68690000 04000700 6e646973 656d7500 00000000"
        " 34000000"
    )


def test_an_interface_description_is_exactly_these_bytes() -> None:
    """The encoding of an interface has its name, description, address, speed and nanoseconds, in that order."""
    block = interface_description("a", "b", mac=b"\x02\x00\x00\x00\x0a\x01", speed=10**9, snaplen=9018)

    assert block.hex(" ", 4) == (
        "01000000 48000000 01000000 3a230000 02000100 61000000 03000100 62000000 06000600 02000000 0a010000"
        " 08000800 00ca9a3b 00000000 09000100 09000000 00000000 48000000"
    )


@pytest.mark.parametrize(
    ("outbound", "options"),
    [(None, ""), (False, "02000400 01000000 00000000 "), (True, "02000400 02000000 00000000 ")],
)
def test_a_packet_is_exactly_these_bytes(outbound: bool | None, options: str) -> None:
    """A packet is its header, the frame padded to four bytes, its direction if known, and its length again."""
    block = enhanced_packet(3, 0x1_0000_0002, b"abcde", outbound=outbound)

    total = f"{len(block):02x}000000"
    head = f"06000000 {total} 03000000 01000000 02000000 05000000 05000000 "
    assert block.hex(" ", 4) == f"{head}61626364 65000000 {options}{total}"


def test_every_packet_option_is_exactly_these_bytes() -> None:
    """The options of a packet are in the order of their numbers, whatever order they were given in."""
    block = enhanced_packet(
        0, 0, b"", verdict=b"\x07", queue=2, packet_id=3, drop_count=4, outbound=True, comment="late"
    )

    assert block[28:-4].hex(" ", 4) == (
        "01000400 6c617465 02000400 02000000 04000800 04000000 00000000 05000800 03000000 00000000"
        " 06000400 02000000 07000200 00070000 00000000"
    )


def test_interface_statistics_are_exactly_these_bytes() -> None:
    """Statistics have their time and both counts."""
    assert interface_statistics(1, 5, received=6, dropped=7).hex(" ", 4) == (
        "05000000 34000000 01000000 00000000 05000000 04000800 06000000 00000000 05000800 07000000 00000000 00000000"
        " 34000000"
    )


@pytest.mark.parametrize(
    "write",
    [
        lambda text: section_header(application=text),
        lambda text: section_header(application="x", comment=text),
        lambda text: interface_description(text, "x"),
        lambda text: interface_description("x", text),
        lambda text: enhanced_packet(0, 0, b"", comment=text),
        lambda text: interface_statistics(0, 0, comment=text),
    ],
)
def test_a_text_that_no_option_can_hold_is_refused(write: Callable[[str], bytes]) -> None:
    """A text is limited in bytes, not in characters: 65535 are written, 65536 are a UsageError."""
    assert len(write("é" * 32767 + "x")) % 4 == 0
    with pytest.raises(UsageError, match="65536 bytes is too long for a capture, which holds 65535"):
        write("é" * 32768)


def test_a_text_without_utf8_is_written_with_question_marks() -> None:
    """A lone surrogate, such as an undecodable file name brings, does not stop a capture."""
    assert b"caf?" in interface_description("caf\udce9", "x")


@given(packets)
def test_what_is_written_is_read_back(scratch: Path, written: list[CapturedFrame]) -> None:
    """Reading a file gives the frames that were encoded, with their times, interfaces, directions and comments."""
    blocks = [section_header(application="ndisemu"), interface_description("a", ""), interface_description("b", "")]
    blocks += [enhanced_packet(p.interface, p.time, p.data, outbound=p.outbound, comment=p.comment) for p in written]
    scratch.write_bytes(b"".join(blocks))

    assert read_capture(scratch) == [
        CapturedFrame(p.time, p.data, len(p.data), p.interface, p.outbound, p.comment) for p in written
    ]


@given(st.binary(max_size=70), st.none() | uint64, st.none() | uint32, st.none() | uint64)
def test_options_that_the_reader_ignores_leave_the_frame_alone(
    scratch: Path, data: bytes, packet_id: int | None, queue: int | None, drop_count: int | None
) -> None:
    """No option changes the frame, and statistics are no frame."""
    packet = enhanced_packet(
        0, 1, data, outbound=True, packet_id=packet_id, queue=queue, drop_count=drop_count, verdict=data
    )
    head = section_header(application="ndisemu", comment="x") + interface_description("a", "b", speed=10**10)
    scratch.write_bytes(head + packet + interface_statistics(0, 2, received=1, dropped=0))

    assert read_capture(scratch) == [CapturedFrame(1, data, len(data), 0, outbound=True)]


@pytest.mark.tshark
def test_tshark_reads_every_field(tmp_path: Path, judge: Judge) -> None:
    """An independent reader finds each value under its own name."""
    path = tmp_path / "all.pcapng"
    path.write_bytes(
        section_header(application="ndisemu", comment="a remark")
        + interface_description("a.eth0", "host a, eth0", mac=b"\x02\x00\x00\x00\x0a\x01", speed=10**9)
        + interface_description("b.eth0", "host b, eth0", speed=10**10)
        + enhanced_packet(0, 0, FRAME)
        + enhanced_packet(0, 1_204_000_001, FRAME, outbound=True, packet_id=7, queue=1)
        + enhanced_packet(
            1, 2**63, FRAME[:61], outbound=False, packet_id=7, drop_count=3, verdict=b"\x07", comment="spät"
        )
    )
    fields = "time_epoch len cap_len interface_name interface_description packet_flags_direction packet_id"
    more = "interface_queue drop_count verdict.hw comment"
    chosen = [f"-eframe.{field}" for field in f"{fields} {more}".split()]

    printed = judge("tshark", "-r", str(path), "-T", "fields", "-E", "separator=|", *chosen)

    assert printed.splitlines() == [
        "0.000000000|64|64|a.eth0|host a, eth0||||||",
        "1.204000001|64|64|a.eth0|host a, eth0|0x00000002|7|1|||",
        "9223372036.854775808|61|61|b.eth0|host b, eth0|0x00000001|7||3|07|spät",
    ]


@pytest.mark.tshark
def test_tshark_finds_nothing_malformed_in_a_thousand_frames(tmp_path: Path, judge: Judge) -> None:
    """An independent reader dissects a long file of all lengths without an expert warning or error."""
    path = tmp_path / "long.pcapng"
    frames = [FRAME + bytes(size) for size in range(1000)]
    blocks = [section_header(application="ndisemu"), interface_description("a", "a")]
    blocks += [enhanced_packet(0, at * 1000, frame, outbound=at % 2 == 0) for at, frame in enumerate(frames)]
    path.write_bytes(b"".join(blocks))

    lengths = judge("tshark", "-r", str(path), "-T", "fields", "-e", "frame.len").split()
    malformed = judge("tshark", "-r", str(path), "-Y", "_ws.malformed || _ws.expert.severity >= warning")

    assert lengths == [str(len(frame)) for frame in frames]
    assert malformed == ""


@pytest.mark.tshark
def test_capinfos_reads_interfaces_and_statistics(tmp_path: Path, judge: Judge) -> None:
    """An independent summary shows the application, the remark, nanoseconds, speed and statistics."""
    path = tmp_path / "info.pcapng"
    path.write_bytes(
        section_header(application="ndisemu 1", comment="a remark")
        + interface_description("a.eth0", "host a", speed=10**9)
        + enhanced_packet(0, 1_500_000_000, FRAME)
        + interface_statistics(0, 2_000_000_000, received=5, dropped=4)
    )

    printed = " ".join(judge("capinfos", str(path)).split())

    for fact in (
        "Capture application: ndisemu 1",
        "Capture comment: a remark",
        "Number of packets: 1",
        "File timestamp precision: nanoseconds (9)",
        "Number of interfaces in file: 1",
        "Name = a.eth0",
        "Description = host a",
        "Encapsulation = Ethernet",
        "Speed = 1000000000",
        "Number of stat entries = 1",
    ):
        assert fact in printed


@pytest.mark.tshark
def test_tshark_and_the_reader_agree_on_statistics_of_a_rewritten_capture(tmp_path: Path, judge: Judge) -> None:
    """The layers that tshark sees are the same in a real capture and in its frames written anew."""
    real = Path(__file__).parents[2] / "scenarios" / "captures" / "mixed-protocols.pcapng"
    copy = tmp_path / "copy.pcapng"
    blocks = [section_header(application="ndisemu"), interface_description("a", "a"), interface_description("b", "b")]
    for frame in read_capture(real):
        blocks.append(enhanced_packet(frame.interface, frame.time, frame.data, outbound=frame.outbound))
    copy.write_bytes(b"".join(blocks))
    arguments = ("-T", "json", "-e", "frame.time_epoch", "-e", "frame.protocols", "-e", "frame.packet_flags_direction")

    layers = [json.loads(judge("tshark", "-r", str(path), *arguments)) for path in (real, copy)]

    assert [packet["_source"] for packet in layers[0]] == [packet["_source"] for packet in layers[1]]
    assert len(layers[1]) == 55
