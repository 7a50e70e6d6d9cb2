"""The NDIS 6 send path: submit, loop back, hand to the miniport, complete by status, reclaim.

Lists go to MiniportSendNetBufferLists at once, in the caller's context and
at its IRQL, while the adapter is Running; in any other state NDIS completes
them itself with NDIS_STATUS_PAUSED, and while the adapter is being reset,
sleeps or is gone, with a status that says so. Each list comes back through
NdisMSendNetBufferListsComplete, exactly once, with its own status, which the
miniport must have set: until then it says PENDING.

A frame that another binding's filter wants is shown to it on the way
(software loopback), if the miniport leaves that to NDIS.

Source: NDIS reference 5.4 and 5.11, seed 003.
"""

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from ndisemu.ndis.call import enter
from ndisemu.ndis.constants import MacOption
from ndisemu.ndis.data.nbl import NblFlag, NetBufferList
from ndisemu.ndis.sendbook import SendBook
from ndisemu.ndis.status import Status
from ndisemu.ndis.v6.edges import NblUpper
from ndisemu.ndis.v6.flags import ReceiveFlag, SendFlag

if TYPE_CHECKING:
    from ndisemu.ndis.v6.adapter import NblAdapter

# What a list may end with (5.4), besides SUCCESS.
FAILURES: Final = (
    Status.INVALID_LENGTH,
    Status.RESOURCES,
    Status.PAUSED,
    Status.SEND_ABORTED,
    Status.REQUEST_ABORTED,
    Status.RESET_IN_PROGRESS,
    Status.LOW_POWER_STATE,
    Status.FAILURE,
    Status.NOT_ACCEPTED,
)
_SUCCESS, _UNSET = Status.SUCCESS, Status.PENDING
_LOOP_TO_SENDER = int(SendFlag.CHECK_FOR_LOOPBACK)
_LOOPED = int(ReceiveFlag.RESOURCES)
_STATUS, _BINDING = attrgetter("status"), attrgetter("binding")


class NblSends(SendBook):
    """The sends of one NDIS 6 adapter; it is the owner of the lists that are on their way."""

    __slots__ = ("_entry", "_owner")

    def __init__(self, adapter: "NblAdapter") -> None:
        super().__init__(adapter, adapter.name, "NdisMSendNetBufferListsComplete")
        self._owner = adapter
        self._entry = adapter.miniport.send

    def submit(self, upper: NblUpper, nbls: Sequence[NetBufferList], port: int, flags: int) -> None:
        """Take lists from a protocol and give them to the miniport (`NdisSendNetBufferLists`, IRQL <= DISPATCH)."""
        adapter = self._owner
        # The caller's chain is its own again when this returns; the lists are not.
        nbls = tuple(nbls)
        serial = self.take_over(upper, nbls)
        empty = None
        for nbl in nbls:
            nbl.status = _UNSET
            nbl.sent = nbl.buffers
            if not nbl.sent:
                empty = nbl
        if (note := self._probe.event) is not None:
            note("send", self.name, len(nbls), "")
        if adapter.refuses_sends is not None:
            self.finish(nbls, adapter.refuses_sends)
            return
        if empty is not None:
            text = f"{upper.name} sent {empty!r}, which has no NET_BUFFER; a list has at least one frame"
            self.adapter.report("proto-send-wellformed", text)
            self.finish(nbls, Status.FAILURE)
            return
        if len(adapter.uppers) > 1 or flags & _LOOP_TO_SENDER:
            self._loop_back(upper, nbls, port, flags)
        enter(
            adapter,
            partial(self._entry, nbls, port, flags),
            partial(self.returned, nbls, serial),
            partial(self.raised, nbls, serial),
        )

    def refuse(self, upper: NblUpper, nbls: Sequence[NetBufferList], status: Status) -> None:
        """Complete lists of a binding that is not Running; what keeps the adapter from sending at all is said first."""
        self.take_over(upper, nbls)
        refusal = self._owner.refusal
        self.finish(nbls, status if refusal is None else refusal)

    def complete(self, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Give lists back to the protocols that sent them (`NdisMSendNetBufferListsComplete`)."""
        # What `give_back` does, and all that is looked at, in one pass: `ndisemu bench`, bursts of 64.
        remarkable = False
        place = 0
        try:
            for place, nbl in enumerate(nbls):
                if nbl.owner is not self:
                    raise self._not_in_flight(nbls, place)
                nbl.owner = nbl.binding
                if nbl.status is not _SUCCESS or nbl.buffers is not nbl.sent:
                    remarkable = True
                for buffer in nbl.sent:
                    if buffer.mapped:
                        remarkable = True
        except AttributeError:
            raise self._no_descriptor(nbls, place) from None
        if remarkable:
            self._restore(nbls)
            self._count_by_status(nbls)
        else:
            self.count_end(len(nbls), _SUCCESS)
        self._announce(nbls, flags)

    def finish(self, nbls: Sequence[NetBufferList], status: Status) -> None:
        """Complete lists in the miniport's place, all with one status."""
        self.give_back(nbls)
        for nbl in nbls:
            nbl.status = status
        self.count_end(len(nbls), status)
        self._announce(nbls, 0)

    def reclaim(self, status: Status) -> int:
        """Take everything in flight from a dead miniport, in the order of submission; returns how many lists."""
        nbls = self.in_hand(self.adapter.library.nbl_pools)
        if nbls:
            for nbl in nbls:
                self._unmap(nbl)
            self.finish(nbls, status)
        return len(nbls)

    def returned(self, nbls: Sequence[NetBufferList], serial: int, value: object, *, suspended: bool) -> None:
        """MiniportSendNetBufferLists ended with `value`: None completes nothing, a status what is left of the call."""
        if value is None or (value is Status.PENDING and not suspended):
            return
        left = self.left(nbls, serial)
        status = value
        if not isinstance(status, Status) or status is Status.PENDING:
            status = Status.FAILURE
            self.adapter.report(
                "send-return",
                f"MiniportSendNetBufferLists returned {value!r}; it returns None, "
                "or after suspending the status that completes the lists it has left",
            )
        for nbl in left:
            nbl.status = status
        if left:
            self.complete(left, 0)

    def raised(self, nbls: Sequence[NetBufferList], serial: int, error: BaseException) -> None:
        """MiniportSendNetBufferLists raised: stop the adapter, and fail what is left of the call before all else."""
        left = self.left(nbls, serial)
        # First, so that what a protocol does about the failure does not reach the miniport.
        self.adapter.bug_check("MiniportSendNetBufferLists", error)
        if left:
            for nbl in left:
                self._unmap(nbl)
            self.finish(left, Status.FAILURE)

    def _count_by_status(self, nbls: Sequence[NetBufferList]) -> None:
        """Count the end of lists of which some have failed, or have no status."""
        unset = [nbl for nbl in nbls if type(nbl.status) is not Status or nbl.status is _UNSET]
        if unset:
            self._report_unset(unset[0])
        for nbl in unset:
            nbl.status = Status.FAILURE
        for status, group in groupby(map(_STATUS, nbls)):
            if status is not _SUCCESS and status not in FAILURES:
                self.adapter.report(
                    "send-nbl-status-value",
                    f"{self.name} completed a list with {status}; a send ends with SUCCESS or "
                    f"{', '.join(other.name for other in FAILURES)}",
                )
            self.count_end(len(list(group)), status)

    def _announce(self, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Call ProtocolSendNetBufferListsComplete of whom each list belongs to."""
        uppers = self._owner.uppers
        if len(uppers) == 1:
            uppers[0].sends_completed(nbls, flags)
        else:
            for upper, group in groupby(nbls, key=_BINDING):
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

    def _report_unset(self, nbl: NetBufferList) -> None:
        self.adapter.report(
            "send-nbl-status-set",
            f"{self.name} completed {nbl!r} with the status {nbl.status}; set a final one before, "
            "a member of Status such as Status.SUCCESS. It counts as NDIS_STATUS_FAILURE",
        )

    def _restore(self, nbls: Sequence[NetBufferList]) -> None:
        """Undo what the miniport has left of its doings."""
        for nbl in nbls:
            if nbl.buffers is not nbl.sent:
                self.adapter.report(
                    "send-nb-list-unmodified",
                    f"{self.name} completed {nbl!r} with {len(nbl.buffers)} NET_BUFFERs other than the {len(nbl.sent)} "
                    "it was submitted with; a miniport leaves the chain as it is, which was restored",
                )
                nbl.buffers = nbl.sent
            if any(buffer.mapped for buffer in nbl.buffers):
                self.adapter.report(
                    "sg-free", f"{self.name} completed {nbl!r} while an SG list of it lives; free it before"
                )
                self._unmap(nbl)

    def _unmap(self, nbl: NetBufferList) -> None:
        if self._owner.dma is not None:
            self._owner.dma.reclaim(nbl.buffers)


def _echo(nbl: NetBufferList, place: int) -> NetBufferList:
    """Return a list of one frame of `nbl`, as it is indicated by software loopback: only to be looked at."""
    echo = NetBufferList(nbl.number)
    echo.buffers = (nbl.buffers[place],)
    echo.flags = NblFlag.IS_LOOPBACK_PACKET
    return echo
