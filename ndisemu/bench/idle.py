"""Mode `idle`: what NICs cost that nobody uses, beside two hosts that are busy.

An idle NIC is initialized, has a link, and is looked at by a hang check every
two seconds. The busy hosts fill a gigabit cable for as long. What is counted
is calls, of Python's functions and of those written in C: unlike time they
are the same in every run, but for a few dozen that Python's own caches take.
"""

import gc
from collections.abc import Mapping, Sequence
from cProfile import Profile
from dataclasses import dataclass
from random import Random
from typing import Final

from ndisemu.bench.options import Options
from ndisemu.bench.section import Column, Section, Target, Value
from ndisemu.drivers.protocols import Flow, Generator, Station
from ndisemu.drivers.ring import RingMiniport
from ndisemu.errors import InternalError
from ndisemu.kernel import run
from ndisemu.machine import Emulation
from ndisemu.units import SECOND

IDLE: Final = (0, 100, 1000)
NICS_OF_A_HOST: Final = 8
RINGS: Final = {"tx_ring": 64, "rx_ring": 64}
# Interrupts of the busy hosts are moderated, as on any busy host: the less they do themselves, the more idle NICs show.
BUSY: Final = {"tx_ring": 256, "rx_ring": 256, "itr": 200_000}
MOST_PERCENT: Final = 1.0
# Frames of 1500 bytes that a gigabit cable carries in a little more than one interval of hang checks.
FRAMES: Final = 168_000
SIZE: Final = 1500
BURST: Final = 64


@dataclass(frozen=True, slots=True)
class Count:
    """What one run took: calls, items of the kernel, and nanoseconds of virtual time."""

    calls: int
    events: int
    virtual_ns: int


def idle(options: Options, numbers: Sequence[int] = IDLE, frames: int = FRAMES) -> Section:
    """Count what idle NICs cost two busy hosts, in calls.

    The first of `numbers` is the reference.
    """
    # Python looks some things up once for a process; the first run would pay for it.
    run(_count(0, BURST))
    counts: dict[int, Count] = {}
    for number in numbers:
        gc.collect()
        counts[number] = run(_count(number, frames))
        options.progress(len(counts), len(numbers))
    rows = [_row(number, counts[number], counts[numbers[0]]) for number in numbers]
    return Section(
        name="idle",
        title="Idle NICs beside two busy hosts",
        columns=(
            Column("idle", "idle NICs", ",d"),
            Column("calls", "calls", ",d"),
            Column("events", "kernel events", ",d"),
            Column("calls_per_check", "calls/NIC and check", ".1f"),
            Column("added_percent", "added, %", ".3f"),
        ),
        rows=tuple(rows),
        targets=tuple(
            Target(
                f"calls added by {row['idle']} idle NICs",
                "%",
                MOST_PERCENT,
                float(row["added_percent"] or 0),
                at_most=True,
            )
            for row in rows[-1:]
        ),
        notes=(
            f"Busy: {frames} frames of {SIZE} bytes in bursts of {BURST} from one host to another at 1 Gbit/s",
            f"Virtual time: {counts[numbers[0]].virtual_ns / SECOND:.2f} s; the busy hosts take an interrupt every 200 us",
            f"Idle: initialized, link up, looked at by a hang check every 2 s; {NICS_OF_A_HOST} to a host",
            "Calls: of functions in Python and in C, counted by the profiler; the same in every run, but for some dozens",
        ),
    )


def _row(number: int, count: Count, reference: Count) -> Mapping[str, Value]:
    added = count.calls - reference.calls
    checks = number * (count.virtual_ns // (2 * SECOND))
    return {
        "idle": number,
        "calls": count.calls,
        "events": count.events,
        "virtual_ns": count.virtual_ns,
        "calls_per_check": round(added / checks, 2) if checks else None,
        "added_percent": round(100 * added / reference.calls, 4),
    }


async def _count(idle_nics: int, frames: int) -> Count:
    """Let the busy hosts send beside so many idle NICs, and count."""
    async with Emulation() as emulation:
        busy = [emulation.host(name) for name in ("a", "b")]
        near, far = (host.nic("eth0", RingMiniport, parameters=BUSY) for host in busy)
        emulation.connect(near, far)
        flow = Flow("busy")
        source = Generator(
            Random(1), source=near.mac, destination=far.mac, frames=frames, sizes=[SIZE], burst=BURST, window=2 * BURST
        )
        station = Station("generator", sources=[(source, flow)])
        await busy[1].bind_protocol("eth0", Station("sink", flows=[flow]))
        await busy[0].bind_protocol("eth0", station)
        await _add_idle(emulation, idle_nics)
        await emulation.idle()
        profile, before, began = Profile(), emulation.kernel.progress, emulation.now
        profile.enable()
        busy[0].cpus[0].queue_thread(station.start)
        await emulation.idle()
        profile.disable()
        if flow.intact != frames or emulation.findings:
            raise InternalError(f"beside {idle_nics} idle NICs not all arrived as they were sent: {flow!r}")
        calls = sum(entry.callcount for entry in profile.getstats())
        return Count(calls, emulation.kernel.progress - before, emulation.now - began)


async def _add_idle(emulation: Emulation, number: int) -> None:
    """Add hosts with so many NICs, each on a cable to the next, and start them."""
    hosts = [emulation.host(f"idle{place}") for place in range(-(-number // NICS_OF_A_HOST))]
    slots = [
        hosts[place // NICS_OF_A_HOST].nic(f"eth{place}", RingMiniport, parameters=RINGS) for place in range(number)
    ]
    for a, b in zip(slots[::2], slots[1::2], strict=True):
        emulation.connect(a, b)
    for slot in slots:
        await slot.host.start(slot.short_name)
