"""The quickstart's capture, judged by us and by Wireshark's tools: every frame left, arrived, and is the recorded one."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from ndisemu.frame.capture import read_capture

ROOT: Final = Path(__file__).parents[1]
ORIGINAL: Final = ROOT / "scenarios" / "captures" / "linux-tcp-icmp.pcapng"
MACS: Final = {"a.eth0": bytes.fromhex("020000000a01"), "b.eth0": bytes.fromhex("020000000b01")}
COUNTS: Final = {"a.eth0": 1237, "b.eth0": 263}
INBOUND, OUTBOUND = "0x00000001", "0x00000002"

needs_judges = pytest.mark.skipif(
    not (shutil.which("tshark") and shutil.which("capinfos")), reason="needs tshark and capinfos"
)


class Record(NamedTuple):
    """One frame as tshark tells it."""

    interface: str
    time: str
    direction: str
    data: bytes


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the quickstart prints as JSON, and its run directory, in one place."""
    place = tmp_path_factory.mktemp("quickstart")
    line = [sys.executable, "-m", "ndisemu", "run", "scenarios/quickstart.yaml", "--json", "--out", str(place / "out")]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, timeout=100, check=True)
    assert done.stderr == b""
    (place / "stdout").write_bytes(done.stdout)
    return place


@pytest.fixture(scope="module")
def capture(out: Path) -> Path:
    """The capture of the quickstart."""
    return out / "out" / "capture.pcapng"


def judged(*line: str) -> str:
    """Let a tool look at a file; it must find nothing to complain about."""
    done = subprocess.run(line, capture_output=True, text=True, timeout=100, check=True)
    # Run as root, tshark says that this could be dangerous; that is no complaint about the file.
    complaints = [line for line in done.stderr.splitlines() if not line.startswith("Running as user")]
    assert complaints == []
    return done.stdout


@pytest.fixture(scope="module")
def records(capture: Path) -> list[Record]:
    """Every frame of the capture, as tshark reads it."""
    fields = ("frame.interface_name", "frame.time_epoch", "frame.packet_flags", "frame_raw")
    options = [part for field in fields[:3] for part in ("-e", field)]
    dumped = json.loads(judged("tshark", "-n", "-r", str(capture), "-T", "json", "-x", "-j", "frame"))
    table = judged("tshark", "-n", "-r", str(capture), "-T", "fields", "-E", "separator=/t", *options).splitlines()
    records = []
    for row, one in zip(table, dumped, strict=True):
        interface, time, direction = row.split("\t")
        records.append(Record(interface, time, direction, bytes.fromhex(raw_of(one))))
    return records


def raw_of(record: dict[str, Any]) -> str:
    raw = record["_source"]["layers"]["frame_raw"]
    text = raw[0] if isinstance(raw, list) else raw
    assert isinstance(text, str)
    return text


def recorded(mac: bytes) -> Iterator[bytes]:
    """Give the original capture's frames of one sender, as a card pads them: with zeros to 60 bytes."""
    return (frame.data.ljust(60, b"\0") for frame in read_capture(ORIGINAL) if frame.data[6:12] == mac)


def test_stdout_is_the_result_and_nothing_else(out: Path) -> None:
    """One JSON document, the same as in the run directory, with 1 500 frames delivered and none altered."""
    printed = json.loads((out / "stdout").read_text(encoding="utf-8"))
    assert printed == json.loads((out / "out" / "result.json").read_text(encoding="utf-8"))
    assert printed["passed"]
    assert sum(flow["intact"] for flow in printed["flows"]) == 1500
    assert sum(flow["altered"] + flow["late"] + flow["lost"] for flow in printed["flows"]) == 0


def test_our_reader_finds_every_frame_twice_in_order(capture: Path) -> None:
    """Without any other tool: 3 000 records, times ascend, and each sender's frames are the recorded ones, padded."""
    frames = read_capture(capture)
    times = [frame.time for frame in frames]
    assert len(frames) == 3000
    assert times == sorted(times)
    for mac, count in zip(MACS.values(), COUNTS.values(), strict=True):
        mine = [frame.data for frame in frames if frame.data[6:12] == mac]
        originals = list(recorded(mac))
        assert len(originals) == count
        assert sorted(mine) == sorted([*originals, *originals])
        assert all(len(data) >= 60 for data in mine)


def test_short_frames_are_padded_with_zeros(capture: Path) -> None:
    """The original has frames under 60 bytes; here each has zeros behind its own bytes, and 60 in all."""
    short = [frame.data for frame in read_capture(ORIGINAL) if len(frame.data) < 60]
    written = {frame.data for frame in read_capture(capture)}
    assert short
    assert all(data + bytes(60 - len(data)) in written for data in short)


@needs_judges
@pytest.mark.tshark
def test_capinfos_finds_two_interfaces_with_nanoseconds(capture: Path) -> None:
    """It counts 3 000 packets, two Ethernet interfaces with their names and speeds, and calls the order strict."""
    told = " ".join(judged("capinfos", str(capture)).split())
    for part in (
        "File type: Wireshark/... - pcapng",
        "Number of packets: 3000",
        "Strict time order: True",
        "Number of interfaces in file: 2",
        "Name = a.eth0",
        "Name = b.eth0",
        "Encapsulation = Ethernet (1 - ether)",
        "Speed = 1000000000",
        "Time precision = nanoseconds (9)",
    ):
        assert part in told


@needs_judges
@pytest.mark.tshark
@pytest.mark.parametrize("sender", MACS)
def test_tshark_reads_what_left_and_what_arrived_as_it_was_recorded(records: list[Record], sender: str) -> None:
    """On the sender's interface all leave, on the other all arrive, byte for byte and in the order of the recording."""
    (receiver,) = MACS.keys() - {sender}
    originals = list(recorded(MACS[sender]))
    leaving = [one.data for one in records if (one.interface, one.direction) == (sender, OUTBOUND)]
    arriving = [one.data for one in records if (one.interface, one.direction) == (receiver, INBOUND)]
    assert len(records) == 3000
    assert len(originals) == COUNTS[sender]
    assert leaving == originals
    assert arriving == originals


@needs_judges
@pytest.mark.tshark
def test_no_frame_arrives_before_the_cable_lets_it(records: list[Record]) -> None:
    """From its first bit leaving to its last bit arriving a frame takes its own length on the wire, and 5 us."""
    for sender, receiver in (("a.eth0", "b.eth0"), ("b.eth0", "a.eth0")):
        leaving = [one for one in records if (one.interface, one.direction) == (sender, OUTBOUND)]
        arriving = [one for one in records if (one.interface, one.direction) == (receiver, INBOUND)]
        for left, arrived in zip(leaving, arriving, strict=True):
            took = int(arrived.time.replace(".", "")) - int(left.time.replace(".", ""))
            assert took == (8 + len(left.data) + 4) * 8 + 5_000


@needs_judges
@pytest.mark.tshark
def test_tshark_finds_nothing_malformed_that_was_not_so_before(capture: Path) -> None:
    """Padding and the journey add no malformed frame to those of the original."""
    malformed = ["-Y", "_ws.malformed", "-T", "fields", "-e", "frame.number"]
    before = judged("tshark", "-n", "-r", str(ORIGINAL), *malformed).split()
    after = judged("tshark", "-n", "-r", str(capture), *malformed).split()
    assert len(after) <= 2 * len(before)
