"""Drivers that hand over what no routine takes, each beside its mended twin."""

from collections.abc import Sequence
from typing import Any, Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import RingMiniport
from ndisemu.ndis import Packet, Status


class CompletesByNumber(RingMiniport):
    """It has kept the numbers of its packets, and completes those."""

    async def reset(self) -> Status:
        numbers: Any = [1, 2, 3]
        self.ndis.send_complete(numbers, Status.SUCCESS)
        return await super().reset()


class CompletesPackets(RingMiniport):
    """What is completed is what was given; of nothing there is nothing to complete."""

    async def reset(self) -> Status:
        self.ndis.send_complete([], Status.SUCCESS)
        return await super().reset()


class TakesItsPacketsApart(RingMiniport):
    """It moves the out-of-band data of each packet into a table of its own."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        self.blocks = [packet.oob for packet in packets]
        for packet in packets:
            del packet.oob
        self.ndis.send_complete(packets, Status.FAILURE)


class LeavesItsPacketsWhole(RingMiniport):
    """It looks where it needs to."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        self.blocks = [packet.oob for packet in packets]
        self.ndis.send_complete(packets, Status.FAILURE)


class CountsInTheLibrary(RingMiniport):
    """It puts a function of its own before the library's, to count what it lends."""

    async def reset(self) -> Status:
        indicate = self.ndis.indicate_receive
        self.lent = 0

        def counted(packets: Sequence[Packet]) -> None:
            self.lent += len(packets)
            indicate(packets)

        library: Any = self.ndis
        library.indicate_receive = counted
        return await super().reset()


class CountsBeforeTheLibrary(RingMiniport):
    """It counts in an entry point of its own, and keeps what is its own on itself."""

    returned = 0

    def return_packets(self, packets: Sequence[Packet]) -> None:
        self.returned += len(packets)
        super().return_packets(packets)


PAIRS: Final[tuple[Pair, ...]] = (
    Pair("call-argument", CompletesByNumber, CompletesPackets, implies=("send-complete-argument",)),
    Pair("descriptor-whole", TakesItsPacketsApart, LeavesItsPacketsWhole),
    Pair("handle-opaque", CountsInTheLibrary, CountsBeforeTheLibrary),
)
