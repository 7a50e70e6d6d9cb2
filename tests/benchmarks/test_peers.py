"""Each peer carries what it is asked to, and a session puts all of them beside each other, with what is missing."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from benchmarks.peers import __main__ as command, packet_sockets, peer as peer_module
from benchmarks.peers.catalogue import OFFERS
from benchmarks.peers.ixy import PUBLISHED
from benchmarks.peers.measure import Measured, Session, measure
from benchmarks.peers.peer import Peer, Sample, Unavailable, version_of
from benchmarks.peers.section import KEYS, section
from ndisemu.errors import InternalError

ROOT: Final = Path(__file__).parents[2]
SECOND: Final = 1_000_000_000
NEEDS: Final = {
    "AF_PACKET over veth": [pytest.mark.root],
    "ns.py": [pytest.mark.peers],
    "ns.py with Port": [pytest.mark.peers],
    "SimPy": [pytest.mark.peers],
    "Scapy": [pytest.mark.peers],
}


def made(name: str, rate: int = 100_000, *, promised: bool = False) -> Peer:
    """Make a peer of this rate."""
    return Peer(name, "1.0", "it counts", 100, lambda _size, frames: Sample(frames, frames * SECOND // rate), promised)


def session(*rates: tuple[str, int, bool], missing: dict[str, str] | None = None) -> Session:
    """Make a session of two rounds at 64 bytes in which peers had these rates; True promises that ndisemu is as fast."""
    measured = (Measured(made(name, rate, promised=promised), 64, (rate, rate)) for name, rate, promised in rates)
    return Session(tuple(measured), missing or {}, 2, 12_300_000)


@pytest.mark.parametrize(
    ("name", "offer"), [pytest.param(*offer, id=offer[0], marks=NEEDS.get(offer[0], [])) for offer in OFFERS]
)
@pytest.mark.parametrize(("size", "frames"), [(64, 1), (1500, 70)])
def test_a_peer_carries_exactly_the_frames_it_is_asked_to(
    name: str, offer: Callable[[], Peer], size: int, frames: int
) -> None:
    """As many arrive as were sent, under the name that the peer has when it is missing."""
    try:
        peer = offer()
    except Unavailable as error:
        pytest.skip(str(error))
    assert peer.name == name
    sample = peer.carry(size, frames)
    assert sample.arrived == frames
    assert sample.cpu_ns > 0


def test_a_package_that_is_not_installed_is_a_reason() -> None:
    """The reason says how it would be there."""
    with pytest.raises(Unavailable, match="no-such-peer is not installed; make bench-peers installs it"):
        version_of("no-such-peer")


@pytest.mark.parametrize(
    ("user", "tool", "reason"),
    [
        (1000, "/bin/true", "a network namespace needs root"),
        (0, None, "ip is not installed .Debian package iproute2."),
    ],
)
def test_what_packet_sockets_need_is_a_reason(
    monkeypatch: pytest.MonkeyPatch, user: int, tool: str | None, reason: str
) -> None:
    """Without root or the tools there is no namespace, and the reason says which it is."""
    monkeypatch.setattr("socket.AF_PACKET", 17, raising=False)
    monkeypatch.setattr("os.geteuid", lambda: user, raising=False)
    monkeypatch.setattr("shutil.which", lambda _name: tool)
    with pytest.raises(Unavailable, match=reason):
        packet_sockets.peer()


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("echo no; echo not today; exit 1", "ended with 1 and said: not today"),
        ("exit 2", "ended with 2 and said: nothing"),
    ],
)
def test_a_failure_in_the_namespace_is_a_reason(monkeypatch: pytest.MonkeyPatch, end: str, reason: str) -> None:
    """A process in the namespace that fails says why in its last line, if it can say anything."""
    monkeypatch.setattr(packet_sockets, "NAMESPACE", ("sh", "-c", f"exec >&2; {end}"))
    with pytest.raises(Unavailable, match=reason):
        packet_sockets.carry(64, 1)


def test_cpu_time_is_that_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is read before and after the work and not elsewhere."""
    readings = iter([100, 350])
    monkeypatch.setattr(peer_module, "process_time_ns", lambda: next(readings))
    assert peer_module.cpu_time(list) == 250


def test_peers_take_turns_and_every_other_round_goes_backwards() -> None:
    """Each peer is warmed up with a tenth of its frames, and then carries all of them once per size and round."""
    carried: list[tuple[str, int, int]] = []

    def noting(name: str) -> Peer:
        def carry(size: int, frames: int) -> Sample:
            carried.append((name, size, frames))
            return Sample(frames, frames * 1000)

        return Peer(name, "1", "", 95, carry)

    told: list[tuple[int, int]] = []
    found = measure(
        [("a", lambda: noting("a")), ("b", lambda: noting("b"))], [64, 1500], 2, lambda *done: told.append(done)
    )

    turns = [("a", 64), ("a", 1500), ("b", 64), ("b", 1500)]
    assert carried == [(*turn, 10) for turn in turns] + [(*turn, 95) for turn in turns + turns[::-1]]
    assert told == [(done, 8) for done in range(1, 9)]
    assert [(one.peer.name, one.size, one.rates) for one in found.measured] == [
        (*turn, (1_000_000, 1_000_000)) for turn in turns
    ]


def test_a_peer_that_cannot_run_keeps_its_reason() -> None:
    """Whether it is not there, or fails when it is warmed up or later: the others are measured."""

    def absent() -> Peer:
        raise Unavailable("it is not there")

    def refusing(size: int, frames: int) -> Sample:
        raise Unavailable(f"no {size} today")

    def tiring(size: int, frames: int) -> Sample:
        if frames == 10:
            raise Unavailable(f"{frames} of {size} are too many")
        return Sample(frames, 1000)

    found = measure(
        [
            ("absent", absent),
            ("refusing", lambda: Peer("refusing", "1", "", 10, refusing)),
            ("tiring", lambda: Peer("tiring", "1", "", 10, tiring)),
            ("there", lambda: made("there")),
        ],
        [64],
        2,
    )
    assert [(one.peer.name, len(one.rates)) for one in found.measured] == [("there", 2)]
    assert found.missing == {
        "absent": "it is not there",
        "refusing": "no 64 today",
        "tiring": "10 of 64 are too many",
    }


def test_a_rate_with_lost_frames_is_refused() -> None:
    """No figure comes of a run in which not all arrived."""
    lossy = Peer("lossy", "1", "", 100, lambda _size, frames: Sample(frames - 1, 1000))
    with pytest.raises(InternalError, match="lossy carried 9 of 10 frames of 64 bytes"):
        measure([("lossy", lambda: lossy)], [64], 1)


def test_a_row_has_the_rate_the_ratio_and_what_a_frame_goes_through() -> None:
    """Nothing has a ratio to itself, a quoted rate says that it is quoted, a missing peer why it is."""
    found = section(session(("ndisemu", 300_000, False), ("slow", 100_000, True), missing={"far": "it is far away"}))
    assert all(sorted(row) == sorted(KEYS) for row in found.rows)
    ours, slow, *quoted, far = found.rows
    assert (ours["frames_per_cpu_s"], ours["ndisemu_times_as_fast"]) == (300_000, None)
    assert (slow["frames_per_cpu_s"], slow["ndisemu_times_as_fast"]) == (100_000, 3.0)
    assert (slow["state"], slow["does"]) == ("measured", "it counts")
    assert [row["frames_per_cpu_s"] for row in quoted] == [80_000, 140_000, 160_000]
    assert [row["state"] for row in quoted] == ["published"] * 3
    assert any(note.startswith("ixy.py, published, not measured here (ixy-languages/") for note in found.notes)
    assert (far["peer"], far["state"], far["frames_per_cpu_s"]) == ("far", "skipped: it is far away", None)
    assert "far was skipped: it is far away" in found.notes
    assert any(note.startswith("slow ") and note.endswith(": it counts") for note in found.notes)


def test_targets_are_the_promised_peers() -> None:
    """A peer that is faster is a missed target, and one that nothing was promised of is none."""
    found = section(
        session(("ndisemu", 300_000, False), ("slow", 100_000, True), ("fast", 400_000, True), ("x", 1, False))
    )
    assert [(target.what, target.limit, target.holds) for target in found.targets] == [
        ("64 B, as fast as slow", 100_000, True),
        ("64 B, as fast as fast", 400_000, False),
        ("64 B, as fast as ixy.py, batches of 256", 160_000, True),
    ]


def test_the_cost_of_the_features_is_a_note() -> None:
    """The ratio to the prototype is said in words."""
    found = section(session(("ndisemu", 300_000, False), ("bare prototype", 600_000, False)))
    assert found.notes[0].startswith("64 B: ndisemu reaches 50% of the bare prototype")


def test_without_ndisemu_there_is_nothing_to_compare_with() -> None:
    """The rates stand for themselves then."""
    found = section(session(("slow", 100_000, True)))
    assert [row["ndisemu_times_as_fast"] for row in found.rows] == [None] * (1 + len(PUBLISHED))
    assert found.targets == ()


def test_the_command_prints_json_or_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have each peer, its rate, and the targets."""
    monkeypatch.setattr(
        command, "OFFERS", [("ndisemu", lambda: made("ndisemu")), ("slow", lambda: made("slow", 50_000, promised=True))]
    )
    as_json = CliRunner().invoke(command.main, ["--runs", "1", "--json"], catch_exceptions=False)
    found = json.loads(as_json.stdout)
    assert [row["peer"] for row in found["rows"][:4]] == ["ndisemu", "ndisemu", "slow", "slow"]
    assert found["targets"][0]["limit"] == 50_000

    text = CliRunner().invoke(command.main, ["--runs", "1"], catch_exceptions=False).stdout
    assert re.search(r"^slow +64 +50 000 +0\.0% +2\.00 *$", text, re.MULTILINE)
    assert re.search(r"^64 B, as fast as slow +100 000 +at least 50 000 frames/CPU s +reached *$", text, re.MULTILINE)
    assert "slow 1.0: it counts" in text


def test_ndisemu_never_imports_a_peer() -> None:
    """The package works without them, and nothing under the GPL is loaded with it."""
    imports = re.compile(r"^\s*(?:from|import)\s+(?:ns|scapy|simpy)\b", re.MULTILINE)
    assert imports.search("    import scapy.all")
    sources = sorted((ROOT / "ndisemu").rglob("*.py"))
    assert sources
    assert [path.name for path in sources if imports.search(path.read_text(encoding="utf-8"))] == []
