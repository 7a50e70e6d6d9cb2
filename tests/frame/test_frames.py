"""Frames that travel together."""

from hypothesis import given, strategies as st

from ndisemu.frame.frames import Frames

SOME = st.lists(st.binary(max_size=20), min_size=1, max_size=12)


@given(SOME)
def test_what_is_known_of_a_burst_is_what_each_frame_says(frames: list[bytes]) -> None:
    """Sizes in order, their sum and bounds, and every destination once, by its first frame."""
    known = Frames(frames)
    assert known == frames
    assert known.sizes == [len(frame) for frame in frames]
    assert (known.octets, known.shortest, known.longest) == (sum(known.sizes), min(known.sizes), max(known.sizes))
    for _ in range(2):
        assert list(known.destinations) == sorted({frame[:6] for frame in frames}, key=[f[:6] for f in frames].index)


@given(SOME)
def test_what_is_known_is_not_found_out_again(frames: list[bytes]) -> None:
    """A burst that travels on is the same object."""
    known = Frames.of(frames)
    assert known == frames
    assert Frames.of(known) is known
