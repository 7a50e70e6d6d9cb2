"""`ndisemu validate`: every mistake of every file, with its place, and nothing is run or imported."""

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Final

import pytest

Command = Callable[..., CompletedProcess[str]]

BAD: Final = """\
version: 1
name: four mistakes
sede: 7
hosts:
  a: {cpus: 99, nics: {eth0: {}}}
links:
  - {between: [a.eth0, b.eth0], rate: 5}
"""


def test_a_good_file_is_said_to_be_good(command: Command, scenario: Path) -> None:
    """With its name and what it is called."""
    ended = command("validate", str(scenario))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "s.yaml: one way: no mistakes found\n", "")


def test_all_mistakes_of_all_files_are_told_at_once_with_their_places(command: Command, scenario: Path) -> None:
    """Each mistake is a line `file:line:column: what`, also where a good file stands between bad ones."""
    Path("bad.yaml").write_text(BAD, encoding="utf-8")
    ended = command("validate", "bad.yaml", str(scenario), "nowhere.yaml")
    assert ended.returncode == 2
    assert ended.stdout == "s.yaml: one way: no mistakes found\n"
    lines = ended.stderr.splitlines()
    places = [match[1] for line in lines if (match := re.match(r"([\w.]+:\d+:\d+): \S", line))]
    assert places == ["bad.yaml:3:1", "bad.yaml:5:13", "bad.yaml:7:24", "bad.yaml:7:39", "nowhere.yaml:1:1"]
    assert len(lines) == len(places)
    assert "did you mean 'seed'?" in lines[0]


def test_a_driver_is_not_imported(command: Command, scenario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class whose module leaves a trace when it is imported leaves none."""
    monkeypatch.syspath_prepend(Path.cwd())
    name = f"leaves_a_trace_{scenario.resolve().parent.name}"
    Path(f"{name}.py").write_text("open('trace', 'w').close()\nMine = None\n", encoding="utf-8")
    change = f"hosts.a.nics.eth0.miniport={{class: '{name}:Mine'}}"
    assert command("validate", str(scenario), "--set", change).returncode == 0
    assert not Path("trace").exists()
    assert command("run", str(scenario), "--set", change).returncode == 1
    assert Path("trace").exists()


def test_a_change_is_validated_too(command: Command, scenario: Path) -> None:
    """`--set` is checked as if it stood in the file, and named by its own place."""
    ended = command("validate", str(scenario), "--set", "links.0.rate=fast")
    assert ended.returncode == 2
    assert ended.stderr.startswith("--set:1:14: rate: 'fast' is not a rate")


@pytest.mark.parametrize(
    "data", [b"\xff\xfe", b"a: [", b"- 1\n", b"\0" * 100, b"&a [*a]", b"x: " * 5_000, b"%YAML 9.9\n---\n"]
)
def test_what_is_no_scenario_is_refused_with_a_place(command: Command, scenario: Path, data: bytes) -> None:
    """Whatever the bytes of a file are, the answer is a line with a place."""
    scenario.write_bytes(data)
    ended = command("validate", str(scenario))
    assert ended.returncode == 2
    assert re.match(r"s\.yaml:\d+:\d+: ", ended.stderr)
    assert "Traceback" not in ended.stderr
