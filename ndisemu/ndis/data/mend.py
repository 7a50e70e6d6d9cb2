"""Descriptors made whole again: a driver in Python can delete a field, and NDIS still has to give the rest back.

No part of a working path: who takes everything back from a dead miniport
looks at all that there is, and must not fail over what that has done.
"""

from typing import Final

from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.packet import Packet

# As good as new: where missing fields come from.
_PACKET: Final = Packet(-1)
_LIST: Final = NetBufferList(-1)


def mend(item: object) -> list[str]:
    """Give a packet or list the fields back that somebody has deleted; returns their names."""
    pattern: Packet | NetBufferList = _PACKET if isinstance(item, Packet) else _LIST
    names = (name for cls in type(pattern).__mro__ for name in getattr(cls, "__slots__", ()))
    missing = [name for name in names if not hasattr(item, name)]
    for name in missing:
        setattr(item, name, getattr(pattern, name))
    return missing
