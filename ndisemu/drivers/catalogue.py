"""The drivers that come with the project, by the names that a scenario gives them.

A table and nothing else: it says where each driver is and what it is, and
imports none of them, so that checking a scenario or listing the drivers runs
no driver. A row here is all that makes a driver known.

Deliberately absent: drivers of a user's own, which a scenario names by their
class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["deserialized", "serialized", "connection-oriented", "WDM edge", "protocol"]
"""What NDIS has to do for a driver: nothing, its locking and queueing, circuits, a lower edge that is no card."""

Style: TypeAlias = Literal["coroutine", "explicit"]
"""Whether a driver suspends where it pends, or returns PENDING and completes later, as in C."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One driver: its class as `module:Class`, the NDIS version it is written for, and what is special about it."""

    path: str
    ndis: str
    kind: Kind
    style: Style
    line: str


MINIPORTS: Final[Mapping[str, Entry]] = {
    "ring": Entry(
        "ndisemu.drivers.ring:RingMiniport", "5.1", "deserialized", "coroutine",
        "the reference: arrays of packets through the rings of the 82540EM",
    ),
    "ring-explicit": Entry(
        "ndisemu.drivers.ring_explicit:ExplicitRingMiniport", "5.1", "deserialized", "explicit",
        "what ring does, without a coroutine, as in C",
    ),
    "priority": Entry(
        "ndisemu.drivers.priority:PriorityMiniport", "5.1", "deserialized", "explicit",
        "the same with a queue for each 802.1p priority, VLANs, and TimeToSend",
    ),
    "legacy": Entry(
        "ndisemu.drivers.legacy:LegacyMiniport", "5.1", "serialized", "explicit",
        "a packet at a time, under NDIS's lock and out of NDIS's queue, as in C",
    ),
    "ring6": Entry(
        "ndisemu.drivers.ring6:Ring6Miniport", "6.0", "deserialized", "coroutine",
        "the reference for NDIS 6: lists through the same rings, pause and restart",
    ),
    "stream": Entry(
        "ndisemu.drivers.stream:StreamMiniport", "5.1", "WDM edge", "coroutine",
        "no card: frames as IRPs to a device below, which carries them over a stream",
    ),
    "vc": Entry(
        "ndisemu.drivers.vc:VcMiniport", "5.1", "connection-oriented", "coroutine",
        "virtual circuits, each with its queue and its VLAN, through the same rings",
    ),
}  # fmt: skip
"""What a NIC's `miniport` may be."""

STATIONS: Final[Mapping[str, Entry]] = {
    "v5": Entry(
        "ndisemu.drivers.protocols.station:Station", "5.1", "protocol", "coroutine",
        "sends a scenario's traffic, and judges what arrives",
    ),
    "v6": Entry(
        "ndisemu.drivers.protocols.station:Station6", "6.0", "protocol", "coroutine",
        "the same over NET_BUFFER_LISTs; it waits while its binding is paused",
    ),
}  # fmt: skip
"""What a NIC's `protocol` may be: the generations of the protocol that carries a scenario's traffic."""
