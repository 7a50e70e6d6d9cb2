"""What rules see of a card from outside: its engines, its mask and its address.

There is nothing to see of a card that has been pulled out, nor of a NIC that
has none.
"""

from dataclasses import dataclass
from typing import Any

from ndisemu.hw import Nic, registers as reg
from ndisemu.ndis import Adapter


@dataclass(frozen=True, slots=True)
class Engine:
    """One half of a card that is on, and where its ring lies: bus address and bytes."""

    name: str
    base: int
    size: int


def engines(adapter: Adapter) -> list[Engine]:
    """Return the halves of an adapter's card that are on: they do DMA."""
    card = _card(adapter)
    if card is None:
        return []
    halves: list[tuple[str, Any, bool]] = [
        ("receiver", card.rx, bool(card.rx.filter.rctl & reg.RCTL_EN)),
        ("transmitter", card.tx, card.tx.enabled),
    ]
    return [Engine(name, half.base, half.size) for name, half, is_on in halves if is_on]


def mask(adapter: Adapter) -> int:
    """Return which causes an adapter's card may interrupt for (IMS)."""
    card = _card(adapter)
    return 0 if card is None else card.causes.ims


def address(adapter: Adapter) -> tuple[int, int] | None:
    """Return the first receive address of an adapter's card (RAL0, RAH0); None where there is no card."""
    card = _card(adapter)
    return None if card is None else (card.registers.words.get(reg.RAL0, 0), card.registers.words.get(reg.RAH0, 0))


def _card(adapter: Adapter) -> Nic | None:
    card = adapter.device.registers
    return card if isinstance(card, Nic) and not adapter.removed else None
