"""Mode `echo`: requests and replies between two hosts over a paced link, under open-loop load.

Latency is virtual time, from the moment at which a request was meant to be
sent until its reply has been indicated, so it is the same on every machine
and in every run; that is checked. What a machine is measured by is the
exchanges per CPU second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from statistics import median
from typing import Final

from ndisemu.bench.conditions import BUILD, describe, drivers_named, timing
from ndisemu.bench.measure import in_turn, percentile, spread
from ndisemu.bench.options import Build, Driver, Options
from ndisemu.bench.passage import REFERENCE, SEED, Rig, Watcher, look_at, refuse_unless_perfect, timed
from ndisemu.bench.path import RING
from ndisemu.bench.section import Chart, Column, Section, Value
from ndisemu.drivers.protocols import Exchanges, Reflector, Reflector6, Requests
from ndisemu.errors import InternalError
from ndisemu.frame.ethernet import FCS, MIN_FRAME
from ndisemu.kernel import run
from ndisemu.link.cable import INTER_FRAME_GAP, PREAMBLE
from ndisemu.machine import Emulation
from ndisemu.ndis import v6
from ndisemu.units import MICROSECOND, MILLISECOND, SECOND, format_count

RATE: Final = 1_000_000_000
DELAY: Final = 5 * MICROSECOND
# Shares of the capacity, which is as many requests as the link carries in a second.
SHARES: Final = (0.1, 0.5, 0.8, 0.9, 0.95)
# An exchange is four interrupts for two frames, which takes as long as many frames in bursts.
FRAMES_PER_EXCHANGE: Final = 10
WARM_UP: Final = 200
# The first request is due when both adapters have long started.
START: Final = MILLISECOND

PERCENTILES: Final = {"p50_ns": 500, "p90_ns": 900, "p99_ns": 990, "p99_9_ns": 999}
"""Keys of the rows, and the thousandths of exchanges that take no longer."""

COLUMNS: Final = (
    Column("size", "size", role="case"),
    Column("driver", "driver", role="case"),
    Column("load", "load", ".0%", role="case"),
    Column("p50_ns", "p50, ns", ",d"),
    Column("p90_ns", "p90, ns", ",d"),
    Column("p99_ns", "p99, ns", ",d"),
    Column("p99_9_ns", "p99.9, ns", ",d"),
    Column("max_ns", "max, ns", ",d"),
    Column("exchanges_per_cpu_s", "exch/CPU s", ",d", role="rate"),
)


@dataclass(frozen=True, slots=True)
class Case:
    """So many exchanges of frames of one size, at a share of what the link carries."""

    size: int
    driver: Driver
    share: float
    count: int
    build: Build

    @property
    def interval(self) -> float:
        """The mean time between requests in ns."""
        octets = PREAMBLE + max(self.size, MIN_FRAME) + FCS + INTER_FRAME_GAP
        return octets * 8 * SECOND / RATE / self.share


@dataclass(frozen=True, slots=True)
class Echo:
    """One run: its CPU time, the latency of each exchange in ns, and the rig."""

    cpu_ns: int
    latencies: tuple[int, ...]
    rig: Rig

    @property
    def rate(self) -> int:
        """Exchanges per CPU second."""
        return len(self.latencies) * SECOND // max(self.cpu_ns, 1)


def echo(options: Options) -> Section:
    """Measure latency of requests and replies over load, in virtual time."""
    options = options.of_miniports()
    count = max(options.frames // FRAMES_PER_EXCHANGE, 1)
    cases = [
        Case(size, driver, share, count, options.build)
        for size, driver, share in product(options.sizes, options.drivers, SHARES)
    ]
    for case in cases[:: len(SHARES)]:
        exchange(Case(case.size, case.driver, case.share, min(count, WARM_UP), case.build))
    taken = in_turn(cases, options.runs, exchange, options.progress)
    rows = [_row(case, runs) for case, runs in zip(cases, taken, strict=True)]
    return Section(
        name="echo",
        title="Request and reply: latency over load in virtual time, every reply verified",
        columns=COLUMNS,
        rows=tuple(rows),
        charts=tuple(_chart(rows, size, options.drivers[0]) for size in options.sizes),
        notes=_notes(options, count, taken[0][0].rig),
    )


def exchange(case: Case) -> Echo:
    """Run one case under the virtual clock; must not be called inside an asyncio loop.

    Raises:
        InternalError: A frame was lost, altered or late, or a rule was broken.
    """
    return run(_exchange(case))


async def _exchange(case: Case) -> Echo:
    watcher = Watcher(case.build)
    async with Emulation(seed=SEED, probe=watcher.probe, verify=watcher.verify) as emulation:
        client, server = emulation.host("a"), emulation.host("b")
        rings = {"tx_ring": RING, "rx_ring": RING}
        miniport, station = REFERENCE[case.driver]
        near, far = (host.nic("eth0", miniport, parameters=rings) for host in (client, server))
        cable = emulation.connect(near, far, rate=RATE, delay=DELAY)
        requests = Requests(
            Random(SEED),
            source=near.mac,
            destination=far.mac,
            count=case.count,
            size=case.size,
            interval=case.interval,
            start=START,
        )
        flow = Exchanges("echo", requests)
        asking = station("client", sources=[(requests, flow)], flows=[flow])
        answering = Reflector6() if issubclass(miniport, v6.Miniport) else Reflector()
        await server.bind_protocol("eth0", answering)
        await client.bind_protocol("eth0", asking)
        rig = look_at(emulation, cable, near, far, requests.window)
        cpu_ns, _ = await timed(emulation, lambda: client.cpus[0].queue_thread(asking.start))
        refuse_unless_perfect(emulation, flow, case.count, asking.failed + answering.failed)
        return Echo(cpu_ns, tuple(flow.exact_latencies()), rig)


def _row(case: Case, runs: Sequence[Echo]) -> dict[str, Value]:
    latencies = runs[0].latencies
    if any(again.latencies != latencies for again in runs):
        raise InternalError(f"two runs of {case} had different latencies in virtual time")
    rates = [each.rate for each in runs]
    return {
        "size": case.size,
        "driver": case.driver,
        "build": case.build,
        "load": case.share,
        **{key: percentile(latencies, permille) for key, permille in PERCENTILES.items()},
        "max_ns": max(latencies),
        "exchanges_per_cpu_s": int(median(rates)),
        "spread": round(spread(rates), 4),
        "exchanges": case.count,
        "runs": len(runs),
    }


def _chart(rows: Sequence[dict[str, Value]], size: int, driver: Driver) -> Chart:
    """Return each percentile over load, for one size and driver."""
    mine = [row for row in rows if (row["size"], row["driver"]) == (size, driver)]
    names = [column for column in COLUMNS if column.key in PERCENTILES]
    lines = {
        column.heading.removesuffix(", ns"): tuple((_plain(row["load"]), _plain(row[column.key])) for row in mine)
        for column in names
    }
    return Chart(f"Latency over load, {size} B, {driver}", "share of capacity", "ns", lines, logarithmic_y=True)


def _plain(value: Value) -> float:
    return value if isinstance(value, int | float) else 0.0


def _notes(options: Options, count: int, rig: Rig) -> tuple[str, ...]:
    path = (
        f"Path: the {drivers_named(options.drivers)} miniport at both ends; a client sends requests, the other host "
        "returns each with its addresses exchanged, and every reply is compared byte for byte"
    )
    load = (
        "Load: the share of the requests that the link could carry; they are due at the times of a Poisson process "
        "with a fixed seed, whatever has become of the ones before"
    )
    latency = (
        "Latency: virtual time from when a request was due until its reply was indicated, the same in every run. What "
        "limits it is the link alone: instructions take no virtual time here, so a latency is two times on the wire, "
        "two delays, and waiting for the wire"
    )
    exchanges = timing(options.runs, f"{format_count(count)} exchanges")
    return (describe(rig), path, load, latency, exchanges, BUILD[options.build])
