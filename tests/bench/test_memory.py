"""The peak memory of a process."""

import subprocess
import sys
from pathlib import Path

import pytest

from ndisemu.bench import Load
from ndisemu.bench.memory import peak, peak_after
from ndisemu.errors import UsageError

ROOT = Path(__file__).parents[2]


def test_the_peak_is_read_from_the_kernels_account(tmp_path: Path) -> None:
    """The account counts in KiB; what counts here is bytes."""
    account = tmp_path / "status"
    account.write_text("Name:\tpython\nVmPeak:\t   99999 kB\nVmHWM:\t   31234 kB\nVmRSS:\t   30000 kB\n")
    assert peak(account) == 31234 * 1024


def test_without_an_account_the_message_says_what_is_missing(tmp_path: Path) -> None:
    """Elsewhere than on Linux the measurement is refused, and not wrong."""
    with pytest.raises(UsageError, match="which only Linux has"):
        peak(tmp_path / "none")


def test_a_run_has_a_peak() -> None:
    """After a run the peak is that of a process with two hosts in it."""
    assert peak_after(Load(64, 8, 100)) > 10_000_000


def test_the_program_prints_both_peaks_and_the_growth() -> None:
    """Few and many frames, each in a process of its own, and the difference with the limit."""
    command = [sys.executable, "benchmarks/memory.py", "100", "300"]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [["100", "frames"], ["300", "frames"]]
    assert lines[3].split()[0] == "growth"
    assert lines[3].endswith("the limit of 10 MB")
