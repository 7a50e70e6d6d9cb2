"""Packet filters of bindings: which frames NDIS hands to which protocol.

Every binding has its own filter and multicast list, and gets no frame that
it did not ask for because another binding did. The miniport is told the
union of all. Source: NDIS reference 4.4.
"""

from collections.abc import Iterable, Sequence
from sys import byteorder
from typing import Final, TypeVar

from ndisemu.frame.ethernet import ADDRESS, BROADCAST
from ndisemu.frame.frames import distinct
from ndisemu.memory import WORD, HostMemory
from ndisemu.ndis.constants import PacketFilter
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.netbuffer import NetBuffer
from ndisemu.ndis.data.packet import Packet

# A flood of made-up addresses must not grow the memory of verdicts.
MOST_VERDICTS: Final = 4096
NOTHING: Final = PacketFilter(0)
# In place of the first word of what is too short to have a destination.
_RUNT: Final = -1

T = TypeVar("T")


class BindingFilter:
    """The filter of one binding: packet types, multicast list and station address.

    Frames are told apart by their first word in the host's `memory`, in which all frames of its adapters lie: to read
    it and compare it takes half the time of six bytes (66 to 130 ns, 64 frames at a time). There is one verdict for
    each word.
    """

    __slots__ = ("_verdicts", "_words", "lookahead", "memory", "multicast", "station", "types")

    def __init__(self, station: bytes, memory: HostMemory) -> None:
        self.station = station
        self.memory = memory
        self._words = memory.words
        self.types = NOTHING
        self.multicast: tuple[bytes, ...] = ()
        self.lookahead = 0
        self._verdicts: dict[int, bool] = {}

    def become(self, other: "BindingFilter") -> None:
        """Take over types, multicast list and lookahead of `other`."""
        self.types, self.multicast, self.lookahead = other.types, other.multicast, other.lookahead
        self._verdicts.clear()

    def accepts(self, packets: Sequence[Packet]) -> Sequence[Packet]:
        """Return the packets whose destination this binding wants, in order: `packets` themselves if it wants all."""
        words = self._words
        try:
            firsts = [words[packet.first_word] for packet in packets]  # type: ignore[index]
        except (IndexError, TypeError):
            # One begins with no whole word, or beyond all memory, where a driver has made that of it.
            firsts = [_first_word(packet) for packet in packets]
        return self._chosen(packets, firsts)

    def accepts_lists(self, nbls: Sequence[NetBufferList]) -> Sequence[NetBufferList]:
        """Return the lists whose first frame's destination this binding wants, in order: `nbls` themselves if all."""
        words = self._words
        try:
            firsts = [words[nbl.frame.first_word] for nbl in nbls]  # type: ignore[index,union-attr]
        except (AttributeError, IndexError, TypeError):
            # The same, or there are several: the first of them is as good as an only one.
            firsts = [_first_word(nbl.buffers[0]) for nbl in nbls]
        return self._chosen(nbls, firsts)

    def _chosen(self, items: Sequence[T], firsts: list[int]) -> Sequence[T]:
        """Return those of `items` whose destination is wanted; there are few destinations among many."""
        if not items:
            return items
        known, judge = self._verdicts, self._judge
        wanted = {first: known[first] if first in known else judge(first) for first in distinct(firsts)}
        if all(wanted.values()):
            return items
        return [item for item, first in zip(items, firsts, strict=True) if wanted[first]]

    def _judge(self, first: int) -> bool:
        if len(self._verdicts) >= MOST_VERDICTS:
            self._verdicts.clear()
        destination = b"" if first == _RUNT else first.to_bytes(WORD, byteorder)[:ADDRESS]
        verdict = self._verdicts[first] = self.wants(destination)
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


def _first_word(frame: Packet | NetBuffer) -> int:
    """Return the first word of a frame wherever it lies."""
    data = frame.read()[:WORD]
    return int.from_bytes(data.ljust(WORD, b"\0"), byteorder) if len(data) >= ADDRESS else _RUNT


def union(filters: Iterable[BindingFilter]) -> tuple[PacketFilter, tuple[bytes, ...], int]:
    """Return what the miniport must let in for all bindings: types, multicast list, lookahead."""
    types, addresses, lookahead = NOTHING, dict[bytes, None](), 0
    for binding in filters:
        types |= binding.types
        addresses |= dict.fromkeys(binding.multicast)
        lookahead = max(lookahead, binding.lookahead)
    # Sorted, so that the same addresses in another order are no change.
    return types, tuple(sorted(addresses)), lookahead
