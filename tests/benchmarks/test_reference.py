"""The bare prototype really moves frames, and notices when one is altered, lost or completed twice."""

from typing import Final

import pytest

from benchmarks.reference import Packet, Path, PathError, Ring, RunRing, send_through
from benchmarks.reference.ring import BUDGET, COUNT, WORDS

RINGS: Final = pytest.mark.parametrize("ring", [Ring, RunRing])


def words() -> memoryview:
    """Memory for one ring."""
    return memoryview(bytearray(8 * WORDS)).cast("Q")


@RINGS
@pytest.mark.parametrize("size", [64, 1500])
@pytest.mark.parametrize("burst", [1, 7, 8, 64])
def test_every_frame_arrives_and_every_packet_comes_back(ring: type[Ring], size: int, burst: int) -> None:
    """Frames go through the rings and around their ends, the last burst a short one, and are compared on arrival."""
    path = Path(size, burst, ring)
    path.run(3 * COUNT + 1)
    assert path.compared == 3 * COUNT + 1
    assert path.far.rx.reaped == path.near.tx.reaped == path.compared
    assert path.far.rx.given - path.far.rx.reaped == COUNT
    assert {packet.owner for packet in path.near.packets} == {"protocol"}
    assert {packet.owner for packet in path.far.rx.packets} == {"driver"}


@RINGS
def test_an_altered_frame_is_noticed(ring: type[Ring]) -> None:
    """One bit of one frame that changes on the link ends the run."""
    path = Path(64, 8, ring)

    def flip(frames: list[bytes]) -> None:
        first, *rest = frames
        path.carry([first[:-1] + bytes([first[-1] ^ 1]), *rest])

    path.near.link = flip
    with pytest.raises(PathError, match="64 bytes, of the protocol> arrived altered"):
        path.run(8)


@RINGS
def test_a_lost_frame_is_noticed(ring: type[Ring]) -> None:
    """A frame that the link swallows is missed at the end, if not before."""
    path = Path(64, 8, ring)
    path.near.link = lambda frames: path.carry(frames[:-1])
    with pytest.raises(PathError, match="7 of 8 frames arrived"):
        path.run(8)


@RINGS
def test_frames_in_another_order_are_noticed(ring: type[Ring]) -> None:
    """Frames differ from each other, so their order is checked, too."""
    path = Path(64, 8, ring)
    path.near.link = lambda frames: path.carry(frames[::-1])
    with pytest.raises(PathError, match="arrived altered"):
        path.run(8)


@RINGS
@pytest.mark.parametrize("step", ["complete", "indicate"])
def test_what_the_driver_no_longer_owns_it_cannot_hand_over(ring: type[Ring], step: str) -> None:
    """A packet completed or indicated twice is noticed."""
    path = Path(64, 1, ring)
    with pytest.raises(PathError, match="of the protocol> was handed over by the driver"):
        getattr(path.near, step)(path.near.packets)


@RINGS
@pytest.mark.parametrize("step", ["send", "give_back"])
def test_what_the_protocol_no_longer_owns_it_cannot_hand_over(ring: type[Ring], step: str) -> None:
    """A packet sent or returned twice is noticed."""
    path = Path(64, 1, ring)
    path.near.send(path.near.packets)
    with pytest.raises(PathError, match="of the driver> was handed over by the protocol"):
        getattr(path.near, step)(path.near.packets)


@RINGS
def test_more_frames_than_descriptors_are_noticed(ring: type[Ring]) -> None:
    """The card does not write where the driver has not given it memory."""
    path = Path(64, 1, ring)
    with pytest.raises(PathError, match="1 frames arrived and there was no descriptor"):
        path.far.arrive([b""] * (COUNT + 1))


@RINGS
def test_packets_come_back_in_order_when_they_are_done_and_not_before(ring: type[Ring]) -> None:
    """What the card has not finished stays with it, and a reaped packet has the length that the card wrote."""
    one = ring(words())
    packets = [Packet(2048 * place, 60 + place, "driver") for place in range(4)]
    one.give(packets)
    assert one.take(3) == [(0, 60), (2048, 61), (4096, 62)]
    assert one.reap() == []
    one.finish([100, 101])
    assert one.reap() == packets[:2]
    assert one.take() == [(6144, 63)]
    assert one.reap() == []
    assert [packet.length for packet in packets] == [100, 101, 62, 63]


@RINGS
def test_a_ring_can_be_full_and_is_reaped_a_budget_at_a_time(ring: type[Ring]) -> None:
    """All descriptors can be given, and reaping ends at the budget."""
    one = ring(words())
    packets = [Packet(2048 * place, 60, "driver") for place in range(COUNT)]
    one.give(packets)
    one.finish(length for _, length in one.take())
    assert [one.reap() for _ in range(COUNT // BUDGET)] == [
        packets[start : start + BUDGET] for start in range(0, COUNT, BUDGET)
    ]
    assert one.reap() == []


@pytest.mark.parametrize("burst", [1, 64])
def test_the_time_of_a_passage_is_cpu_time(burst: int) -> None:
    """A passage takes some CPU time, whichever ring was chosen for its bursts."""
    assert send_through(64, burst, 200) > 0
