"""The numbers of a result, by name: what is counted for each NIC and switch, and the books that must balance.

Their names are in `names`.
"""

from collections.abc import Iterable, Mapping, Sequence

from ndisemu.drivers.protocols import Flow
from ndisemu.kernel import Cpu
from ndisemu.link import Relay, Switch
from ndisemu.machine import BaseSlot
from ndisemu.scenario.names import CPU_COUNTERS, NIC_COUNTERS, SWITCH_COUNTERS

Counters = dict[str, int]


def count(slot: BaseSlot, arriving: Sequence[Flow], buffers: Counters) -> Counters:
    """Return all counters of one NIC; `arriving` are the flows that end there, `buffers` those of `count_buffers`."""
    sends, receives, wire = slot.adapter.sends, slot.adapter.receives, slot.count()
    latencies = _latencies(arriving)
    counted = dict.fromkeys(NIC_COUNTERS, 0) | {
        "sends.submitted": sends.submitted,
        "sends.completed": sends.completed,
        "sends.failed": sends.failed,
        "sends.cancelled": sends.cancelled,
        "sends.requeued": sends.requeued,
        "wire.frames_out": wire.frames_out,
        "wire.bytes_out": wire.bytes_out,
        "wire.frames_in": wire.frames_in,
        "wire.too_long": wire.too_long,
        "receives.indicated": receives.indicated,
        "receives.returned": receives.returned,
        "receives.starved": receives.starved,
        "receives.unwanted": receives.unwanted,
        "receives.intact": sum(flow.intact for flow in arriving),
        "receives.corrupt": sum(flow.altered for flow in arriving),
        "receives.late": sum(flow.late for flow in arriving),
        "receives.lost": sum(flow.lost for flow in arriving),
        "receives.unexpected": sum(flow.unexpected for flow in arriving),
        **{f"drops.{reason}": frames for reason, frames in wire.drops.items()},
        "drops.unread": max(wire.kept - receives.indicated, 0),
        **buffers,
        "interrupts": wire.interrupts,
        "lock_wait_ns": slot.adapter.lock.waited if slot.adapter.lock is not None else 0,
        "dpcs": sum(cpu.dpcs_run for cpu in slot.host.cpus),
        "resets": slot.adapter.resetting.count,
        "statuses": slot.adapter.indications.told,
        "latency.median_ns": percentile(latencies, 500),
        "latency.p99_ns": percentile(latencies, 990),
        "latency.max_ns": percentile(latencies, 1000),
    }
    return {name: counted[name] for name in NIC_COUNTERS}


def count_cpu(cpu: Cpu, now: int) -> Counters:
    """Return all counters of one processor, up to `now`; what it is charged beyond that counts for nothing."""
    busy = cpu.spent - max(cpu.busy_until - now, 0)
    counted = {
        "busy_ns": busy,
        "idle_ns": now - busy,
        "lock_wait_ns": cpu.waited,
        "interrupts": cpu.interrupts,
        "dpcs": cpu.dpcs_run,
    }
    return {name: counted[name] for name in CPU_COUNTERS}


def count_buffers(slot: BaseSlot) -> Counters:
    """Return where an adapter's receive packets are, by their owners; before it halts and frees them."""
    adapter = slot.adapter
    resources = adapter.resources
    owners = [packet.owner for pool in resources.packet_pools for packet in pool]
    owners += [nbl.owner for lists in resources.nbl_pools for nbl in lists]
    held = sum(1 for owner in owners if owner is adapter)
    ring = min(slot.count().posted, held)
    return {
        "buffers.pool": len(owners),
        "buffers.ring": ring,
        "buffers.lent": adapter.receives.lent,
        "buffers.free": held - ring,
        "buffers.grown": resources.grown,
    }


def count_switch(relay: Relay) -> Counters:
    """Return all counters of one switch or hub."""
    counts = relay.count()
    table = relay.addresses if isinstance(relay, Switch) else None
    counted = {
        "frames_in": counts.frames_in,
        "forwarded": counts.forwarded,
        "flooded": counts.flooded,
        "copies": counts.copies,
        "frames_out": counts.frames_out,
        "bytes_out": counts.bytes_out,
        "too_long": counts.too_long,
        "learned": 0 if table is None else table.learned,
        "unlearned": 0 if table is None else table.refused,
        **{f"drops.{reason}": frames for reason, frames in counts.drops.items()},
    }
    return {name: counted[name] for name in SWITCH_COUNTERS}


def books(name: str, counters: Mapping[str, int]) -> list[dict[str, str | int | bool]]:
    """Return the identities that must hold for a NIC, each with both sides."""
    total = counters.__getitem__
    identities = (
        (
            "submitted = completed + failed + cancelled",
            total("sends.submitted"),
            total("sends.completed") + total("sends.failed") + total("sends.cancelled"),
        ),
        (
            "frames in = indicated + drops",
            total("wire.frames_in"),
            total("receives.indicated") + sum(value for key, value in counters.items() if key.startswith("drops.")),
        ),
        ("indicated = returned", total("receives.indicated"), total("receives.returned")),
        (
            "ring + lent + free = pool",
            total("buffers.ring") + total("buffers.lent") + total("buffers.free"),
            total("buffers.pool"),
        ),
    )
    return _judged(name, identities)


def switch_books(name: str, counters: Mapping[str, int]) -> list[dict[str, str | int | bool]]:
    """Return the identities that must hold for a switch or hub, each with both sides."""
    total = counters.__getitem__
    drops = sum(value for key, value in counters.items() if key.startswith("drops.")) - total("drops.queue_full")
    identities = (
        (
            "frames in = forwarded + flooded + drops before the queues",
            total("frames_in"),
            total("forwarded") + total("flooded") + drops,
        ),
        (
            "forwarded + copies = frames out + drops at the queues",
            total("forwarded") + total("copies"),
            total("frames_out") + total("drops.queue_full"),
        ),
    )
    return _judged(name, identities)


def _judged(name: str, identities: Iterable[tuple[str, int, int]]) -> list[dict[str, str | int | bool]]:
    return [
        {"nic": name, "identity": text, "left": left, "right": right, "balanced": left == right}
        for text, left, right in identities
    ]


def percentile(latencies: Sequence[tuple[int, int]], permille: int) -> int:
    """Return the value below or at which `permille` of the counted values lie; 0 if there are none."""
    wanted = -(-sum(times for _, times in latencies) * permille // 1000)
    seen = 0
    for value, times in latencies:
        seen += times
        if seen >= wanted:
            return value
    return 0


def _latencies(flows: Iterable[Flow]) -> list[tuple[int, int]]:
    merged: dict[int, int] = {}
    for flow in flows:
        for value, times in flow.latencies.items():
            merged[value] = merged.get(value, 0) + times
    return sorted(merged.items())
