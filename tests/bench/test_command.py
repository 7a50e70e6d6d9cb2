"""The `bench` command, and the program in `benchmarks/` that is the same."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from ndisemu.cli.bench import command

ROOT: Final = Path(__file__).parents[2]
QUICK: Final = ["--frames", "50", "--runs", "1"]
REQUIRED: Final = {"size", "burst", "build", "frames_per_cpu_s", "spread"}


def test_the_program_prints_every_figure_as_json() -> None:
    """`benchmarks/throughput.py --json` gives one list on stdout: both sizes, three bursts, every frame compared."""
    line = [sys.executable, "benchmarks/throughput.py", "--json", "--frames", "200", "--runs", "1"]
    done = subprocess.run(line, cwd=ROOT, check=True, capture_output=True, text=True)
    rows = json.loads(done.stdout)
    assert [(row["size"], row["burst"]) for row in rows] == [
        (size, burst) for size in (64, 1500) for burst in (1, 8, 64)
    ]
    for row in rows:
        assert row.keys() >= REQUIRED
        assert (row["build"], row["frames_compared"], row["runs"], row["spread"]) == ("free", 200, 1, 0)
        assert row["frames_per_cpu_s"] > 0
    assert done.stderr == ""


def test_the_options_choose_loads_and_build() -> None:
    """Sizes and bursts are lists, and the build is that of all figures."""
    options = ["--sizes", "100, 1514,100", "--bursts", "2", "--build", "checked", "--json", *QUICK]
    result = CliRunner().invoke(command, options, catch_exceptions=False)
    rows = json.loads(result.stdout)
    assert [(row["size"], row["burst"], row["build"]) for row in rows] == [(100, 2, "checked"), (1514, 2, "checked")]
    assert all(row["events"] > 0 for row in rows)


def test_drivers_can_be_measured_beside_each_other() -> None:
    """Each driver has its own figures; only the one of NDIS 5.1 has targets."""
    options = ["--sizes", "64", "--bursts", "64", "--driver", "ring", "--driver", "ring6"]
    options += ["--driver", "legacy", "--json", *QUICK]
    rows = json.loads(CliRunner().invoke(command, options, catch_exceptions=False).stdout)
    assert [(row["driver"], row["target"]) for row in rows] == [("ring", 250_000), ("ring6", None), ("legacy", None)]


def test_without_json_there_is_a_table_with_its_conditions() -> None:
    """People get the figures with targets, and below them what was measured."""
    result = CliRunner().invoke(command, ["--sizes", "64", "--bursts", "64", *QUICK], catch_exceptions=False)
    assert result.exit_code == 0
    for part in ("64 B", "250 000", "2 hosts in one process", "Build free"):
        assert part in result.stdout


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--sizes", "64,17", "'17' is not a whole number from 18 to 1514"),
        ("--sizes", "1515", "'1515' is not a whole number from 18 to 1514"),
        ("--sizes", "", "'' is not a whole number from 18 to 1514"),
        ("--bursts", "8,many", "'many' is not a whole number from 1 to 128"),
        ("--bursts", "129", "'129' is not a whole number from 1 to 128"),
        ("--runs", "0", "0 is not in the range x>=1"),
        ("--frames", "-1", "-1 is not in the range x>=1"),
        ("--build", "fast", "'fast' is not one of 'free', 'checked'"),
    ],
)
def test_a_wrong_option_is_a_usage_error(option: str, value: str, message: str) -> None:
    """What cannot be measured is refused before anything runs, with what would have been right."""
    result = CliRunner().invoke(command, [option, value])
    assert result.exit_code == 2
    assert message in result.stderr


def test_progress_is_one_line_that_disappears(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal stderr counts the runs and is left empty; stdout is untouched by it."""
    monkeypatch.setattr("ndisemu.cli.bench._on_terminal", lambda: True)
    result = CliRunner().invoke(
        command, ["--sizes", "64", "--bursts", "1,8", "--frames", "9", "--runs", "1", "--json"], catch_exceptions=False
    )
    assert result.stderr == "\rrun 1 of 2\r          \r"
    assert len(json.loads(result.stdout)) == 2


def test_the_command_is_called_bench() -> None:
    """The verb has the name under which it is found."""
    assert command.name == "bench"
