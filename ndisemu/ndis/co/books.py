"""The books of one virtual circuit: what is on its way on it, and what of it is lent to its user.

The same for packets and lists: everything is counted twice, for the circuit
and in the sums of its adapter, and belongs to the one protocol whose data the
circuit carries. `sends` and `receives` build on this, `co.v6` too.

Source: NDIS reference 6.4.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ndisemu.errors import RuleViolation
from ndisemu.ndis.receivebook import ReceiveBook, Received
from ndisemu.ndis.sendbook import SendBook, Sender, Sent
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.co.vc import VirtualCircuit

# What moves on a circuit, and what is said of all that end together: a status, or flags.
T = TypeVar("T")
E = TypeVar("E")


class VcSends(SendBook, Generic[T, E]):
    """What is on its way on one circuit."""

    __slots__ = ("_total", "_vc")

    def __init__(self, vc: "VirtualCircuit", completion: str) -> None:
        super().__init__(vc.adapter, vc.name, completion)
        self._vc = vc
        self._total = vc.adapter.sends

    @abstractmethod
    def submit(self, sender: Sender, items: Sequence[T], flags: int) -> None:
        """Take an array from the circuit's user and give it to the miniport."""

    @abstractmethod
    def complete(self, items: Sequence[T], end: E) -> None:
        """Give items back to the protocol that sent them, as the miniport says."""

    @abstractmethod
    def reclaim(self, status: Status) -> object:
        """Take everything in flight from the miniport, in submission order."""

    def take_over(self, sender: Sender, items: Sequence[Sent]) -> int:
        """Make the items ours, here and in the adapter's book."""
        first = super().take_over(sender, items)
        self._total.submitted += len(items)
        return first

    def count_end(self, count: int, status: Status) -> None:
        """Count the end of `count` sends, here and in the adapter's book."""
        super().count_end(count, status)
        self._total.count_end(count, status)

    def refusal(self, count: int) -> Status | None:
        """How a send of `count` items is answered now in the miniport's place; a sender who breaks a rule is told."""
        vc = self._vc
        if vc.refusal is None:
            return self.adapter.refuses_sends
        status, rule = vc.refusal
        if rule:
            call = f", its call {vc.call.state.current.value}" if vc.call is not None else ""
            vc.user.binding.report(
                rule,
                f"{vc.user.binding.name} sent {count} frames on {vc.name}, which is "
                f"{vc.state.current.value}{call}; data moves on an active circuit of a connected call",
            )
        return status

    def _tell(self, items: Sequence[T], end: E) -> None:
        """Tell the circuit's user what has ended."""
        user = self._vc.user
        user.binding.circuit_sent(user, items, end)

    def _not_in_flight(self, items: Sequence[Sent], place: int) -> RuleViolation:
        item, name = items[place], self.adapter.name
        who = item.owner
        self._undo(items, place, self)
        text = (
            f"{name} completed {item!r} on {self.name}, where it is not in flight; it is owned by {who}: "
            "complete each once, with the circuit on which it was sent"
        )
        return self.adapter.kernel.refusal("co-send-complete-once", name, text)


class VcReceives(ReceiveBook, Generic[T]):
    """What was received on one circuit and is lent to its user."""

    __slots__ = ("_total", "_vc")

    def __init__(self, vc: "VirtualCircuit", back: str) -> None:
        super().__init__(vc.adapter, back, vc.adapter.cpu.costs)
        self._vc = vc
        self._total: ReceiveBook = vc.adapter.receives

    def __repr__(self) -> str:
        return f"{self._vc.name} (lent to protocols)"

    @abstractmethod
    def indicate(self, items: Sequence[T], flags: int) -> None:
        """Offer an array to the circuit's user, in its order."""

    @abstractmethod
    def release(self, items: Sequence[T], flags: int) -> None:
        """Take back what a protocol returns, and hand to the miniport what nobody holds any more."""

    def lend(self, items: Sequence[Received]) -> bool:
        """Make the miniport's items ours, here and in the adapter's book."""
        if (costs := self._costs) is not None:
            self.charge(len(items), costs)
        whole = super().lend(items)
        self._total.indicated += len(items)
        return whole

    def take_back(self, items: Sequence[Received]) -> None:
        """Make the items the miniport's again, here and in the adapter's book."""
        super().take_back(items)
        self._total.returned += len(items)

    def count_starved(self, count: int) -> None:
        """Count what the user could only look at."""
        self.starved += count
        self._total.starved += count

    def _tell(self, items: Sequence[T], flags: int) -> object:
        """Offer items to the circuit's user; returns what it answers."""
        user = self._vc.user
        return user.binding.circuit_received(user, items, flags)

    def look_whether_active(self, count: int) -> None:
        """Refuse an indication on a circuit that carries no data."""
        vc = self._vc
        if not vc.carries:
            rule = "co-no-data-after-deactivate" if vc.used else "co-activate-before-data"
            text = (
                f"{vc.adapter.name} indicated {count} frames on {vc.name}, which is {vc.state.current.value}; "
                "data moves on an active circuit only"
            )
            raise vc.adapter.kernel.refusal(rule, vc.adapter.name, text)


AnySends = VcSends[Any, Any]
AnyReceives = VcReceives[Any]
