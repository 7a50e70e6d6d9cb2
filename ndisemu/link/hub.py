"""A hub: what comes in at one port goes out at all others.

It learns nothing and looks at nothing. It is a buffered one, which repeats
whole frames over full-duplex cables: IEEE 802.3 calls it a buffered
distributor.

Not here: collisions. The cards this project models are full duplex.
"""

from collections.abc import Sequence

from ndisemu.link.relay import Relay, RelayPort


class Hub(Relay):
    """A relay that floods everything."""

    kind = "hub"

    def route(self, port: RelayPort, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Pass all frames to all other ports."""
        self.flood(port, frames, times)
