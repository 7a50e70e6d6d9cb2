"""What it costs in modelled time that a lock has one holder at a time.

Plain code of one CPU runs in one go here, and the kernel runs the CPUs in an
order of its own: a CPU may take a lock at a local time at which, as it turns
out, another one has held it that has run before. So a lock remembers when it
was held, as far ahead of the clock as anybody's local time can lie. Who takes
it at a time at which it was held waits until it was free. Whose hold is
longer than the lock was free for has the rest of it after the other's hold,
and what lies between is its wait, too: a CPU that has run is not held up
afterwards. Times of holding never overlap, so of a lock there is never more
than there is of time; who gets it first where two compete is the order in
which the kernel ran them.
"""

from ndisemu.kernel.cpu import Cpu


class Contended:
    """A lock's times: `since` is when it was last taken, `waited` sums the modelled ns that its takers have waited."""

    __slots__ = ("_holds", "since", "waited")

    def __init__(self) -> None:
        # Beginnings and ends, in order, of what ends after now.
        self._holds: list[tuple[int, int]] = []
        self.since = 0
        self.waited = 0

    def enter(self, cpu: Cpu) -> None:
        """Charge `cpu`, which takes the lock, for the time until it is free, and for taking it."""
        now = cpu.kernel.now
        start = max(cpu.busy_until, now)
        self._holds = [hold for hold in self._holds if hold[1] > now]
        wait = -start
        for begin, end in self._holds:
            if begin > start:
                break
            start = max(start, end)
        wait += start
        cpu.charge(wait if cpu.costs is None else wait + cpu.costs.lock)
        self.since = start
        self.waited += wait
        cpu.waited += wait

    def leave(self, cpu: Cpu) -> None:
        """Remember the hold of `cpu`, which gives the lock back, and charge it for the holds that came in between."""
        left = cpu.busy_until - self.since
        if left <= 0:
            return
        at, mine = self.since, []
        for begin, end in self._holds:
            if end > at:
                if begin - at >= left:
                    break
                if begin > at:
                    mine.append((at, begin))
                    left -= begin - at
                at = end
        mine.append((at, at + left))
        self._holds = sorted([*self._holds, *mine])
        if (wait := at + left - cpu.busy_until) > 0:
            self.waited += wait
            cpu.waited += wait
            cpu.charge(wait)
