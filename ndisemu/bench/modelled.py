"""Two hosts that talk in both directions, on CPUs whose work takes modelled time: what came of it in virtual time.

Both hosts are alike. CPU 0 takes the interrupts and runs the DPCs behind
them; the senders are on the others, or on CPU 0 where there is no other. What
is counted is a slice of virtual time after everything has started, and the
same on every machine.

Not here: what is varied, and what the figures say; see `duplex`,
`multipacket` and `moderation`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from ndisemu.bench.passage import REFERENCE, SEED, AnyMiniport, AnyStation
from ndisemu.drivers.protocols import Flow, Generator, Station, Station6
from ndisemu.drivers.ring_explicit import ExplicitRingMiniport
from ndisemu.errors import InternalError
from ndisemu.kernel import MEASURED, Costs, Cpu, run
from ndisemu.machine import Emulation, Host, Slot
from ndisemu.units import MILLISECOND, SECOND

DRIVERS: Final[dict[str, tuple[AnyMiniport, AnyStation]]] = {
    **{str(name): kind for name, kind in REFERENCE.items()},
    "ring-explicit": (ExplicitRingMiniport, Station),
}
"""The reference miniports, serialized and not, and the protocol of the generation of each."""
# When the talk and the counting begin; everything has started by then.
START: Final = 10 * MILLISECOND
# More frames than any slice of time has room for.
ENDLESS: Final = 10**9


@dataclass(frozen=True, slots=True)
class Setup:
    """What is run: `offered` frames per second each way in arrays of `burst`, None as many as the window admits.

    `window` packets each way may be in flight, `size` is in bytes without FCS, `itr` the card's interrupt
    moderation and `duration` the slice of time, both in ns. Without `duplex` only the first host sends.
    """

    driver: str
    cpus: int = 2
    offered: int | None = None
    burst: int = 1
    size: int = 60
    window: int = 192
    itr: int = 0
    costs: Costs = MEASURED
    duration: int = 5 * MILLISECOND
    duplex: bool = True

    @property
    def senders(self) -> Sequence[int]:
        """The CPUs that send."""
        return range(1, self.cpus) if self.cpus > 1 else (0,)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: frames per second that arrived, both ways together, and what each CPU of a host did.

    `waiting` and `idle` are shares of the time of the second host's CPUs, `interrupts` those of its card per second;
    `latencies` (ns) of all frames that arrived are sorted.
    """

    goodput: float
    waiting: tuple[float, ...]
    idle: tuple[float, ...]
    interrupts: float
    latencies: tuple[int, ...]


def talk(setup: Setup) -> Outcome:
    """Run `setup` under the virtual clock; must not be called inside an asyncio loop.

    Raises:
        InternalError: A frame was altered, or a rule was broken.
    """
    return run(_talk(setup))


async def _talk(setup: Setup) -> Outcome:
    miniport, station = DRIVERS[setup.driver]
    async with Emulation(seed=SEED) as emulation:
        hosts = [emulation.host(name, cpus=setup.cpus, costs=setup.costs) for name in ("a", "b")]
        near, far = (host.nic("eth0", miniport, parameters={"itr": setup.itr}) for host in hosts)
        emulation.connect(near, far)
        there, back = ([(_source(setup, *ends, cpu), Flow("modelled")) for cpu in setup.senders]
                       for ends in ((near, far), (far, near)))  # fmt: skip
        if not setup.duplex:
            back = []
        stations = [
            station("first", sources=there, flows=[flow for _, flow in back]),
            station("second", sources=back, flows=[flow for _, flow in there]),
        ]
        for host, one in zip(hosts, stations, strict=True):
            await host.bind_protocol("eth0", one)
        for host, one in zip(hosts, stations, strict=True):
            emulation.kernel.submit(lambda host=host, one=one: host.cpus[0].queue_thread(one.start))  # type: ignore[misc]
        await asyncio.sleep((START - emulation.now) / SECOND)
        outcome = await _slice(setup, hosts[1], far, [flow for _, flow in there + back])
        _check(stations, emulation)
        return outcome


def _source(setup: Setup, near: Slot, far: Slot, cpu: int) -> Generator:
    """Make the part of one direction that the sender on `cpu` has; together they offer it evenly."""
    count = len(setup.senders)
    every = None if setup.offered is None else SECOND * setup.burst * count // setup.offered
    return Generator(
        Random(cpu),
        source=near.nic.mac,
        destination=far.nic.mac,
        frames=ENDLESS,
        sizes=[setup.size],
        burst=setup.burst,
        window=max(setup.window // count, setup.burst),
        # Neither host's senders are in step, and the hosts are not.
        start=START + (every or 0) * (2 * setup.senders.index(cpu) + (near.host.number & 1)) // (2 * count),
        every=every,
        cpu=cpu,
    )


async def _slice(setup: Setup, host: Host, slot: Slot, flows: Sequence[Flow]) -> Outcome:
    """Let the slice of time pass; returns what came of it."""
    kernel = host.kernel
    before, waited = [_spent(cpu) for cpu in host.cpus], [cpu.waited for cpu in host.cpus]
    interrupts = slot.adapter.interrupts
    began = kernel.now
    await asyncio.sleep(setup.duration / SECOND)
    passed = kernel.now - began
    latencies = sorted(taken for flow in flows for taken, times in flow.latencies.items() for _ in range(times))
    return Outcome(
        goodput=sum(flow.intact for flow in flows) * SECOND / passed,
        waiting=tuple((cpu.waited - was) / passed for cpu, was in zip(host.cpus, waited, strict=True)),
        idle=tuple(1 - (_spent(cpu) - was) / passed for cpu, was in zip(host.cpus, before, strict=True)),
        interrupts=(slot.adapter.interrupts - interrupts) * SECOND / passed,
        latencies=tuple(latencies),
    )


def _spent(cpu: Cpu) -> int:
    """Return the modelled time that a CPU has spent by now."""
    return cpu.spent - max(cpu.busy_until - cpu.kernel.now, 0)


def _check(stations: Sequence[Station | Station6], emulation: Emulation) -> None:
    """Refuse the figures of a run in which something went wrong; that frames are still under way is not."""
    failed = sum(station.failed for station in stations)
    if failed or emulation.findings:
        found = "; ".join(finding.text for finding in emulation.findings[:3])
        raise InternalError(f"two modelled hosts talked, and {failed} sends failed: {found}")
