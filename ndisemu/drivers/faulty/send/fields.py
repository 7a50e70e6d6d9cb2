"""Drivers that write where only the protocol may, or when it is too late, each beside its mended twin."""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring import RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import Packet, Status, v6


class NumbersPackets(RingMiniport):
    """The driver keeps a number with each packet, in the area that is its own."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        for number, packet in enumerate(packets):
            packet.miniport_reserved = number
        await super().send_packets(packets)


class KeepsItsNumberAsATime(RingMiniport):
    """The time to send is not used by this card, so the driver keeps its number there."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        for number, packet in enumerate(packets):
            packet.oob.time_to_send = number
        await super().send_packets(packets)


class KeepsItsNumberWithTheProtocol(RingMiniport):
    """One reserved area is as good as the other, the driver believes."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        for number, packet in enumerate(packets):
            packet.protocol_reserved = number
        await super().send_packets(packets)


class MarksWhatIsBack(RingMiniport):
    """The driver marks its packets when all is over, and they are not its packets any more."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        await super().send_packets(packets)
        for packet in packets:
            packet.miniport_reserved = None


class TellsTwoStories(RingMiniport):
    """The packets say that they have failed, and are completed as sent."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            packet.status = Status.FAILURE
        await super().send_packets(packets)


class TellsOneStory(RingMiniport):
    """The packets say what they are completed with."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            packet.status = Status.SUCCESS
        await super().send_packets(packets)


class OnlyMarksAsSent(RingMiniport):
    """The status is set as in a serialized driver, and that is all."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            packet.status = Status.SUCCESS


class RewritesTheSource(Ring6Miniport):
    """The driver takes the SourceHandle of every list into its hands, and puts it back."""

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        for nbl in nbls:
            source = nbl.binding
            nbl.binding = source
        await super().send(nbls, port, flags)


class LeavesTheSource(Ring6Miniport):
    """Lists that are sent keep the SourceHandle that they came with."""

    async def send(self, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        await super().send(nbls, port, flags)


PAIRS: Final = (
    Pair("send-oob-readonly", KeepsItsNumberAsATime, NumbersPackets),
    Pair("send-reserved-fields", KeepsItsNumberWithTheProtocol, NumbersPackets),
    Pair("send-touch-after-complete", MarksWhatIsBack, NumbersPackets),
    Pair("send-oob-status-match", TellsTwoStories, TellsOneStory),
    Pair("send-oob-status-is-not-completion", OnlyMarksAsSent, TellsOneStory, "traffic", ("send-never-completed",)),
    Pair("send-sourcehandle-untouched", RewritesTheSource, LeavesTheSource),
)
