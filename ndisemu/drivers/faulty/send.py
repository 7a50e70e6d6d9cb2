"""Drivers that break a rule of the send path, each beside its mended twin."""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import RingMiniport
from ndisemu.ndis import Packet, Status


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


PAIRS: Final = (
    Pair("send-double-complete", CompletesTwice, CompletesOnce),
    Pair("send-complete-not-owned", CompletesWhatItReceived, ReturnsWhatItReceived),
)
