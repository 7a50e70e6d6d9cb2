"""A learning Ethernet switch: store-and-forward, with a table of addresses that age in virtual time.

Where a frame comes from tells where its source address is; frames for that
address then leave through that port alone. Frames for an address that is not
known, for groups and for everybody leave through all other ports.

Frames of one burst mostly have the same two addresses, so runs of those are
looked up once.

Not here: the spanning tree, VLANs, IGMP snooping and flow control.

Source: IEEE 802.1D, 7.7 (the forwarding process), 7.8 (learning), 7.9 (the
filtering database), 7.12.6 (reserved addresses).
"""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from ndisemu.errors import UsageError
from ndisemu.frame.ethernet import is_group
from ndisemu.kernel import Kernel
from ndisemu.link.addresses import AddressTable
from ndisemu.link.relay import DEFAULT_QUEUE, Relay, RelayPort

AGEING: Final = 300_000_000_000
ADDRESSES: Final = 8192
# Spanning tree, flow control and their like are for the next box only: 01:80:c2:00:00:00 to 0f.
_RESERVED: Final = b"\x01\x80\xc2\x00\x00"
_BOTH_ADDRESSES: Final = itemgetter(slice(12))


class Switch(Relay):
    """A switch that remembers up to `addresses`, each for `ageing` ns after it was heard last."""

    kind = "switch"

    def __init__(
        self,
        kernel: Kernel,
        name: str,
        *,
        queue: int = DEFAULT_QUEUE,
        latency: int = 0,
        ageing: int = AGEING,
        addresses: int = ADDRESSES,
    ) -> None:
        super().__init__(kernel, name, queue=queue, latency=latency)
        if ageing < 1 or addresses < 0:
            raise UsageError(f"{name} must keep addresses for at least 1 ns, not {addresses} of them for {ageing} ns")
        self.addresses = AddressTable(ageing=ageing, most=addresses)

    def follow(self, port: RelayPort, *, up: bool) -> None:
        """The carrier of a port came or went; who was there may be anywhere now."""
        super().follow(port, up=up)
        if not up:
            self.addresses.forget(port.number)

    def route(self, port: RelayPort, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Learn where the frames come from, and pass each to the port of its destination, or to all."""
        if not self.addresses.lasts(times[0], times[-1]):
            for frame, when in zip(frames, times, strict=True):
                self.route(port, [frame], [when])
            return
        place = 0
        for addresses, run in groupby(frames, _BOTH_ADDRESSES):
            alike = list(run)
            start, place = place, place + len(alike)
            self._route_run(port, addresses, alike, times[start:place])

    def _route_run(self, port: RelayPort, addresses: bytes, frames: Sequence[bytes], times: Sequence[int]) -> None:
        """Route frames that have the same two addresses."""
        destination, source = addresses[:6], addresses[6:]
        if not is_group(source):
            self.addresses.learn(source, port.number, times[-1])
        number = self.addresses.find(destination)
        if number is not None and number != port.number:
            self.forwarded += len(frames)
            self.put(self.ports[number - 1], frames, times)
        elif number is not None:
            self.dropped["same_port"] += len(frames)
        elif destination.startswith(_RESERVED) and destination[5] < 16:
            self.dropped["reserved"] += len(frames)
        else:
            self.flood(port, frames, times)
