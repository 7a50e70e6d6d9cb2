"""What NDIS keeps of every binding, and answers without the miniport.

Packet filter, multicast list and lookahead belong to a binding; the miniport
is told their union over all bindings, and only when that changes. A change
takes effect when the miniport has taken it. Requests come here in their
turn, so a union is made of what is in effect at that time.

Source: NDIS reference 4.4, 4.5 and 5.8.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from ndisemu.frame.ethernet import ADDRESS
from ndisemu.ndis.constants import PacketFilter, ProtocolOption
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.filter import BindingFilter, union
from ndisemu.ndis.oid import Oid
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter
    from ndisemu.ndis.binding import BaseBinding


class FilterBook:
    """The filters of one adapter's bindings, and what its miniport has taken last of each kind.

    `changed` is called when a filter or the options of a binding have changed.
    """

    __slots__ = ("_adapter", "_told", "changed")

    def __init__(self, adapter: "Adapter") -> None:
        self._adapter = adapter
        self._told = _encoded(())
        self.changed: Callable[[], None] = _nothing

    @property
    def lookahead(self) -> int:
        """How many bytes behind the header the miniport has been told to show at least."""
        return int.from_bytes(self._told[Oid.GEN_CURRENT_LOOKAHEAD], "little")

    @property
    def types(self) -> PacketFilter:
        """The packet filter that the miniport has taken last."""
        return PacketFilter(int.from_bytes(self._told[Oid.GEN_CURRENT_PACKET_FILTER], "little"))

    @property
    def multicast(self) -> tuple[bytes, ...]:
        """The multicast list that the miniport has taken last."""
        addresses = self._told[Oid.E802_3_MULTICAST_LIST]
        return tuple(addresses[start : start + ADDRESS] for start in range(0, len(addresses), ADDRESS))

    def answer(self, request: OidRequest) -> Status | None:
        """Answer what NDIS owns; None for what the miniport must see, with the union of all bindings as its data.

        Whatever NDIS's own sets of these objects say, the union is what they tell.
        """
        binding = request.binding
        if not request.is_set:
            return None if binding is None else _query(request, binding)
        if binding is None:
            return self._tell(request, (other.filter for other in self._adapter.bindings), _nothing)
        if request.oid is Oid.GEN_PROTOCOL_OPTIONS:
            status = _set_options(request, binding)
            self.changed()
            return status
        wanted = _changed(binding.filter, request)
        if not isinstance(wanted, BindingFilter):
            return wanted
        # What is wanted takes the place of what the binding has.
        filters = [wanted if other is binding else other.filter for other in self._adapter.bindings]
        return self._tell(request, filters, lambda: self._become(binding, wanted))

    def close(self, binding: "BaseBinding") -> list[OidRequest]:
        """Forget a binding's filter; returns the sets that tell the miniport what is left."""
        self._become(binding, BindingFilter(binding.filter.station, binding.filter.memory))
        return [OidRequest.set(oid, b"") for oid in (Oid.GEN_CURRENT_PACKET_FILTER, Oid.E802_3_MULTICAST_LIST)]

    def forget(self) -> None:
        """The miniport has lost what it was told: it knows as much as after its start."""
        self._told = _encoded(())

    def restoring(self) -> Iterator[OidRequest]:
        """Give one by one the sets that tell the miniport what it does not know by then; they pass while others are refused."""
        for oid in self._told:
            if self._told[oid] != _encoded(binding.filter for binding in self._adapter.bindings)[oid]:
                request = OidRequest.set(oid, b"")
                request.urgent = True
                yield request

    def _become(self, binding: "BaseBinding", wanted: BindingFilter) -> None:
        binding.filter.become(wanted)
        self.changed()

    def _tell(
        self, request: OidRequest, filters: Iterable[BindingFilter], take_effect: Callable[[], None]
    ) -> Status | None:
        """Let a change take effect: at once if the union stays, else when the miniport has taken the new union."""
        oid, told = request.oid, self._told
        if oid not in told:
            return None
        whole = _encoded(filters)[oid]
        if whole == told[oid]:
            take_effect()
            return Status.SUCCESS

        def taken() -> None:
            told[oid] = whole
            take_effect()

        request.applied = taken
        request.substitute(whole)
        return None


def _query(request: OidRequest, binding: "BaseBinding") -> Status | None:
    """Answer from what the binding has set itself."""
    if request.oid is Oid.GEN_CURRENT_PACKET_FILTER:
        return request.answer(binding.filter.types.to_bytes(4, "little"))
    if request.oid is Oid.E802_3_MULTICAST_LIST:
        return request.answer(b"".join(binding.filter.multicast))
    return None


def _set_options(request: OidRequest, binding: "BaseBinding") -> Status:
    number = request.number()
    if number is None:
        return Status.INVALID_LENGTH
    binding.protocol_options = ProtocolOption(number)
    return Status.SUCCESS


def _changed(old: BindingFilter, request: OidRequest) -> BindingFilter | Status | None:
    """Return `old` as `request` wants it, the status that refuses it, or None if it is about something else."""
    new = BindingFilter(old.station, old.memory)
    new.become(old)
    if request.oid is Oid.E802_3_MULTICAST_LIST:
        data = request.data
        if len(data) % 6:
            return Status.INVALID_LENGTH
        new.multicast = tuple(data[start : start + 6] for start in range(0, len(data), 6))
        return new if all(address[0] & 1 for address in new.multicast) else Status.INVALID_DATA
    if request.oid not in {Oid.GEN_CURRENT_PACKET_FILTER, Oid.GEN_CURRENT_LOOKAHEAD}:
        return None
    number = request.number()
    if number is None:
        return Status.INVALID_LENGTH
    if request.oid is Oid.GEN_CURRENT_LOOKAHEAD:
        new.lookahead = number
    else:
        new.types = PacketFilter(number)
    return new


def _encoded(filters: Iterable[BindingFilter]) -> dict[Oid, bytes]:
    """Return the union of `filters` as the miniport is told it, by OID."""
    types, addresses, lookahead = union(filters)
    # Frames of its own host are NDIS's business (5.11): no miniport is asked for them.
    types &= ~PacketFilter.ALL_LOCAL
    return {
        Oid.GEN_CURRENT_PACKET_FILTER: types.to_bytes(4, "little"),
        Oid.E802_3_MULTICAST_LIST: b"".join(addresses),
        Oid.GEN_CURRENT_LOOKAHEAD: lookahead.to_bytes(4, "little"),
    }


def _nothing() -> None:
    """Stand in where nothing takes effect, as when NDIS tells the miniport what is left, or nobody listens."""
