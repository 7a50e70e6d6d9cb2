"""Claims about the memory that is counted: what is added at each step, of both kinds."""

from pathlib import Path

import pytest

from ndisemu.bench.footprint import Held, footprint, shared_now
from ndisemu.bench.options import Options


def test_each_driver_has_a_row_for_each_step() -> None:
    """A host takes little, a running NIC its packets, and use touches the memory of its buffers."""
    done: list[tuple[int, int]] = []
    section = footprint(Options(drivers=("ring", "ring6"), progress=lambda *told: done.append(told)), pairs=1)
    steps = ["a host", "a NIC", "a NIC, running", "a station", "used"]
    assert [(row["driver"], row["what"]) for row in section.rows] == [
        (driver, step) for driver in ("ring", "ring6") for step in steps
    ]
    assert {column.key for column in section.columns} <= section.rows[0].keys()
    assert done == [(1, 2), (2, 2)]
    for rows in (section.rows[:5], section.rows[5:]):
        python = [row["python_bytes"] for row in rows]
        shared = [row["shared_bytes"] for row in rows]
        assert all(isinstance(count, int) for count in (*python[:4], *shared))
        assert [count for count in python[:4] if isinstance(count, int) and count > 0] == python[:4]
        # 255 buffers in a ring are half a MiB, and the packets that are sent come on top.
        assert isinstance(shared[4], int)
        assert shared[4] > 1 << 19


@pytest.mark.parametrize(
    ("text", "found"), [("VmRSS:\t 5 kB\nRssShmem:\t 31 kB\n", 31 * 1024), ("VmRSS:\t 5 kB\n", None)]
)
def test_shared_memory_is_read_from_the_kernels_account(tmp_path: Path, text: str, found: int | None) -> None:
    """The account counts in KiB; where there is none, nothing is known."""
    account = tmp_path / "status"
    account.write_text(text)
    assert shared_now(account) == found
    assert shared_now(tmp_path / "none") is None


def test_what_is_added_is_told_for_each_part() -> None:
    """Differences are divided by the number of parts; what was not counted stays unknown."""
    assert Held(100, 50).since(Held(40, 20), 3) == Held(20, 10)
    assert Held(100, None).since(Held(40, 20), 3) == Held(20, None)
