"""What a switch has learned: at which port each address was heard, and when last.

An address that has not been heard for the ageing time is forgotten, at
exactly that nanosecond, without a timer: who learns from a burst of frames
asks `lasts` first, which knows a lower bound of the next such moment. As long
as nothing can be forgotten in the midst of a burst, that is all ageing costs.

A full table learns nothing new until something has been forgotten.
"""

from typing import Final

NEVER: Final = 1 << 62


class AddressTable:
    """At most `most` addresses, each remembered for `ageing` ns.

    `learned` is how often one was new, `refused` how often one had no room.
    """

    __slots__ = ("_ageing", "_expires_at", "_heard", "_most", "_ports", "learned", "refused")

    def __init__(self, *, ageing: int, most: int) -> None:
        self._ageing = ageing
        self._most = most
        self._ports: dict[bytes, int] = {}
        self._heard: dict[bytes, int] = {}
        self._expires_at = NEVER
        self.learned = 0
        self.refused = 0

    def __repr__(self) -> str:
        return f"<AddressTable {len(self._ports)}/{self._most} addresses>"

    def __len__(self) -> int:
        return len(self._ports)

    def find(self, address: bytes) -> int | None:
        """Return the number of the port at which `address` was heard last; None: not known."""
        return self._ports.get(address)

    def lasts(self, first: int, last: int) -> bool:
        """Forget what has not been heard for the ageing time at `first`; returns whether the rest is known until `last`."""
        if last >= self._expires_at:
            self._expire(first)
        # What is learned in between must last, too.
        return last < self._expires_at and last - first < self._ageing

    def learn(self, address: bytes, port: int, when: int) -> None:
        """Remember that `address` was heard at a port at `when`, not before anything learned so far."""
        ports = self._ports
        if address not in ports:
            if len(ports) >= self._most:
                self.refused += 1
                return
            self.learned += 1
            if not ports:
                self._expires_at = when + self._ageing
        ports[address] = port
        self._heard[address] = when

    def forget(self, port: int) -> None:
        """Forget every address at a port."""
        for address in [address for address, place in self._ports.items() if place == port]:
            del self._ports[address], self._heard[address]

    def _expire(self, now: int) -> None:
        heard, oldest = self._heard, now - self._ageing
        for address in [address for address, when in heard.items() if when <= oldest]:
            del self._ports[address], heard[address]
        self._expires_at = min(heard.values()) + self._ageing if heard else NEVER
