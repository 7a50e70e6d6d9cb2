"""Claims about what joins cables: the order and the times of frames, the queues, and the books."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import UsageError
from ndisemu.kernel import Kernel
from ndisemu.kernel.kernel import FOREVER
from ndisemu.link import Hub, Relay, Switch
from tests.link.conftest import Office, address, frame

G = 1_000_000_000
Sent = tuple[int, int, list[bytes]]


@dataclass
class Model:
    """The same switch, frame by frame: nothing is grouped, and every time is a fraction until it is told."""

    rates: Sequence[int | None]
    delays: Sequence[int]
    latency: int
    queue: int
    ageing: int

    def run(self, sent: Sequence[Sent]) -> tuple[list[list[tuple[bytes, int]]], dict[str, int]]:
        """Return what arrives at each host and when, and how many frames ended how."""
        count = len(self.rates)
        free_in, free_out = ([Fraction(0)] * count for _ in range(2))
        arrivals = [
            (self._carry(free_in, port, sent_at, data), port, data) for sent_at, port, burst in sent for data in burst
        ]
        told: list[list[tuple[bytes, int]]] = [[] for _ in range(count)]
        starts: list[list[int]] = [[] for _ in range(count)]
        heard: dict[bytes, tuple[int, int]] = {}
        ends = dict.fromkeys(("forwarded", "flooded", "copies", "runt", "reserved", "same_port", "queue_full"), 0)
        for when, port, data in sorted(arrivals, key=lambda arrival: arrival[0]):
            how, targets = self._route(heard, when, port, data)
            ends[how] += 1
            ends["copies"] += len(targets) * (how == "flooded")
            for target in targets:
                ready = when + self.latency
                if sum(start > ready for start in starts[target]) >= self.queue:
                    ends["queue_full"] += 1
                    continue
                starts[target].append(int(max(free_out[target], Fraction(ready))))
                told[target].append((data, self._carry(free_out, target, ready, data)))
        return told, ends

    def _route(
        self, heard: dict[bytes, tuple[int, int]], when: int, port: int, data: bytes
    ) -> tuple[str, Sequence[int]]:
        if len(data) < 60:
            return "runt", []
        for known, (_, last) in [*heard.items()]:
            if when - last >= self.ageing:
                del heard[known]
        if not data[6] & 1:
            heard[data[6:12]] = (port, when)
        target, _ = heard.get(data[:6], (None, 0))
        if target == port:
            return "same_port", []
        if target is not None:
            return "forwarded", [target]
        if data.startswith(bytes.fromhex("0180c20000")) and data[5] < 16:
            return "reserved", []
        return "flooded", [other for other in range(len(self.rates)) if other != port]

    def _carry(self, free: list[Fraction], port: int, earliest: int, data: bytes) -> int:
        rate = self.rates[port]
        if rate is None:
            return earliest + self.delays[port]
        start = max(free[port], Fraction(earliest))
        end = start + Fraction((8 + len(data) + 4) * 8 * G, rate)
        free[port] = end + Fraction(12 * 8 * G, rate)
        return int(end) + self.delays[port]


addresses = st.one_of(
    st.integers(0, 4).map(address), st.sampled_from([b"\xff" * 6, bytes.fromhex("0180c2000003"), b"\x03\0\0\0\0\1"])
)
sizes = st.sampled_from([20, 60, 60, 60, 300, 1514])
frames = st.builds(frame, addresses, addresses, sizes)
bursts = st.tuples(st.integers(0, 4000), st.integers(0, 3), st.lists(frames, min_size=1, max_size=6))


@given(
    rates=st.lists(st.sampled_from([None, G, 100_000_000, 999_999_937]), min_size=4, max_size=4),
    delays=st.lists(st.sampled_from([0, 0, 1, 700, 5000]), min_size=4, max_size=4),
    latency=st.sampled_from([0, 1, 2000]),
    queue=st.integers(1, 4),
    ageing=st.sampled_from([1, 900, 5000, FOREVER]),
    gaps=st.lists(bursts, max_size=12),
)
def test_a_switch_does_what_one_that_handles_frame_by_frame_does(
    rates: list[int | None], delays: list[int], latency: int, queue: int, ageing: int, gaps: list[Sent]
) -> None:
    """Whatever is sent when over whatever cables, each frame arrives where and when it should, or is counted as dropped."""
    now, sent = 0, []
    for number, (gap, port, burst) in enumerate(gaps):
        now += gap
        sent.append((now, port, [data[:-2] + bytes([number, place]) for place, data in enumerate(burst)]))
    kernel = Kernel()
    switch = Switch(kernel, "sw", latency=latency, queue=queue, ageing=ageing)
    office = Office(kernel, switch, rates, delays)
    for when, port, burst in sent:
        office.send_at(when, port, burst)
    kernel.run(FOREVER, 10**6)

    told, ends = Model(rates, delays, latency, queue, ageing).run(sent)

    assert office.told == told
    counts = switch.count()
    counted = {"forwarded": counts.forwarded, "flooded": counts.flooded, "copies": counts.copies, **counts.drops}
    assert counted == {**ends, "no_port": 0}
    _check_books(switch)


def _check_books(relay: Relay) -> None:
    counts = relay.count()
    drops = sum(counts.drops.values()) - counts.drops["queue_full"]
    assert counts.frames_in == counts.forwarded + counts.flooded + drops
    assert counts.forwarded + counts.copies == counts.frames_out + counts.drops["queue_full"]


def test_a_burst_that_has_arrived_is_passed_on_at_once_and_whole() -> None:
    """Over unpaced cables a burst leaves as one burst for each port, and nothing is entered in the calendar."""
    kernel = Kernel()
    office = Office(kernel, Switch(kernel, "sw"), [None] * 3)
    office.send(1, frame(address(0), address(1)))
    office.send(0, *[frame(address(1), address(0))] * 3, *[frame(address(2), address(0))] * 2)
    assert [host.bursts for host in office.hosts] == [[1], [5], [1, 2]]
    assert (len(kernel.calendar), len(kernel.ready)) == (0, 0)


def test_a_frame_leaves_when_its_last_bit_has_come_and_not_with_its_burst() -> None:
    """Store-and-forward: behind a switch each frame of a burst is one transmission and one latency later than before it."""
    kernel = Kernel()
    office = Office(kernel, Switch(kernel, "sw", latency=2000), [G] * 2, [500] * 2)
    office.send_at(0, 0, [frame(address(1), address(0), 60)] * 64)
    kernel.run(FOREVER, 10**6)
    assert [when for _, when in office.told[1]] == [672 * place + 2 * (576 + 500) + 2000 for place in range(64)]


def test_what_is_coming_is_looked_at_once_for_two_flights() -> None:
    """A burst that is shorter than two flights over the cable costs one event, however many frames it has."""
    kernel = Kernel()
    office = Office(kernel, Hub(kernel, "hub"), [G] * 2, [25_000] * 2)
    office.send(0, *[frame(address(1), address(0), 60)] * 64)
    assert len(kernel.calendar) == 1
    assert kernel.run(FOREVER, 1) is False
    assert office.hosts[1].bursts == [64]


def test_bursts_that_overlap_leave_in_the_order_of_their_frames() -> None:
    """Of two hosts that send at once to a third, neither waits for the end of the other's burst."""
    kernel = Kernel()
    office = Office(kernel, Hub(kernel, "hub"), [G] * 3)
    for port in (0, 1):
        office.send_at(port, port, [frame(address(2), address(port), 60)] * 3)
    kernel.run(FOREVER, 10**6)
    assert [data[6:12] for data, _ in office.told[2]] == [address(0), address(1)] * 3


def test_a_full_queue_drops_what_comes_last() -> None:
    """A port that is slower than what comes in keeps as many frames as it has room for, and counts the rest."""
    kernel = Kernel()
    switch = Switch(kernel, "sw", queue=4)
    office = Office(kernel, switch, [G, 10_000_000])
    office.send_at(0, 0, [frame(address(1), address(0), 60)] * 20)
    kernel.run(FOREVER, 10**6)
    assert len(office.told[1]) == 5
    assert switch.count().drops["queue_full"] == 15
    assert [port.dropped for port in switch.ports] == [0, 15]
    _check_books(switch)


def test_a_burst_longer_than_the_queue_stays_together_where_nothing_waits() -> None:
    """Over a cable without pace no frame waits, so none is dropped and the burst is not taken apart."""
    kernel = Kernel()
    office = Office(kernel, Switch(kernel, "sw", queue=4), [None] * 2)
    office.send(0, *[frame(address(1), address(0))] * 20)
    assert office.hosts[1].bursts == [20]


@pytest.mark.parametrize("kind", [Switch, Hub])
def test_a_port_without_a_carrier_gets_nothing(kind: type[Relay]) -> None:
    """What is for everybody goes to the ports that are up; with none of those it is dropped, and counted."""
    kernel = Kernel()
    relay = kind(kernel, "box")
    office = Office(kernel, relay, [None] * 3)
    office.cables[2].down()
    office.send(0, frame(b"\xff" * 6, address(0)))
    office.cables[1].down()
    office.send(0, frame(b"\xff" * 6, address(0)))
    assert [len(told) for told in office.told] == [0, 1, 0]
    assert (relay.flooded, relay.copies, relay.count().drops["no_port"]) == (1, 1, 1)
    assert repr(relay) == f"<{kind.__name__} box: 1 of 3 ports up, 0 forwarded, 1 flooded>"
    assert repr(relay.ports[1]) == "<RelayPort box.2 down>"


def test_what_came_before_the_carrier_went_is_passed_on() -> None:
    """A frame that has arrived when some cable is cut leaves through the others at its time."""
    kernel = Kernel()
    office = Office(kernel, Switch(kernel, "sw", latency=10_000), [G] * 3)
    office.send_at(0, 0, [frame(address(1), address(0), 60)])
    kernel.run(5_000, 100)
    office.cables[2].down()
    kernel.run(FOREVER, 100)
    assert office.told[1] == [(frame(address(1), address(0), 60), 2 * 576 + 10_000)]


@pytest.mark.parametrize("wrong", [{"queue": 0}, {"latency": -1}])
def test_a_relay_that_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    """A queue without room for one frame and a negative latency are the user's mistake."""
    with pytest.raises(UsageError, match="hub1 must have room for a frame"):
        Hub(Kernel(), "hub1", **wrong)
