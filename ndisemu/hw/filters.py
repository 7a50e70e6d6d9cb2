"""Receive filtering: which destination addresses a card lets in (13.4.22, 13.5).

Promiscuous modes, exact matches in the receive address registers, the
multicast hash table and broadcast acceptance are folded into one verdict per
destination address; verdicts are remembered until a register they depend on
is written. With RCTL.VFE, what passes must also be untagged or of a VLAN in
the filter table.
"""

from collections.abc import Sequence
from typing import Final

from ndisemu.frame.ethernet import ADDRESS, BROADCAST
from ndisemu.frame.frames import Frames
from ndisemu.hw import registers as reg
from ndisemu.hw.vlan import is_member

# Which 12 bits of the upper two address bytes index the hash table, by RCTL.MO.
HASH_SHIFTS: Final = (4, 3, 2, 0)
# A flood of made-up addresses must not grow the memory of verdicts.
MOST_VERDICTS: Final = 4096


class ReceiveFilter:
    """The verdicts of one card, computed from its RCTL, RAL/RAH, MTA, VET and VFTA words."""

    __slots__ = ("_ethertype", "_hash", "_networks", "_stations", "_verdicts", "rctl")

    def __init__(self) -> None:
        self.rctl = 0
        self._stations: dict[bytes, None] = {}
        self._hash: Sequence[int] = ()
        self._verdicts: dict[bytes, bool] = {}
        self._ethertype = b""
        self._networks: Sequence[int] = ()

    def configure(self, rctl: int, addresses: Sequence[int], hash_table: Sequence[int]) -> None:
        """Take new register values: 32 words of RAL/RAH pairs and 128 of MTA."""
        self.rctl = rctl
        self._stations = {
            (low | (high & 0xFFFF) << 32).to_bytes(6, "little"): None
            for low, high in zip(addresses[::2], addresses[1::2], strict=True)
            if high & reg.RAH_AV
        }
        self._hash = tuple(hash_table)
        self._verdicts.clear()

    def configure_vlan(self, ethertype: bytes, networks: Sequence[int]) -> None:
        """Take new register values: VET as it is on the wire, and 128 words of VFTA."""
        self._ethertype = ethertype
        self._networks = tuple(networks)

    def accepts(self, frames: Frames) -> Frames | list[bytes]:
        """Return the frames that the card wants, in order: `frames` themselves if it wants all."""
        known, judge = self._verdicts, self._judge
        wanted = {to: known[to] if to in known else judge(to) for to in frames.destinations}
        kept = frames if all(wanted.values()) else [frame for frame in frames if wanted[frame[:ADDRESS]]]
        if self.rctl & reg.RCTL_VFE:
            return [frame for frame in kept if is_member(frame, self._ethertype, self._networks)]
        return kept

    def _judge(self, destination: bytes) -> bool:
        if len(self._verdicts) >= MOST_VERDICTS:
            self._verdicts.clear()
        verdict = self._verdicts[destination] = self._wants(destination)
        return verdict

    def _wants(self, destination: bytes) -> bool:
        rctl = self.rctl
        if len(destination) < ADDRESS:
            return False
        if destination in self._stations:
            return True
        if not destination[0] & 1:
            return bool(rctl & reg.RCTL_UPE)
        if rctl & reg.RCTL_MPE or (destination == BROADCAST and rctl & reg.RCTL_BAM):
            return True
        place = hash_index(destination, (rctl & reg.RCTL_MO) >> 12)
        return bool(self._hash and self._hash[place >> 5] >> (place & 31) & 1)


def hash_index(address: bytes, offset: int) -> int:
    """Return which of the 4096 bits of the multicast table stands for `address`, for RCTL.MO = `offset` (13.5.1)."""
    return (address[4] | address[5] << 8) >> HASH_SHIFTS[offset] & 0xFFF
