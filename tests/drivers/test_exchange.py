"""Requests at intended times, and latencies that count from them."""

from itertools import pairwise
from random import Random
from statistics import mean

import pytest

from ndisemu.drivers.protocols import Exchanges, Requests, reflected

HERE, THERE = b"\x02\0\0\0\0\1", b"\x02\0\0\0\0\2"


def requests(count: int, *, interval: float = 1000, start: int = 5000, size: int = 64, seed: int = 1) -> Requests:
    """Make requests from here to there."""
    return Requests(
        Random(seed), source=HERE, destination=THERE, count=count, size=size, interval=interval, start=start
    )


def times(made: Requests) -> list[int]:
    """Take all requests, and give the times at which they are due."""
    due = []
    while (when := made.due) is not None:
        due.append(when)
        made.next()
        assert made.intended == when
    return due


def test_requests_are_due_at_random_times_that_a_seed_repeats() -> None:
    """They start when told, never go back, and come as often as told in the long run."""
    found = times(requests(5000))
    assert (len(found), found[0]) == (5000, 5000)
    assert found == sorted(found)
    assert mean(later - sooner for sooner, later in pairwise(found)) == pytest.approx(1000, rel=0.05)
    assert found == times(requests(5000))
    assert found != times(requests(5000, seed=2))


@pytest.mark.parametrize("size", [18, 60, 1514])
def test_the_reply_to_a_request_is_the_padded_request_sent_back(size: int) -> None:
    """It comes from there to here, as long as a frame must be, and tells requests apart."""
    made = requests(2, size=size)
    (((first,), (reply,)), ((second,), _)) = made.next(), made.next()
    assert len(first) == size
    assert reply[:12] == HERE + THERE
    assert reply[12:] == first[12:].ljust(48, b"\0")
    assert first != second


def test_reflecting_twice_changes_nothing() -> None:
    """Destination and source are exchanged, and exchanged again."""
    frame = bytes(range(64))
    assert reflected(frame)[:14] == bytes([6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 12, 13])
    assert reflected(reflected(frame)) == frame


def test_a_latency_counts_from_the_intended_time() -> None:
    """Not from when a request was sent at last: one that had to wait has waited, too."""
    made = requests(2)
    flow = Exchanges("echo", made)
    due: list[int] = []
    replies: list[bytes] = []
    for late in (0, 300):
        due.append(made.due or 0)
        _, arriving = made.next()
        flow.enter(arriving, due[-1] + late)
        replies += arriving
    flow.judge(replies, due[1] + 700)
    assert (flow.intact, flow.lost) == (2, 0)
    assert flow.exact_latencies() == [due[1] + 700 - due[0], 700]
