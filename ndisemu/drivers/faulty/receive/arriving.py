"""Drivers that indicate something else than what has come, each beside its mended twin."""

from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import BUDGET, RingMiniport
from ndisemu.frame.ethernet import FCS


class CutsTheChecksum(RingMiniport):
    """It cuts off the checksum of each frame, which its card has done already."""

    def receive(self) -> bool:
        packets = self.rx.take(BUDGET)
        for packet in packets:
            packet.resize(packet.length - FCS)
        self.rx.indicate(packets)
        return self.rx.taken < BUDGET


class LeavesItToTheCard(RingMiniport):
    """The length is the one that the card tells."""

    def receive(self) -> bool:
        packets = self.rx.take(BUDGET)
        self.rx.indicate(packets)
        return self.rx.taken < BUDGET


PAIRS: Final = (Pair("rx-content-exact", CutsTheChecksum, LeavesItToTheCard),)
