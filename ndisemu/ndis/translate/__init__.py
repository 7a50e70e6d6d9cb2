"""Translation: a protocol of one generation on a miniport of the other.

NDIS 6 runs NDIS 5.x protocols on NDIS 6 miniports and the other way round.
A translator stands between a binding and an adapter: to the binding it is
what is below, to the adapter what is above (the `edges` of each generation).
Payload is never copied where both sides may keep it; only descriptors are
made anew, and each translator owns what it has in hand.

Requests need no translation: both generations make them with the same
object, and NDIS answers from the adapter what the other generation would
not know.

Source: NDIS reference 8.
"""

from ndisemu.ndis.translate.lists import ListsOverPackets
from ndisemu.ndis.translate.packets import PacketsOverLists

__all__ = ["ListsOverPackets", "PacketsOverLists"]
