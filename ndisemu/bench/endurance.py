"""Endurance: faults at full load, in both directions, at moments that a seed chooses.

Two hosts send to each other as fast as the wire goes, and keep some of what
they receive for a while. In the middle of it one adapter is reset, paused or
pulled out, as `machine.FAULTS` has it; half of the seeds also shuffle the
order of work. What must hold whatever the moment: every packet submitted
comes back exactly once, every buffer lent comes home, the books balance, and
no rule is broken.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Final, TypeAlias

from ndisemu import Emulation, Ring6Miniport, RingMiniport
from ndisemu.bench.talker import Talker, Talker6
from ndisemu.drivers.legacy import LegacyMiniport
from ndisemu.drivers.ring_explicit import ExplicitRingMiniport
from ndisemu.kernel import SeededRandom, run_passive, sleep
from ndisemu.machine import FAULTS, Slot
from ndisemu.ndis import Status, v6
from ndisemu.verifier import Verification

# The fault comes at a moment of the first half of the load, in ns, and what has an end has it as much later.
LATEST: Final = 1_000_000
# How long after the one the other of two faults begins at most, in ns.
CLOSE: Final = 20_000
RING: Final = {"tx_ring": 64, "rx_ring": 64}


class Fault(Enum):
    """What happens to an adapter at full load: a word of `machine.FAULTS`, two at once, or what a protocol does."""

    NONE = "nothing"
    RESET = "reset"
    PROTOCOL_RESET = "NdisReset"
    SURPRISE_REMOVE = "surprise_remove"
    PAUSE = "pause"
    PAUSE_AND_RESET = "pause and reset"


Struck: TypeAlias = RingMiniport | ExplicitRingMiniport | LegacyMiniport | Ring6Miniport
"""A driver that is to endure something."""

DRIVERS: Final[Mapping[str, type[Struck]]] = {
    "ring": RingMiniport,
    "ring-explicit": ExplicitRingMiniport,
    "legacy": LegacyMiniport,
    "ring6": Ring6Miniport,
}

CASES: Final[Mapping[str, tuple[Fault, ...]]] = {
    "ring": (Fault.NONE, Fault.RESET, Fault.PROTOCOL_RESET, Fault.SURPRISE_REMOVE),
    "ring-explicit": (Fault.NONE, Fault.RESET, Fault.PROTOCOL_RESET, Fault.SURPRISE_REMOVE),
    "legacy": (Fault.NONE, Fault.RESET, Fault.PROTOCOL_RESET, Fault.SURPRISE_REMOVE),
    "ring6": (Fault.NONE, Fault.RESET, Fault.PAUSE, Fault.PAUSE_AND_RESET, Fault.SURPRISE_REMOVE),
}
"""What can happen to an adapter of each driver."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run.

    How sends ended on both hosts together, how many packets were the struck adapter's or lent when the fault came,
    and what was wrong.
    """

    ends: Mapping[Status, int]
    received: int
    met: int
    wrong: tuple[str, ...]


async def endure(
    seed: int, driver: str, fault: Fault, frames: int = 2000, verify: Verification | None = None
) -> Outcome:
    """Run one seed under virtual time, in the checked build if there is something to `verify`; `wrong` must be empty."""
    random = Random(f"endurance/{seed}/{driver}/{fault.name}")
    strategy = SeededRandom(Random(f"order/{seed}")) if seed % 2 else None
    async with Emulation(seed=seed, strategy=strategy, warn=False, verify=verify) as emu:
        hosts = [emu.host(name, cpus=1 + seed % 3) for name in ("a", "b")]
        slots = [host.nic("eth0", DRIVERS[driver], parameters=RING) for host in hosts]
        emu.connect(*slots, delay="2us")
        make = Talker6 if issubclass(DRIVERS[driver], v6.Miniport) else Talker
        talkers = [make(random, peer.mac, frames) for peer in reversed(slots)]
        for host, talker in zip(hosts, talkers, strict=True):
            await host.bind_protocol("eth0", talker)
        victim = slots[0]
        await _wait(victim, random.randrange(LATEST))
        met = victim.adapter.sends.in_flight + victim.adapter.receives.lent
        wrong = await _strike(fault, victim, talkers[0], random.randrange(LATEST))
        await emu.idle()
        for slot, talker in zip(slots, talkers, strict=True):
            wrong += _judge(slot, talker, gone=fault is Fault.SURPRISE_REMOVE)
    wrong += [f"{finding.rule}: {finding.text}" for finding in emu.findings]
    wrong += [f"{host.name} kept the {block}" for host in hosts for block in host.memory.blocks]
    ends: dict[Status, int] = {}
    for talker in talkers:
        for status, count in talker.ends.items():
            ends[status] = ends.get(status, 0) + count
    return Outcome(ends, sum(talker.received for talker in talkers), met, tuple(wrong))


async def _wait(slot: Slot, ns: int) -> None:
    """Let time pass on the adapter's CPU."""

    async def pass_time() -> None:
        await sleep(slot.adapter.kernel, ns)

    await run_passive(pass_time, slot.adapter.cpu)


async def _strike(fault: Fault, slot: Slot, talker: Talker | Talker6, lasts: int) -> list[str]:
    """Let the fault happen; returns what is wrong at once."""
    adapter = slot.adapter
    if fault is Fault.NONE:
        return []
    if fault is Fault.PROTOCOL_RESET:
        if not isinstance(talker, Talker):
            return ["a protocol of NDIS 6 has no NdisReset"]
        asked = [await run_passive(talker.binding.reset, adapter.cpu) for _ in range(2)]
        return [] if asked == [Status.PENDING, Status.RESET_IN_PROGRESS] else [f"NdisReset returned {asked}"]
    if fault is Fault.PAUSE_AND_RESET:
        await _pause_and_reset(slot, lasts)
        return []
    begin, end = FAULTS[fault.value].start, FAULTS[fault.value].end
    await begin(slot)
    if end is not None:
        await _wait(slot, lasts)
        await end(slot)
    ended = not adapter.running if fault is Fault.SURPRISE_REMOVE else adapter.running
    return [] if ended else [f"{fault.value} has left {adapter!r}"]


async def _pause_and_reset(slot: Slot, lasts: int) -> None:
    """Pause and reset side by side, the second a little after the first; then restart."""

    async def later(fault: Fault, ns: int) -> None:
        await _wait(slot, ns)
        await FAULTS[fault.value].start(slot)

    first, second = (Fault.PAUSE, Fault.RESET) if lasts % 2 else (Fault.RESET, Fault.PAUSE)
    await asyncio.gather(later(first, 0), later(second, lasts % CLOSE))
    await FAULTS["restart"].start(slot)


def _judge(slot: Slot, talker: Talker | Talker6, *, gone: bool) -> list[str]:
    """Say what does not balance, now that nothing happens any more."""
    sends, receives, driver = slot.adapter.sends, slot.adapter.receives, slot.adapter.miniport
    checks = {
        "nothing is left to send": not talker.left,
        "every packet came back": not talker.out and not sends.in_flight,
        "NDIS and the protocol count the same ends": sum(talker.ends.values()) == sends.submitted,
        "every buffer came home": receives.indicated == receives.returned,
        "frames got across": gone or talker.received > 0,
    }
    if isinstance(driver, Struck) and slot.adapter.running:
        checks["ring + free = pool"] = sum(driver.rx.books) == len(driver.rx.pool.empty)
    return [f"{slot.name}: not so: {text}" for text, holds in checks.items() if not holds] + talker.mistakes
