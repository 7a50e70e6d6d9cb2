"""Processors that are kept busy: a lock that everybody waits for, a DPC for every list."""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import Packet, Status, v6
from ndisemu.ndis.v5 import AdapterInfo

# What it takes to tell the other side of something.
KICK: Final = 50_000


class KicksUnderItsLock(RingMiniport):
    """It tells its back end of every packet, and holds the lock that its DPC needs until all are told of."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        self.queue_lock = self.ndis.allocate_spin_lock("queue")
        return super().initialize(adapter)

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        with self.queue_lock:
            for _ in packets:
                # Of its header, and of its data.
                self.ndis.stall(KICK)
                self.ndis.stall(KICK)
        await super().send_packets(packets)

    def handle_interrupt(self) -> None:
        with self.queue_lock:
            pass
        super().handle_interrupt()


class KicksOnce(KicksUnderItsLock):
    """It takes the lock for its queue, and tells its back end once, when it has given it back."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        with self.queue_lock:
            pass
        self.ndis.stall(KICK)
        await RingMiniport.send_packets(self, packets)


class OneListADpc(Ring6Miniport):
    """Its DPC indicates one list and queues itself for the next one."""

    def interrupt_dpc(self, context: object, throttle: v6.Throttle) -> None:
        throttle.max_nbls = 1
        super().interrupt_dpc(context, throttle)


class ManyListsADpc(Ring6Miniport):
    """Its DPC indicates what there is, up to its budget."""
