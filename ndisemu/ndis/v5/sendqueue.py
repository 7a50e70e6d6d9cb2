"""What a serialized send path keeps: the queue of waiting packets, and what one call of the miniport was given.

Source: NDIS reference 5.2. The rules by which packets move between the two
are in `serialized`.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from ndisemu.ndis.data.packet import Packet


class SendQueue:
    """What NDIS keeps for one serialized miniport, of all bindings, first come first served; the packets' owner."""

    __slots__ = ("_adapter_name", "packets")

    def __init__(self, adapter_name: str) -> None:
        self._adapter_name = adapter_name
        self.packets: deque[Packet] = deque()

    def __repr__(self) -> str:
        return f"the send queue of {self._adapter_name}"

    def append(self, packets: Iterable[Packet]) -> None:
        """Take packets that were submitted."""
        for packet in packets:
            packet.owner = self
            self.packets.append(packet)

    def put_back(self, packets: Sequence[Packet]) -> None:
        """Take packets that the miniport could not take, before all others."""
        for packet in reversed(packets):
            packet.owner = self
            self.packets.appendleft(packet)

    def take(self, most: int, owner: object) -> list[Packet]:
        """Make up to `most` packets `owner`'s, oldest first."""
        taken = [self.packets.popleft() for _ in range(min(most, len(self.packets)))]
        for packet in taken:
            packet.owner = owner
        return taken

    def pick(self, sender: object, cancel_id: int, owner: object) -> list[Packet]:
        """Make those that `sender` has sent under `cancel_id` `owner`'s, oldest first."""
        picked = [packet for packet in self.packets if packet.cancel_id == cancel_id and packet.binding is sender]
        for packet in picked:
            packet.owner = owner
        self.packets = deque(packet for packet in self.packets if packet.owner is self)
        return picked


class Handover:
    """One call of the miniport's send entry: the packets it was given, and which submission of each this is."""

    __slots__ = ("answered", "packets", "serials")

    def __init__(self, packets: list[Packet]) -> None:
        self.packets = packets
        self.serials = [packet.serial for packet in packets]
        self.answered = False

    def left(self, owner: object) -> list[Packet]:
        """Return the packets that are still with the miniport from this call."""
        return [
            packet
            for packet, serial in zip(self.packets, self.serials, strict=True)
            if packet.owner is owner and packet.serial == serial
        ]

    def cut(self, place: int) -> list[Packet]:
        """Take the packets from `place` on out of the call; returns them."""
        rest = self.packets[place:]
        del self.packets[place:], self.serials[place:]
        return rest
