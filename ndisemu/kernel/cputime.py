"""The time of a virtual CPU: what its code is charged, and DPCs that take too much of it.

Charges move a CPU's local time (see `cpu`). Without any it is the kernel's.

The DPC watchdog (bug check 0x133) lets one DPC spend so much modelled time,
and pass so many preemption points; and all DPCs of a CPU together so many
turns of it at one instant in which nothing else happens anywhere: no card
moves, no timer expires, no thread gets its turn. It looks at the points that
the CPU passes anyway.

Not here: code that calls nothing at all; see `watchdog`.
"""

from typing import Final

from ndisemu.errors import RuleViolation
from ndisemu.kernel.costs import Costs
from ndisemu.kernel.kernel import Kernel

DPC_TIME_LIMIT: Final = 100_000_000
DPC_POINT_LIMIT: Final = 1_000_000
# Each turn is up to `cpu.DPC_BATCH` DPCs.
DPC_TURNS_ALONE: Final = 300


class CpuTime:
    """The time of one CPU, and what its watchdog counts as the `Cpu` itself passes points and takes turns.

    `busy_until` is its local time where that is ahead of the clock. `spent`
    sums the modelled time that it was charged, `waited` what of that went by
    in waiting for locks. `running_dpc` is the DPC that runs, if one does.
    """

    __slots__ = ("_alone", "_alone_at", "_points", "_worn", "busy_until", "costs", "kernel", "name", "running_dpc", "spent", "waited")  # fmt: skip

    def __init__(self, kernel: Kernel, name: str, costs: Costs | None) -> None:
        self.kernel = kernel
        self.name = name
        self.costs = costs
        if costs is not None:
            kernel.timed = True
        self.busy_until = 0
        self.spent = 0
        self.waited = 0
        self.running_dpc: object | None = None
        # How many preemption points the running code has passed.
        self._points = 0
        # For how many turns DPCs have been alone, since which time and item of the kernel; and where they begin to count.
        self._alone = 0
        self._alone_at = (-1, 0)
        self._worn = 0

    def charge(self, ns: int) -> None:
        """Spend `ns` of this CPU's modelled time, as the cost table says; nothing under the real clock.

        It never raises, for what NDIS and the kernel have begun must be brought to its end: a DPC that has run too
        long by it is reported, once.
        """
        in_time = not self._overran()
        self._spend(ns)
        if in_time and self._overran():
            self.kernel.report("int-dpc-time", self.name, self._overrun())

    def stall(self, ns: int) -> None:
        """Spend `ns` as the running driver's code asks for it (`NdisStallExecution`), which stops a DPC that waits for ever."""
        self._spend(ns)
        if self._overran():
            raise RuleViolation("int-dpc-time", self._overrun())

    def _spend(self, ns: int) -> None:
        kernel = self.kernel
        if kernel.charges:
            self.busy_until = max(self.busy_until, kernel.now) + ns
            self.spent += ns
            kernel.timed = True

    def _overran(self) -> bool:
        return self.running_dpc is not None and self.busy_until - self.kernel.now > DPC_TIME_LIMIT

    def _overrun(self) -> str:
        return (
            f"a DPC on {self.name} has run for {self.busy_until - self.kernel.now} ns of modelled time; "
            f"a DPC must leave the CPU within {DPC_TIME_LIMIT} ns"
        )

    def _look_at_the_clock(self) -> None:
        """The DPC watchdog for code that passes preemption points and spends no modelled time."""
        worn, self._points, self._worn, self._alone = bool(self._worn), 0, 0, 0
        if self.running_dpc is None:
            return
        if worn:
            what = (
                f"DPCs have taken {DPC_TURNS_ALONE} turns of {self.name} at one instant, and nothing else could happen"
            )
            text = f"{what}; one of them, most likely this one, is queued again and again though it finds nothing new"
        else:
            what = f"a DPC on {self.name} has passed {DPC_POINT_LIMIT} preemption points without returning"
            text = f"{what}; a DPC must leave the CPU and come back for more"
        raise RuleViolation("int-dpc-time", text)

    def _look_who_else_runs(self) -> None:
        """The DPC watchdog for DPCs that queue each other, or themselves, for ever."""
        time, item = self.kernel.now, self.kernel.progress
        self._alone = self._alone + 1 if self._alone_at == (time, item - 1) else 0
        self._alone_at = time, item
        self._worn = DPC_POINT_LIMIT + 1 if self._alone > DPC_TURNS_ALONE else 0
