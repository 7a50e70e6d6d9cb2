"""The report: what a person reads at the end of a run, on 80 columns."""

import io
import os
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest

import ndisemu
from ndisemu.observe.report import render
from ndisemu.scenario.load import load
from ndisemu.scenario.run import Options, run

SCENARIO: Final = """\
version: 1
name: two hosts, one cable
seed: 7
hosts:
  a: {nics: {eth0: {itr: 20us}}}
  b: {nics: {eth0: {}}}
links:
  - {between: [a.eth0, b.eth0], delay: 5us}
traffic:
  - {from: a.eth0, to: b.eth0, kind: generator, frames: 2000, size: 64}
expect:
  - {that: b.eth0.receives.intact, equals: 2000}
"""

GOLDEN: Final = """\
two hosts, one cable
seed 7, virtual clock, checked build, 1.409 ms until nothing was left to do

NICs
                   a.eth0   b.eth0
───────────────────────────────────
 sends submitted    2 000        0
   completed        2 000        0
 frames out         2 000        0
 frames in              0    2 000
   indicated            0    2 000
 receive buffers      512      512
   in the ring        255      255
 interrupts            10       20

Frames
                     sent   delivered   altered   late   lost
──────────────────────────────────────────────────────────────
 a.eth0 to b.eth0   2 000       2 000         0      0      0

From send to receive
                       median          p99          max
────────────────────────────────────────────────────────
 a.eth0 to b.eth0   95.100 us   164.000 us   170.000 us

ok     b.eth0.receives.intact = 2000
books balanced: 8 of 8, trace 0123456789abcdef
passed
"""

Result = dict[str, Any]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The result of a small run."""
    file = tmp_path_factory.mktemp("report") / "s.yaml"
    file.write_text(SCENARIO, encoding="utf-8")
    return ndisemu.run(run(load(file), Options()))


@pytest.fixture
def result(real: Result) -> Result:
    """The same with fixed numbers where the card's timing may change, to be changed freely."""
    copy = deepcopy(real)
    copy["trace_sha256"] = "0123456789abcdef" * 4
    copy["virtual_time_ns"] = 1_409_123
    copy["nics"]["a.eth0"]["interrupts"], copy["nics"]["b.eth0"]["interrupts"] = 10, 20
    copy["flows"][0]["latency_ns"] = {"median": 95_100, "p99": 164_000, "max": 170_000}
    return copy


def shown(result: Result) -> str:
    """Render without a terminal; spaces at the ends of lines say nothing."""
    file = io.StringIO()
    render(result, file)
    return re.sub(r" +$", "", file.getvalue(), flags=re.MULTILINE)


def test_a_good_run_fills_one_screen_and_ends_with_its_verdict(result: Result) -> None:
    """Tables, expectations, books and the verdict, word for word."""
    assert shown(result) == GOLDEN


def test_processors_whose_work_takes_time_are_shown(result: Result) -> None:
    """In shares of the run, work and waiting for locks apart; without costs there is no such table."""
    assert "Processors" not in shown(result)
    result["cpus"] = {
        "a.cpu0": {"busy_ns": 750, "idle_ns": 250, "lock_wait_ns": 300, "interrupts": 1234, "dpcs": 5678},
        "a.cpu1": {"busy_ns": 0, "idle_ns": 0, "lock_wait_ns": 0, "interrupts": 0, "dpcs": 0},
    }
    lines = shown(result).splitlines()
    place = lines.index("Processors")
    assert [line.split() for line in lines[place + 1 : place + 5] if "─" not in line] == [
        ["busy", "waiting", "idle", "interrupts", "DPCs"],
        ["a.cpu0", "45.0%", "30.0%", "25.0%", "1", "234", "5", "678"],
        ["a.cpu1", "0.0%", "0.0%", "0.0%", "0", "0"],
    ]


def test_without_a_terminal_there_is_no_colour(result: Result) -> None:
    """What goes into a file or a pipe has no escape sequence, also where something failed."""
    result["passed"] = result["expectations"][0]["holds"] = result["books"][0]["balanced"] = False
    assert "\x1b" not in shown(result)


@pytest.mark.parametrize(("variable", "coloured"), [("COLORTERM", True), ("NO_COLOR", False)])
def test_no_color_is_honoured_on_a_terminal(
    result: Result, monkeypatch: pytest.MonkeyPatch, variable: str, *, coloured: bool
) -> None:
    """On a terminal the verdict has a colour, unless NO_COLOR is set."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv(variable, "1")

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    file = Terminal()
    render(result, file)
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-7]m", file.getvalue())) is coloured


def unbalanced(result: Result) -> None:
    result["books"][0] |= {"left": 1, "right": 2, "balanced": False}


def failed_expectation(result: Result) -> None:
    result["expectations"][0] |= {"value": 1999, "holds": False}


def unknown_expectation(result: Result) -> None:
    result["expectations"][0] |= {"value": None, "holds": False}


def failures(result: Result) -> None:
    result["nics"]["a.eth0"]["sends"]["failures"] = {"NDIS_STATUS_INVALID_LENGTH": 1234}
    result["nics"]["b.eth0"]["drops"]["missed"] = 7


def finding(result: Result) -> None:
    text = "MiniportHandleInterrupt raised ValueError: [bold]no[/bold]"
    result["violations"] = [
        {"rule": "bugcheck", "actor": "a.eth0", "text": text, "time": 1_204_000, "cpu": "a.cpu0", "irql": 2,
         "state": "Running", "stack": ["ring.py:7 in Mine.isr"], "about": "packet#7", "history": ["0 ns: NdisSend, a"],
         "trace": f'Traceback (most recent call last):\n  File "{"x" * 90}.py", line 3'}
    ]  # fmt: skip
    result["violations_not_listed"] = 12_345


def many_altered(result: Result) -> None:
    result["passed"] = True
    result["expectations"] = []
    for flow in result["flows"]:
        flow.update(altered=0, late=0, lost=0)
    result["flows"][0].update(altered=2000, late=3)


def some_faults(result: Result) -> None:
    result["faults"] = [
        {"time": time, "nic": "a.eth0", "do": word}
        for time in range(10**6, 10**7, 10**6)
        for word in ("link_down", "link_up")
    ] + [{"time": 123_456_789, "nic": "b.eth0", "do": "reset"}]


def interrupted(result: Result) -> None:
    result |= {"ended": "interrupted", "passed": False}


def limited(result: Result) -> None:
    result |= {"ended": "limited", "passed": False}


def nothing_built(result: Result) -> None:
    result |= {"ended": "failed", "passed": False, "nics": {}, "flows": [], "books": []}


def many_cards(result: Result) -> None:
    nic = result["nics"]["a.eth0"]
    result["nics"] = {f"host{number}.eth0": nic for number in range(40)}
    result["nics"]["long" * 15 + ".eth0"] = nic


def long_names(result: Result) -> None:
    result["flows"][0]["name"] = "a" * 50 + ".eth0 to " + "b" * 50 + ".eth0"
    result["scenario"]["name"] = "a name with [brackets] and " + "many words " * 20


def large_numbers(result: Result) -> None:
    for nic in result["nics"].values():
        nic["sends"]["submitted"] = 10**7
    for key in ("sent", "intact", "altered", "late", "lost"):
        result["flows"][0][key] = 10**7


def numbers_without_end(result: Result) -> None:
    for key in ("sent", "intact", "altered", "late", "lost"):
        result["flows"][0][key] = 10**18 + 7


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (unbalanced, "books: a.eth0: submitted = completed + failed + cancelled: 1 is not 2"),
        (failed_expectation, "FAILED b.eth0.receives.intact = 2000, but it is 1999"),
        (unknown_expectation, "FAILED b.eth0.receives.intact = 2000, but it is None"),
        (failures, "a.eth0: 1 234 sends failed with NDIS_STATUS_INVALID_LENGTH"),
        (failures, "b.eth0: 7 frames dropped: missed"),
        (finding, "bugcheck: a.eth0 at 1.204 ms on a.cpu0 at DISPATCH_LEVEL in state Running:"),
        (finding, "ValueError: [bold]no[/bold]"),
        (finding, "    Traceback (most recent call last):"),
        (finding, "    at ring.py:7 in Mine.isr"),
        (finding, "    packet#7:"),
        (finding, "      0 ns: NdisSend, a"),
        (finding, "more about a rule: ndisemu explain bugcheck"),
        (finding, "and 12 345 more findings"),
        (some_faults, "faults: link_down on a.eth0 9 times from 1.000 ms, link_up on a.eth0 9 times"),
        (many_altered, "frames 2 000 altered, 3 late; nothing is expected of them\npassed"),
        (some_faults, "reset on b.eth0 at 123.456 ms"),
        (interrupted, "until it was interrupted"),
        (limited, "until its time limit was up"),
        (nothing_built, "0 ms until it failed"),
        (many_cards, "host39.eth0"),
        (many_cards, "long" * 15),
        (numbers_without_end, "007"),
        (long_names, "a name with [brackets] and"),
        (large_numbers, "10 000 000   10 000 000   10 000 000   10 000 000   10 000 000"),
    ],
)
def test_what_must_be_said_is_said_within_80_columns(
    result: Result, change: Callable[[Result], None], expected: str
) -> None:
    """Whatever happened is on the screen, no text is taken for markup, and nothing goes beyond 80 columns."""
    result["virtual_time_ns"] = 1_000_000
    change(result)
    if expected.startswith("0 ms"):
        expected = f"1.00{expected}"
    text = shown(result)
    assert expected in text
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert "…" not in text


def test_a_drivers_lines_are_named_from_here_and_fit(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Places and tracebacks too: the file as it is named from the present directory, long lines wrapped without carets."""
    monkeypatch.chdir(tmp_path)
    trace = f'  File "{tmp_path}/my/driver.py", line 1, in f\n    {"call(" * 20}\n    {"^" * 100}\nValueError: {"word " * 30}'
    finding = {
        "rule": "bugcheck", "actor": "a.eth0", "time": 0, "cpu": "", "irql": 0, "state": "", "text": "it raised",
        "stack": [f"{tmp_path}/my/driver.py:1 in {'Outer.' * 20}f"], "history": ["word " * 30], "about": "packet#1", "trace": trace,
    }  # fmt: skip
    report = shown(result | {"violations": [finding]})
    assert "    at my/driver.py:1 in" in report
    assert '      File "my/driver.py", line 1, in f' in report
    assert "^" not in report
    assert max(map(len, report.splitlines())) <= 80


def test_every_number_of_many_cards_is_there(result: Result) -> None:
    """Cards that do not fit beside each other are shown below each other, each once."""
    many_cards(result)
    text = shown(result)
    assert [text.count(f"host{number}.eth0") for number in range(40)] == [1] * 40
    assert text.count("receive buffers") == text.count("NICs\n") > 5


def test_the_report_changes_nothing_in_the_result(result: Result) -> None:
    """The result is written to its file after or before the report, and is the same."""
    before = deepcopy(result)
    shown(result)
    assert result == before


def test_the_report_needs_no_unicode(result: Result, tmp_path: Path) -> None:
    """On a terminal or pipe without UTF-8 the tables are drawn with what there is."""
    path = tmp_path / os.devnull.strip("/").replace("/", "-")
    with path.open("w", encoding="ascii") as file:
        render(result, file)
    assert "passed" in path.read_text(encoding="ascii")
