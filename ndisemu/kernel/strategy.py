"""Who goes next: the one place where the order of work is chosen.

Wherever more than one thing could happen, the kernel asks a `Strategy` two
questions: which of `n` ready items runs, and whether a CPU that could be
interrupted at a preemption point is. A strategy is pure: it sees numbers,
returns numbers, and its answers are the `schedule` from which the same order
can be had again. The default order, first in first out and interrupts at
once, is no strategy at all (None) and costs nothing.
"""

from collections.abc import Sequence
from random import Random
from typing import Protocol

from ndisemu.errors import UsageError


class Strategy(Protocol):
    """The answers to the kernel's questions, and their record."""

    schedule: list[int]

    def choose(self, count: int) -> int:
        """Return which of `count` ready items (0 is the oldest) runs next; count is at least 2."""
        ...

    def preempt(self) -> bool:
        """Return whether what could interrupt the running code does so now."""
        ...


class SeededRandom:
    """Every choice by a seeded generator: the cheapest way to other orders.

    A bound on how far an item may be overtaken keeps every item moving:
    only the `window` oldest are candidates.
    """

    def __init__(self, random: Random, *, window: int = 8) -> None:
        if window < 1:
            raise UsageError(f"a strategy's window must be at least 1, not {window}")
        self._random = random
        self._window = window
        self.schedule: list[int] = []

    def choose(self, count: int) -> int:
        """Pick one of the oldest items, evenly."""
        choice = self._random.randrange(min(count, self._window))
        self.schedule.append(choice)
        return choice

    def preempt(self) -> bool:
        """Toss a coin."""
        taken = self._random.randrange(2)
        self.schedule.append(taken)
        return bool(taken)


class Replay:
    """The choices of a recorded schedule, again; first in first out when they run out or do not fit.

    `diverged` is the step at which a recorded choice no longer fitted the
    run, or None while it has followed its schedule.
    """

    def __init__(self, schedule: Sequence[int]) -> None:
        self._left = list(reversed(schedule))
        self.schedule: list[int] = []
        self.diverged: int | None = None

    def choose(self, count: int) -> int:
        """Return the recorded choice if there were that many candidates."""
        choice = self._left.pop() if self._left else 0
        if choice >= count:
            if self.diverged is None:
                self.diverged = len(self.schedule)
            choice = 0
        self.schedule.append(choice)
        return choice

    def preempt(self) -> bool:
        """Return the recorded answer; yes when there is none."""
        taken = self._left.pop() if self._left else 1
        self.schedule.append(taken)
        return bool(taken)
