"""Miniports that are short of receive buffers, and say so wrongly or lose what they have shown."""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import BUDGET, RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import Packet, Status, v6


class MarksAsPending(RingMiniport):
    """It gives its packets the status that it expects them to have soon."""

    def receive(self) -> bool:
        packets = self.rx.take(BUDGET)
        for packet in packets:
            packet.status = Status.PENDING
        self.ndis.indicate_receive(packets)
        return self.rx.taken < BUDGET


class MarksAsLent(RingMiniport):
    """It gives its packets the status that says what they are: to be lent."""

    def receive(self) -> bool:
        packets = self.rx.take(BUDGET)
        for packet in packets:
            packet.status = Status.SUCCESS
        self.ndis.indicate_receive(packets)
        return self.rx.taken < BUDGET


class ShowsTheFirst(RingMiniport):
    """It spares the first packet of each array, and lends those behind it."""

    def receive(self) -> bool:
        packets = self.rx.take(BUDGET)
        if packets:
            packets[0].status = Status.RESOURCES
            self.ndis.indicate_receive(packets)
            packets[0].status = Status.SUCCESS
            self.rx.give(packets[:1])
        return self.rx.taken < BUDGET


class ShowsTheLast(RingMiniport):
    """It spares the last packet of each array, behind which there is none."""

    def receive(self) -> bool:
        packets = self.rx.take(BUDGET)
        if packets:
            packets[-1].status = Status.RESOURCES
            self.ndis.indicate_receive(packets)
            packets[-1].status = Status.SUCCESS
            self.rx.give(packets[-1:])
        return self.rx.taken < BUDGET


class WaitsForWhatItHasShown(Ring6Miniport):
    """It only shows its lists, and waits for MiniportReturnNetBufferLists to have them back."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        self.ndis.indicate_receive(nbls, flags=v6.ReceiveFlag.RESOURCES)


class TakesBackWhatItHasShown(Ring6Miniport):
    """It only shows its lists, and puts them into its ring when the call returns."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        self.ndis.indicate_receive(nbls, flags=v6.ReceiveFlag.RESOURCES)
        self.rx.give(nbls)


class RefillsInItsDpcOnly(RingMiniport):
    """What comes back is put aside until the DPC takes frames out of the ring, which for an empty one it never does."""

    def receive(self) -> bool:
        packets = self.rx.take(BUDGET)
        self.ndis.indicate_receive(packets)
        return self.rx.taken < BUDGET

    def return_packets(self, packets: Sequence[Packet]) -> None:
        self.rx.pool.free.extend(packets)


class RefillsWhenRunShort(RingMiniport):
    """What comes back goes into the ring at once if that has run short."""

    def receive(self) -> bool:
        packets = self.rx.take(BUDGET)
        self.ndis.indicate_receive(packets)
        return self.rx.taken < BUDGET

    def return_packets(self, packets: Sequence[Packet]) -> None:
        self.rx.pool.free.extend(packets)
        self.rx.refill()


class StaysLow(RingMiniport):
    """It shows its packets as soon as none is free, and never lends again."""

    low = False

    def receive(self) -> bool:
        packets = self.rx.take(BUDGET)
        self.low = self.low or not self.rx.pool.free
        self.offer(packets)
        return self.rx.taken < BUDGET

    def offer(self, packets: Sequence[Packet]) -> None:
        """Lend packets, or only show them and have them back."""
        for packet in packets:
            packet.status = Status.RESOURCES if self.low else Status.SUCCESS
        self.ndis.indicate_receive(packets)
        if self.low:
            self.rx.give(packets)


class Recovers(StaysLow):
    """It shows its packets while none is free."""

    def receive(self) -> bool:
        packets = self.rx.take(BUDGET)
        self.low = not self.rx.pool.free
        self.offer(packets)
        return self.rx.taken < BUDGET


PAIRS: Final = (
    Pair("rx-oob-status-initialised", MarksAsPending, MarksAsLent),
    Pair("rx-resources-tail-5x", ShowsTheFirst, ShowsTheLast, "batches"),
    Pair("rx-resources-reclaim", WaitsForWhatItHasShown, TakesBackWhatItHasShown, "slow client"),
    Pair("rx-starvation-free", RefillsInItsDpcOnly, RefillsWhenRunShort, "slow client"),
    Pair("rx-resources-recovery", StaysLow, Recovers, "slow client again"),
)
