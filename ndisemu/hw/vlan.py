"""802.1Q tags, as the card inserts, strips and filters them (9.2 and 9.3).

With CTRL.VME the tag of a frame travels in its descriptor's special field:
the card writes it into what it sends where VLE asks for it, and takes it out
of what it receives, which VP tells. What marks a tagged frame is the
EtherType in VET.

Not here: RCTL.CFIEN, which compares the canonical form indicator.
"""

from collections.abc import Sequence

from ndisemu.frame.ethernet import ADDRESS, VLAN_TAG
from ndisemu.hw import registers as reg

_TYPE = slice(2 * ADDRESS, 2 * ADDRESS + 2)
_TAG = slice(2 * ADDRESS + 2, 2 * ADDRESS + VLAN_TAG)


def insert_tags(frames: Sequence[bytes], status: Sequence[int], ethertype: bytes) -> list[bytes]:
    """Return the frames with the tags that the last descriptor of each asks for; `status` are all their second words."""
    last = [word for word in status if word & reg.TX_EOP]
    return [
        frame[: _TYPE.start] + ethertype + (word >> reg.SPECIAL_SHIFT).to_bytes(2) + frame[_TYPE.start :]
        if word & reg.TX_VLE and frame
        else frame
        for frame, word in zip(frames, last, strict=True)
    ]


def strip_tags(frames: Sequence[bytes], ethertype: bytes) -> tuple[list[bytes], list[int]]:
    """Take the tags out of frames; returns the frames, and what each adds to the status word of its last descriptor."""
    stripped: list[bytes] = []
    special: list[int] = []
    for frame in frames:
        if frame[_TYPE] == ethertype and len(frame) >= _TAG.stop:
            stripped.append(frame[: _TYPE.start] + frame[_TAG.stop :])
            special.append(reg.RX_VP | int.from_bytes(frame[_TAG]) << reg.SPECIAL_SHIFT)
        else:
            stripped.append(frame)
            special.append(0)
    return stripped, special


def is_member(frame: bytes, ethertype: bytes, table: Sequence[int]) -> bool:
    """Tell whether the filter table VFTA, of 4096 bits, lets a frame in: untagged, or of a network whose bit is set."""
    if frame[_TYPE] != ethertype:
        return True
    network = int.from_bytes(frame[_TAG]) & 0xFFF
    return bool(table[network >> 5] >> (network & 31) & 1)
