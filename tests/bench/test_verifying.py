"""Claims about the mode that sets the checked build beside the free one."""

from ndisemu.bench.options import Options
from ndisemu.bench.passage import Load
from ndisemu.bench.verifying import count_calls, verifying


def test_each_load_has_a_row_with_both_builds_and_a_target_at_the_large_burst() -> None:
    """The last target is what the free build pays."""
    section = verifying(Options(sizes=(64,), bursts=(8, 64), drivers=("ring",), runs=1, frames=256))
    assert [(row["burst"], row["driver"]) for row in section.rows] == [(8, "ring"), (64, "ring")]
    assert all(row["frames_per_cpu_s"] and row["free_per_cpu_s"] for row in section.rows)
    assert [target.what for target in section.targets] == [
        "checked beside free, ring, 64 B, burst 64",
        "calls of the verifier in a free run",
    ]
    assert {column.key for column in section.columns} <= section.rows[0].keys()


def test_a_free_run_calls_nothing_of_the_verifier_and_a_checked_one_does() -> None:
    """What is counted is there to be counted."""
    calls, ours = count_calls(Load(64, 64, 256))
    assert ours == 0
    watched, theirs = count_calls(Load(64, 64, 256, "checked"))
    assert 0 < theirs < watched
    assert watched - theirs >= calls // 2
