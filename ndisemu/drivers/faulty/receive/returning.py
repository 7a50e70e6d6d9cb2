"""Protocols that return too much, too early, to the wrong place, or something else than they were given."""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.protocols import Station, Station6
from ndisemu.frame.ethernet import HEADER
from ndisemu.ndis import Packet, Status, v5, v6

_RESOURCES: Final = int(v6.ReceiveFlag.RESOURCES)


class ReturnsListsTwice(Station6):
    """Its parser returns what it has read, and so does the handler that called it."""

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        super().receive_nbls(binding, nbls, port, flags)
        binding.return_nbls(nbls)


class ReturnsListsOnce(Station6):
    """One place returns, and only that."""

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        super().receive_nbls(binding, nbls, port, flags)


class ReturnsOnItsLast(Station6):
    """It is bound twice, remembers one binding, and returns everything there."""

    last: v6.Binding

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        if flags & _RESOURCES:
            self.last = binding
        else:
            self.last.return_nbls(nbls)


class ReturnsWhereItCame(Station6):
    """It returns lists on the binding that they came by."""

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        if not flags & _RESOURCES:
            binding.return_nbls(nbls)


class ReturnsWhatItIsShown(Station6):
    """It returns whatever it gets, and does not look at the flags."""

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        binding.return_nbls(nbls)


class ReturnsWhatItIsGiven(ReturnsWhereItCame):
    """It returns what it was not only shown."""


class LeavesTheStartAdvanced(Station6):
    """It moves each list's start behind the header to read what is there, and leaves it so."""

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        for nbl in nbls:
            nbl.advance(HEADER)
        if not flags & _RESOURCES:
            binding.return_nbls(nbls)


class MovesTheStartBack(Station6):
    """It moves each list's start back when it has read what is behind the header."""

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        for nbl in nbls:
            nbl.advance(HEADER)
            nbl.retreat(HEADER)
        if not flags & _RESOURCES:
            binding.return_nbls(nbls)


class AnswersInPlace(Station6):
    """It turns each frame into the answer to it, in the buffer that it was given."""

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        for nbl in nbls:
            frame = nbl.buffers[0].read()
            nbl.fill(frame[6:12] + frame[:6] + frame[12:])
        binding.return_nbls(nbls)


class AnswersInACopy(Station6):
    """It turns a copy of each frame into the answer to it."""

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        for nbl in nbls:
            frame = nbl.buffers[0].read()
            self.answer = frame[6:12] + frame[:6] + frame[12:]
        binding.return_nbls(nbls)


class ReturnsPacketsTwice(Station):
    """It keeps one reference of each packet until the indication is over, and drops two."""

    kept: tuple[Packet, ...] = ()

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        self.kept += tuple(packets)
        return 1

    def receive_complete(self, binding: v5.Binding) -> None:
        """ProtocolReceiveComplete: return everything, and what was read again."""
        binding.return_packets(self.kept)
        binding.return_packets(self.kept)
        self.kept = ()


class ReturnsPacketsOnce(ReturnsPacketsTwice):
    """It keeps one reference of each packet until the indication is over, and drops that."""

    def receive_complete(self, binding: v5.Binding) -> None:
        """ProtocolReceiveComplete: return everything."""
        binding.return_packets(self.kept)
        self.kept = ()


class ReturnsInItsHandler(Station):
    """It returns what it has read before it has told NDIS that it would."""

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        super().receive_packets(binding, packets)
        binding.return_packets(packets)
        return 1


class KeepsNone(Station):
    """What it has read when its handler returns it has not kept."""

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        super().receive_packets(binding, packets)
        return 0


class KeepsWhatIsShort(Station):
    """It believes that a packet which is short of resources needs a reference more than any other."""

    receive = v5.Protocol.receive

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        super().receive_packets(binding, packets)
        return int(packets[0].status is Status.RESOURCES)


class CopiesWhatIsShort(Station):
    """It copies packets, those that are short of resources and all others, and keeps none."""

    receive = v5.Protocol.receive

    def receive_packets(self, binding: v5.Binding, packets: Sequence[Packet]) -> int:
        super().receive_packets(binding, packets)
        return 0


PAIRS: Final = (
    Pair("rx-return-once", ReturnsListsTwice, ReturnsListsOnce),
    Pair("rx-return-right-binding", ReturnsOnItsLast, ReturnsWhereItCame, "bound twice"),
    Pair("rx-resources-no-return", ReturnsWhatItIsShown, ReturnsWhatItIsGiven, "two bindings"),
    Pair("rx-resources-chain-restored", LeavesTheStartAdvanced, MovesTheStartBack, "two bindings"),
    Pair("rx-payload-unmodified", AnswersInPlace, AnswersInACopy),
    Pair("rx5-refcount", ReturnsPacketsTwice, ReturnsPacketsOnce),
    Pair("rx5-no-return-inside-handler", ReturnsInItsHandler, KeepsNone),
    Pair("rx5-resources-zero", KeepsWhatIsShort, CopiesWhatIsShort, "shortage"),
)
