"""Who owns what is being sent, and how each send has ended: the same for packets and NET_BUFFER_LISTs.

A send path is the owner of what is on its way. Ownership moves in two
places, `take_over` and `give_back`; a call that finds a descriptor in other
hands is refused and changes nothing. The paths of each generation build on
this: `v5.send`, `v5.serialized`, `v6.send` and the virtual circuits of `co`.

Source: NDIS reference 0 and 9.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter, length_hint
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from ndisemu.errors import RuleViolation
from ndisemu.memory import Mappable
from ndisemu.ndis.data.mend import mend
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter

# How a send ends that was taken back: cancelled, aborted by a reset or by the end of the adapter.
CANCELLED: Final = (Status.REQUEST_ABORTED, Status.SEND_ABORTED)


class Sender(Protocol):
    """Who submits sends: a binding, or a translator between two generations.

    `sends_pending` counts what it has submitted and not got back.
    """

    sends_pending: int


class Sent(Protocol):
    """What can be sent: a packet or a list, which knows its owner, its sender, and the number of its submission."""

    owner: object | None
    binding: object | None
    serial: int


T = TypeVar("T", bound=Sent)


class SendBook:
    """The sends of one adapter or virtual circuit; `name` says whose, for messages.

    `submitted` = `completed` + `failed` + `cancelled` + what is in flight.
    `requeued` counts how often NDIS took back into its queue what a serialized
    miniport had no room for.
    """

    __slots__ = ("_costs", "_probe", "_serial", "adapter", "cancelled", "completed", "completion", "failed", "failures", "name",
                 "requeued", "submitted")  # fmt: skip

    def __init__(self, adapter: "Adapter", name: str, completion: str) -> None:
        self.adapter = adapter
        self.name = name
        self.completion = completion
        self._probe = adapter.kernel.probe
        self._costs = adapter.cpu.costs
        self._serial = 0
        self.submitted = 0
        self.completed = 0
        self.failed = 0
        self.cancelled = 0
        self.failures: dict[Status, int] = {}
        self.requeued = 0

    def __repr__(self) -> str:
        return f"{self.name} (sending)"

    @property
    def in_flight(self) -> int:
        """How many packets or lists have been submitted and have not ended."""
        return self.submitted - self.completed - self.failed - self.cancelled

    def take_over(self, sender: Sender, items: Sequence[Sent]) -> int:
        """Make the items ours, or refuse the call; returns the serial number of the first."""
        first = serial = self._serial
        for item in items:
            if item.owner is not sender:
                raise self._not_the_senders(items, serial - first, sender)
            item.owner = self
            item.binding = sender
            item.serial = serial
            serial += 1
        self._serial = serial
        count = serial - first
        self.submitted += count
        sender.sends_pending += count
        return first

    def give_back(self, items: Sequence[Sent]) -> None:
        """Make the items their senders' again, or refuse the call."""
        rest = iter(items)
        try:
            for item in rest:
                if item.owner is not self:
                    raise self._not_in_flight(items, len(items) - 1 - length_hint(rest))
                item.owner = item.binding
        except AttributeError:
            raise self._no_descriptor(items, len(items) - 1 - length_hint(rest)) from None

    def charge(self, ns: int) -> None:
        """Spend modelled time of the CPU whose code sends or completes."""
        self.adapter.running_cpu(self.completion).charge(ns)

    def left(self, items: Sequence[T], serial: int) -> list[T]:
        """Return the items of the call that began at `serial` which have not ended yet."""
        return [item for place, item in enumerate(items) if item.owner is self and item.serial == serial + place]

    def in_hand(self, pools: Iterable[Iterable[T]]) -> list[T]:
        """Return everything of `pools` that is in flight here, in the order of submission; whole, whatever drivers did."""
        everything = [item for pool in pools for item in pool]
        self.make_whole(everything)
        return sorted((item for item in everything if item.owner is self), key=attrgetter("serial"))

    def oldest_of(self, sender: Sender) -> object | None:
        """Return what a sender has had in flight here for the longest time; None if it has nothing."""
        library = self.adapter.library
        pools: list[Iterable[Any]] = [*library.packet_pools, *library.nbl_pools]
        everything = [item for pool in pools for item in pool]
        mine = [item for item in everything if getattr(item, "owner", None) is self and item.binding is sender]
        return min(mine, key=attrgetter("serial"), default=None)

    def ended_at(self, address: int) -> object | None:
        """Return what has come back to its sender and has a buffer that begins at a bus address; the last that was sent."""
        library = self.adapter.library
        pools: list[Iterable[Any]] = [*library.packet_pools, *library.nbl_pools]
        ended: list[tuple[int, int, object]] = []
        for place, item in enumerate(item for pool in pools for item in pool):
            binding = getattr(item, "binding", None)
            if binding is not None and getattr(item, "owner", None) is binding and address in _starts_of(item):
                ended.append((item.serial, place, item))
        return max(ended)[2] if ended else None

    def make_whole(self, items: Iterable[Sent]) -> None:
        """Give items that a driver has maimed their fields back; one that has lost its owner was in flight here."""
        for item in items:
            missing = mend(item)
            if "space" in missing and isinstance(item, Mappable):
                self.adapter.device.dma.strike(item)
            if "owner" in missing and item.serial >= 0:
                item.owner = self

    def count_end(self, count: int, status: Status) -> None:
        """Count the end of `count` sends."""
        if (note := self._probe.event) is not None:
            note("send complete", self.name, count, status.name)
        if status is _SUCCESS:
            self.completed += count
        elif status in CANCELLED:
            self.cancelled += count
        else:
            self.failed += count
            self.failures[status] = self.failures.get(status, 0) + count

    def check_final(self, status: Status, what: object) -> None:
        """Refuse a completion whose status is none, or not final."""
        if type(status) is not Status:
            raise RuleViolation(
                "send-complete-argument",
                f"{self.adapter.name} called {self.completion} with the status {status!r}; "
                "pass a member of Status, such as Status.SUCCESS",
            )
        if status is _PENDING:
            name = self.adapter.name
            raise self.adapter.kernel.refusal(
                "send-complete-pending",
                name,
                f"{name} completed {what!r} with NDIS_STATUS_PENDING; a completion is final",
            )

    def _undo(self, items: Sequence[Sent], place: int, owner: object) -> None:
        """Undo the hand-over of the items before `place`."""
        for undone in items[:place]:
            undone.owner = owner

    def _not_the_senders(self, items: Sequence[Sent], place: int, sender: Sender) -> RuleViolation:
        # What stands twice in an array is in other hands at its second place.
        who = items[place].owner
        self._undo(items, place, sender)
        whose = "free: its binding has been closed, or it was never allocated" if who is None else f"owned by {who}"
        text = f"a protocol submitted {items[place]!r} to {self.name}, but it is {whose}; send only what is yours"
        return self.adapter.kernel.refusal("proto-reuse-pending", str(sender), text, items[place])

    def _no_descriptor(self, items: Sequence[Sent], place: int) -> RuleViolation:
        self._undo(items, place, self)
        return RuleViolation(
            "send-complete-argument",
            f"{self.adapter.name} called {self.completion} with {items[place]!r}, which is no descriptor of a send; "
            "pass what the miniport was given",
        )

    def _not_in_flight(self, items: Sequence[Sent], place: int) -> RuleViolation:
        item, name = items[place], self.adapter.name
        who = item.owner
        self._undo(items, place, self)
        if item.binding is not None and who is item.binding:
            rule = "send-double-complete"
            text = f"{name} completed {item!r} twice; NDIS gave it back to {who} at the first completion"
        else:
            rule = "send-complete-not-owned"
            text = f"{name} completed {item!r}, which was not submitted to it and is owned by {who}"
        return self.adapter.kernel.refusal(rule, name, text, item)


def _starts_of(item: object) -> list[int]:
    """Return where the buffers of a packet or list begin; nowhere where a driver has maimed it."""
    frames: Iterable[Any] = getattr(item, "buffers", None) or (item,)
    try:
        return [start for frame in frames for start, _ in frame.segments]
    except (AttributeError, TypeError, ValueError):
        return []


_SUCCESS, _PENDING = Status.SUCCESS, Status.PENDING
