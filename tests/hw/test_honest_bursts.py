"""The claim that makes bursts legal: nobody on the host can tell them from frames that come one by one.

Two worlds get the same schedule. In one, cards and cable are as they are: bursts travel whole, and a card wakes up
only when an arrival can matter. In the other every frame is handed to the cable by itself and reaches its card in an
event of its own, at its own nanosecond. Whatever a driver can look at must be the same in both.
"""

import zlib
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Final

import pytest
from hypothesis import given, settings, strategies as st

from ndisemu.hw import Nic, registers as reg
from ndisemu.kernel import Costs, Dpc
from ndisemu.link import CableEnd
from tests.hw.conftest import COUNT, LAST, RECEIVE, SLOT, Bench, Host, frame, serviced

QUIET: Final = 20_000_000
"""How long after the last step everything has come to rest, in ns: a ring and a FIFO full take 6 ms at 100 Mbit/s."""

COUNTERS: Final = (reg.MPC, reg.RNBC, reg.ROC, reg.GPRC, reg.TPR, reg.TORL, reg.GPTC)

Seen = tuple[object, ...]


class OneByOneEnd(CableEnd):
    """An end of a cable that sends every frame of a burst by itself."""

    __slots__ = ()

    def transmit(self, frames: Sequence[bytes]) -> tuple[Sequence[int], int]:
        """Send frame after frame."""
        starts: list[int] = []
        last = 0
        for each in frames:
            start, last = super().transmit([each])
            starts += start
        return starts, last


class OneByOnePort:
    """What stands between a cable and its card, and hands over each frame when it arrives, in an event of its own.

    Frames that are due also get there before any code of the host runs, as nothing on a host is earlier than the
    frame that arrives at the same nanosecond.
    """

    def __init__(self, host: Host) -> None:
        self._kernel = host.kernel
        self._nic: Nic = host.nic
        self._due: deque[tuple[bytes, int]] = deque()
        self.carrier = host.nic.carrier
        host.cpu.settlers.insert(0, self._deliver)

    def arrive(self, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Keep the frames until their times."""
        for each, when in zip(frames, times, strict=True):
            self._due.append((each, when))
            self._kernel.call_at(when, self._deliver)

    def _deliver(self) -> None:
        while self._due and self._due[0][1] <= self._kernel.now:
            each, when = self._due.popleft()
            self._nic.arrive([each], [when])
            self._nic.rx.settle()


@dataclass(frozen=True)
class Setting:
    """What both hosts and their cable are like in one example."""

    rate: int | None
    delay: int
    rctl: int
    packet_buffer: int
    ims: int
    masks: bool
    unmask_after: int
    refills: bool
    costs: tuple[int, int]


class Driver:
    """A driver that writes down all it can see: causes, heads, descriptors, buffers, and when."""

    def __init__(self, host: Host, setting: Setting) -> None:
        self.host = host
        self.setting = setting
        self.seen: list[Seen] = []
        self.runs: list[int] = []
        host.cpu.costs = Costs(isr=setting.costs[0], dpc=setting.costs[1])
        host.nic.rx.received = lambda frames, _: self.runs.append(len(frames))
        self.work = Dpc(self.dpc)
        host.write(reg.PBA, setting.packet_buffer)
        host.start(rctl=setting.rctl)
        serviced(host, self.isr)
        host.write(reg.IMS, setting.ims)

    def isr(self, causes: int) -> None:
        """Note the causes, mask if that is its way, and ask for the DPC."""
        host = self.host
        self.seen.append(("isr", host.kernel.now, causes, host.read(reg.RDH)))
        if self.setting.masks:
            host.write(reg.IMC, 0x1FFFF)
        self.work.queue(host.cpu)

    def dpc(self) -> None:
        """Note the rings and buffers, give descriptors back, unmask now or later."""
        self.look()
        if self.setting.refills:
            self.refill(COUNT)
        if self.setting.masks:
            self.later(self.setting.unmask_after, lambda: self.host.write(reg.IMS, self.setting.ims))

    def look(self) -> None:
        """Note everything in memory that the card may have changed."""
        host = self.host
        buffers = host.memory.map[host.rx_buffers.address : host.rx_buffers.end]
        rings = (host.rx_ring.read_status(0, COUNT), host.sent())
        self.seen.append(("dpc", host.kernel.now, zlib.crc32(buffers), *rings, host.read(reg.RDH), host.read(reg.TDH)))

    def count(self) -> None:
        """Note the statistics and the causes."""
        values = [self.host.read(offset) for offset in (*COUNTERS, reg.ICR)]
        self.seen.append(("count", self.host.kernel.now, values))

    def refill(self, most: int) -> None:
        """Take up to `most` used descriptors off the ring, and give them to the card again."""
        host = self.host
        while most and host.rx_ring.read_status(host.rx_next, 1)[0] & reg.RX_DD:
            host.rx_ring.write(host.rx_next, [host.rx_buffers.address + SLOT * host.rx_next, 0])
            host.rx_next = (host.rx_next + 1) % COUNT
            most -= 1
        host.write(reg.RDT, (host.rx_next - 1) % COUNT)

    def send(self, lengths: list[int]) -> None:
        """Send as many frames as the ring has room for."""
        host = self.host
        room = (host.read(reg.TDH) - host.tx_next - 1) % COUNT
        host.send(*[frame(len(self.seen) + place, length) for place, length in enumerate(lengths[:room])], command=LAST)

    def write(self, register: int, value: int) -> None:
        """Write a register."""
        self.host.write(register, value)

    def later(self, pause: int, action: Callable[[], None]) -> None:
        """Do something at DISPATCH_LEVEL after a while."""
        cpu = self.host.cpu
        self.host.kernel.call_at(self.host.kernel.now + pause, lambda: cpu.queue_dpc(Dpc(action)))


Step = tuple[int, int, str, int, list[int]]


def act(driver: Driver, name: str, value: int, lengths: list[int]) -> None:
    """Do one step of a schedule."""
    match name:
        case "send":
            driver.send(lengths)
        case "refill":
            driver.refill(value % COUNT)
        case "look":
            driver.look()
        case "count":
            driver.count()
        case "ITR":
            driver.write(reg.ITR, value % 40)
        case "RCTL":
            driver.write(reg.RCTL, driver.setting.rctl ^ (reg.RCTL_EN if value % 3 == 0 else 0))
        case _:
            driver.write(getattr(reg, name), value & 0x1FFFF)


def world(setting: Setting, steps: Sequence[Step], *, one_by_one: bool) -> tuple[list[list[Seen]], list[int]]:
    """Run a schedule; returns what each driver saw, and how many frames each card took at a time."""
    with closing(Bench()) as bench:
        a, b = bench.host("a"), bench.host("b")
        cable = bench.cable(rate=setting.rate, delay=setting.delay)
        if one_by_one:
            cable.a, cable.b = (OneByOneEnd(cable, lambda: bench.kernel.now) for _ in range(2))
            cable.a.peer, cable.b.peer = cable.b, cable.a
        a.nic.plug(cable.a)
        b.nic.plug(cable.b)
        cable.plug(*((OneByOnePort(a), OneByOnePort(b)) if one_by_one else (a.nic, b.nic)))
        drivers = [Driver(host, setting) for host in (a, b)]
        when = 0
        for which, pause, name, value, lengths in steps:
            when += pause
            drivers[which].later(when, partial(act, drivers[which], name, value, lengths))
        for driver in drivers:
            driver.later(when + QUIET, driver.look)
            driver.later(when + QUIET, driver.count)
        a.run(when + QUIET)
        for driver in drivers:
            driver.seen.append((driver.host.nic.rx.dropped, driver.host.nic.causes.assertions, driver.host.findings()))
        return [driver.seen for driver in drivers], [run for driver in drivers for run in driver.runs]


RX: Final = reg.RXT0 | reg.RXDMT0 | reg.RXO
MASKS: Final = st.sampled_from([0x1FFFF, RX, reg.RXT0, reg.RXDMT0, reg.RXO, reg.TXDW, reg.TXDW | reg.RXT0, 0])

settings_of_an_example = st.builds(
    Setting,
    rate=st.sampled_from([1_000_000_000, 100_000_000, 2_500_000_000, 3_000_000_000, 999_999_937, None]),
    delay=st.sampled_from([0, 333, 5000]),
    rctl=st.sampled_from(
        [RECEIVE, RECEIVE & ~reg.RCTL_SECRC, RECEIVE | 3 << 16, RECEIVE | 2 << 8, RECEIVE | reg.RCTL_LPE]
    ),
    packet_buffer=st.sampled_from([48, 4]),
    ims=MASKS,
    masks=st.booleans(),
    unmask_after=st.sampled_from([0, 1, 500, 20_000]),
    refills=st.booleans(),
    costs=st.sampled_from([(0, 0), (0, 0), (700, 3000)]),
)
lengths = st.lists(st.sampled_from([60, 60, 61, 300, 1514, 1518, 1519]), min_size=1, max_size=20)
steps = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from([0, 0, 1, 96, 576, 672, 2560, 12_304]) | st.integers(0, 30_000),
        st.sampled_from(["send", "send", "send", "refill", "look", "count", "ITR", "RCTL", "IMS", "IMC", "ICR", "ICS"]),
        MASKS | st.integers(0, 40),
        lengths,
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=200)
@given(settings_of_an_example, steps)
def test_a_driver_cannot_tell_bursts_from_single_frames(setting: Setting, steps: list[Step]) -> None:
    """Causes and times of each ISR, heads, descriptors and buffers at each DPC, counters: all are the same."""
    whole, _ = world(setting, steps, one_by_one=False)
    single, _ = world(setting, steps, one_by_one=True)
    assert whole == single


PLAIN: Final = Setting(1_000_000_000, 0, RECEIVE, 48, 0x1FFFF, True, 0, True, (0, 0))


@pytest.mark.parametrize("one_by_one", [False, True])
def test_the_two_worlds_really_differ_inside(one_by_one: bool) -> None:
    """With throttled interrupts a card takes many frames at a time; in the other world it never takes two."""
    steps: list[Step] = [(1, 0, "ITR", 20, []), (0, 10, "send", 0, [60] * 20), (0, 20_000, "send", 0, [1514] * 20)]
    seen, runs = world(PLAIN, steps, one_by_one=one_by_one)
    assert sum(runs) == 40
    assert (max(runs) == 1) == one_by_one
    assert [entry[1] for entry in seen[1] if entry[0] == "isr"][:4] == [0, 586, 5706, 10_826]
