"""What rules see of a card from outside: its engines, causes and mask, its rings, its address and its filters.

There is nothing to see of a card that has been pulled out, nor of a NIC that
has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ndisemu.frame.ethernet import ADDRESS, MIN_FRAME
from ndisemu.frame.frames import Frames
from ndisemu.hw import Nic, registers as reg
from ndisemu.memory import DESCRIPTOR, DmaViolation
from ndisemu.ndis import Adapter


@dataclass(frozen=True, slots=True)
class Engine:
    """One half of a card that is on, and where its ring lies: bus address and bytes.

    `buffers` are the addresses in the descriptors that software has given it and that it has not taken.
    """

    name: str
    base: int
    size: int
    buffers: Sequence[int]


def engines(adapter: Adapter) -> list[Engine]:
    """Return the halves of an adapter's card that are on: they do DMA."""
    card = _card(adapter)
    if card is None:
        return []
    halves: list[tuple[str, Any, bool]] = [
        ("receiver", card.rx, bool(card.rx.filter.rctl & reg.RCTL_EN)),
        ("transmitter", card.tx, card.tx.enabled),
    ]
    words = adapter.device.memory.words
    return [Engine(name, half.base, half.size, _given(half, words)) for name, half, is_on in halves if is_on]


def _given(half: Any, words: Sequence[int]) -> Sequence[int]:
    """Return the addresses between head and tail; none where the ring, or one of these, is not where it may be."""
    first, count = half.base >> 3, half.size // DESCRIPTOR
    if half.head == half.tail or max(half.head, half.tail) >= count or first + 2 * count > len(words):
        return ()
    addresses = list(words[first : first + 2 * count : 2])
    if half.head < half.tail:
        return addresses[half.head : half.tail]
    return [*addresses[half.head :], *addresses[: half.tail]]


def mask(adapter: Adapter) -> int:
    """Return which causes an adapter's card may interrupt for (IMS)."""
    card = _card(adapter)
    return 0 if card is None else card.causes.ims


def causes(adapter: Adapter) -> int:
    """Return the causes that an adapter's card has raised and nobody has taken yet (ICR), unmasked or not."""
    card = _card(adapter)
    return 0 if card is None else card.causes.icr


def arrived(adapter: Adapter) -> int:
    """Return how many frames have reached an adapter's card, those included that it has dropped."""
    card = _card(adapter)
    return 0 if card is None else card.rx.arrived


def unread(adapter: Adapter) -> int:
    """Return how many frames lie in the ring of an adapter's card that its driver has not taken out.

    A descriptor that software has is filled or only not cleared since; so no more than were filled and not indicated.
    """
    card = _card(adapter)
    if card is None or not card.rx.size:
        return 0
    rx, count = card.rx, card.rx.size // DESCRIPTOR
    most = min(rx.of_this_ring, rx.delivered - adapter.receives.indicated)
    try:
        adapter.device.dma.block_at(rx.base, rx.size, "write descriptors in")
    except DmaViolation:
        return 0
    first = rx.base >> 3
    status = adapter.device.memory.words[first + 1 : first + 2 * count : 2].tolist()
    whole = reg.RX_DD | reg.RX_EOP
    mine = (status[place % count] for place in range(rx.tail, rx.tail + count - rx.given))
    return max(0, min(most, sum(word & whole == whole for word in mine)))


def idles(adapter: Adapter) -> bool:
    """Whether an adapter's card works and has nothing more to send: whatever its driver still waits for, not for the card."""
    card = _card(adapter)
    if card is None or card.hung or card.stopped or card.removed or not card.link_up():
        return False
    return bool(card.tx.head == card.tx.tail)


def address(adapter: Adapter) -> tuple[int, int] | None:
    """Return the first receive address of an adapter's card (RAL0, RAH0); None where there is no card."""
    card = _card(adapter)
    return None if card is None else (card.registers.words.get(reg.RAL0, 0), card.registers.words.get(reg.RAH0, 0))


def lets_in(adapter: Adapter, destinations: Sequence[bytes]) -> list[bytes]:
    """Return to which of these addresses an adapter's card takes frames as its filters are now."""
    card = _card(adapter)
    if card is None or not destinations or not card.rx.filter.rctl & reg.RCTL_EN:
        return []
    probes = Frames([destination.ljust(MIN_FRAME, b"\0") for destination in destinations])
    return [frame[:ADDRESS] for frame in card.rx.filter.accepts(probes)]


def _card(adapter: Adapter) -> Nic | None:
    card = adapter.device.registers
    return card if isinstance(card, Nic) and not adapter.removed else None
