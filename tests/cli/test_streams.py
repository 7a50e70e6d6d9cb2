"""Where the words go: pipes that close, disks that are full, terminals, and characters that do not exist there."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Final

import pytest

Command = Callable[..., CompletedProcess[str]]

HEAVY: Final = ("pydantic", "rich", "yaml", "structlog", "asyncio", "ndisemu.kernel", "ndisemu.scenario")
LOADED: Final = f"""
import sys
from ndisemu.cli.main import main
try:
    main()
except SystemExit as end:
    print([name for name in {HEAVY} if name in sys.modules], end.code)
"""


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_is_fast_because_it_imports_little(environment: dict[str, str], option: str) -> None:
    """Neither the scenario language nor the kernel is loaded to list the verbs."""
    line = [sys.executable, "-c", LOADED, option]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] in {"[] 0", "[] None"}


@pytest.mark.parametrize("shell", ['"$@" | head -c 1', '"$@" | true'])
def test_a_pipe_that_closes_is_no_accident(process: Command, scenario: Path, shell: str) -> None:
    """Whoever reads may stop reading; nobody sees a traceback, and the exit code is the run's own."""
    for passes in (True, False):
        changes = [] if passes else ["--set", "expect.0.equals=1"]
        for form in ([], ["--json"]):
            ended = process("run", str(scenario), *form, *changes, through=shell)
            assert (ended.returncode, ended.stderr) == (0 if passes else 1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device without room")
@pytest.mark.parametrize("arguments", [["run", "s.yaml"], ["run", "s.yaml", "--json"], ["validate", "s.yaml"]])
def test_a_full_disk_behind_stdout_is_no_defect(process: Command, scenario: Path, arguments: list[str]) -> None:
    """The result cannot be told, and that is what is said."""
    assert scenario.exists()
    ended = process(*arguments, through='"$@" >/dev/full')
    assert (ended.returncode, ended.stderr) == (2, "the output cannot be written: No space left on device\n")


@pytest.mark.parametrize("shell", ['"$@" >&-', '"$@" >&- 2>&-'])
def test_a_closed_stdout_does_not_change_the_verdict(process: Command, scenario: Path, shell: str) -> None:
    """Without anybody to tell, the exit code and the files still say how the run went."""
    ended = process("run", str(scenario), "--out", "out", through=shell)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(Path("out/result.json").read_text(encoding="utf-8"))["passed"]


def test_a_stream_without_unicode_gets_what_it_can_show(process: Command, scenario: Path) -> None:
    """A name with letters that the terminal lacks is written with escapes, and tables are drawn with ASCII."""
    ended = process("run", str(scenario), "--set", "name=Übertragung", PYTHONIOENCODING="ascii")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("\\xdcbertragung\n")


def on_a_terminal(arguments: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run the command with both streams on a terminal of 80 columns; return its exit code and all it wrote."""
    ours, theirs = pty.openpty()
    line = [sys.executable, "-m", "ndisemu", *arguments]
    with subprocess.Popen(line, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:
                break
            if not data:
                break
            written += data
        os.close(ours)
        return process.wait(60), written.decode()


@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_gets_colours_unless_no_color_is_set(
    environment: dict[str, str], scenario: Path, no_color: bool
) -> None:
    """On a terminal the verdict is green, and with NO_COLOR it is not."""
    extra = {"TERM": "xterm-256color", "COLUMNS": "80"} | ({"NO_COLOR": "1"} if no_color else {})
    code, written = on_a_terminal(["run", str(scenario)], environment | extra)
    assert code == 0
    assert "passed" in written
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-7]m", written)) is not no_color
