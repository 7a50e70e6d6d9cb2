"""The NDIS 6 receive path: lists go up, each to one owner, and come back once.

A miniport indicates lists; each goes to the last binding whose filter wants
it, which has it until it returns it, while the bindings before it are shown
it with the flag RESOURCES: to be looked at, not kept. A list that nobody
wants is the miniport's again at once. Lists indicated with RESOURCES are the
miniport's again when the call returns, and nobody may keep them.

What a binding has is owned by its `Loan`, so the owner alone says who may
return it; what is only shown is owned by the path itself.

Source: NDIS reference 5.6, 10.12 (the choice among several bindings).
"""

from collections.abc import Sequence
from itertools import groupby
from operator import length_hint
from typing import TYPE_CHECKING, Final, Protocol

from ndisemu.errors import RuleViolation
from ndisemu.kernel import Costs
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.receivebook import ReceiveBook
from ndisemu.ndis.v6.edges import NblUpper
from ndisemu.ndis.v6.flags import ReceiveFlag
from ndisemu.ndis.v6.shown import Shape

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter

_RESOURCES: Final = int(ReceiveFlag.RESOURCES)


class Lender(Protocol):
    """Whose lists they are: an adapter, or the translator above one of another generation."""

    may_indicate: bool
    uppers: list[NblUpper]

    def return_lists(self, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Take lists back that no protocol has any more."""
        ...


class Loan:
    """What the binding `upper` has been lent by the receive path `book`: the owner of these lists.

    The binding is not their owner itself, as a binding may send what it owns.
    """

    __slots__ = ("book", "upper")

    def __init__(self, book: ReceiveBook, upper: NblUpper) -> None:
        self.book = book
        self.upper = upper

    def __repr__(self) -> str:
        return repr(self.book)


class NblReceives(ReceiveBook):
    """The receives of one NDIS 6 adapter; it is the owner of the lists that are shown to protocols."""

    __slots__ = ("_lender", "_loans")

    def __init__(self, adapter: "Adapter", lender: Lender, costs: Costs | None = None) -> None:
        super().__init__(adapter, "MiniportReturnNetBufferLists", costs)
        self._lender = lender
        self._loans: dict[NblUpper, Loan] = {}

    def loan(self, upper: NblUpper) -> Loan:
        """Return the owner of what `upper` has been lent."""
        loan = self._loans.get(upper)
        if loan is None:
            loan = self._loans[upper] = Loan(self, upper)
        return loan

    def forget(self, upper: NblUpper) -> None:
        """A binding is gone, and has nothing any more."""
        self._loans.pop(upper, None)

    def indicate(self, nbls: Sequence[NetBufferList], port: int, flags: int) -> None:
        """Offer lists to the bindings (`NdisMIndicateReceiveNetBufferLists`, IRQL <= DISPATCH), in their order."""
        self.look_whether_running(nbls)
        nbls = tuple(nbls)
        if (costs := self._costs) is not None:
            self.charge(len(nbls), costs)
        uppers = self._lender.uppers
        alone = uppers[0] if len(uppers) == 1 and not flags & _RESOURCES else None
        self._lend_to(self if alone is None else self.loan(alone), nbls)
        if (note := self._probe.event) is not None:
            note("indicate", self.adapter.name, len(nbls), "NDIS_RECEIVE_FLAGS_RESOURCES" if flags & _RESOURCES else "")
        if alone is not None:
            wanted = alone.filter.accepts_lists(nbls)
            if wanted:
                alone.receives_held += len(wanted)
                alone.received(wanted, port, flags)
            if len(wanted) < len(nbls):
                self._give_unwanted_back(nbls, wanted)
        elif flags & _RESOURCES:
            self._show(nbls, port, flags)
        else:
            self._share(nbls, port, flags)

    def look_whether_running(self, nbls: Sequence[NetBufferList]) -> None:
        """Refuse an indication while the miniport is paused."""
        if not self._lender.may_indicate:
            raise self.adapter.kernel.refusal(
                "rx-state-running",
                self.adapter.name,
                f"{self.adapter.name} indicated {nbls[0]!r} in state {self.adapter.state.current.value}; "
                "it may indicate from MiniportRestart until MiniportPause has completed",
            )

    def release(self, upper: NblUpper, nbls: Sequence[NetBufferList], flags: int) -> None:
        """Take lists back that a binding has been lent, and hand them to the miniport (`NdisReturnNetBufferLists`)."""
        adapter, loan = self.adapter, self.loan(upper)
        rest = iter(nbls)
        for nbl in rest:
            if nbl.owner is not loan:
                for undone in nbls[: -1 - length_hint(rest)]:
                    undone.owner = loan
                raise not_held(self, upper, nbl)
            nbl.owner = adapter
        upper.receives_held -= len(nbls)
        self.returned += len(nbls)
        self._lender.return_lists(nbls, flags)

    def _lend_to(self, owner: "Loan | NblReceives", nbls: Sequence[NetBufferList]) -> None:
        """Make `owner` the owner of the miniport's lists, or refuse the call."""
        adapter = self.adapter
        rest = iter(nbls)
        for nbl in rest:
            if nbl.owner is not adapter:
                raise self._not_the_miniports(nbls, len(nbls) - 1 - length_hint(rest))
            nbl.owner = owner
        self.indicated += len(nbls)

    def _hand(self, upper: NblUpper, nbls: Sequence[NetBufferList], port: int, flags: int) -> None:
        """Lend lists to a binding."""
        loan = self.loan(upper)
        for nbl in nbls:
            nbl.owner = loan
        upper.receives_held += len(nbls)
        upper.received(nbls, port, flags)

    def _show(self, nbls: Sequence[NetBufferList], port: int, flags: int) -> None:
        """Show lists that are the miniport's again when this returns."""
        self.starved += len(nbls)
        for upper in tuple(self._lender.uppers):
            wanted = upper.filter.accepts_lists(nbls)
            if wanted:
                self._look_on(upper, wanted, port, flags)
        self.take_back(nbls)

    def _look_on(self, upper: NblUpper, nbls: Sequence[NetBufferList], port: int, flags: int) -> None:
        """Show lists to one binding, which leaves them as they are."""
        before = [Shape.of(nbl) for nbl in nbls]
        upper.received(nbls, port, flags)
        for nbl, was in zip(nbls, before, strict=True):
            if Shape.of(nbl) != was:
                self.adapter.kernel.report(
                    "rx-resources-chain-restored",
                    str(upper),
                    f"{upper} changed {nbl!r} of {self.adapter.name}, which it was only shown; "
                    "undo what is done to its buffers before returning. NDIS has undone it",
                )
                was.restore(nbl)

    def _share(self, nbls: Sequence[NetBufferList], port: int, flags: int) -> None:
        """Offer lists to several bindings: to own for the last of those that want each, to look at for the others."""
        interest = [(upper, upper.filter.accepts_lists(nbls)) for upper in tuple(self._lender.uppers)]
        last = {nbl: upper for upper, wanted in interest for nbl in wanted}
        for upper, wanted in interest:
            for owns, run in groupby(wanted, key=lambda nbl, upper=upper: last[nbl] is upper):  # type: ignore[misc]
                if owns:
                    self._hand(upper, list(run), port, flags)
                else:
                    self._look_on(upper, list(run), port, flags | _RESOURCES)
        if len(last) < len(nbls):
            self._give_unwanted_back(nbls, last)

    def _give_unwanted_back(
        self, nbls: Sequence[NetBufferList], wanted: Sequence[NetBufferList] | dict[NetBufferList, NblUpper]
    ) -> None:
        unwanted = [nbl for nbl in nbls if nbl not in wanted]
        self.unwanted += len(unwanted)
        self.take_back(unwanted)
        self._lender.return_lists(unwanted, 0)


def not_held(book: ReceiveBook, upper: object, nbl: NetBufferList) -> RuleViolation:
    """Say why `upper` may not return `nbl` to `book`."""
    owner = nbl.owner
    if isinstance(owner, Loan) and owner.upper is not upper:
        rule, what = "rx-return-right-binding", f"which was given to {owner.upper}"
    elif owner is book:
        rule, what = "rx-resources-no-return", "which it was only shown (NDIS_RECEIVE_FLAGS_RESOURCES)"
    else:
        rule, what = "rx-return-once", f"which is owned by {owner}"
    text = f"{upper} returned {nbl!r}, {what}; a protocol returns once what it was given without that flag"
    return book.adapter.kernel.refusal(rule, str(upper), text)
