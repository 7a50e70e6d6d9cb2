"""The lists that are on their way to a miniport, and how they end: each with its own status.

The miniport must set that status before it completes a list; until then it
says PENDING. What is still mapped for the card of a list that ends is a
mistake of the driver, and is freed. The paths of an adapter (`v6.send`) and
of a virtual circuit (`co.v6.sends`) build on this.

Source: NDIS reference 5.4, seed 003.
"""

from abc import abstractmethod
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter, length_hint
from typing import TYPE_CHECKING, ClassVar, Final

from ndisemu.ndis.data.nbl import Carrier, NetBufferList
from ndisemu.ndis.data.netbuffer import NetBuffer
from ndisemu.ndis.sendbook import SendBook, Sender
from ndisemu.ndis.status import Status

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
_STATUS = attrgetter("status")


class ListBook(SendBook, Carrier):
    """The sends of one adapter or virtual circuit; `entry` is where the miniport gets them."""

    __slots__ = ()

    entry: ClassVar[str]
    adapter: "NblAdapter"

    def accept(self, sender: Sender, nbls: Sequence[NetBufferList]) -> tuple[int, NetBufferList | None]:
        """Make lists ours, which have no status from now on; returns the first's serial number, and a list without frames."""
        # What `take_over` does, and what is noted of a list, in one pass: `ndisemu bench`, bursts of 64.
        first = serial = self._serial
        formless, unset = None, _UNSET
        for nbl in nbls:
            if nbl.owner is not sender:
                raise self._not_the_senders(nbls, serial - first, sender)
            nbl.owner = self
            nbl.binding = sender
            nbl.serial = serial
            nbl.status = unset
            if nbl.frame is None and not nbl.buffers:
                formless = nbl
            serial += 1
        self._serial = serial
        count = serial - first
        self.submitted += count
        sender.sends_pending += count
        if (note := self._probe.event) is not None:
            note("send", self.name, count, "")
        return first, formless

    def refuse_formless(self, sender: Sender, nbls: Sequence[NetBufferList], formless: NetBufferList) -> None:
        """One of these lists has no frame, so all of them fail."""
        text = f"{sender} sent {formless!r}, which has no NET_BUFFER; a list has at least one frame"
        self.adapter.report("proto-send-wellformed", text, about=formless, by=str(sender))
        self.finish(nbls, Status.FAILURE)

    def complete(self, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Give lists back to the protocols that sent them, as the miniport says."""
        # What `give_back` does, and all that is looked at, in one pass: `ndisemu bench`, bursts of 64.
        alike, whole, success, rest = True, True, _SUCCESS, iter(nbls)
        try:
            for nbl in rest:
                if nbl.owner is not self:
                    raise self._not_in_flight(nbls, len(nbls) - 1 - length_hint(rest))
                if nbl.status is not success:
                    alike = False
                if nbl.frame is None or nbl.frame.mapped is not None:
                    # At several frames, or others than it had, `_restore` looks one by one.
                    whole = False
                nbl.owner = nbl.binding
        except AttributeError:
            raise self._no_descriptor(nbls, len(nbls) - 1 - length_hint(rest)) from None
        if (costs := self._costs) is not None:
            self.charge(costs.completion(frames_in(nbls)))
        if not whole:
            self._restore(nbls)
        if alike:
            self.count_end(len(nbls), _SUCCESS)
        else:
            self._count_by_status(nbls)
        self.announce(nbls, flags)

    def finish(self, nbls: Sequence[NetBufferList], status: Status) -> None:
        """Complete lists in the miniport's place, all with one status."""
        self.give_back(nbls)
        for nbl in nbls:
            nbl.status = status
        self.count_end(len(nbls), status)
        self.announce(nbls, 0)

    def reclaim(self, status: Status) -> int:
        """Take everything in flight from a dead miniport, in the order of submission; returns how many lists."""
        nbls = self.in_hand(self.adapter.library.nbl_pools)
        if nbls:
            self._take_chains_back(nbls)
            self._unmap(nbls)
            self.finish(nbls, status)
        return len(nbls)

    def returned(
        self, nbls: Sequence[NetBufferList], serial: int, value: object, *, suspended: bool, plain: bool = False
    ) -> None:
        """The miniport's entry ended with `value`: None completes nothing, a coroutine's status what is left of the call."""
        if value is None or (value is Status.PENDING and not suspended):
            return
        left = self.left(nbls, serial)
        status = value
        if not isinstance(status, Status) or status is Status.PENDING or plain:
            status = Status.FAILURE
            self.adapter.report(
                "send-async-only-6",
                f"{self.entry} returned {value!r}; it returns None, "
                "or as a coroutine the status that completes the lists it has left",
            )
        for nbl in left:
            nbl.status = status
        if left:
            self.complete(left, 0)

    def raised(self, nbls: Sequence[NetBufferList], serial: int, error: BaseException) -> None:
        """The miniport's entry raised: stop the adapter, and fail what is left of the call before all else."""
        self.make_whole(nbls)
        left = self.left(nbls, serial)
        # First, so that what a protocol does about the failure does not reach the miniport.
        self.adapter.bug_check(self.entry, error)
        if left:
            self._take_chains_back(left)
            self._unmap(left)
            self.finish(left, Status.FAILURE)

    @abstractmethod
    def announce(self, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Tell whoever has sent each list that it has ended."""

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

    def _report_unset(self, nbl: NetBufferList) -> None:
        self.adapter.report(
            "send-nbl-status-set",
            f"{self.name} completed {nbl!r} with the status {nbl.status}; set a final one before, "
            "a member of Status such as Status.SUCCESS. It counts as NDIS_STATUS_FAILURE",
        )

    def _restore(self, nbls: Sequence[NetBufferList]) -> None:
        """Undo what the miniport has left of its doings."""
        for nbl in nbls:
            frames = nbl.buffers
            if nbl.before is not None or len(frames) < 2:
                edited, frames = frames, nbl.submitted
                if edited != frames:
                    self._report_edited(nbl, edited, frames)
                nbl.restore()
            # Five bytecodes for each of many frames, where `any` of them takes nine (`ndisemu bench`, ring6-lists).
            if [buffer for buffer in frames if buffer.mapped is not None]:
                self._report_mapped(nbl)

    def _report_edited(self, nbl: NetBufferList, chain: Sequence[NetBuffer], submitted: Sequence[NetBuffer]) -> None:
        alike = len(chain) == len(submitted)
        what = "others, or in another order, than those" if alike else f"and not the {len(submitted)}"
        self.adapter.report(
            "send-nb-list-unmodified",
            f"{self.name} completed {nbl!r} with {len(chain)} NET_BUFFERs, {what} that it was submitted with; "
            "a miniport leaves the chain as it is. It was restored",
            about=nbl,
        )

    def _report_mapped(self, nbl: NetBufferList) -> None:
        count = len(nbl.buffers)
        first = next(place for place, frame in enumerate(nbl.buffers, 1) if frame.mapped is not None)
        which = "an SG list of it lives" if count == 1 else f"the SG list of frame {first} of {count} lives"
        text = f"{self.name} completed {nbl!r} while {which}; free it before"
        self.adapter.report("sg-free", text, about=nbl)
        self._unmap((nbl,))

    def _take_chains_back(self, nbls: Sequence[NetBufferList]) -> None:
        """Forget what a dead miniport has made of the chains of lists; what has never been one is lost."""
        for nbl in nbls:
            nbl.restore()
            if not all(isinstance(one, NetBuffer) for one in nbl.buffers):
                nbl.drop()

    def _unmap(self, nbls: Sequence[NetBufferList]) -> None:
        """Free what the miniport has mapped of lists."""
        dma = self.adapter.dma
        if dma is not None:
            for nbl in nbls:
                dma.reclaim(nbl.buffers)


def frames_in(nbls: Sequence[NetBufferList]) -> int:
    """Count the frames of lists as they were submitted."""
    return sum([1 if nbl.frame is not None else len(nbl.submitted) for nbl in nbls])
