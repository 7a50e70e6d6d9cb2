"""Packet filters of bindings: which frames NDIS hands to which protocol.

Every binding has its own filter and multicast list, and gets no frame that
it did not ask for because another binding did. The miniport is told the
union of all. Source: NDIS reference 4.4.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from ndisemu.frame.ethernet import ADDRESS, BROADCAST
from ndisemu.frame.frames import distinct
from ndisemu.ndis.constants import PacketFilter
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.packet import Packet

# A flood of made-up addresses must not grow the memory of verdicts.
MOST_VERDICTS: Final = 4096
NOTHING: Final = PacketFilter(0)

T = TypeVar("T")


class BindingFilter:
    """The filter of one binding: packet types, multicast list and station address, one verdict per destination."""

    __slots__ = ("_verdicts", "lookahead", "multicast", "station", "types")

    def __init__(self, station: bytes) -> None:
        self.station = station
        self.types = NOTHING
        self.multicast: tuple[bytes, ...] = ()
        self.lookahead = 0
        self._verdicts: dict[bytes, bool] = {}

    def become(self, other: "BindingFilter") -> None:
        """Take over types, multicast list and lookahead of `other`."""
        self.types, self.multicast, self.lookahead = other.types, other.multicast, other.lookahead
        self._verdicts.clear()

    def accepts(self, packets: Sequence[Packet]) -> Sequence[Packet]:
        """Return the packets whose destination this binding wants, in order: `packets` themselves if it wants all."""
        try:
            destinations = [packet.memory[packet.to] for packet in packets]  # type: ignore[index]
        except TypeError:
            destinations = [packet.read()[:ADDRESS] for packet in packets]
        return self._chosen(packets, destinations)

    def accepts_lists(self, nbls: Sequence[NetBufferList]) -> Sequence[NetBufferList]:
        """Return the lists whose first frame's destination this binding wants, in order: `nbls` themselves if all."""
        try:
            destinations = [(frame := nbl.buffers[0]).memory[frame.to] for nbl in nbls]  # type: ignore[index]
        except TypeError:
            destinations = [nbl.buffers[0].read()[:ADDRESS] for nbl in nbls]
        return self._chosen(nbls, destinations)

    def _chosen(self, items: Sequence[T], destinations: list[bytes]) -> Sequence[T]:
        """Return those of `items` whose destination is wanted; there are few destinations among many."""
        if not items:
            return items
        known, judge = self._verdicts, self._judge
        wanted = {to: known[to] if to in known else judge(to) for to in distinct(destinations)}
        if all(wanted.values()):
            return items
        return [item for item, to in zip(items, destinations, strict=True) if wanted[to]]

    def _judge(self, destination: bytes) -> bool:
        if len(self._verdicts) >= MOST_VERDICTS:
            self._verdicts.clear()
        verdict = self._verdicts[destination] = self.wants(destination)
        return verdict

    def wants_local(self, destination: bytes) -> bool:
        """Judge the destination of a frame that a binding of the same adapter sends."""
        return bool(self.types & PacketFilter.ALL_LOCAL) or self.wants(destination)

    def wants(self, destination: bytes) -> bool:
        """Judge one destination address."""
        types = self.types
        if types & PacketFilter.PROMISCUOUS:
            return True
        if len(destination) < ADDRESS:
            return False
        if destination == BROADCAST:
            return bool(types & PacketFilter.BROADCAST)
        if destination[0] & 1:
            if types & PacketFilter.ALL_MULTICAST:
                return True
            return bool(types & PacketFilter.MULTICAST) and destination in self.multicast
        return bool(types & PacketFilter.DIRECTED) and destination == self.station


def union(filters: Iterable[BindingFilter]) -> tuple[PacketFilter, tuple[bytes, ...], int]:
    """Return what the miniport must let in for all bindings: types, multicast list, lookahead."""
    types, addresses, lookahead = NOTHING, dict[bytes, None](), 0
    for binding in filters:
        types |= binding.types
        addresses |= dict.fromkeys(binding.multicast)
        lookahead = max(lookahead, binding.lookahead)
    # Sorted, so that the same addresses in another order are no change.
    return types, tuple(sorted(addresses)), lookahead
