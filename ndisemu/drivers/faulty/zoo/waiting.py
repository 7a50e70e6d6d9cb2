"""Waits that never end or are made where nobody may wait."""

from collections.abc import Sequence

from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.hw import registers as reg
from ndisemu.ndis import DeviceEvent, Event, Packet, Status
from ndisemu.ndis.v5 import AdapterInfo


class PollsForItsAnswer(RingMiniport):
    """After a reset it asks the card something in its DPC, and polls for an answer that a card in reset does not give."""

    asking = False

    async def reset(self) -> Status:
        status = await super().reset()
        self.asking = True
        self.registers.write(reg.ICS, reg.RXT0)
        return status

    def handle_interrupt(self) -> None:
        while self.asking and not self.registers.read(reg.MTA):
            self.ndis.stall(50_000)
        super().handle_interrupt()


class PollsForAWhile(PollsForItsAnswer):
    """It gives up after a few looks, and does without the answer."""

    def handle_interrupt(self) -> None:
        for _ in range(10):
            if not self.asking or self.registers.read(reg.MTA):
                break
            self.ndis.stall(5_000)
        self.asking = False
        super().handle_interrupt()


class WaitsWhereItIsCalled(RingMiniport):
    """A send waits for the event that its DPC sets when there is room; whoever sends may be at DISPATCH_LEVEL."""

    room: Event

    def initialize(self, adapter: AdapterInfo) -> Status:
        self.room = self.ndis.initialize_event("room")
        self.room.set()
        return super().initialize(adapter)

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        await self.room.wait()
        await super().send_packets(packets)


class QueuesWhereItIsCalled(RingMiniport):
    """A send that finds no room is queued, and the DPC goes on with it."""


class WaitsForTheBackEnd(Ring6Miniport):
    """The other side of a virtual NIC goes away with a send in its hands, and the driver waits for that in its pause."""

    async def device_pnp_event_notify(self, event: DeviceEvent) -> None:
        self.removed = event is DeviceEvent.SURPRISE_REMOVED


class EndsWithTheBackEnd(Ring6Miniport):
    """What the other side had is completed when it is known to be gone."""


class ForgetsWhatIsInFlight(RingMiniport):
    """Its reset clears the queues, and misses what the card has at that moment."""

    async def reset(self) -> Status:
        return Status.SUCCESS


class AbortsWhatIsInFlight(RingMiniport):
    """Its reset takes back what the card has."""
