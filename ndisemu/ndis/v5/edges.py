"""The two edges at which NDIS 5.x packets change hands inside NDIS, as protocols in the sense of typing.

A binding of a 5.x protocol is a `PacketUpper` over a `PacketLower`. Where
both are of one generation the lower one is the adapter itself; a translator
(`translate`) is the one or the other where they are not.
"""

from collections.abc import Sequence
from typing import Protocol

from ndisemu.ndis.constants import ProtocolOption
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.filter import BindingFilter
from ndisemu.ndis.status import Status
from ndisemu.ndis.v5.context import ReceiveContext


class PacketLower(Protocol):
    """What a 5.x binding sends to, and returns received packets to."""

    def submit(self, upper: "PacketUpper", packets: Sequence[Packet]) -> None:
        """Send an array; each packet comes back through `sends_completed`, also before this returns."""
        ...

    def send(self, upper: "PacketUpper", packet: Packet) -> Status:
        """Send one packet; a final status means that it is back already, PENDING that `sends_completed` is called."""
        ...

    def cancel(self, upper: "PacketUpper", cancel_id: int) -> None:
        """Give up, as far as still possible, what `upper` has sent under a cancel id."""
        ...

    def refuse(self, upper: "PacketUpper", packets: Sequence[Packet]) -> None:
        """Complete an array with CLOSING, unsent."""
        ...

    def release(self, packets: Sequence[Packet]) -> None:
        """Drop one reference of each packet."""
        ...


class PacketUpper(Protocol):
    """Who sends packets to a 5.x adapter and is offered what it receives; it owns the packets it sends."""

    name: str
    filter: BindingFilter
    protocol_options: ProtocolOption
    sends_pending: int
    receives_held: int

    def connect(self, lower: PacketLower) -> None:
        """Send to, and return packets to, `lower` from now on, whose `submit` may have changed."""
        ...

    def sends_completed(self, packets: Sequence[Packet], status: Status) -> None:
        """Take back packets that were sent, all with one status; at any IRQL <= DISPATCH."""
        ...

    def received(self, packets: Sequence[Packet]) -> int | Sequence[int]:
        """Look at packets; returns how many references of each are kept (one number for all, or one each)."""
        ...

    def copied(self, packets: Sequence[Packet]) -> None:
        """Look at packets that go back at once, and copy what is wanted of them."""
        ...

    def indicated(self, context: ReceiveContext) -> None:
        """Look at a frame that the miniport keeps."""
        ...

    def receive_completed(self) -> None:
        """Learn that this was the last frame for now."""
        ...

    def returned_too_much(self) -> None:
        """More packets were returned inside `received` than it then said to keep."""
        ...
