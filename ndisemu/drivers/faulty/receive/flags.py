"""NDIS 6 miniports that say by a flag what is not true of all that they indicate."""

from collections.abc import Awaitable, Sequence
from itertools import groupby
from typing import Final

from ndisemu.drivers.faulty.pair import Pair
from ndisemu.drivers.ring6 import Ring6Miniport
from ndisemu.ndis import OidRequest, PacketFilter, Status, Tag, v6


class ClaimsOneType(Ring6Miniport):
    """It has learned that the flag makes protocols faster."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        self.lent += len(nbls)
        self.ndis.indicate_receive(nbls, flags=v6.ReceiveFlag.SINGLE_ETHER_TYPE)


class LooksAtTypes(Ring6Miniport):
    """It sets the flag where the types are one."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        self.lent += len(nbls)
        types = {nbl.buffers[0].read()[12:14] for nbl in nbls}
        self.ndis.indicate_receive(nbls, flags=v6.ReceiveFlag.SINGLE_ETHER_TYPE if len(types) == 1 else 0)


class ClaimsOneVlan(Ring6Miniport):
    """It serves two VLANs in turn, and indicates what came for both together."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        mark(nbls)
        self.lent += len(nbls)
        self.ndis.indicate_receive(nbls, flags=v6.ReceiveFlag.SINGLE_VLAN)


class IndicatesByVlan(Ring6Miniport):
    """What came for each VLAN it indicates alone."""

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        mark(nbls)
        self.lent += len(nbls)
        for _, run in groupby(nbls, key=lambda nbl: nbl.ieee8021q):
            self.ndis.indicate_receive(list(run), flags=v6.ReceiveFlag.SINGLE_VLAN)


class ClaimsToFilter(Ring6Miniport):
    """Its card lets everything in, and it says that this is what was asked for."""

    flags = v6.ReceiveFlag.PERFECT_FILTERED

    def oid_request(self, request: OidRequest) -> Status | Awaitable[Status]:
        status = super().oid_request(request)
        if self.information.filter:
            self.rx.set_filter(PacketFilter.PROMISCUOUS, ())
        return status

    def indicate(self, nbls: Sequence[v6.NetBufferList]) -> None:
        self.lent += len(nbls)
        self.ndis.indicate_receive(nbls, flags=self.flags)


class LeavesFilteringToNdis(ClaimsToFilter):
    """Its card lets everything in, and NDIS looks."""

    flags = v6.ReceiveFlag(0)


def mark(nbls: Sequence[v6.NetBufferList]) -> None:
    """Say of each list which of two VLANs it came for."""
    for place, nbl in enumerate(nbls):
        nbl.ieee8021q = Tag(0, vlan_id=1 + place % 2).pack()


PAIRS: Final = (
    Pair("rx-flag-ethertype", ClaimsOneType, LooksAtTypes, "all kinds"),
    Pair("rx-flag-vlan-queue", ClaimsOneVlan, IndicatesByVlan, "batches"),
    Pair("rx-filter-respected", ClaimsToFilter, LeavesFilteringToNdis, "all kinds"),
)
