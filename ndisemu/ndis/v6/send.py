"""The NDIS 6 send path: submit, loop back, hand to the miniport, complete by status, reclaim.

Lists go to MiniportSendNetBufferLists at once, in the caller's context and
at its IRQL, while the adapter is Running; in any other state NDIS completes
them itself with NDIS_STATUS_PAUSED, and while the adapter is being reset,
sleeps or is gone, with a status that says so. Each list comes back through
NdisMSendNetBufferListsComplete, exactly once, with its own status
(`listbook`).

A frame that another binding's filter wants is shown to it on the way
(software loopback), if the miniport leaves that to NDIS.

Source: NDIS reference 5.4 and 5.11, seed 003.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, ClassVar, Final

from ndisemu.kernel import driver_errors
from ndisemu.ndis.constants import MacOption
from ndisemu.ndis.data.nbl import NblFlag, NetBufferList
from ndisemu.ndis.sendcall import follow_send
from ndisemu.ndis.status import Status
from ndisemu.ndis.v6.edges import NblUpper
from ndisemu.ndis.v6.flags import ReceiveFlag, SendFlag
from ndisemu.ndis.v6.listbook import ListBook, frames_in

if TYPE_CHECKING:
    from ndisemu.ndis.v6.adapter import NblAdapter

_LOOP_TO_SENDER: Final = int(SendFlag.CHECK_FOR_LOOPBACK)
_LOOPED: Final = int(ReceiveFlag.RESOURCES)
_BY_BINDING: Final = attrgetter("binding")


class NblSends(ListBook):
    """The sends of one NDIS 6 adapter; it is the owner of the lists that are on their way."""

    __slots__ = ("_miniport", "_owner")

    entry: ClassVar[str] = "MiniportSendNetBufferLists"

    def __init__(self, adapter: "NblAdapter") -> None:
        super().__init__(adapter, adapter.name, "NdisMSendNetBufferListsComplete")
        self._owner = adapter
        self._miniport = adapter.miniport

    def submit(self, upper: NblUpper, nbls: Sequence[NetBufferList], port: int, flags: int) -> None:
        """Take lists from a protocol and give them to the miniport (`NdisSendNetBufferLists`, IRQL <= DISPATCH)."""
        adapter = self._owner
        # The caller's chain is its own again when this returns; the lists are not.
        nbls = tuple(nbls)
        serial, formless = self.accept(upper, nbls)
        if adapter.refuses_sends is not None:
            self.finish(nbls, adapter.refuses_sends)
            return
        if formless is not None:
            self.refuse_formless(upper, nbls, formless)
            return
        if len(adapter.uppers) > 1 or flags & _LOOP_TO_SENDER:
            self._loop_back(upper, nbls, port, flags)
        if (costs := self._costs) is not None:
            frames = frames_in(nbls)
            self.charge(costs.submission(frames) + costs.send(frames))
        try:
            result = self._miniport.send(nbls, port, flags)
        except driver_errors() as error:
            self.raised(nbls, serial, error)
        else:
            follow_send(self, result, nbls, serial)

    def refuse(self, upper: NblUpper, nbls: Sequence[NetBufferList], status: Status) -> None:
        """Complete lists of a binding that is not Running; what keeps the adapter from sending at all is said first."""
        self.take_over(upper, nbls)
        refusal = self._owner.refusal
        self.finish(nbls, status if refusal is None else refusal)

    def announce(self, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Call ProtocolSendNetBufferListsComplete of whom each list belongs to."""
        uppers = self._owner.uppers
        if len(uppers) == 1:
            uppers[0].sends_completed(nbls, flags)
        else:
            for upper, group in groupby(nbls, key=_BY_BINDING):
                upper.sends_completed(list(group), flags)

    def _loop_back(self, sender: NblUpper, nbls: Sequence[NetBufferList], port: int, flags: int) -> None:
        """Show frames to the bindings whose filters want them; to the sender only if it asked for that."""
        if not self._owner.mac_options & MacOption.NO_LOOPBACK:
            return
        frames = [_echo(nbl, place) for nbl in nbls for place in range(len(nbl.buffers))]
        for upper in tuple(self._owner.uppers):
            if upper is not sender or flags & _LOOP_TO_SENDER:
                wanted = upper.filter.accepts_lists(frames)
                if wanted:
                    upper.received(wanted, port, _LOOPED)


def _echo(nbl: NetBufferList, place: int) -> NetBufferList:
    """Return a list of one frame of `nbl`, as it is indicated by software loopback: only to be looked at."""
    echo = NetBufferList(nbl.number)
    echo.buffers = (nbl.buffers[place],)
    echo.flags = NblFlag.IS_LOOPBACK_PACKET
    return echo
