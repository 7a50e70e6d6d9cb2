"""802.1Q tags put in and taken out by the driver, for a card that is not asked to do it.

On its way out a frame is gathered from three pieces: its addresses, a tag
that lies ready in shared memory for every VLAN, and the rest. On its way in
the addresses move over the tag, and the packet begins four bytes later in
its buffer, until `restore` gives it the whole buffer again.
"""

from typing import Final

from ndisemu.frame.ethernet import VLAN_TAG
from ndisemu.ndis import Packet, SharedMemory
from ndisemu.ndis.v5 import MiniportLibrary

VLANS: Final = 4096
_ADDRESSES: Final = 12
_TPID: Final = b"\x81\x00"


class Tags:
    """The tag of every VLAN, where the card can gather it."""

    def __init__(self, ndis: MiniportLibrary) -> None:
        memory = ndis.allocate_shared_memory(VLANS * VLAN_TAG, purpose="VLAN tags")
        if memory is None:
            raise MemoryError(f"no room for {VLANS} VLAN tags")
        self._ndis = ndis
        self._memory: SharedMemory = memory
        for vlan in range(0, VLANS, 2):
            pair = b"".join(_TPID + number.to_bytes(2, "big") for number in (vlan, vlan + 1))
            memory.words[vlan // 2] = int.from_bytes(pair, "little")

    def address(self, vlan: int) -> int:
        """Return the bus address of the tag of `vlan`."""
        return self._memory.address + VLAN_TAG * vlan

    def free(self) -> None:
        """Give the memory back."""
        self._ndis.free_shared_memory(self._memory)


class Tagged:
    """A packet as the card gathers it: addresses, tag, and the rest."""

    __slots__ = ("address", "length", "packet", "segments")

    def __init__(self, packet: Packet, tag: int) -> None:
        self.packet = packet
        # It is in several pieces.
        self.address = 0
        self.length = packet.length + VLAN_TAG
        before, after, left = [], [], _ADDRESSES
        for address, length in packet.segments:
            taken = min(length, left)
            if taken:
                before.append((address, taken))
            if length > taken:
                after.append((address + taken, length - taken))
            left -= taken
        self.segments = (*before, (tag, VLAN_TAG), *after)


def untag(packet: Packet) -> int:
    """Close up the tag in a received frame: its addresses move over it; returns the VLAN, 0 for an untagged frame."""
    buffer = packet.head
    if buffer is None:
        return 0
    memory, start = buffer.memory, buffer.address
    tag = memory[start + _ADDRESSES : start + _ADDRESSES + VLAN_TAG]
    if tag[:2] != _TPID:
        return 0
    memory[start + VLAN_TAG : start + VLAN_TAG + _ADDRESSES] = memory[start : start + _ADDRESSES]
    buffer.address += VLAN_TAG
    buffer.capacity -= VLAN_TAG
    packet.resize(packet.length - VLAN_TAG)
    return int.from_bytes(tag[2:], "big") & VLANS - 1


def restore(packet: Packet) -> None:
    """Give a packet the whole of its buffer again, where a tag was closed up."""
    buffer = packet.head
    # Whole buffers begin at multiples of their size.
    if buffer is not None and buffer.address & VLAN_TAG:
        buffer.address -= VLAN_TAG
        buffer.capacity += VLAN_TAG
        packet.resize(buffer.capacity)
