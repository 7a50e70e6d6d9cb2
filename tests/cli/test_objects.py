"""`ndisemu pending`, `nbllog` and `explain`: a finished run and the rules, asked about from a terminal."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Command = Callable[..., CompletedProcess[str]]


@pytest.fixture
def finished(command: Command, scenario: Path, tmp_path: Path) -> str:
    """Run a scenario; returns its directory."""
    out = tmp_path / "out"
    assert command("run", str(scenario), "--out", str(out)).returncode == 0
    return str(out)


def test_nothing_is_pending_at_the_end_of_a_good_run_and_something_in_its_middle(
    command: Command, finished: str
) -> None:
    """Each row says what, since when, by which call, and who has it."""
    ended = command("pending", finished)
    assert (ended.returncode, ended.stdout) == (0, "nothing was pending\n")
    first = json.loads(Path(finished, "objects.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert first["n"] > 0
    rows = json.loads(command("pending", finished, "--at", "0us", "--json").stdout)
    assert all(row["owner"] != row["home"] for row in rows)


def test_the_life_of_a_packet_is_a_table_of_80_columns(command: Command, finished: str) -> None:
    """It begins with its protocol and ends there."""
    steps = json.loads(command("nbllog", finished, "a/packet#512", "--json").stdout)
    assert steps[0]["call"] == "NdisSendPackets"
    assert steps[0]["owner"] == steps[-1]["then"]
    ended = command("nbllog", finished, "a/packet#512")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [line for line in ended.stdout.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(
    "words", [("pending", "nowhere"), ("nbllog", "nowhere", "packet#1"), ("explain", "send-doubel-complete")]
)
def test_what_is_not_there_ends_with_2_and_a_hint(command: Command, words: tuple[str, ...]) -> None:
    """No traceback."""
    ended = command(*words)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert "nowhere" in ended.stderr or "send-double-complete" in ended.stderr


def test_a_rule_is_explained_with_a_wrong_and_a_right_driver_in_80_columns(command: Command) -> None:
    """What is shown is what the tests run."""
    ended = command("explain", "send-double-complete")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("class ") == 2
    assert "Why: " in ended.stdout
    assert [line for line in ended.stdout.splitlines() if len(line) > 80] == []


def test_a_rule_that_is_not_checked_says_why(command: Command) -> None:
    """Any rule of the catalogue can be asked about."""
    found = json.loads(command("explain", "send-time-to-send", "--json").stdout)
    assert found["unchecked"].startswith("not-applicable")
