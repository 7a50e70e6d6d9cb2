"""Every way in which the command can end has its exit code, and nothing but a defect shows a traceback."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import NoReturn

import pytest

from ndisemu import __version__
from ndisemu.errors import InternalError

Command = Callable[..., CompletedProcess[str]]


def test_a_run_as_expected_exits_with_0(command: Command, scenario: Path) -> None:
    """The table goes to stdout, and stderr is silent."""
    ended = command("run", str(scenario))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("one way\nseed 0, virtual clock, checked build,")
    assert ended.stdout.endswith("\npassed\n")


def test_a_failed_expectation_exits_with_1(command: Command, scenario: Path) -> None:
    """The expectation is named with what it found."""
    ended = command("run", str(scenario), "--set", "traffic.0.frames=99")
    assert ended.returncode == 1
    assert "FAILED b.eth0.receives.intact = 100, but it is 99" in ended.stdout


def test_a_broken_rule_exits_with_1(command: Command, scenario: Path) -> None:
    """A driver that cannot be had is a failed run, not a mistake of the command."""
    ended = command("run", str(scenario), "--set", "hosts.a.nics.eth0.miniport={class: 'no_such_module:Mine'}")
    assert ended.returncode == 1
    assert "until it failed" in ended.stdout
    assert "No module named 'no_such_module'" in ended.stdout
    assert "ndisemu/cli" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nowhere.yaml"], "nowhere.yaml:1:1: there is no such file\n"),
        (["run", "."], ".:1:1: the file cannot be read: Is a directory\n"),
        (["run"], "Missing argument 'FILE'"),
        (["walk"], "No such command 'walk'"),
        (["run", "s.yaml", "--quickly"], "No such option"),
        (["run", "s.yaml", "--seed", "-1"], "-1 is not in the range x>=0"),
        (["run", "s.yaml", "--seed", str(2**64)], "--set:1:6: seed"),
        (["run", "s.yaml", "--clock", "atomic"], "'atomic' is not one of"),
        (["run", "s.yaml", "--wall-limit", "5"], "'5' needs a unit, such as 5us\n"),
        (["run", "s.yaml", "--wall-limit", "0s"], "--wall-limit must be above 0 and below 68 years, not 0s\n"),
        (["run", "s.yaml", "--wall-limit", "99999999999s"], "--wall-limit must be above 0 and below 68 years"),
        (["run", "s.yaml", "--out", "s.yaml"], "s.yaml cannot be made: File exists\n"),
        (["run", "s.yaml", "--out", "s.yaml/below"], "s.yaml/below cannot be made: Not a directory\n"),
        (["run", "s.yaml", "--set", "seed"], "--set:1:1: 'seed' sets nothing; write a.b=c"),
        (["run", "s.yaml", "--set", "hosts.c.cpus=2"], "--set:1:7: nothing is at 'hosts.c'"),
        (["run", "s.yaml", "--set", "seed=1", "--set", "hosts.a.cpus=many"], "--set:2:14: cpus must be a whole number"),
        (["run", "s.yaml", "--set", "hosts.a.cpu=2"], "--set:1:9: unknown key 'cpu' in hosts.a (did you mean 'cpus'?)"),
        (["validate"], "Missing argument 'FILES...'"),
        (["validate", "nowhere.yaml"], "nowhere.yaml:1:1: there is no such file\n"),
    ],
)  # fmt: skip
def test_a_mistake_of_the_user_exits_with_2(
    command: Command, scenario: Path, arguments: list[str], message: str
) -> None:
    """One clear message on stderr, nothing on stdout, no traceback, and nothing is written."""
    ended = command(*arguments)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    assert list(Path().iterdir()) == [scenario]


@pytest.mark.parametrize(
    ("defect", "last"),
    [
        (ZeroDivisionError("by hand"), "this is a defect of ndisemu (unforeseen): please report it with the lines above"),
        (InternalError("impossible"), "this is a defect of ndisemu: please report it with the lines above"),
        (FileNotFoundError(2, "No such file", "x"), "this is a defect of ndisemu (unforeseen): please report it"),
    ],
)  # fmt: skip
def test_a_defect_exits_with_3_and_asks_for_a_report(
    command: Command, scenario: Path, monkeypatch: pytest.MonkeyPatch, defect: Exception, last: str
) -> None:
    """Here the traceback is wanted; it is on stderr, above the request."""

    def fail(*_: object, **__: object) -> NoReturn:
        raise defect

    monkeypatch.setattr("ndisemu.scenario.run.make_result", fail)
    ended = command("run", str(scenario))
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.startswith("Traceback (most recent call last):")
    assert last in ended.stderr.splitlines()[-1]


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["validate", "-h"], ["bench", "--help"]])
def test_help_exits_with_0(command: Command, arguments: list[str]) -> None:
    """Every verb explains itself."""
    ended = command(*arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Usage: ndisemu")


def test_the_help_lists_every_verb(command: Command) -> None:
    """Each with a sentence."""
    lines = [line.split() for line in command("--help").stdout.splitlines()]
    for verb in ("bench", "run", "validate"):
        assert any(line[:1] == [verb] and len(line) > 3 for line in lines)


def test_the_version_is_the_packages(command: Command) -> None:
    """`--version` says what a result says."""
    ended = command("--version")
    assert (ended.returncode, ended.stdout) == (0, f"ndisemu, version {__version__}\n")


@pytest.mark.parametrize("limit", ["1ms", "1s"])
def test_the_wall_clock_limit_exits_with_124_and_a_result(process: Command, scenario: Path, limit: str) -> None:
    """A run without end is stopped after real time, with what it has so far."""
    ended = process("run", str(scenario), "--json", "--wall-limit", limit, "--set", "traffic.0.frames=1000000000")
    assert ended.returncode == 124, ended.stderr
    assert json.loads(ended.stdout)["ended"] == "limited"
    assert "Traceback" not in ended.stderr


def test_a_limit_that_is_not_reached_changes_nothing(process: Command, scenario: Path) -> None:
    """The run ends with its own exit code."""
    ended = process("run", str(scenario), "--wall-limit", "60s")
    assert (ended.returncode, ended.stderr) == (0, "")


WAYS_OUT = {
    "while the run ends": ("def halt(self): sys.exit(0)", "sys.exit(0)"),
    "before it begins": ("def __init__(self): sys.exit(0)", "sys.exit(0)"),
    "in a callback": ("def check_for_hang(self): asyncio.get_running_loop().call_soon(sys.exit, 0)", "failed\n"),
    "by stopping the loop": (
        "def check_for_hang(self): asyncio.get_running_loop().stop()",
        "was to be stopped by driver",
    ),
    "by cancelling all": ("def check_for_hang(self): [task.cancel() for task in asyncio.all_tasks()]", "interrupted"),
}


@pytest.mark.parametrize("where", WAYS_OUT)
def test_a_driver_cannot_choose_the_exit_code(
    command: Command, scenario: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """`sys.exit` in a driver is a bug of the driver, whenever it happens, and so is what else would end the run."""
    body, said = WAYS_OUT[where]
    text = f"import asyncio, sys\nfrom ndisemu import RingMiniport\n\nclass Mine(RingMiniport):\n    {body}\n"
    name = f"exiting_{scenario.resolve().parent.name}"
    Path(f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(Path.cwd())
    mine = f"hosts.a.nics.eth0.miniport={{class: '{name}:Mine'}}"
    ended = command("run", str(scenario), "--set", mine, "--set", "duration=3s")
    assert ended.returncode == 1
    assert said in ended.stdout
    assert "defect" not in ended.stderr
