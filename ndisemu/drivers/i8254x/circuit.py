"""A virtual circuit as a driver for the 82540EM keeps it: a VLAN on the cable, and what is outstanding there.

Not here: the tags themselves; see `vlan`.
"""

from typing import Final

from ndisemu.ndis import Signal, Turn
from ndisemu.ndis.co import NOT_SPECIFIED, FlowSpec, VirtualCircuit

# What the cable carries, in bytes a second.
LINE_RATE: Final = 125_000_000


class Circuit:
    """MiniportVcContext: a circuit's VLAN (0 while inactive), the order of its sends, and what is outstanding on it.

    `sending` counts bytes, `lent` packets.
    """

    __slots__ = ("drained", "lent", "sending", "turn", "vc", "vlan")

    def __init__(self, vc: VirtualCircuit) -> None:
        self.vc = vc
        self.vlan = 0
        self.turn = Turn()
        self.sending = 0
        self.lent = 0
        self.drained: Signal | None = None

    def ended(self, *, sends: int = 0, receives: int = 0) -> None:
        """Count what has come back, and wake who waits for the last of it."""
        self.sending -= sends
        self.lent -= receives
        if self.drained is not None and not (self.sending or self.lent):
            drained, self.drained = self.drained, None
            drained.set()


def fits(flow: FlowSpec) -> bool:
    """Whether the cable can carry what a flow asks for, if it asks for anything."""
    return flow.peak_bandwidth <= LINE_RATE or flow.peak_bandwidth == NOT_SPECIFIED
