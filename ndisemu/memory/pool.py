"""A pool of ready-made objects, which knows who has each of them.

Objects are made once; allocating and freeing move them between the free list
and an owner, and the object itself says whose it is. What is still owned
when a pool is freed is its leak list.
"""

from collections.abc import Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from ndisemu.errors import RuleViolation


class Pooled(Protocol):
    """What a pool can hold: `owner` is None while the object is free."""

    owner: object | None


T = TypeVar("T", bound=Pooled)


class Pool(Generic[T]):
    """Objects of one kind, lent and taken back."""

    __slots__ = ("_free", "_items", "name", "owner")

    def __init__(self, name: str, owner: str, items: Sequence[T]) -> None:
        self.name = name
        self.owner = owner
        self._items = tuple(items)
        self._free = list(reversed(items))

    def __repr__(self) -> str:
        return f"<Pool {self.name} of {self.owner}: {len(self._free)} of {len(self._items)} free>"

    def __iter__(self) -> Iterator[T]:
        """All objects, free or not, in the order they were made."""
        return iter(self._items)

    @property
    def free_count(self) -> int:
        """How many objects are free."""
        return len(self._free)

    def allocate(self, owner: object) -> T | None:
        """Lend one object to `owner`; None when all are out (NDIS_STATUS_RESOURCES)."""
        if not self._free:
            return None
        item = self._free.pop()
        item.owner = owner
        return item

    def free(self, item: T, owner: object) -> None:
        """Take back what `owner` was lent; anything else is refused."""
        if item.owner is not owner:
            whose = "free already" if item.owner is None else f"owned by {item.owner}"
            raise RuleViolation("mem-double-free", f"{owner} frees {item!r} into {self.name}, but it is {whose}")
        item.owner = None
        self._free.append(item)

    def leaks(self) -> list[T]:
        """Return the objects that are out, in the order they were made."""
        return [item for item in self._items if item.owner is not None]
