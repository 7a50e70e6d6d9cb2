"""The 802.1Q tag as NDIS carries it beside a packet or list: TagHeader of Ieee8021QInfo.

One number holds user priority, canonical format bit and VLAN id, least
significant bits first. On the wire the same fields stand in the tag control
information, most significant first; a driver converts when it inserts or
strips the four bytes after the source address.

Not here: the tag's bytes in a frame; see `frame.ethernet`.

Source: NDIS reference 7.
"""

from typing import NamedTuple


class Tag(NamedTuple):
    """The fields of NDIS_PACKET_8021Q_INFO; all zero is a packet without a tag."""

    user_priority: int = 0
    vlan_id: int = 0
    canonical_format: int = 0

    def pack(self) -> int:
        """Return the TagHeader."""
        return (self.user_priority & 7) | (self.canonical_format & 1) << 3 | (self.vlan_id & 0xFFF) << 4

    @classmethod
    def unpack(cls, header: int) -> "Tag":
        """Read a TagHeader; its reserved bits are ignored."""
        return cls(header & 7, header >> 4 & 0xFFF, header >> 3 & 1)

    def to_wire(self) -> int:
        """Return the tag control information, as it stands behind the type 0x8100."""
        return (self.user_priority & 7) << 13 | (self.canonical_format & 1) << 12 | (self.vlan_id & 0xFFF)

    @classmethod
    def from_wire(cls, control: int) -> "Tag":
        """Read the tag control information of a frame."""
        return cls(control >> 13 & 7, control & 0xFFF, control >> 12 & 1)
