"""Deserialized drivers that end their packets wrongly, each beside its mended twin."""

import sys
from collections.abc import Sequence
from typing import Any, Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring_explicit import ExplicitRingMiniport
from ndisemu.frame.ethernet import HEADER
from ndisemu.hw import registers as reg
from ndisemu.ndis import Packet, Status
from ndisemu.ndis.v5 import AdapterInfo


class CompletesTwice(RingMiniport):
    """The interrupt and the send handler both believe that the completion is theirs."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        await super().send_packets(packets)
        self.ndis.send_complete(packets, Status.SUCCESS)


class CompletesOnce(RingMiniport):
    """The completion is made where the card has reported the burst, and nowhere else."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        await super().send_packets(packets)


class CompletesWhatItReceived(RingMiniport):
    """A received packet is given back by the call that is for sent ones."""

    def return_packets(self, packets: Sequence[Packet]) -> None:
        self.ndis.send_complete(packets, Status.SUCCESS)
        super().return_packets(packets)


class ReturnsWhatItReceived(RingMiniport):
    """A received packet comes back to its ring without any call."""

    def return_packets(self, packets: Sequence[Packet]) -> None:
        super().return_packets(packets)


class LosesABurst(RingMiniport):
    """What is too much for the driver is dropped, and never heard of again."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        if len(packets) == 1:
            await super().send_packets(packets)


class KeepsABurst(RingMiniport):
    """What is too much for the moment waits, and is sent."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        await super().send_packets(packets)


class CompletesTheFirstOnly(RingMiniport):
    """The driver takes an array for one send, and completes its first packet for all."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        await super().send_packets(packets[:1])


class CompletesAsPending(RingMiniport):
    """The first packet of a burst is completed as pending, to come back to it later."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        self.ndis.send_complete(packets[0], Status.PENDING)
        await super().send_packets(packets)


class CompletesWithATruth(RingMiniport):
    """The driver completes with True, as if it were asked whether the send went well."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        good: Any = True
        self.ndis.send_complete(packets[0], good)
        await super().send_packets(packets)


class OpensItsGate(RingMiniport):
    """The DPC of a driver that was serialized once still says that there is room."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.ndis.send_resources_available()


class HasNoGate(RingMiniport):
    """The DPC posts from the driver's own queue."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()


class PushesBack(RingMiniport):
    """The first packet of each burst is completed as one that NDIS should give again."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        self.ndis.send_complete(packets[0], Status.RESOURCES)
        if len(packets) > 1:
            await super().send_packets(packets[1:])


class AnswersWithACount(RingMiniport):
    """The send entry ends with how many packets it has taken."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        await super().send_packets(packets)
        return len(packets)  # type: ignore[return-value]


class LeavesShortFramesShort(RingMiniport):
    """The card is not told to pad, and the driver does not do so either."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        status = super().initialize(adapter)
        self.registers.write(reg.TCTL, reg.TCTL_EN)
        return status


class HasTheCardPad(RingMiniport):
    """The card pads short frames with zeros."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        status = super().initialize(adapter)
        self.registers.write(reg.TCTL, reg.TCTL_EN | reg.TCTL_PSP)
        return status


class SendsWhatIsTooLong(RingMiniport):
    """The driver trusts that no protocol sends more than it was told."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        status = super().initialize(adapter)
        self.tx.longest = sys.maxsize
        return status


class RefusesWhatIsTooLong(RingMiniport):
    """The driver measures every packet."""

    def initialize(self, adapter: AdapterInfo) -> Status:
        status = super().initialize(adapter)
        self.tx.longest = adapter.parameters.get("mtu", 1500) + HEADER
        return status


class UsesTheOtherPort(RingMiniport):
    """The driver of a card with two ports completes everything with the handle of the first."""

    first: RingMiniport

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        self.first.ndis.send_complete(packets, Status.SUCCESS)


class UsesItsOwnPort(RingMiniport):
    """Each port completes what it was given."""

    first: RingMiniport

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        await super().send_packets(packets)


class SaysSuccess(RingMiniport):
    """It is short of descriptors, and lets the upper layers send again what matters."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        self.ndis.send_complete(packets, Status.SUCCESS)


class SaysWhatHasBecomeOfThem(RingMiniport):
    """It waits for room, and completes what the card has sent."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        await super().send_packets(packets)


class RoundsLengthsDown(ExplicitRingMiniport):
    """The driver counts in words, and loses the odd bytes at the end."""

    def queue(self, packets: Sequence[Packet]) -> None:
        bursts = self.tx.split(packets)
        for burst in bursts:
            for place in range(1, len(burst.words), 2):
                burst.words[place] &= ~3
        self.waiting.extend(bursts)


class CountsEveryByte(ExplicitRingMiniport):
    """The driver tells the card the length as it is."""

    def queue(self, packets: Sequence[Packet]) -> None:
        self.waiting.extend(self.tx.split(packets))


class WipesWhatIsDone(RingMiniport):
    """The driver clears each packet that it cannot send before it gives it back, so that nothing of it leaks."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            packet.put(bytes(packet.length))
        self.ndis.send_complete(packets, Status.FAILURE)


class LeavesWhatIsDone(RingMiniport):
    """The driver gives each packet back as it was."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        self.ndis.send_complete(packets, Status.FAILURE)


PAIRS: Final = (
    Pair("send-double-complete", CompletesTwice, CompletesOnce),
    Pair("send-complete-not-owned", CompletesWhatItReceived, ReturnsWhatItReceived),
    Pair("send-never-completed", LosesABurst, KeepsABurst, "traffic"),
    Pair("send-per-packet-complete", CompletesTheFirstOnly, CompletesOnce, "traffic", ("send-never-completed",)),
    Pair("send-complete-wrong-adapter", UsesTheOtherPort, UsesItsOwnPort, "two ports", ("send-complete-not-owned",)),
    Pair("send-pad-minimum", LeavesShortFramesShort, HasTheCardPad, "odd sizes"),
    Pair("send-oversize", SendsWhatIsTooLong, RefusesWhatIsTooLong, "odd sizes"),
    Pair("send-success-unsent", SaysSuccess, SaysWhatHasBecomeOfThem, "traffic"),
    Pair("send-content-exact", RoundsLengthsDown, CountsEveryByte),
    Pair("send-data-unmodified", WipesWhatIsDone, LeavesWhatIsDone),
    Pair("send-complete-pending", CompletesAsPending, CompletesOnce),
    Pair("send-complete-argument", CompletesWithATruth, CompletesOnce, implies=("call-argument",)),
    Pair("send-resources-available-deserialized", OpensItsGate, HasNoGate),
    Pair("send-complete-resources-5d", PushesBack, CompletesOnce),
    Pair("send-return", AnswersWithACount, CompletesOnce),
)
