"""The names of the numbers in a result, in the order in which it lists them.

They are fixed, so that an expectation about a counter that does not exist is
found before anything runs, and without importing what does the counting.
"""

from typing import Final

NIC_COUNTERS: Final = (
    "sends.submitted",
    "sends.completed",
    "sends.failed",
    "sends.cancelled",
    "wire.frames_out",
    "wire.bytes_out",
    "wire.frames_in",
    "wire.too_long",
    "receives.indicated",
    "receives.returned",
    "receives.starved",
    "receives.unwanted",
    "receives.intact",
    "receives.corrupt",
    "receives.late",
    "receives.lost",
    "receives.unexpected",
    "drops.disabled",
    "drops.filtered",
    "drops.oversize",
    "drops.missed",
    "drops.removed",
    "drops.unread",
    "buffers.pool",
    "buffers.ring",
    "buffers.lent",
    "buffers.free",
    "interrupts",
    "dpcs",
    "latency.median_ns",
    "latency.p99_ns",
    "latency.max_ns",
)
RUN_COUNTERS: Final = ("violations", "books.unbalanced", "virtual_time_ns")
