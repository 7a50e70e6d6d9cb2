"""Mode `footprint`: what a host and a NIC take of memory, at rest and when they have been used.

Two kinds are told apart: Python's heap, as `tracemalloc` counts it, and the
pages of the hosts' memory that have been touched, as Linux accounts for them.
A host's memory is a mapping of 64 MiB of which only touched pages exist, so
neither hosts nor NICs take what they could.
"""

import gc
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final

from ndisemu.bench.memory import ACCOUNT
from ndisemu.bench.options import Driver, Options
from ndisemu.bench.passage import REFERENCE
from ndisemu.bench.section import Column, Section, Value
from ndisemu.drivers.protocols import Flow, Generator
from ndisemu.kernel import run
from ndisemu.machine import Emulation

PAIRS: Final = 4
RINGS: Final = {"tx_ring": 256, "rx_ring": 256}
# More than a NIC has buffers, so that each is used.
FRAMES: Final = 1024
SIZE: Final = 1500
BURST: Final = 64


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes held at one moment; `shared` is None where nobody counts it."""

    python: int
    shared: int | None

    def since(self, before: "Held", parts: int) -> "Held":
        """Return what was added since, for each of so many parts."""
        shared = None if self.shared is None or before.shared is None else (self.shared - before.shared) // parts
        return Held((self.python - before.python) // parts, shared)


def footprint(options: Options, pairs: int = PAIRS) -> Section:
    """Measure the memory that a host and a NIC take."""
    options = options.of_miniports()
    rows: list[Mapping[str, Value]] = []
    for done, driver in enumerate(options.drivers, 1):
        rows += [
            {"what": what, "driver": driver, "python_bytes": held.python, "shared_bytes": held.shared}
            for what, held in run(_measure(driver, pairs))
        ]
        options.progress(done, len(options.drivers))
    return Section(
        name="footprint",
        title="Memory of a host and of a NIC",
        columns=(
            Column("driver", "driver"),
            Column("what", "added"),
            Column("python_bytes", "Python heap, B", ",d"),
            Column("shared_bytes", "host memory touched, B", ",d"),
        ),
        rows=tuple(rows),
        notes=(
            f"Means over {2 * pairs} hosts with a NIC each; rings of {RINGS['rx_ring']}, 64 MiB of memory to a host",
            f"Used: {FRAMES} frames of {SIZE} bytes in bursts of {BURST} each way, so that every buffer in a ring was touched",
            "A station is a protocol of the benchmark's, with its packets and the frames that it sends and expects",
        ),
    )


def shared_now(account: Path = ACCOUNT) -> int | None:
    """Return the resident bytes of shared mappings in this process; None where no account of them is kept."""
    try:
        lines = account.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kibibytes: Iterator[str] = (line.split()[1] for line in lines if line.startswith("RssShmem:"))
    found = next(kibibytes, None)
    return None if found is None else int(found) * 1024


def _held() -> Held:
    gc.collect()
    return Held(tracemalloc.get_traced_memory()[0], shared_now())


async def _measure(driver: Driver, pairs: int) -> Sequence[tuple[str, Held]]:
    """Return what each step adds for each host or NIC, after one pair has shown Python what there is to import."""
    await _steps(driver, 1)
    tracemalloc.start()
    try:
        moments = await _steps(driver, pairs)
    finally:
        tracemalloc.stop()
    return [(what, after.since(before, 2 * pairs)) for (_, before), (what, after) in pairwise(moments)]


async def _steps(driver: Driver, pairs: int) -> list[tuple[str, Held]]:
    """Build so many pairs of hosts, step by step; returns what is held after each step."""
    miniport, station = REFERENCE[driver]
    async with Emulation() as emulation:
        moments = [("", _held())]
        hosts = [emulation.host(f"h{number}") for number in range(2 * pairs)]
        moments.append(("a host", _held()))
        slots = [host.nic("eth0", miniport, parameters=RINGS) for host in hosts]
        for near, far in zip(slots[::2], slots[1::2], strict=True):
            emulation.connect(near, far, rate=None)
        moments.append(("a NIC", _held()))
        for host in hosts:
            await host.start("eth0")
        await emulation.idle()
        moments.append(("a NIC, running", _held()))
        flows = [Flow(host.name) for host in hosts]
        stations = []
        for place, host in enumerate(hosts):
            source = _source(slots[place].mac, slots[place ^ 1].mac)
            stations.append(station(host.name, sources=[(source, flows[place ^ 1])], flows=[flows[place]]))
            await host.bind_protocol("eth0", stations[-1])
        moments.append(("a station", _held()))
        for host, each in zip(hosts, stations, strict=True):
            host.cpus[0].queue_thread(each.start)
        await emulation.idle()
        moments.append(("used", _held()))
    return moments


def _source(source: bytes, destination: bytes) -> Generator:
    return Generator(
        Random(1), source=source, destination=destination, frames=FRAMES, sizes=[SIZE], burst=BURST, window=2 * BURST
    )
