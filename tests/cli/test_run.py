"""`ndisemu run`: the result on stdout, everything else on stderr, files only where they were asked for."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from ndisemu.errors import UsageError
from ndisemu.frame import pcapng
from ndisemu.machine import BaseSlot

Command = Callable[..., CompletedProcess[str]]

NOISY = """
import os
import sys
from ndisemu import RingMiniport

class Mine(RingMiniport):
    def initialize(self, adapter):
        print("hello from the driver")
        return super().initialize(adapter)
"""


@pytest.fixture
def noisy(scenario: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The override that lets host a be driven by a driver that prints."""
    name = f"noisy_{scenario.resolve().parent.name}"
    Path(f"{name}.py").write_text(NOISY, encoding="utf-8")
    monkeypatch.syspath_prepend(Path.cwd())
    return f"hosts.a.nics.eth0.miniport={{class: '{name}:Mine'}}"


def test_json_is_one_document_on_stdout(command: Command, scenario: Path) -> None:
    """With --json stdout is exactly one JSON document, the whole result."""
    ended = command("run", str(scenario), "--json")
    result = json.loads(ended.stdout)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert result["passed"]
    assert result["flows"][0]["intact"] == 100


def test_what_a_driver_prints_does_not_get_into_the_result(command: Command, scenario: Path, noisy: str) -> None:
    """A driver's words go to stderr, so that stdout can be read by a program."""
    ended = command("run", str(scenario), "--json", "--set", noisy)
    assert json.loads(ended.stdout)["passed"]
    assert ended.stderr == "hello from the driver\n"


def test_violations_are_logged_beside_a_json_result(command: Command, scenario: Path) -> None:
    """With --json a person who looks on still reads on stderr what went wrong."""
    ended = command("run", str(scenario), "--json", "--set", "hosts.a.nics.eth0.miniport={class: 'nowhere:Mine'}")
    assert json.loads(ended.stdout)["violations"]
    assert "[warning" in ended.stderr
    assert "No module named" in ended.stderr


def test_nothing_is_written_without_out(command: Command, scenario: Path) -> None:
    """The present directory stays as it is."""
    command("run", str(scenario), "--set", "capture.interfaces=all", "--json")
    command("run", str(scenario))
    assert list(Path().iterdir()) == [scenario]


def test_out_holds_the_files_and_nothing_else_is_written(command: Command, scenario: Path) -> None:
    """The directory is made, and the result in it is the one that --json prints."""
    ended = command("run", str(scenario), "--out", "x/y", "--json")
    assert sorted(path.name for path in Path("x/y").iterdir()) == ["events.jsonl", "objects.jsonl", "result.json"]
    assert json.loads(Path("x/y/result.json").read_text(encoding="utf-8")) == json.loads(ended.stdout)
    assert sorted(path.name for path in Path().iterdir()) == [scenario.name, "x"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device without room")
@pytest.mark.parametrize("name", ["events.jsonl", "result.json"])
def test_a_full_disk_is_named(command: Command, scenario: Path, name: str) -> None:
    """The file that cannot be written is named, once, without a traceback."""
    Path("out").mkdir()
    Path("out", name).symlink_to("/dev/full")
    ended = command("run", str(scenario), "--out", "out")
    assert ended.returncode == 2
    assert ended.stderr == f"out/{name} cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    ("options", "key", "value"),
    [
        (["--seed", "42"], "seed", 42),
        (["--clock", "real"], "clock", "real"),
        (["--clock", "virtual"], "clock", "virtual"),
        (["--free"], "build", "free"),
        ([], "build", "checked"),
        (["--set", "seed=3", "--seed", "4"], "seed", 4),
        (["--set", "duration=5ms"], "virtual_time_ns", 5_000_000),
    ],
)
def test_options_reach_the_run(command: Command, scenario: Path, options: list[str], key: str, value: object) -> None:
    """What was asked for is in the result."""
    assert json.loads(command("run", str(scenario), "--json", *options).stdout)[key] == value


def test_verbose_says_on_stderr_what_is_done(command: Command, scenario: Path) -> None:
    """The scenario and the directory are named, and stdout is the same as without."""
    quiet = command("run", str(scenario))
    ended = command("run", str(scenario), "--verbose", "--out", "out")
    assert ended.stdout == quiet.stdout
    assert "running" in ended.stderr
    assert "written" in ended.stderr
    assert "\x1b" not in ended.stderr


def test_uvloop_is_not_needed(command: Command, scenario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where uvloop cannot be imported the real clock runs on asyncio's own loop."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    ended = command("run", str(scenario), "--clock", "real", "--json")
    assert json.loads(ended.stdout)["flows"][0]["intact"] == 100


def test_a_relative_capture_begins_at_the_scenario(command: Command, scenario: Path, tmp_path: Path) -> None:
    """From any directory the file beside the scenario is found."""
    root = Path(__file__).parents[2] / "scenarios"
    ended = command("run", str(root / "mixed.yaml"), "--json")
    assert ended.returncode == 0
    assert scenario.resolve().parent == tmp_path


def test_a_scenario_of_a_subfolder_finds_its_captures_from_there(command: Command, scenario: Path) -> None:
    """Wherever the command runs, a capture is looked for from the scenario's own directory."""
    frame = bytes.fromhex("020000000b01 020000000a01 0800") + bytes(46)
    blocks = [pcapng.section_header(application="test"), pcapng.interface_description("eth0", "a wire")]
    Path("scenarios/seeds").mkdir(parents=True)
    Path("scenarios/captures").mkdir()
    Path("scenarios/captures/one.pcapng").write_bytes(b"".join([*blocks, pcapng.enhanced_packet(0, 0, frame)]))
    replay = scenario.read_text(encoding="utf-8").replace("{itr: 20us}", '{mac: "02:00:00:00:0a:01"}')
    replay = replay.replace(
        "kind: generator, frames: 100, size: 64, burst: 16", "kind: replay, file: ../captures/one.pcapng"
    )
    replay = replay.replace("b: {nics: {eth0: {}}}", 'b: {nics: {eth0: {mac: "02:00:00:00:0b:01"}}}')
    Path("scenarios/seeds/s.yaml").write_text(replay.replace("equals: 100", "equals: 1"), encoding="utf-8")
    ended = command("run", "scenarios/seeds/s.yaml", "--out", "out", "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["flows"][0]["intact"] == 1
    assert sorted(path.name for path in Path("out").iterdir()) == ["events.jsonl", "objects.jsonl", "result.json"]


@dataclass(frozen=True)
class Impossible:
    """A fault that no NIC can have."""

    end: None = None

    async def start(self, slot: BaseSlot) -> None:
        raise UsageError(f"{slot.name} has no cable")


def test_a_fault_that_cannot_be_is_a_mistake_of_the_user(
    command: Command, scenario: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command says what, where and when, without a traceback, and exits with 2."""
    monkeypatch.setattr("ndisemu.scenario.run.FAULTS", {"hang": Impossible()})
    ended = command("run", str(scenario), "--set", "faults=[{at: 5us, on: a.eth0, do: hang}]")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "fault hang on a.eth0 at 5.000 us: a.eth0 has no cable\n"
