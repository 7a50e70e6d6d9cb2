"""The `bench` command: its options, what it prints and writes, and how it ends."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from ndisemu.bench.document import read_document, this_machine
from ndisemu.bench.modes import MODES
from ndisemu.bench.options import Options
from tests.bench.conftest import document, section

Command = Callable[..., CompletedProcess[str]]
QUICK = ("--sizes", "64", "--bursts", "8", "--drivers", "ring", "--frames", "50", "--runs", "1")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], Options]]:
    """What modes were asked for and with which options; nothing is measured, and a section with a rate of 1000 found."""
    calls: list[tuple[list[str], Options]] = []

    def perform(names: list[str], options: Options, tell: Callable[[str, int, int], None]) -> object:
        calls.append((names, options))
        tell("send", 1, 2)
        tell("send", 2, 2)
        return document(section(1000), machine=this_machine())

    monkeypatch.setattr("ndisemu.cli.bench.perform", perform)
    return calls


def earlier(rate: int, cpu: str | None = None) -> str:
    """Write an earlier result with one rate, of this machine or another; returns its name."""
    machine = this_machine() if cpu is None else replace(this_machine(), cpu=cpu)
    Path("old.json").write_text(document(section(rate), machine=machine).to_json(), encoding="utf-8")
    return "old.json"


def test_json_is_one_document_with_every_frame_compared(command: Command) -> None:
    """Exactly that goes to stdout, and nothing to stderr."""
    ended = command("bench", *QUICK, "--json")
    told = json.loads(ended.stdout)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [found["name"] for found in told["sections"]] == ["send"]
    (row,) = told["sections"][0]["rows"]
    assert (row["size"], row["burst"], row["driver"], row["build"]) == (64, 8, "ring", "free")
    assert (row["frames_compared"], row["runs"]) == (50, 1)


def test_without_json_there_are_tables(command: Command) -> None:
    """People get the figures with targets, and below them what was measured."""
    ended = command("bench", *QUICK)
    assert ended.returncode == 0
    for part in ("ring, 64 B, burst 8", "at least 240 000", "2 hosts in one process", "Build free", "Calibration"):
        assert part in ended.stdout


def test_the_help_says_what_each_mode_is(command: Command) -> None:
    """A mode that is added to the table explains itself there, too."""
    lines = [line.split() for line in command("bench", "--help").stdout.partition("Modes:")[2].splitlines()]
    assert {line[0] for line in lines if len(line) > 3} == {*MODES, "all"}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_has_its_name(command: Command, asked: list[tuple[list[str], Options]], mode: str) -> None:
    assert command("bench", mode).returncode == 0
    assert [names for names, _ in asked] == [[mode]]


@pytest.mark.parametrize(("words", "names"), [([], ["send"]), (["all"], [*MODES])])
def test_all_is_every_mode_and_send_the_usual_one(
    command: Command, asked: list[tuple[list[str], Options]], words: list[str], names: list[str]
) -> None:
    command("bench", *words)
    assert [found for found, _ in asked] == [names]


def test_the_options_reach_the_mode(command: Command, asked: list[tuple[list[str], Options]]) -> None:
    """Lists are read in their order, each value once; without options all are as `Options` has them."""
    command("bench", "--sizes", "100, 1514,100", "--bursts", "2", "--drivers", "ring6,legacy",
            "--checked", "--runs", "3", "--frames", "7")  # fmt: skip
    command("bench")
    assert [options for _, options in asked] == [
        Options(sizes=(100, 1514), bursts=(2,), drivers=("ring6", "legacy"), build="checked", runs=3, frames=7),
        Options(),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "64,17"], "'17' is not a whole number from 18 to 1514"),
        (["--sizes", "1515"], "'1515' is not a whole number from 18 to 1514"),
        (["--sizes", ""], "'' is not a whole number from 18 to 1514"),
        (["--bursts", "8,many"], "'many' is not a whole number from 1 to 128"),
        (["--bursts", "129"], "'129' is not a whole number from 1 to 128"),
        (["--drivers", "ring,rung"], "'rung' is not one of ring, ring6, ring6-lists, legacy"),
        (["--runs", "0"], "0 is not in the range x>=1"),
        (["--frames", "-1"], "-1 is not in the range x>=1"),
        (["sned"], "'sned' is not one of 'send'"),
        (["--compare", "none.json"], "none.json cannot be read: No such file or directory"),
        (["--compare", "s.yaml"], "s.yaml is no result of `ndisemu bench --json`"),
        (["--out", "s.yaml"], "s.yaml cannot be made: File exists"),
        (["--out", ""], "it names no directory"),
    ],
)
def test_a_mistake_is_refused_before_anything_is_measured(
    command: Command, scenario: Path, asked: list[tuple[list[str], Options]], arguments: list[str], message: str
) -> None:
    """One clear message with what would have been right, and exit code 2."""
    ended = command("bench", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    assert asked == []
    assert list(Path().iterdir()) == [scenario]


def test_without_the_extra_the_message_says_how_to_install_it(
    command: Command, asked: list[tuple[list[str], Options]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is measured, and only where charts are wanted."""
    monkeypatch.setattr("ndisemu.cli.bench.find_spec", lambda name: None if name == "matplotlib" else object())
    ended = command("bench", "--out", "somewhere")
    assert (ended.returncode, asked) == (2, [])
    assert "--out needs matplotlib for charts and page; to install: pip install -e '.[charts]'" in ended.stderr
    assert command("bench").returncode == 0


@pytest.mark.usefixtures("asked", "scenario")
def test_out_is_a_directory_with_page_and_charts(command: Command) -> None:
    """It is made if it is not there, and its JSON can be compared with later."""
    assert command("bench", "--out", "new/out").returncode == 0
    assert {path.name for path in Path("new/out").iterdir()} == {"bench.html", "bench.json", "send-1.png", "send-1.svg"}
    assert command("bench", "--compare", "new/out/bench.json").returncode == 0


@pytest.mark.usefixtures("asked", "scenario")
@pytest.mark.parametrize(
    ("rate", "cpu", "code", "message"),
    [
        (1000, None, 0, "No rate fell by more than 10%"),
        (1200, None, 1, "REGRESSION"),
        (1200, "Another CPU", 0, "Another machine, so this only informs"),
    ],
)
def test_a_regression_on_the_same_machine_exits_with_1(
    command: Command, rate: int, cpu: str | None, code: int, message: str
) -> None:
    """The comparison stands below the tables; another machine cannot fail."""
    ended = command("bench", "--compare", earlier(rate, cpu))
    assert (ended.returncode, ended.stderr) == (code, "")
    assert message in ended.stdout


@pytest.mark.usefixtures("asked", "scenario")
def test_a_comparison_with_nothing_exits_with_2(command: Command) -> None:
    """A gate that compares nothing is not open."""
    path = Path(earlier(1000))
    path.write_text(path.read_text().replace('"name": "send"', '"name": "sent"'))
    ended = command("bench", "--compare", str(path))
    assert ended.returncode == 2
    assert "Nothing could be compared" in ended.stdout


@pytest.mark.usefixtures("asked", "scenario")
def test_beside_json_the_comparison_goes_to_stderr(command: Command) -> None:
    """Stdout stays one document."""
    ended = command("bench", "--json", "--compare", earlier(1200))
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["schema_version"] == 1
    assert "REGRESSION" in ended.stderr


@pytest.mark.usefixtures("asked")
def test_progress_is_one_line_that_disappears(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal stderr counts the runs of each mode and is left empty; stdout is untouched by it."""
    monkeypatch.setattr("ndisemu.cli.bench._on_terminal", lambda: True)
    ended = command("bench", "--json")
    first, second = "send: run 1 of 2", "send: run 2 of 2"
    wiped = f"\r{' ' * len(first)}\r"
    assert ended.stderr == f"{first}{wiped}{second}{wiped}"
    assert json.loads(ended.stdout)


def test_ctrl_c_exits_with_130(environment: dict[str, str]) -> None:
    """In the middle of a run: one word, no figures, no traceback."""
    program = (
        "import ndisemu.bench.send as send, os, signal, sys\n"
        "measured = send.send_through\n"
        "def once(load):\n"
        "    signal.setitimer(signal.ITIMER_REAL, 0.05)\n"
        "    return measured(load)\n"
        "signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))\n"
        "send.send_through = once\n"
        "from ndisemu.cli.main import main\n"
        "sys.argv = ['ndisemu', 'bench', '--frames', '1000000000']\n"
        "main()\n"
    )
    line = [sys.executable, "-c", program]
    ended = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr.strip()) == (130, "", "interrupted")


def test_the_baseline_can_be_compared_with() -> None:
    """The file that `make bench` compares with is a result of every mode."""
    baseline = read_document(Path(__file__).parents[2] / "benchmarks" / "baseline.json")
    assert [found.name for found in baseline.sections] == [*MODES]
