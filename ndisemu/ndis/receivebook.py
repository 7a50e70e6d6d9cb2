"""Who owns what is being received: the same for packets and NET_BUFFER_LISTs.

A miniport owns its receive descriptors; while they are lent to protocols the
receive path is their owner, and how many references are out stands in each.
The paths of each generation build on this: `v5.receive`, `v6.receive`, `co`.

Source: NDIS reference 5.5 and 5.6.
"""

from collections.abc import Sequence
from operator import length_hint
from typing import TYPE_CHECKING, Final, Protocol

from ndisemu.errors import RuleViolation
from ndisemu.kernel import Costs
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter

# NDIS's own hold of an item while protocols are shown it: more than all of them could return early.
WALK: Final = 1 << 32
_SUCCESS: Final = Status.SUCCESS


class Received(Protocol):
    """What can be indicated: a packet or a list, which knows its owner and counts its references."""

    owner: object | None
    references: int

    @property
    def status(self) -> Status | None:
        """What a miniport says of it, for packets: whether it may be kept."""
        ...


class ReceiveBook:
    """The receives of one adapter.

    `costs` is the table by which an indication is charged; a translator, which indicates again what an adapter has
    indicated, has none. `indicated` = `returned` + what is lent; `starved` counts those that were
    the miniport's again at once for want of resources, `unwanted` those that
    no binding's filter wanted.
    """

    __slots__ = ("_back", "_costs", "_probe", "adapter", "indicated", "returned", "starved", "unwanted")

    def __init__(self, adapter: "Adapter", back: str, costs: Costs | None = None) -> None:
        self.adapter = adapter
        self._probe = adapter.kernel.probe
        self._costs = costs
        self._back = back
        self.indicated = 0
        self.returned = 0
        self.starved = 0
        self.unwanted = 0

    def __repr__(self) -> str:
        return f"{self.adapter.name} (lent to protocols)"

    @property
    def lent(self) -> int:
        """How many packets or lists protocols have."""
        return self.indicated - self.returned

    def charge(self, frames: int, costs: Costs) -> None:
        """Spend the modelled time that the miniport's work for so many frames takes, on the CPU that indicates."""
        self.adapter.running_cpu("an indication").charge(costs.receive(frames))

    def lend(self, items: Sequence[Received]) -> bool:
        """Make the miniport's items ours, held by NDIS alone while it shows them; or refuse the call.

        Returns whether the status of each is SUCCESS, which for packets says that they may be kept.
        """
        # In one pass: `ndisemu bench`, bursts of 64.
        adapter, rest, success, whole = self.adapter, iter(items), _SUCCESS, True
        for item in rest:
            if item.owner is not adapter:
                raise self._not_the_miniports(items, len(items) - 1 - length_hint(rest))
            if item.status is not success:
                whole = False
            item.owner = self
            item.references = WALK
        self.indicated += len(items)
        return whole

    def count_kept_by_miniport(self, *, wanted: bool) -> None:
        """Count a frame that was shown, or wanted by nobody, without leaving the miniport."""
        self.indicated += 1
        self.returned += 1
        if not wanted:
            self.unwanted += 1

    def take_back(self, items: Sequence[Received]) -> None:
        """Make the items the miniport's again."""
        adapter = self.adapter
        for item in items:
            item.owner = adapter
        self.returned += len(items)

    def _not_the_miniports(self, items: Sequence[Received], place: int) -> RuleViolation:
        adapter, item = self.adapter, items[place]
        who = item.owner
        for undone in items[:place]:
            undone.owner = adapter
        if any(item is other for other in items[:place]):
            rule, what = "rx-chain-wellformed", "twice in one call; name each once"
        elif who is adapter.sends:
            rule, what = (
                "rx-wrong-pool",
                "which a protocol sends; indicate what comes from a pool of the miniport's own",
            )
        else:
            rule, what = self._in_use(who), f"which is owned by {who}; indicate it again only after {self._back}"
        return RuleViolation(rule, f"{adapter.name} indicated {item!r}, {what}", about=item)

    def _in_use(self, owner: object) -> str:
        """Return the rule that is broken by an indication of what `owner` has."""
        return "rx-reindicate-in-use"
