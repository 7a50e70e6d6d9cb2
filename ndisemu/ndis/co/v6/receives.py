"""The lists received on one virtual circuit: they go to its user, which owns them until it returns them, once.

There is no filter: the circuit says whose the data is. Lists indicated with
the flag RESOURCES are only shown, and the miniport's again at once.

Source: NDIS reference 5.6 and 6.4.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ndisemu.ndis.co.books import VcReceives
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.v6.flags import ReceiveFlag
from ndisemu.ndis.v6.receive import not_held

if TYPE_CHECKING:
    from ndisemu.ndis.co.v6.adapter import CoNblAdapter
    from ndisemu.ndis.co.vc import VirtualCircuit

_RESOURCES: Final = int(ReceiveFlag.RESOURCES)


class VcListReceives(VcReceives[NetBufferList]):
    """The lists of one circuit that are lent to its user."""

    __slots__ = ("_miniport",)

    def __init__(self, vc: "VirtualCircuit", adapter: "CoNblAdapter") -> None:
        super().__init__(vc, "MiniportReturnNetBufferLists")
        self._miniport = adapter

    def indicate(self, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Give lists to the circuit's user, or show them (`NdisMCoIndicateReceiveNetBufferLists`), in their order."""
        self._miniport.receives.look_whether_running(nbls)
        self.look_whether_active(len(nbls))
        nbls = tuple(nbls)
        self.lend(nbls)
        starved = bool(flags & _RESOURCES)
        if (note := self._probe.event) is not None:
            note("indicate", self._vc.name, len(nbls), "NDIS_RECEIVE_FLAGS_RESOURCES" if starved else "")
        user = self._vc.user.binding
        for nbl in nbls:
            nbl.binding = None if starved else user
        if not starved:
            user.receives_held += len(nbls)
            self._tell(nbls, flags)
            return
        self.count_starved(len(nbls))
        self._tell(nbls, flags)
        self.take_back(nbls)
        self._vc.came_back()

    def release(self, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Take lists back that the circuit's user owns, and hand them to the miniport."""
        user = self._vc.user.binding
        for nbl in nbls:
            if nbl.owner is not self or nbl.binding is not user:
                raise not_held(self, user, nbl)
        user.receives_held -= len(nbls)
        self.take_back(nbls)
        self._miniport.return_lists(nbls, flags)
        self._vc.came_back()
