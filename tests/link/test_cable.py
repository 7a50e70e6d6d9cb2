"""Claims about the in-memory cable: when each bit is where, to the nanosecond, and what does not fit through."""

from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import UsageError
from ndisemu.link import Cable
from tests.link.conftest import Wire

M = 1_000_000
G = 1000 * M


@pytest.mark.parametrize(
    ("rate", "length", "last_bit", "period"),
    [
        # 8 bytes of preamble, the frame with its FCS, and 12 bytes of gap: 84 bytes for the shortest frame.
        (10 * M, 60, 57_600, 67_200),
        (10 * M, 1514, 1_220_800, 1_230_400),
        (100 * M, 60, 5_760, 6_720),
        (100 * M, 1514, 122_080, 123_040),
        (1 * G, 60, 576, 672),
        (1 * G, 1514, 12_208, 12_304),
    ],
)
def test_a_frame_takes_as_long_as_the_standard_says(rate: int, length: int, last_bit: int, period: int) -> None:
    """64 and 1518 bytes at 10, 100 and 1000 Mbit/s start and arrive at these times, one behind the other."""
    wire = Wire(rate)
    starts, last = wire.send(length, length, length, now=1000)
    assert starts == [1000, 1000 + period, 1000 + 2 * period]
    assert wire.b.times == [start + last_bit for start in starts]
    assert last == wire.b.times[-1]
    assert wire.cable.a.free_at == 1000 + 3 * period


def test_a_burst_waits_until_the_wire_is_idle(gigabit: Wire) -> None:
    """What is sent too early starts after the gap behind the frame before; what is sent later starts at once."""
    gigabit.send(60, now=0)
    assert gigabit.send(60, now=100) == ([672], 672 + 576)
    assert gigabit.send(60, now=1344) == ([1344], 1344 + 576)
    assert gigabit.send(60, now=5000) == ([5000], 5000 + 576)


def test_a_burst_arrives_as_one_burst_with_a_time_for_each_frame(gigabit: Wire) -> None:
    """The other end is handed the frames together, in order, each with its own time."""
    frames = [bytes([number]) * 60 for number in range(3)]
    gigabit.cable.a.transmit(frames)
    assert (gigabit.b.frames, gigabit.b.times, gigabit.b.bursts) == (frames, [576, 1248, 1920], [3])


def test_delay_moves_arrivals_and_nothing_else() -> None:
    """With a delay the frames arrive later; they leave, and the wire is free, as without."""
    wire = Wire(1 * G, delay=5000)
    assert wire.send(60, 60, now=10) == ([10, 682], 10 + 672 + 576)
    assert wire.b.times == [5586, 6258]
    assert wire.cable.a.free_at == 10 + 2 * 672


@pytest.mark.parametrize("delay", [0, 700])
def test_an_unpaced_cable_takes_no_time(delay: int) -> None:
    """Without a rate all frames of a burst leave now and arrive after the delay."""
    wire = Wire(None, delay=delay)
    assert wire.send(60, 1514, 60, now=42) == ([42] * 3, 42)
    assert wire.b.times == [42 + delay] * 3


def test_the_two_directions_do_not_share_the_wire(gigabit: Wire) -> None:
    """Full duplex: a burst one way delays nothing the other way."""
    gigabit.send(1514, 1514, now=0)
    assert gigabit.send(60, now=0, end=gigabit.cable.b) == ([0], 576)
    assert gigabit.a.times == [576]
    assert gigabit.cable.a.free_at == 2 * 12_304


@pytest.mark.parametrize(
    ("mtu", "length", "fits"),
    [(1500, 1514, True), (1500, 1518, True), (1500, 1519, False), (9000, 9018, True), (9000, 9019, False)],
)
def test_the_mtu_admits_one_vlan_tag_on_top(mtu: int, length: int, fits: bool) -> None:
    """A frame of MTU, header and one tag passes; one byte more is lost on the cable and counted."""
    wire = Wire(1 * G, mtu=mtu)
    wire.send(length)
    assert (wire.b.bursts, wire.cable.a.too_long) == (([1], 0) if fits else ([], 1))


def test_a_frame_that_is_too_long_takes_its_time_and_hides_no_other() -> None:
    """It is lost on its way: it was sent, and its neighbours arrive when they would have."""
    wire = Wire(1 * G)
    starts, last = wire.send(60, 1519, 60)
    assert starts == [0, 672, 672 + 12_344]
    assert wire.b.times == [576, last]
    assert last == 672 + 12_344 + 576
    assert (wire.cable.a.frames, wire.cable.a.too_long) == (3, 1)


def test_each_end_counts_what_it_sends(gigabit: Wire) -> None:
    """Frames and bytes without FCS, for each end by itself, show in the status line."""
    gigabit.send(60, 100)
    gigabit.send(61, end=gigabit.cable.b)
    a, b = gigabit.cable.a, gigabit.cable.b
    assert (a.frames, a.bytes, b.frames, b.bytes) == (2, 160, 1, 61)
    assert repr(gigabit.cable) == f"<Cable c {G} bit/s, 0 ns, 2 + 1 frames>"
    assert repr(Wire(None, delay=3).cable) == "<Cable c unpaced, 3 ns, 0 + 0 frames>"


def test_both_cards_see_the_carrier_come_and_go(gigabit: Wire) -> None:
    """Plugging brings the carrier up at both ends; unplugging takes it down, once."""
    gigabit.cable.unplug()
    gigabit.cable.unplug()
    assert gigabit.a.carriers == gigabit.b.carriers == [True, False]
    gigabit.cable.plug(gigabit.b, gigabit.a)
    assert gigabit.a.carriers == gigabit.b.carriers == [True, False, True]


def test_a_cable_that_is_down_gives_no_carrier(gigabit: Wire) -> None:
    """Both cards see it go and come, once each; what is plugged in meanwhile waits for it."""
    cable, a, b = gigabit.cable, gigabit.a, gigabit.b
    for change in (cable.down, cable.down, cable.up, cable.up, cable.down, cable.unplug, cable.unplug):
        change()
    assert a.carriers == b.carriers == [True, False, True, False]
    cable.plug(a, b)
    assert a.carriers == b.carriers == [True, False, True, False]
    cable.up()
    assert a.carriers == b.carriers == [True, False, True, False, True]


def test_frames_in_flight_outlive_the_cable(gigabit: Wire) -> None:
    """What left before it went down arrives; what is sent while it is down is lost, and takes as long as ever."""
    gigabit.send(60, now=0)
    gigabit.cable.down()
    assert gigabit.send(60, now=100) == ([672], 672 + 576)
    gigabit.cable.up()
    gigabit.send(60, now=5000)
    assert gigabit.b.times == [576, 5576]


def test_unplugging_one_end_takes_the_carrier_from_both(gigabit: Wire) -> None:
    """Nothing reaches an end without a card, and mending the cable brings back no carrier."""
    gigabit.cable.b.unplug()
    gigabit.send(60)
    gigabit.cable.down()
    gigabit.cable.up()
    assert gigabit.a.carriers == gigabit.b.carriers == [True, False]
    assert gigabit.b.frames == []


def test_plugging_in_other_cards_takes_the_first_off(gigabit: Wire) -> None:
    """Who was there loses the carrier, who is there has it."""
    other = Wire(None)
    gigabit.cable.plug(other.a, other.b)
    assert gigabit.a.carriers == gigabit.b.carriers == [True, False]
    assert other.a.carriers == other.b.carriers == [True, True]


def test_an_unplugged_cable_carries_nothing_and_keeps_time(gigabit: Wire) -> None:
    """What is sent into a cable without the other card is lost, and takes as long as ever."""
    gigabit.cable.unplug()
    assert gigabit.send(60) == ([0], 576)
    assert gigabit.b.frames == []


@pytest.mark.parametrize(
    ("rate", "delay", "gap", "text"),
    [
        (0, 0, 12, "the rate of c must be at least 1 bit/s, not 0"),
        (-1, 0, 12, "the rate of c must be at least 1 bit/s, not -1"),
        (G, -1, 12, "the delay and gap of c must not be negative, not -1 ns and 12 bytes"),
        (G, 0, -1, "the delay and gap of c must not be negative, not 0 ns and -1 bytes"),
    ],
)
def test_impossible_cables_are_refused(rate: int, delay: int, gap: int, text: str) -> None:
    """A rate below one, or a negative delay or gap, is the user's mistake."""
    with pytest.raises(UsageError, match=text):
        Cable("c", lambda: 0, rate=rate, delay=delay, gap=gap)


@pytest.mark.parametrize("burst", [1, 7, 64])
@pytest.mark.parametrize("rate", [3 * G, 2_500 * M, 10 * G, 333_333_333, 7 * M])
def test_rates_that_do_not_divide_never_drift(rate: int, burst: int) -> None:
    """After 20000 frames back to back, whatever the bursts, the wire is exactly as late as the rate says."""
    wire = Wire(rate)
    for _ in range(20_000 // burst):
        wire.send(*[60] * burst)
    sent = 20_000 // burst * burst
    assert wire.cable.a.free_at == sent * 84 * 8 * G // rate


def test_a_hundred_thousand_frames_do_not_drift() -> None:
    """At 3 Gbit/s and a gap of 11 bytes a period is 221 and a third nanoseconds; the thirds are not lost."""
    wire = Wire(3 * G, gap=11)
    for _ in range(100_000):
        wire.send(60)
    assert wire.cable.a.free_at == 100_000 * 83 * 8 // 3
    assert wire.b.times[-1] == (99_999 * 83 * 8 + 72 * 8) // 3


bursts = st.lists(
    st.tuples(
        st.integers(0, 4000),
        st.lists(st.integers(14, 1518), min_size=1, max_size=5),
    ),
    min_size=1,
    max_size=12,
)


@given(st.sampled_from([10 * M, 100 * M, G, 2_500 * M, 3 * G, 10 * G, 999_999_937]), st.integers(0, 12), bursts)
def test_times_are_those_of_exact_fractions(rate: int, gap: int, bursts: list[tuple[int, list[int]]]) -> None:
    """Each time is the exact one rounded down; times ascend, and no gap is shorter than the inter-frame gap."""
    wire = Wire(rate, delay=11, gap=gap)
    byte = Fraction(8 * G, rate)
    free = Fraction(0)
    ends = [-gap * byte]
    for pause, lengths in bursts:
        starts, last = wire.send(*lengths, now=wire.now + pause)
        if wire.now > int(free):
            free = Fraction(wire.now)
        for start, length in zip(starts, lengths, strict=True):
            assert start == int(free)
            assert start - int(ends[-1]) >= int(gap * byte)
            ends.append(free + (8 + length + 4) * byte)
            free = ends[-1] + gap * byte
        assert last == int(ends[-1])
    assert wire.b.times == [int(end) + 11 for end in ends[1:]]
    assert wire.b.times == sorted(wire.b.times)
