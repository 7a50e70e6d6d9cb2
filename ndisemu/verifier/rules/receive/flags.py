"""What an NDIS 6 miniport says of a whole indication by its flags: that must be true of every list in it."""

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from ndisemu.frame.ethernet import ADDRESS
from ndisemu.frame.frames import distinct
from ndisemu.ndis import Tag, v6
from ndisemu.ndis.filter import BindingFilter, union
from ndisemu.verifier.call import Call
from ndisemu.verifier.rule import Model, Rule, before

_TYPE: Final = slice(2 * ADDRESS, 2 * ADDRESS + 2)
_WHY: Final = "Protocols look at the first list and take the rest for the same; what is not goes to the wrong place."


class Claim(Rule):
    """A flag of an indication is true of each of its lists."""

    models = Model.NDIS6
    source = "DDK: NdisMIndicateReceiveNetBufferLists"
    flag: ClassVar[v6.ReceiveFlag]

    @before("NdisMIndicateReceiveNetBufferLists")
    def indicating(self, call: Call) -> None:
        """Look, if the flag is set."""
        if call.argument("flags", 0) & self.flag:
            wrong = self.wrong(call.items)
            if wrong:
                self.broken(
                    f"{self.watch.adapter.name} indicated {len(call.items)} lists with NDIS_RECEIVE_FLAGS_{self.flag.name}, "
                    f"and {wrong}; set the flag where it is true",
                    call.items[0],
                )

    def wrong(self, nbls: Iterable[Any]) -> str:
        """Say what contradicts the flag; nothing if it is true."""
        raise NotImplementedError


class RxFlagEthertype(Claim):
    """Lists that are indicated as of one EtherType are."""

    id = "rx-flag-ethertype"
    why = _WHY
    flag = v6.ReceiveFlag.SINGLE_ETHER_TYPE

    def wrong(self, nbls: Iterable[Any]) -> str:
        """Read the type in each header."""
        types = distinct([nbl.buffers[0].read()[_TYPE] for nbl in nbls])
        return f"their EtherTypes are {' and '.join(kind.hex() for kind in types)}" if len(types) > 1 else ""


class RxFlagVlanQueue(Claim):
    """Lists that are indicated as of one VLAN are."""

    id = "rx-flag-vlan-queue"
    why = _WHY
    flag = v6.ReceiveFlag.SINGLE_VLAN

    def wrong(self, nbls: Iterable[Any]) -> str:
        """Read the tag beside each."""
        vlans = dict.fromkeys(Tag.unpack(nbl.ieee8021q).vlan_id for nbl in nbls)
        return f"their VLANs are {' and '.join(map(str, vlans))}" if len(vlans) > 1 else ""


class RxFilterRespected(Claim):
    """Lists that are indicated as filtered perfectly are such as the filters that were set let in."""

    id = "rx-filter-respected"
    source = "DDK: OID_GEN_CURRENT_PACKET_FILTER, NdisMIndicateReceiveNetBufferLists"
    why = "NDIS then hands them on without a look at their addresses, and a protocol gets what was sent to others."
    flag = v6.ReceiveFlag.PERFECT_FILTERED

    def wrong(self, nbls: Iterable[Any]) -> str:
        """Hold each destination against all filters together."""
        adapter = self.watch.adapter
        whole = BindingFilter(adapter.station_address, adapter.device.memory)
        whole.types, whole.multicast, _ = union(binding.filter for binding in adapter.bindings)
        for destination in distinct([nbl.buffers[0].read()[:ADDRESS] for nbl in nbls]):
            if not whole.wants(destination):
                return f"nobody has asked for frames to {destination.hex(':')}"
        return ""


RULES: Final[tuple[type[Rule], ...]] = (RxFlagEthertype, RxFlagVlanQueue, RxFilterRespected)
