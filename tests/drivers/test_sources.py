"""Where frames come from: a generator's pattern, open or closed loop, and a recording's times."""

from collections.abc import Sequence
from itertools import cycle, islice
from random import Random

import pytest
from hypothesis import given, strategies as st

from ndisemu.drivers.protocols.sources import DISTINCT, Generator, Replay, Source, padded

A, B = b"\x02\x00\x00\x00\x00\x0a", b"\x02\x00\x00\x00\x00\x0b"


def generator(
    frames: int, sizes: Sequence[int], *, burst: int = 64, seed: int = 1, every: int | None = None
) -> Generator:
    """Make a generator from A to B."""
    return Generator(Random(seed), source=A, destination=B, frames=frames, sizes=sizes, burst=burst, every=every)


def all_of(source: Source) -> list[Sequence[bytes]]:
    """Take every burst of a source, and check how they arrive."""
    bursts = []
    while source.due is not None:
        frames, arriving = source.next()
        assert list(arriving) == [data.ljust(60, b"\0") for data in frames]
        bursts.append(frames)
    return bursts


@given(st.integers(0, 3000), st.lists(st.integers(14, 100), min_size=1, max_size=12), st.integers(1, 100))
def test_a_generator_gives_what_was_asked_for(count: int, sizes: list[int], burst: int) -> None:
    """As many frames, in full bursts but for the last, each of the next size in turn, also when the pattern repeats."""
    bursts = all_of(generator(count, sizes, burst=burst))
    frames = [data for part in bursts for data in part]
    assert list(map(len, frames)) == list(islice(cycle(sizes), count))
    assert all(len(part) == burst for part in bursts[:-1])
    assert all(data.startswith(B + A) for data in frames)


def test_frames_in_flight_are_all_different() -> None:
    """Within one round of the pattern every frame has another content; after it they come again."""
    frames = [data for part in all_of(generator(2 * DISTINCT, [64], burst=16)) for data in part]
    assert len(dict.fromkeys(frames[:DISTINCT])) == DISTINCT
    assert frames[DISTINCT:] == frames[:DISTINCT]


def test_the_seed_decides_the_content() -> None:
    """The same seed gives the same frames, another one others."""
    first, again, other = (all_of(generator(10, [80], seed=seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_an_open_loop_is_due_at_its_interval() -> None:
    """With `every`, a burst is due at that time whatever has become of the last; without, at once."""
    for every, due in ((1000, [5, 1005, 2005]), (None, [5, 5, 5])):
        source = Generator(Random(1), source=A, destination=B, frames=5, sizes=[60], burst=2, start=5, every=every)
        times = []
        while (when := source.due) is not None:
            times.append(when)
            source.next()
        assert times == due


@pytest.mark.parametrize(("burst", "window", "expected"), [(64, None, 128), (64, 10, 64), (8, 100, 100), (1, None, 2)])
def test_a_window_holds_at_least_one_burst(burst: int, window: int | None, expected: int) -> None:
    """Otherwise the burst could never be sent."""
    source = Generator(Random(1), source=A, destination=B, frames=1, sizes=[60], burst=burst, window=window)
    assert (source.window, source.longest) == (expected, 60)


RECORDINGS = st.lists(st.tuples(st.integers(0, 5), st.binary(min_size=14, max_size=70)), max_size=40)


@given(RECORDINGS, st.integers(1, 8))
def test_a_replay_gives_a_recording_at_its_times(recording: list[tuple[int, bytes]], window: int) -> None:
    """All frames, in order, those of one instant together as far as the window goes."""
    recording.sort(key=lambda entry: entry[0])
    source = Replay(recording, window=window)
    given_out: list[tuple[int, bytes]] = []
    while (due := source.due) is not None:
        frames, arriving = source.next()
        assert 1 <= len(frames) <= window
        assert arriving == padded(frames)
        given_out += [(due, data) for data in frames]
    assert given_out == recording
    assert source.longest == max((len(data) for _, data in recording), default=14)
