"""How a send has ended, in the words of the other generation.

Source: NDIS reference 4.1, 5.4 and 8.3 (cancel and pause statuses differ).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ndisemu.ndis.status import Status

# What 5.x has another word for; all other statuses mean the same in both.
TO_5: Final[Mapping[Status, Status]] = MappingProxyType(
    {
        Status.SEND_ABORTED: Status.REQUEST_ABORTED,
        Status.PAUSED: Status.ADAPTER_NOT_READY,
        Status.LOW_POWER_STATE: Status.ADAPTER_NOT_READY,
        Status.MEDIA_DISCONNECTED: Status.NO_CABLE,
    }
)
# What an NDIS 6 send may not end with (5.4).
TO_6: Final[Mapping[Status, Status]] = MappingProxyType(
    {
        Status.REQUEST_ABORTED: Status.SEND_ABORTED,
        Status.ADAPTER_NOT_READY: Status.PAUSED,
        Status.NO_CABLE: Status.FAILURE,
        Status.CLOSING: Status.FAILURE,
        Status.INVALID_PACKET: Status.FAILURE,
    }
)


def to_5(status: Status) -> Status:
    """Return the 5.x status for how an NDIS 6 send has ended."""
    return TO_5.get(status, status)


def to_6(status: Status) -> Status:
    """Return the NDIS 6 status for how a 5.x send has ended."""
    return TO_6.get(status, status)
