"""Mode `storm`: many hosts on one switch, and what each frame costs for each cable that it crosses.

Every host sends: all at once to the next in a ring, or one after the other to
everybody, as no ring has room for what all others broadcast at one instant. A frame-hop is
one frame over one cable, so a frame from host to host makes two, and one that
a switch floods to n - 1 hosts makes n. If nothing in the emulation looks at
all hosts, or at all NICs, for each burst, a frame-hop costs as much among 64
hosts as between two.

Over cables without pace each burst is one event, and time does not pass.
Before the clock starts every host has used each of its buffers once, for
memory is dear when it is touched first, and the switch has learned all
addresses. Every frame is compared on arrival.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from statistics import median
from time import process_time_ns
from typing import Final, Literal, TypeAlias

from ndisemu.bench.measure import in_turn
from ndisemu.bench.options import Options
from ndisemu.bench.section import Column, Section, Target, Value
from ndisemu.drivers.protocols import Broadcast, Flow, Generator, Station
from ndisemu.drivers.ring import RingMiniport
from ndisemu.errors import InternalError
from ndisemu.frame.ethernet import BROADCAST
from ndisemu.kernel import run
from ndisemu.link import Switch
from ndisemu.machine import Emulation, Host

Kind: TypeAlias = Literal["unicast", "broadcast"]

KINDS: Final[tuple[Kind, ...]] = ("unicast", "broadcast")
HOSTS: Final = (2, 8, 64)
MOST_TIMES_AS_DEAR: Final = 1.3
RINGS: Final = {"tx_ring": 256, "rx_ring": 256}
WINDOW: Final = 128
# Frames with which every host goes through its buffers once: 512 to receive into.
WARM_UP: Final = 512
SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Storm:
    """So many hosts on a switch, which together send about `frames` frames, or as many as all of them together hear."""

    hosts: int
    kind: Kind
    size: int
    burst: int
    frames: int

    @property
    def each(self) -> int:
        """How many frames each host sends: whole bursts, at least one."""
        copies = 1 if self.kind == "unicast" else self.hosts - 1
        return max(self.frames // (self.hosts * copies * self.burst), 1) * self.burst

    @property
    def warm_up(self) -> int:
        """How many frames each host sends before: whole bursts, so that each hears enough."""
        heard = 1 if self.kind == "unicast" else self.hosts - 1
        return -(-WARM_UP // (heard * self.burst)) * self.burst

    @property
    def hops(self) -> int:
        """How many frame-hops come of it."""
        return self.hosts * self.each * (2 if self.kind == "unicast" else self.hosts)


def storm(options: Options, hosts: Sequence[int] = HOSTS) -> Section:
    """Measure many hosts on one switch, beside two.

    In the largest of the bursts; the first number of `hosts` is the reference.
    """
    burst = max(options.bursts)
    cases = [Storm(*case, burst, options.frames) for case in product(hosts, KINDS, options.sizes)]
    costs = _measure(cases, options)
    rows = [_row(case, costs, hosts[0]) for case in cases]
    return Section(
        name="storm",
        title="Hosts on one switch: cost per frame and cable",
        columns=(
            Column("kind", "frames", role="case"),
            Column("size", "size, B", role="case"),
            Column("hosts", "hosts", ",d", role="case"),
            Column("ns_per_hop", "ns/frame-hop", ",d"),
            Column("hops_per_cpu_s", "frame-hops/CPU s", ",d", role="rate"),
            Column("times", f"of {hosts[0]} hosts", ".2f"),
        ),
        rows=tuple(rows),
        targets=tuple(
            Target(
                f"{row['hosts']} hosts, unicast, {row['size']} B, burst {burst}: cost beside {hosts[0]} hosts",
                "times",
                MOST_TIMES_AS_DEAR,
                float(row["times"] or 0),
                at_most=True,
            )
            for row in rows
            if row["kind"] == "unicast" and row["hosts"] == max(hosts)
        ),
        notes=(
            "A frame-hop is one frame over one cable: two from host to host, n where a switch floods to n - 1 hosts",
            f"Bursts of {burst}, `ring` miniports, rings of {RINGS['rx_ring']}, cables without pace, build free",
            "The switch has learned every address, and every buffer been used, before; every frame is compared on arrival",
            f"Cost: the median of {options.runs} runs; beside the first number of hosts: the median of pairs of runs",
        ),
    )


def _measure(cases: Sequence[Storm], options: Options) -> Mapping[Storm, Sequence[float]]:
    """Return the CPU nanoseconds per frame-hop of each case, run by run; the cases take turns."""
    run(_blow(cases[0]))
    taken = in_turn(cases, options.runs, lambda case: run(_blow(case)) / case.hops, options.progress)
    return dict(zip(cases, taken, strict=True))


def _row(case: Storm, costs: Mapping[Storm, Sequence[float]], reference: int) -> Mapping[str, Value]:
    beside = Storm(reference, case.kind, case.size, case.burst, case.frames)
    cost = median(costs[case])
    return {
        "kind": case.kind,
        "size": case.size,
        "hosts": case.hosts,
        "burst": case.burst,
        "ns_per_hop": round(cost),
        "hops_per_cpu_s": round(1e9 / cost),
        "times": round(median(mine / theirs for mine, theirs in zip(costs[case], costs[beside], strict=True)), 3),
        "frames": case.hosts * case.each,
        "hops": case.hops,
    }


class Ration:
    """A source that hands out no more than it is allowed so far (`protocols.Source`)."""

    def __init__(self, source: Generator) -> None:
        self.window = source.window
        self.longest = source.longest
        self.burst = source.burst
        self.frames_per_list = source.frames_per_list
        self.priorities = source.priorities
        self.cpu = source.cpu
        self.allowed = 0
        self._source = source

    @property
    def due(self) -> int | None:
        """When the next burst may go."""
        return self._source.due if self.allowed > 0 else None

    def next(self) -> tuple[Sequence[bytes], Sequence[bytes]]:
        """Return the next burst."""
        burst = self._source.next()
        self.allowed -= len(burst[0])
        return burst


async def _blow(case: Storm) -> int:
    """Let every host send, until nothing is left to do; returns the CPU time of that."""
    async with Emulation(seed=SEED) as emulation:
        switch = emulation.switch("sw")
        hosts = [emulation.host(f"h{number}") for number in range(case.hosts)]
        for host in hosts:
            emulation.connect(host.nic("eth0", RingMiniport, parameters=RINGS), switch, rate=None)
        flows = [Flow(host.name) for host in hosts]
        sources = [_source(case, place, hosts) for place in range(case.hosts)]
        stations = [_station(case, place, source, flows) for place, source in enumerate(sources)]
        for host, station in zip(hosts, stations, strict=True):
            await host.bind_protocol("eth0", station)
        for port, host in zip(switch.ports, hosts, strict=True):
            switch.addresses.learn(host.slots["eth0"].mac, port.number, emulation.now)
        for source in sources:
            source.allowed = case.warm_up
        await _send(case, emulation, stations)
        for source in sources:
            source.allowed = case.each
        started = process_time_ns()
        await _send(case, emulation, stations)
        cpu_ns = process_time_ns() - started
        _check(case, flows, switch, emulation)
        return cpu_ns


async def _send(case: Storm, emulation: Emulation, stations: Sequence[Station]) -> None:
    """Let the stations send what they may."""
    for host, station in zip(emulation.hosts.values(), stations, strict=True):
        host.cpus[0].queue_thread(station.start)
        if case.kind == "broadcast":
            await emulation.idle()
    await emulation.idle()


def _source(case: Storm, place: int, hosts: Sequence[Host]) -> Ration:
    """Return what a host sends, to the next one or to all."""
    neighbour = hosts[(place + 1) % case.hosts]
    generator = Generator(
        Random(f"{SEED}/{place}"),
        source=hosts[place].slots["eth0"].mac,
        destination=neighbour.slots["eth0"].mac if case.kind == "unicast" else BROADCAST,
        frames=case.warm_up + case.each,
        sizes=[case.size],
        burst=case.burst,
        window=WINDOW,
    )
    return Ration(generator)


def _station(case: Storm, place: int, source: Ration, flows: Sequence[Flow]) -> Station:
    """Return the station of a host: what it sends is expected by the next one, or by all others."""
    others = [*flows[place + 1 :], *flows[:place]]
    told = others[0] if case.kind == "unicast" else Broadcast(others)
    return Station(f"station {place}", sources=[(source, told)], flows=[flows[place]])


def _check(case: Storm, flows: Sequence[Flow], switch: Switch, emulation: Emulation) -> None:
    """Refuse the figure of a storm that was not perfect."""
    each = (case.warm_up + case.each) * (1 if case.kind == "unicast" else case.hosts - 1)
    wrong = [flow for flow in flows if flow.intact != each or flow.lost or flow.altered or flow.unexpected]
    if wrong or emulation.findings or sum(switch.count().drops.values()):
        raise InternalError(f"in a storm of {case} not all arrived as they were sent: {wrong[:3]}, {switch!r}")
