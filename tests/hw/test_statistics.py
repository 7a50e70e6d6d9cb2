"""Claims about the statistics registers: what is counted where, and what reading does to it."""

from collections import Counter

import pytest
from hypothesis import given, strategies as st

from ndisemu.frame.ethernet import BROADCAST
from ndisemu.frame.frames import Frames
from ndisemu.hw import registers as reg
from ndisemu.hw.statistics import BASE, PAIRS, Statistics
from tests.hw.conftest import Host, Listener, frame

GROUP = b"\x01\x00\x5e\x00\x00\x01"
SINGLE = [BASE + 4 * place for place in range(64) if all(BASE + 4 * place not in pair for pair in PAIRS)]


@pytest.fixture
def counters() -> Statistics:
    """Give counters that stand at zero."""
    return Statistics()


@pytest.mark.parametrize("register", SINGLE, ids=hex)
def test_reading_a_counter_clears_it(counters: Statistics, register: int) -> None:
    """A second read gives what came since the first; the total goes on."""
    counters.add(register, 3)
    assert [counters.read(register), counters.read(register)] == [3, 0]
    counters.add(register, 2)
    assert counters.read(register) == 2
    assert counters.total[register] == 5


def test_a_counter_sticks_at_all_ones(counters: Statistics) -> None:
    """It never wraps to a small number, and is zero again after it was read."""
    counters.add(reg.GPRC, 0xFFFFFFFE)
    counters.add(reg.GPRC, 3)
    assert [counters.read(reg.GPRC), counters.read(reg.GPRC)] == [0xFFFFFFFF, 0]


@pytest.mark.parametrize(("low", "high"), PAIRS, ids=hex)
def test_an_octet_pair_is_cleared_by_its_high_word(counters: Statistics, low: int, high: int) -> None:
    """The low word can be read again and again; the high word gives the rest and clears both."""
    counters.add(low, 0x1_2345_6789)
    assert [counters.read(low), counters.read(low), counters.read(high)] == [0x2345_6789, 0x2345_6789, 1]
    assert [counters.read(low), counters.read(high)] == [0, 0]


def test_a_reset_clears_what_software_reads(counters: Statistics) -> None:
    """The totals since power-up go on."""
    counters.add(reg.GPTC, 7)
    counters.reset()
    assert counters.read(reg.GPTC) == 0
    assert counters.total[reg.GPTC] == 7


@pytest.mark.parametrize(
    ("length", "place"),
    [(60, 0), (61, 1), (123, 1), (124, 2), (251, 2), (252, 3), (507, 3), (508, 4), (1019, 4), (1020, 5), (1514, 5)],
)
@pytest.mark.parametrize("mixed", [False, True])
def test_sizes_are_counted_with_the_frame_check_sequence(
    counters: Statistics, length: int, place: int, mixed: bool
) -> None:
    """64, 65 to 127, to 255, to 511, to 1023 and above: a frame and its four bytes fall into one class."""
    frames = Frames([bytes(length)] * 2 + ([bytes(1514)] if mixed else []))
    counters.transmitted(frames)
    counters.received(frames)
    for first in (reg.PTC64, reg.PRC64):
        wanted = [0] * 6
        wanted[place] += 2
        wanted[5] += mixed
        assert [counters.read(first + 4 * step) for step in range(6)] == wanted


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from([reg.GPTC, reg.MPC]), st.integers(0, 1 << 33)),
        st.tuples(st.just("read"), st.sampled_from([reg.GPTC, reg.MPC]), st.just(0)),
        st.just(("reset", 0, 0)),
    ),
    max_size=30,
)


@given(STEPS)
def test_a_counter_is_what_came_since_it_was_read_or_reset(steps: list[tuple[str, int, int]]) -> None:
    """Whatever is added, read and reset in between, a counter of its own for each register would say the same."""
    counters = Statistics()
    since: Counter[int] = Counter()
    total: Counter[int] = Counter()
    for what, register, count in steps:
        if what == "add":
            counters.add(register, count)
            since[register] += count
            total[register] += count
        elif what == "reset":
            counters.reset()
            since.clear()
        else:
            assert counters.read(register) == min(since.pop(register, 0), 0xFFFFFFFF)
        assert all(counters.total[each] == total[each] for each in (reg.GPTC, reg.MPC))


BURSTS = st.lists(
    st.tuples(st.sampled_from([bytes(6), GROUP, BROADCAST]), st.integers(60, 1514)), min_size=1, max_size=12
)


@given(BURSTS)
def test_a_burst_counts_like_its_frames(burst: list[tuple[bytes, int]]) -> None:
    """Sizes, octets, groups and broadcasts are the same whether frames come together or one by one."""
    frames = [destination.ljust(length, b"x") for destination, length in burst]
    together, apart = Statistics(), Statistics()
    together.transmitted(Frames(frames))
    together.received(Frames(frames))
    for each in frames:
        apart.transmitted(Frames([each]))
        apart.received(Frames([each]))
    assert together.total == apart.total
    to = [destination for destination, _ in burst]
    assert (together.total[reg.MPTC], together.total[reg.BPRC]) == (to.count(GROUP), to.count(BROADCAST))


def test_the_card_counts_what_it_sends(host: Host, wire: Listener) -> None:
    """Packets, octets with FCS, groups and broadcasts of good frames, after padding."""
    host.send(frame(0, 40), frame(1, 100, GROUP), frame(2, 100, BROADCAST))
    host.run(10_000)
    assert len(wire.frames) == 3
    counted = {
        name: host.read(getattr(reg, name)) for name in ("GPTC", "TPT", "PTC64", "MPTC", "BPTC", "GOTCL", "TOTL")
    }
    assert counted == {"GPTC": 3, "TPT": 3, "PTC64": 1, "MPTC": 1, "BPTC": 1, "GOTCL": 272, "TOTL": 272}


def test_the_card_counts_what_it_receives(receiver: Host) -> None:
    """Good packets passed the filters; total packets and octets are all that came while receiving was on."""
    receiver.write(reg.RCTL, reg.RCTL_EN | reg.RCTL_SECRC | reg.RCTL_BAM)
    mine = receiver.nic.mac
    receiver.arrive(frame(0, 60, mine), frame(1, 100), frame(2, 100, BROADCAST), frame(3, 1519, mine), at=1, every=1)
    receiver.run(10)
    names = ("GPRC", "TPR", "PRC64", "BPRC", "MPRC", "ROC", "MPC", "GORCL", "TORL")
    counted = {name: receiver.read(getattr(reg, name)) for name in names}
    octets = {"GORCL": 64 + 104, "TORL": 64 + 104 + 104 + 1523}
    assert counted == {"GPRC": 2, "TPR": 4, "PRC64": 1, "BPRC": 1, "MPRC": 0, "ROC": 1, "MPC": 0, **octets}


def test_groups_are_counted_apart_from_broadcasts(receiver: Host) -> None:
    """A multicast that passes counts in MPRC, a broadcast in BPRC, neither in both."""
    receiver.write(reg.RCTL, reg.RCTL_EN | reg.RCTL_MPE)
    receiver.arrive(frame(0, 60, GROUP), frame(1, 60, BROADCAST), frame(2, 60, GROUP), at=1)
    receiver.run(2)
    assert (receiver.read(reg.MPRC), receiver.read(reg.BPRC)) == (2, 1)


def test_a_missed_frame_is_no_good_packet(receiver: Host) -> None:
    """What found no room on the card counts in MPC, TPR and TOR, not in GPRC and GORC."""
    receiver.write(reg.PBA, 1)
    receiver.write(reg.RDT, 0)
    receiver.arrive(*[frame(number, 500) for number in range(3)], at=1, every=1)
    receiver.run(10)
    names = ("MPC", "GPRC", "TPR", "GORCL", "TORL")
    counted = {name: receiver.read(getattr(reg, name)) for name in names}
    assert counted == {"MPC": 1, "GPRC": 2, "TPR": 3, "GORCL": 2 * 504, "TORL": 3 * 504}
