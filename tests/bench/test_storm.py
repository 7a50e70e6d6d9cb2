"""Claims about the storm: what a frame-hop is, who sends what, and what makes a figure."""

import pytest

from ndisemu.bench.options import Options
from ndisemu.bench.storm import Storm, storm

LITTLE = Options(sizes=(60,), bursts=(1, 8), runs=2, frames=16)


@pytest.mark.parametrize(
    ("storm", "each", "hops", "warm_up"),
    [
        (Storm(2, "unicast", 60, 64, 1280), 640, 2560, 512),
        (Storm(2, "broadcast", 60, 64, 1280), 640, 2560, 512),
        (Storm(8, "unicast", 60, 64, 1280), 128, 2048, 512),
        (Storm(8, "broadcast", 60, 64, 1280), 64, 4096, 128),
        (Storm(64, "broadcast", 60, 64, 1280), 64, 262144, 64),
    ],
)
def test_frames_and_hops_follow_from_the_hosts(storm: Storm, each: int, hops: int, warm_up: int) -> None:
    """Two hops make a frame from host to host, n one that n - 1 hosts hear, and hosts send whole bursts."""
    assert (storm.each, storm.hops, storm.warm_up) == (each, hops, warm_up)


def test_a_storm_has_a_row_for_each_number_of_hosts_and_a_target_for_the_largest() -> None:
    """Both kinds of frames, in the largest burst; the first number of hosts is what the others stand beside."""
    done: list[tuple[int, int]] = []
    options = Options(sizes=(60,), bursts=(1, 8), runs=2, frames=16, progress=lambda *told: done.append(told))
    section = storm(options, hosts=(2, 3))
    assert [(row["kind"], row["hosts"], row["burst"]) for row in section.rows] == [
        ("unicast", 2, 8), ("broadcast", 2, 8), ("unicast", 3, 8), ("broadcast", 3, 8)
    ]  # fmt: skip
    assert [row["times"] for row in section.rows[:2]] == [1, 1]
    assert {column.key for column in section.columns} <= section.rows[0].keys()
    assert [(target.limit, target.at_most, target.reached) for target in section.targets] == [
        (1.3, True, section.rows[2]["times"])
    ]
    assert done[-1] == (8, 8)


def test_what_a_row_counts_is_what_was_sent() -> None:
    """Frames are those of all hosts, hops those over all cables."""
    rows = storm(LITTLE, hosts=(3,)).rows
    assert [(row["frames"], row["hops"]) for row in rows] == [(24, 48), (24, 72)]
