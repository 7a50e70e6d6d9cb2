"""The command, in this process and as a process of its own, and a small scenario for it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from ndisemu.cli.main import main

ROOT: Final = Path(__file__).parents[2]
SCENARIO: Final = """\
version: 1
name: one way
hosts:
  a: {nics: {eth0: {itr: 20us}}}
  b: {nics: {eth0: {}}}
links:
  - {between: [a.eth0, b.eth0], rate: 1Gbit/s, delay: 5us}
traffic:
  - {from: a.eth0, to: b.eth0, kind: generator, frames: 100, size: 64, burst: 16}
expect:
  - {that: b.eth0.receives.intact, equals: 100}
"""


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scenario that passes, alone in a directory which is the present one."""
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(SCENARIO, encoding="utf-8")
    return Path("s.yaml")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs the command in this process."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["ndisemu", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        written = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, int(caught.value.code or 0), written.out, written.err)

    return run


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment of a process of its own: ours, with the project on the path and no colours asked for."""
    kept = {name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "NO_COLOR", "COLUMNS"}}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def process(environment: dict[str, str]) -> Command:
    """Return a function that runs the command as a process of its own, through a shell where a line is given."""

    def run(*arguments: str, through: str = '"$@"', **extra: str) -> subprocess.CompletedProcess[str]:
        line = ["bash", "-c", f"set -o pipefail; {through}", "bash", sys.executable, "-m", "ndisemu", *arguments]
        return subprocess.run(
            line,
            env=environment | extra,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=60,
            check=False,
        )

    return run
