"""Serialized drivers that answer NDIS wrongly when they are given packets to send."""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.legacy import LegacyMiniport
from ndisemu.ndis import Packet, PacketFlag, Status


class Arrays(LegacyMiniport):
    """A serialized driver that takes arrays; the first packet without room ends the loop."""

    def send_packets(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            packet.status = self.send(packet, packet.flags)
            if packet.status is Status.RESOURCES:
                break


class Small(Arrays):
    """The card has room for one packet of each array, or so the driver says."""

    def send_packets(self, packets: Sequence[Packet]) -> None:
        super().send_packets(packets[:1])
        if len(packets) > 1:
            packets[1].status = Status.RESOURCES


class AnswersAndCompletes(LegacyMiniport):
    """The driver calls the send a success at once, and the next interrupt completes it all the same."""

    counted: Packet | None = None

    def send(self, packet: Packet, flags: PacketFlag) -> Status:
        self.counted = packet
        return Status.SUCCESS

    def handle_interrupt(self) -> None:
        if self.counted is not None:
            self.ndis.send_complete(self.counted, Status.SUCCESS)
        super().handle_interrupt()


class AnswersPending(LegacyMiniport):
    """What the interrupt will complete is pending until then."""

    def send(self, packet: Packet, flags: PacketFlag) -> Status:
        return super().send(packet, flags)


class ForgetsToAnswer(LegacyMiniport):
    """A send that has gone well falls off the end of the function."""

    def send(self, packet: Packet, flags: PacketFlag) -> Status:
        self.counted = packet.length
        if packet.length > self.tx.longest:
            return Status.INVALID_LENGTH
        return None  # type: ignore[return-value]


class AnswersAlways(LegacyMiniport):
    """Every way out of the function returns a status."""

    def send(self, packet: Packet, flags: PacketFlag) -> Status:
        self.counted = packet.length
        return super().send(packet, flags)


class LeavesTheLastUnanswered(Arrays):
    """The loop has one round too few, and the last packet has no status."""

    def send_packets(self, packets: Sequence[Packet]) -> None:
        super().send_packets(packets[:-1])


class SkipsTheOneWithoutRoom(Small):
    """A packet finds no room, and one behind it, which is shorter, is done with all the same."""

    def send_packets(self, packets: Sequence[Packet]) -> None:
        super().send_packets(packets)
        if len(packets) > 2:
            packets[2].status = Status.SUCCESS


class CompletesWhatItGaveBack(Small):
    """The driver answers RESOURCES, and gives the packet back once more as failed."""

    def handle_interrupt(self) -> None:
        if self.refused is not None:
            refused, self.refused = self.refused, None
            self.ndis.send_complete(refused, Status.FAILURE)
        super().handle_interrupt()

    def send_packets(self, packets: Sequence[Packet]) -> None:
        super().send_packets(packets)
        self.refused = packets[1] if len(packets) > 1 else None

    refused: Packet | None = None


class SaysThereIsRoom(LegacyMiniport):
    """Each interrupt says that there is room, whether anybody was refused or not."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.ndis.send_resources_available()


class CompletesAndNoMore(LegacyMiniport):
    """The completions of an interrupt open the gate by themselves."""

    def handle_interrupt(self) -> None:
        super().handle_interrupt()


class PushesBackLater(LegacyMiniport):
    """A packet that was accepted is completed as one for which there is no room."""

    def complete_sent(self) -> None:
        for sent in self.tx.reap():
            self.ndis.send_complete(sent.frames, Status.RESOURCES)


class CompletesAsSent(LegacyMiniport):
    """A packet that was accepted is completed as what has become of it."""

    def complete_sent(self) -> None:
        for sent in self.tx.reap():
            self.ndis.send_complete(sent.frames, Status.SUCCESS)


class Single(LegacyMiniport):
    """A deserialized driver that takes one packet at a time."""

    deserialized = True

    def handle_interrupt(self) -> None:
        super().handle_interrupt()
        self.enable_interrupt()

    def indicate(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            packet.status = Status.SUCCESS
        self.information.counters.received += len(packets)
        self.ndis.indicate_receive(packets)


class SaysThatItIsFull(Single):
    """A serialized driver was declared deserialized, and still leaves packets to NDIS."""

    def send(self, packet: Packet, flags: PacketFlag) -> Status:
        return Status.RESOURCES


PAIRS: Final = (
    Pair("send-sync-status-then-complete", AnswersAndCompletes, AnswersPending, implies=("send-success-unsent",)),
    Pair("send-sync-status-valid", ForgetsToAnswer, AnswersAlways),
    Pair("send-oob-status-set-before-return", LeavesTheLastUnanswered, Arrays),
    Pair("send-resources-tail-untouched", SkipsTheOneWithoutRoom, Small),
    Pair("send-resources-relinquish", CompletesWhatItGaveBack, Small),
    Pair("send-resources-sync-deserialized", SaysThatItIsFull, Single),
    Pair("send-resources-available-spurious", SaysThereIsRoom, CompletesAndNoMore),
    Pair("send-complete-resources", PushesBackLater, CompletesAsSent),
)
