"""Frames on a byte stream: any chunking gives the same frames, and what is no frame ends the stream where it begins."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from ndisemu.link import FrameDecoder, encode
from ndisemu.link.framing import LONGEST, SHORTEST

frames_of_any_length = st.lists(st.binary(min_size=SHORTEST, max_size=80), max_size=8)


def fed(decoder: FrameDecoder, data: bytes, cuts: list[int]) -> list[bytes]:
    """Feed `data` cut at these places; returns the frames."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [frame for a, b in pairwise(places) for frame in decoder.feed(data[a:b])]


@given(frames_of_any_length, st.lists(st.integers(0, 1000), max_size=12))
def test_any_chunking_gives_the_same_frames(frames: list[bytes], cuts: list[int]) -> None:
    """However the stream is cut, what was encoded comes out, and the end belongs behind it."""
    decoder = FrameDecoder()
    data = b"".join(map(encode, frames))
    assert fed(decoder, data, cuts) == frames
    decoder.end()
    assert (decoder.error, decoder.position) == (None, len(data))


@given(
    frames_of_any_length, st.sampled_from([0, SHORTEST - 1, LONGEST + 1, 0xFFFFFFFF]), st.lists(st.integers(0, 1000))
)
def test_a_length_no_frame_has_ends_the_stream_there(frames: list[bytes], length: int, cuts: list[int]) -> None:
    """What came before it is delivered, nothing behind it is, and the error says the length and the place."""
    decoder = FrameDecoder()
    data = b"".join(map(encode, frames))
    assert fed(decoder, data + length.to_bytes(4, "big") + encode(bytes(60)), cuts) == frames
    assert decoder.error == (
        f"the peer announced a frame of {length} bytes at byte {len(data)} of the stream; frames have 14 to 69632 bytes"
    )
    assert decoder.feed(encode(bytes(60))) == []


@pytest.mark.parametrize("missing", [1, 30, 63])
def test_the_end_in_the_middle_of_a_frame_is_an_error(missing: int) -> None:
    """A stream that ends inside prefix or frame has lost something."""
    decoder = FrameDecoder()
    data = encode(bytes(60))
    assert len(decoder.feed(data + data[: len(data) - missing])) == 1
    decoder.end()
    assert decoder.error == f"the stream ended {64 - missing} bytes into the frame at byte 64"


@pytest.mark.parametrize("length", [SHORTEST, LONGEST])
def test_the_shortest_and_the_longest_frame_pass(length: int) -> None:
    """Both ends of the range are frames, in QEMU's format."""
    data = encode(bytes(length))
    assert data[:4] == length.to_bytes(4, "big")
    assert FrameDecoder().feed(data) == [bytes(length)]
