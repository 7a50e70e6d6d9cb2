"""The names that a scenario may use for numbers of the result and for faults, each with what it means.

They are fixed, so that an expectation about a counter that does not exist, or
a fault that nothing can do, is found before anything runs, and without
importing what does the counting. The counters stand in the order in which a
result lists them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

NIC_COUNTERS: Final[Mapping[str, str]] = {
    "sends.submitted": "packets, or lists of NDIS 6, that protocols gave to NDIS",
    "sends.completed": "packets or lists that were sent",
    "sends.failed": "packets or lists that were not, by sends.failures with a status each",
    "sends.cancelled": "packets or lists taken back by their protocol, or aborted by a reset",
    "sends.requeued": "times that a serialized miniport had no room for a packet, which NDIS kept",
    "wire.frames_out": "frames that the NIC put on the wire",
    "wire.bytes_out": "their bytes, without FCS",
    "wire.frames_in": "frames that reached the NIC",
    "wire.too_long": "frames that the cable's MTU did not let through",
    "receives.indicated": "packets that the miniport indicated",
    "receives.returned": "packets that it got back",
    "receives.starved": "packets indicated with NDIS_STATUS_RESOURCES, which protocols may not keep",
    "receives.unwanted": "packets that no protocol's filter asked for",
    "receives.intact": "frames of the traffic that arrived as they were sent",
    "receives.corrupt": "frames of the traffic that arrived altered",
    "receives.late": "intact frames that came after one sent later",
    "receives.lost": "frames of the traffic that did not arrive",
    "receives.unexpected": "frames that came twice, or were never sent",
    "drops.disabled": "frames dropped because the receiver was off",
    "drops.filtered": "frames dropped by the card's filter",
    "drops.oversize": "frames dropped as too long for the NIC",
    "drops.missed": "frames dropped for want of descriptors or FIFO",
    "drops.removed": "frames that came when the card was gone",
    "drops.unread": "frames that reached the driver and were never indicated",
    "buffers.pool": "receive packets that the miniport has",
    "buffers.ring": "those that wait below the driver for frames",
    "buffers.lent": "those that protocols hold",
    "buffers.free": "those that the miniport keeps",
    "buffers.grown": "times that the miniport got more of them while it ran",
    "interrupts": "times that the card raised its line",
    "lock_wait_ns": "modelled time that processors waited for the miniport lock",
    "dpcs": "DPCs that the host's CPUs ran",
    "resets": "times that the adapter was to be reset",
    "statuses": "statuses that the protocols were told, of link and reset",
    "latency.median_ns": "from send to arrival, for half of the frames",
    "latency.p99_ns": "from send to arrival, for 99 of 100 frames",
    "latency.max_ns": "from send to arrival, for all frames",
}
"""The numbers of one NIC, which an expectation names as in a.eth0.sends.completed."""

CPU_COUNTERS: Final[Mapping[str, str]] = {
    "busy_ns": "modelled time that its work took, by the costs of its host",
    "idle_ns": "the rest of the run",
    "lock_wait_ns": "what of the busy time went by in waiting for locks",
    "interrupts": "interrupts that it served",
    "dpcs": "DPCs that it ran",
}
"""The numbers of one processor, which an expectation names as in a.cpu0.busy_ns."""

CPU: Final = re.compile(r"cpu[0-9]+")
"""What processors are called within their host, cpu0 and so on, and NICs are not."""

SEND_FAILURES: Final = "sends.failures."
"""What a status stands behind in the name of the number of sends that ended with it."""

SWITCH_COUNTERS: Final[Mapping[str, str]] = {
    "frames_in": "frames that came in at its ports",
    "forwarded": "those that went to the one port of their destination",
    "flooded": "those that went to all other ports",
    "copies": "how many frames the flooded ones became",
    "frames_out": "frames that it put on its cables",
    "bytes_out": "their bytes, without FCS",
    "too_long": "frames that a cable's MTU did not let through",
    "learned": "times that it learned an address",
    "unlearned": "times that it had no room for one",
    "drops.runt": "frames dropped because they are shorter than 60 bytes without FCS",
    "drops.reserved": "frames dropped because their address is for the switch alone",
    "drops.same_port": "frames dropped because their destination is where they came from",
    "drops.no_port": "frames dropped because no other port has a link",
    "drops.queue_full": "frames dropped for want of room at the port through which they were to leave",
}
"""The numbers of one switch or hub, which an expectation names as in sw1.flooded."""

RUN_COUNTERS: Final[Mapping[str, str]] = {
    "violations": "rules that drivers broke, and adapters that were stopped",
    "warnings": "rules that drivers broke which only advise",
    "books.unbalanced": "identities of the books that do not hold",
    "virtual_time_ns": "when the run ended",
}
"""The numbers of the whole run."""


VIOLATIONS: Final = "violations."
"""What a rule stands behind in the name of the number of times that it was broken, as in violations.send-never-completed."""


@dataclass(frozen=True, slots=True)
class FaultName:
    """What a fault means, the word for its end where it can be timed, and what a NIC must have for it."""

    line: str
    end: str = ""
    needs: Literal["", "card", "NDIS 6"] = ""


FAULTS: Final[Mapping[str, FaultName]] = {
    "shared_memory_fails": FaultName("the adapter gets no more shared memory", "shared_memory_works"),
    "reset": FaultName("NDIS resets the adapter"),
    "hang": FaultName("the card does nothing until it is reset", needs="card"),
    "link_down": FaultName("the cable is pulled", "link_up", needs="card"),
    "link_up": FaultName("the cable is plugged in again", needs="card"),
    "surprise_remove": FaultName("the card is gone, and then NDIS is told", needs="card"),
    "pause": FaultName("NDIS pauses the adapter", "restart", needs="NDIS 6"),
    "restart": FaultName("NDIS restarts a paused adapter", needs="NDIS 6"),
    "stop": FaultName("NDIS halts the adapter, as when its device is disabled"),
}
"""What may be done to a NIC."""
