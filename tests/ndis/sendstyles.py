"""Every style in which a 5.x miniport may send: arrays or single packets, by hand or as a coroutine, either kind.

Each completes all it is given with `status`, at the time that `when` names.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from ndisemu.ndis import Packet, PacketFlag, Status, v5
from tests.ndis.conftest import Mini

Send = Status | Awaitable[Status | None] | None


class Explicit(Mini):
    """Returns first, and completes when the time has come."""

    def __init__(self, when: str, status: Status = Status.SUCCESS) -> None:
        super().__init__()
        self.when = when
        self.status = status

    def send_packets(self, packets: Sequence[Packet]) -> Send:
        self.sent += [packet.read() for packet in packets]
        self.later(self.when, lambda: self.ndis.send_complete(packets, self.status))
        return None


class Pending(Explicit):
    """As `Explicit`, and says PENDING, as MiniportSend would."""

    def send_packets(self, packets: Sequence[Packet]) -> Send:
        super().send_packets(packets)
        return Status.PENDING


class Coroutine(Explicit):
    """Waits for the time, then completes."""

    async def send_packets(self, packets: Sequence[Packet]) -> None:
        self.sent += [packet.read() for packet in packets]
        await self.wait(self.when)
        self.ndis.send_complete(packets, self.status)


class Returning(Explicit):
    """Waits for the time, then returns the status."""

    async def send_packets(self, packets: Sequence[Packet]) -> Status:
        self.sent += [packet.read() for packet in packets]
        await self.wait(self.when)
        return self.status


class Hidden(Explicit):
    """A coroutine in the explicit style: it says PENDING without having suspended."""

    async def send_packets(self, packets: Sequence[Packet]) -> Status:
        self.sent += [packet.read() for packet in packets]
        self.later(self.when, lambda: self.ndis.send_complete(packets, self.status))
        return Status.PENDING


class Single(Explicit):
    """MiniportSend: says PENDING, and completes when the time has come."""

    send_packets = v5.Miniport.send_packets

    def send(self, packet: Packet, flags: PacketFlag) -> Send:
        self.sent.append(packet.read())
        self.later(self.when, lambda: self.ndis.send_complete(packet, self.status))
        return Status.PENDING


class SingleCoroutine(Single):
    """MiniportSend: waits for the time, then completes."""

    async def send(self, packet: Packet, flags: PacketFlag) -> None:
        self.sent.append(packet.read())
        await self.wait(self.when)
        self.ndis.send_complete(packet, self.status)


class SingleReturning(Single):
    """MiniportSend: waits for the time, then returns the status."""

    async def send(self, packet: Packet, flags: PacketFlag) -> Status:
        self.sent.append(packet.read())
        await self.wait(self.when)
        return self.status


class SerializedExplicit(Explicit):
    """A serialized driver in the way of C: each packet's status says PENDING, and is completed later."""

    deserialized = False

    def send_packets(self, packets: Sequence[Packet]) -> Send:
        for packet in packets:
            packet.status = Status.PENDING
        return super().send_packets(packets)


class SerializedCoroutine(Coroutine):
    """As `Coroutine`, in a serialized driver: suspending is PENDING for each packet."""

    deserialized = False


class SerializedReturning(Returning):
    """As `Returning`, in a serialized driver."""

    deserialized = False


class SerializedSingle(Single):
    """As `Single`, in a serialized driver."""

    deserialized = False


class SerializedSingleCoroutine(SingleCoroutine):
    """As `SingleCoroutine`, in a serialized driver."""

    deserialized = False


class SerializedSingleReturning(SingleReturning):
    """As `SingleReturning`, in a serialized driver."""

    deserialized = False


class Strict(SerializedSingle):
    """As `SerializedSingle`, after the oldest texts: NDIS gives it the next packet after each completion."""

    strict_one_outstanding = True


Style = Callable[[str, Status], Explicit]
STYLES: Final = (
    Explicit,
    Pending,
    Coroutine,
    Returning,
    Hidden,
    Single,
    SingleCoroutine,
    SingleReturning,
    SerializedExplicit,
    SerializedCoroutine,
    SerializedReturning,
    SerializedSingle,
    SerializedSingleCoroutine,
    SerializedSingleReturning,
    Strict,
)
