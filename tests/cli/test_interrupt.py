"""Ctrl-C: the run ends in order, with what it has so far, and exit code 130."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ENDLESS = "traffic.0.frames=1000000000"


class Running:
    """A command that runs without end, once its run directory shows that it does."""

    def __init__(self, environment: dict[str, str], *options: str) -> None:
        line = [sys.executable, "-m", "ndisemu", "run", "s.yaml", "--set", ENDLESS, "--out", "out", *options]
        self.process = subprocess.Popen(
            line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 60
        events = Path("out/events.jsonl")
        while not (events.exists() and events.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.01)

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, str, str]:
        """Wait for the end; return the exit code and both streams."""
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.fixture
def running(scenario: Path, environment: dict[str, str]) -> Iterator[list[Running]]:
    """Processes to be ended after the test, whatever happened to it."""
    assert scenario.exists()
    started: list[Running] = []
    yield started
    for one in started:
        one.process.kill()
        one.process.communicate()


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_an_interrupted_run_gives_one_json_document(
    running: list[Running], environment: dict[str, str], clock: str
) -> None:
    """The result so far, with balanced books and no broken rule, and the same in the run directory."""
    running.append(Running(environment, "--json", "--clock", clock))
    running[0].interrupt()
    code, out, err = running[0].end()
    result = json.loads(out)
    assert (code, err) == (130, "")
    assert (result["ended"], result["passed"], result["violations"]) == ("interrupted", False, [])
    assert all(book["balanced"] for book in result["books"])
    assert result["flows"][0]["intact"] > 0
    assert json.loads(Path("out/result.json").read_text(encoding="utf-8")) == result


def test_an_interrupted_run_gives_a_report(running: list[Running], environment: dict[str, str]) -> None:
    """A person reads that it was interrupted, and no traceback."""
    running.append(Running(environment))
    running[0].interrupt()
    code, out, err = running[0].end()
    assert (code, err) == (130, "")
    assert "until it was interrupted" in out
    assert out.endswith("failed\n")


def test_pressing_ctrl_c_again_does_not_hang(running: list[Running], environment: dict[str, str]) -> None:
    """The second time the command ends at once, with or without its report, and still without a traceback."""
    running.append(Running(environment, "--json"))
    for _ in range(3):
        running[0].interrupt()
        time.sleep(0.02)
    code, _, err = running[0].end()
    # A signal that comes when Python itself is on the way out ends it as a signal does.
    assert code in {130, -signal.SIGINT}
    assert "Traceback" not in err


def test_ctrl_c_before_the_run_begins_exits_with_130(environment: dict[str, str], tmp_path: Path) -> None:
    """Also while the scenario is still being read: here from a pipe to which nobody writes."""
    os.mkfifo(tmp_path / "s.yaml")
    line = [sys.executable, "-m", "ndisemu", "validate", str(tmp_path / "s.yaml")]
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        descriptor = os.open(tmp_path / "s.yaml", os.O_WRONLY)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        os.close(descriptor)
    assert (process.returncode, out, err.strip()) == (130, "", "interrupted")
