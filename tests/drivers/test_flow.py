"""The judge of traffic: what is lost, late, altered or unexpected, against a plain model of the same rules."""

from collections import Counter

import pytest
from hypothesis import given, strategies as st

from ndisemu.drivers.protocols.flow import MOST_AWAITED, RUN, WINDOW, Broadcast, Flow, three_digits

FROM_A = b"\x02\x00\x00\x00\x00\x0b\x02\x00\x00\x00\x00\x0a"


def frame(number: int) -> bytes:
    """Make a frame of one flow: the same addresses, another number."""
    return (FROM_A + number.to_bytes(4, "big")).ljust(60, b".")


STRANGER = b"\xff" * 60


def judged(sent: list[bytes], arrived: list[bytes]) -> Flow:
    """Send frames at 0 and let them arrive in one burst at 100."""
    flow = Flow("f")
    flow.enter(sent, 0)
    flow.judge(arrived, 100)
    return flow


def verdict(flow: Flow) -> dict[str, int]:
    """Return what a flow counts, without zeros."""
    names = ("sent", "intact", "altered", "lost", "late", "unexpected")
    return {name: count for name in names if (count := getattr(flow, name))}


A, B, C, D = (frame(number) for number in range(4))
ALTERED = bytes([*B[:-1], 0])

CASES: list[tuple[str, list[bytes], list[bytes], dict[str, int]]] = [
    ("all", [A, B, C], [A, B, C], {"sent": 3, "intact": 3}),
    ("none", [A, B], [], {"sent": 2, "lost": 2}),
    ("the first is lost", [A, B, C], [B, C], {"sent": 3, "intact": 2, "lost": 1}),
    ("the last is lost", [A, B, C], [A, B], {"sent": 3, "intact": 2, "lost": 1}),
    ("one is late", [A, B, C], [A, C, B], {"sent": 3, "intact": 3, "late": 1}),
    ("all are reversed", [A, B, C], [C, B, A], {"sent": 3, "intact": 3, "late": 2}),
    ("one is altered", [A, B, C], [A, ALTERED, C], {"sent": 3, "intact": 2, "altered": 1}),
    ("one is doubled", [A, B, C], [A, A, B, C], {"sent": 3, "intact": 3, "unexpected": 1}),
    ("a stranger", [A, B], [A, STRANGER, B], {"sent": 2, "intact": 2, "unexpected": 1}),
    ("too many", [A], [A, B], {"sent": 1, "intact": 1, "unexpected": 1}),
    ("nothing sent", [], [A], {"unexpected": 1}),
    ("late twice", [A, B], [B, A, A], {"sent": 2, "intact": 2, "late": 1, "unexpected": 1}),
]


@pytest.mark.parametrize(("sent", "arrived", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_flow_tells_what_became_of_its_frames(
    sent: list[bytes], arrived: list[bytes], expected: dict[str, int]
) -> None:
    """Each kind of damage has its own count."""
    assert verdict(judged(sent, arrived)) == expected


class Model:
    """The same rules without any haste: one frame at a time, searching from the front."""

    def __init__(self) -> None:
        self.open: list[bytes] = []
        self.passed: list[bytes] = []
        self.history: list[bytes] = []
        self.counts: Counter[str] = Counter()

    def enter(self, frames: list[bytes]) -> None:
        """Note what is sent."""
        self.open += frames
        self.counts["sent"] += len(frames)

    def judge(self, frames: list[bytes]) -> None:
        """Judge what arrives."""
        for data in frames:
            if data in self.open:
                place = self.open.index(data)
                self.passed += self.open[:place]
                self.history += self.open[: place + 1]
                del self.open[: place + 1]
                self.counts["intact"] += 1
            elif data in self.passed:
                self.passed.remove(data)
                self.counts["intact"] += 1
                self.counts["late"] += 1
            elif self.open and self.open[0][:12] == data[:12] and data not in self.history[-WINDOW:]:
                self.history.append(self.open.pop(0))
                self.counts["altered"] += 1
            else:
                self.counts["unexpected"] += 1


FRAMES = st.one_of(st.integers(0, 12).map(frame), st.sampled_from([STRANGER, ALTERED]))
STEPS = st.lists(st.tuples(st.booleans(), st.lists(FRAMES, max_size=6)), max_size=30)


@given(STEPS)
def test_a_flow_agrees_with_the_model(steps: list[tuple[bool, list[bytes]]]) -> None:
    """Whatever is sent and arrives, in whatever bursts, with repetitions: the counts are the model's, and add up."""
    flow, model = Flow("f"), Model()
    for sending, frames in steps:
        if sending:
            flow.enter(frames, 0)
            model.enter(frames)
        else:
            if frames:
                assert flow.expects(frames[0]) is (frames[0] in model.open or frames[0] in model.passed)
            flow.judge(frames, 7)
            model.judge(frames)
    counts = model.counts
    assert (flow.sent, flow.intact, flow.altered) == (counts["sent"], counts["intact"], counts["altered"])
    assert (flow.late, flow.unexpected) == (counts["late"], counts["unexpected"])
    assert flow.sent == flow.intact + flow.altered + flow.lost


@given(st.lists(st.integers(1, 200), min_size=1, max_size=60), st.integers(0, 50))
def test_what_is_judged_is_forgotten(bursts: list[int], lost_every: int) -> None:
    """However long a flow is, it keeps only what has not been judged, up to a run."""
    flow, number = Flow("f"), 0
    for size in bursts * 4:
        frames = [frame(number + place) for place in range(size)]
        number += size
        flow.enter(frames, 0)
        flow.judge([data for place, data in enumerate(frames) if not lost_every or place % (lost_every + 2)], 1)
        assert len(flow._expected) <= RUN + WINDOW + 200
    assert flow.altered == flow.unexpected == flow.late == 0


def test_frames_after_a_long_gap_are_found() -> None:
    """However many frames in a row are lost, those after them are intact."""
    sent = [frame(number) for number in range(6000)]
    flow = judged(sent, sent[:2000] + sent[4500:])
    assert (flow.intact, flow.lost, flow.altered, flow.late) == (3500, 2500, 0, 0)


def test_what_is_waited_for_is_bounded() -> None:
    """A flow whose frames never arrive forgets the oldest, and counts them all as lost."""
    flow = Flow("f")
    for _ in range(40):
        flow.enter([A] * 2000, 0)
    assert flow.lost == 80_000
    assert len(flow._expected) <= MOST_AWAITED
    assert len(flow._times) == len(flow._expected)


def test_latencies_count_from_each_frames_own_send() -> None:
    """A burst may hold frames of several sends; each counts with its own time, to three digits."""
    flow = Flow("f")
    flow.enter([A], 1000)
    flow.enter([B, C], 1500)
    flow.enter([D], 2_000_000)
    flow.judge([A, B], 2345)
    flow.judge([C], 2345)
    flow.judge([STRANGER, D], 3_234_567)
    assert flow.latencies == Counter({1340: 1, 845: 2, 1_230_000: 1})


@pytest.mark.parametrize(
    ("ns", "shown"), [(0, 0), (999, 999), (1000, 1000), (1009, 1000), (98765, 98700), (10**12 + 5, 10**12)]
)
def test_three_digits_are_enough(ns: int, shown: int) -> None:
    """A histogram's bins are a thousandth wide at the most, and round down."""
    assert three_digits(ns) == shown


def test_what_is_for_everybody_is_expected_by_each() -> None:
    """A frame entered once is awaited at the end of every flow, and judged in each by itself."""
    flows = [Flow("near"), Flow("far")]
    Broadcast(flows).enter([A, B], 0)
    flows[0].judge([A, B], 10)
    flows[1].judge([B], 20)
    assert [verdict(flow) for flow in flows] == [{"sent": 2, "intact": 2}, {"sent": 2, "intact": 1, "lost": 1}]


def test_a_flow_says_how_it_stands() -> None:
    """Its line has name and counts."""
    assert repr(judged([A, B], [A])) == "<Flow f: 2 sent, 1 intact, 0 altered, 1 lost>"
