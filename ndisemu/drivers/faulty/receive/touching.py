"""Drivers that look at what they have lent, or were only shown."""

from collections.abc import Sequence
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.protocols import Station6
from ndisemu.drivers.ring import BUDGET, RingMiniport
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import Status, v6

_RESOURCES: Final = int(v6.ReceiveFlag.RESOURCES)


class CountsAfterwards(Ring6Miniport):
    """It counts the bytes of its lists when it has lent them."""

    octets = 0

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        super().indicate(nbls)
        self.octets += sum(nbl.buffers[0].length for nbl in nbls)


class CountsBefore(Ring6Miniport):
    """It counts the bytes of its lists while it has them."""

    octets = 0

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        self.octets += sum(nbl.buffers[0].length for nbl in nbls)
        super().indicate(nbls)


class PeeksAtTheStatus(RingMiniport):
    """It looks after the call for packets that are its own again, as a serialized driver does."""

    kept = 0

    def receive(self) -> bool:
        packets = self.rx.take(BUDGET)
        self.ndis.indicate_receive(packets)
        self.kept += sum(packet.status is Status.PENDING for packet in packets)
        return self.rx.taken < BUDGET


class WaitsForReturns(RingMiniport):
    """What it has lent comes back by MiniportReturnPacket, and it does not look before."""

    def receive(self) -> bool:
        packets = self.rx.take(BUDGET)
        self.ndis.indicate_receive(packets)
        return self.rx.taken < BUDGET


class ReadsWhatItWasShown(Station6):
    """It puts what it is shown into a queue, and reads it when the next burst comes."""

    queue: Sequence[v6.NetBufferList] = ()

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        lengths = [nbl.buffers[0].length for nbl in self.queue]
        self.queue = nbls if flags & _RESOURCES else nbls[len(lengths) :]
        super().receive_nbls(binding, nbls, port, flags)


class ReadsWhatItHasCopied(Station6):
    """It copies what it is shown, and reads the copies when the next burst comes."""

    queue: Sequence[bytes] = ()

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        self.queue = [nbl.buffers[0].read() for nbl in nbls]
        super().receive_nbls(binding, nbls, port, flags)


class ReadsWhatItHasReturned(Station6):
    """It returns its lists, and counts their bytes then."""

    octets = 0

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        super().receive_nbls(binding, nbls, port, flags)
        self.octets += sum(nbl.buffers[0].length for nbl in nbls)


class ReadsBeforeItReturns(Station6):
    """It counts the bytes of its lists, and returns them then."""

    octets = 0

    def receive_nbls(self, binding: v6.Binding, nbls: Sequence[v6.NetBufferList], port: int, flags: int) -> None:
        self.octets += sum(nbl.buffers[0].length for nbl in nbls)
        super().receive_nbls(binding, nbls, port, flags)


PAIRS: Final = (
    Pair("rx-touch-while-indicated", CountsAfterwards, CountsBefore, "slow client"),
    Pair("rx-oob-status-peek", PeeksAtTheStatus, WaitsForReturns),
    Pair("rx-resources-no-retain", ReadsWhatItWasShown, ReadsWhatItHasCopied, "two bindings"),
    Pair("rx-touch-after-return", ReadsWhatItHasReturned, ReadsBeforeItReturns),
)
