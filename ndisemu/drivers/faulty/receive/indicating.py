"""Miniports that indicate what they must not: what is lent, what is another's, what is no frame, too early or too much."""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.legacy import LegacyMiniport
from ndisemu.drivers.ring import BUDGET, RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import Packet, Status, v5, v6


class RefillsAtOnce(RingMiniport):
    """It puts what it has just lent back into its ring, where the card fills it again."""

    def receive(self) -> bool:
        packets = self.rx.take(BUDGET)
        self.ndis.indicate_receive(packets)
        self.rx.give(packets)
        return self.rx.taken < BUDGET

    def return_packets(self, packets: Sequence[Packet]) -> None:
        """They are in the ring already."""


class RefillsOnReturn(RingMiniport):
    """What it has lent goes into the ring when it comes back."""

    def receive(self) -> bool:
        packets = self.rx.take(BUDGET)
        self.ndis.indicate_receive(packets)
        return self.rx.taken < BUDGET

    def return_packets(self, packets: Sequence[Packet]) -> None:
        self.rx.give(packets)


class IgnoresPending(LegacyMiniport):
    """It takes every packet back after the call, those too that a protocol has kept."""

    def indicate(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            packet.status = Status.SUCCESS
        self.ndis.indicate_receive(packets)
        self.rx.give(packets)

    def return_packets(self, packets: Sequence[Packet]) -> None:
        """They are in the ring already."""


class LooksForPending(LegacyMiniport):
    """It takes back what nobody has kept, and waits for the rest."""

    def indicate(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            packet.status = Status.SUCCESS
        self.ndis.indicate_receive(packets)
        self.rx.give([packet for packet in packets if packet.status is not Status.PENDING])


class LinksTheLastTwice(Ring6Miniport):
    """The end of its chain still points at the list before it."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        super().indicate([*nbls, nbls[-1]])


class EndsItsChain(Ring6Miniport):
    """Its chain ends with the last list."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        super().indicate([*nbls])


class LoopsSendsBack(Ring6Miniport):
    """It makes its own loopback: what is sent goes up again as it is, before it goes out."""

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        self.ndis.indicate_receive(nbls, port)
        await super().send(nbls, port, flags)


class LeavesLoopbackToNdis(Ring6Miniport):
    """What is sent goes out."""

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        await super().send(nbls, port, flags)


class GoesOnInAPause(Ring6Miniport):
    """Its pause waits until everything is back, and lets more go up meanwhile and after."""

    async def pause(self) -> Status:
        await self.until(lambda: not (self.sends.pending or self.lent))
        return Status.SUCCESS


class StopsForAPause(Ring6Miniport):
    """Its pause closes the way up first."""

    async def pause(self) -> Status:
        self.receiving = False
        await self.until(lambda: not (self.sends.pending or self.lent))
        return Status.SUCCESS


class TriesItsPathEarly(RingMiniport):
    """The last thing that it does in MiniportInitialize is to indicate a packet, to see how that works."""

    def initialize(self, adapter: v5.AdapterInfo) -> Status:
        status = super().initialize(adapter)
        self.ndis.indicate_receive([self.rx.pool.free.pop()])
        return status


class WaitsForFrames(RingMiniport):
    """It indicates when a frame has come, which the card tells it once NDIS has let it start."""

    def initialize(self, adapter: v5.AdapterInfo) -> Status:
        return super().initialize(adapter)


class SuppliesNoReturn(RefillsOnReturn):
    """It lends its packets, and has no MiniportReturnPacket."""

    return_packets = v5.Miniport.return_packets


class CountsTheChecksum(Ring6Miniport):
    """It adds four bytes of FCS to each length, which the card has cut off."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        for nbl in nbls:
            nbl.buffers[0].length += 4
        super().indicate(nbls)


class CountsTheFrame(Ring6Miniport):
    """The length is what the card tells, and so much of the buffer is data."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        for nbl in nbls:
            nbl.buffers[0].resize(nbl.buffers[0].length)
        super().indicate(nbls)


class IndicatesAllThereIs(Ring6Miniport):
    """Its DPC indicates as long as there are frames, whatever it was allowed."""

    def receive(self, most: int) -> bool:
        return super().receive(BUDGET)


class IndicatesWhatItMay(Ring6Miniport):
    """Its DPC stops where it must, and says that there is more."""

    def receive(self, most: int) -> bool:
        return super().receive(most)


PAIRS: Final = (
    Pair(
        "rx-reindicate-in-use",
        RefillsAtOnce,
        RefillsOnReturn,
        "slow client",
        ("rx-touch-while-indicated", "rx-payload-unmodified"),
    ),
    Pair("rx-oob-status-check-serialized", IgnoresPending, LooksForPending, "slow client", ("rx-payload-unmodified",)),
    Pair("rx-chain-wellformed", LinksTheLastTwice, EndsItsChain, "life", ("rx-content-exact",)),
    Pair("rx-wrong-pool", LoopsSendsBack, LeavesLoopbackToNdis),
    Pair("rx-state-running", GoesOnInAPause, StopsForAPause, "paused"),
    Pair("rx-before-init-done-5x", TriesItsPathEarly, WaitsForFrames),
    Pair("rx-return-handler-present", SuppliesNoReturn, RefillsOnReturn, "slow client", ("bugcheck",)),
    Pair("rx-nbl-initialised", CountsTheChecksum, CountsTheFrame),
    Pair("rx-throttle", IndicatesAllThereIs, IndicatesWhatItMay, "throttled"),
)
