"""The lists that are sent on one virtual circuit: in the order of submission, each completed with its own status.

A chain goes to MiniportCoSendNetBufferLists at once, and each list comes back
through NdisMCoSendNetBufferListsComplete with this circuit's handle, exactly
once, its status set before (seed 003). What cannot be carried is completed by
NDIS, and the miniport never sees it.

Source: NDIS reference 5.4 and 6.4, seed 003.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from ndisemu.kernel import driver_errors
from ndisemu.ndis.co.books import VcSends
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.sendbook import Sender
from ndisemu.ndis.sendcall import follow_send
from ndisemu.ndis.v6.listbook import ListBook, frames_in

if TYPE_CHECKING:
    from ndisemu.ndis.co.v6.adapter import CoNblAdapter
    from ndisemu.ndis.co.vc import VirtualCircuit


class VcLists(ListBook, VcSends[NetBufferList, int]):
    """The lists that are on their way on one circuit."""

    __slots__ = ("_entry",)

    entry: ClassVar[str] = "MiniportCoSendNetBufferLists"
    adapter: "CoNblAdapter"

    def __init__(self, vc: "VirtualCircuit", adapter: "CoNblAdapter") -> None:
        super().__init__(vc, "NdisMCoSendNetBufferListsComplete")
        self._entry = adapter.miniport.co_send

    def accept(self, sender: Sender, nbls: Sequence[NetBufferList]) -> tuple[int, NetBufferList | None]:
        """Make lists ours, here and in the adapter's book."""
        accepted = super().accept(sender, nbls)
        self._total.submitted += len(nbls)
        return accepted

    def submit(self, sender: Sender, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Take lists from the binding of the circuit's user and give them to the miniport."""
        # The caller's chain is its own again when this returns; the lists are not.
        nbls = tuple(nbls)
        serial, formless = self.accept(sender, nbls)
        refusal = self.refusal(len(nbls))
        if refusal is not None:
            self.finish(nbls, refusal)
            return
        if formless is not None:
            self.refuse_formless(sender, nbls, formless)
            return
        if (costs := self._costs) is not None:
            frames = frames_in(nbls)
            self.charge(costs.submission(frames) + costs.send(frames))
        try:
            result = self._entry(self._vc, nbls, flags)
        except driver_errors() as error:
            self.raised(nbls, serial, error)
        else:
            follow_send(self, result, nbls, serial)

    def announce(self, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Call ProtocolCoSendNetBufferListsComplete of the circuit's user."""
        self._tell(nbls, flags)
        self._vc.came_back()
