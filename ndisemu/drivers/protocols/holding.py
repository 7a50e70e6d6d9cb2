"""Received packets that a station keeps for a while before it returns them, as protocols do whose clients are slow.

Bursts come back in the order in which they were received, as each is kept
equally long; so one timer, set for the oldest, is enough.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from ndisemu.ndis import BaseBinding

C = TypeVar("C")


class Holding(Generic[C]):
    """What one binding has received less than `time` ns ago; `give_back` returns it to the miniport."""

    def __init__(self, binding: BaseBinding, time: int, give_back: Callable[[Sequence[C]], None]) -> None:
        self._binding = binding
        self._time = time
        self._give_back = give_back
        self._kept: deque[tuple[int, Sequence[C]]] = deque()
        self._timer = binding.initialize_timer(self._expired)

    def keep(self, packets: Sequence[C], now: int) -> None:
        """Keep a burst that arrived at `now`; its array is the miniport's again when the call returns."""
        self._kept.append((now + self._time, tuple(packets)))
        if len(self._kept) == 1:
            self._timer.set(self._time)

    def end(self) -> None:
        """Return everything at once."""
        self._timer.cancel()
        while self._kept:
            self._give_back(self._kept.popleft()[1])

    def _expired(self) -> None:
        now = self._binding.system_time()
        while self._kept and self._kept[0][0] <= now:
            self._give_back(self._kept.popleft()[1])
        if self._kept:
            self._timer.set(self._kept[0][0] - now)
