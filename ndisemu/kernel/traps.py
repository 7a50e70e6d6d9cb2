"""The only places where driver code gives up its virtual CPU.

A driver coroutine is stepped by the kernel, not by asyncio. Each `await` in
it ends in one of the traps below, which yields itself to whoever steps the
coroutine and is asked to park it; the trap wakes it later with a value.
Awaiting anything else in code the kernel steps is the violation
`irql-await`. To know where a driver can be interrupted by others, read this
file.

Two things can be parked: a `Fiber`, which the kernel steps and which resumes
at the IRQL and on the CPU where it suspended, and a PASSIVE-only entry point
hosted in an asyncio task (`passive`).
"""

import contextlib
from collections.abc import Coroutine, Generator
from types import CoroutineType
from typing import Any, Protocol

from ndisemu.errors import InternalError, RuleViolation
from ndisemu.kernel.blame import DRIVER_ERRORS, driver_errors
from ndisemu.kernel.cpu import Cpu
from ndisemu.kernel.irql import DISPATCH, PASSIVE, irql_name
from ndisemu.kernel.kernel import Kernel

DriverCoroutine = Coroutine[Any, Any, Any]


def routine_name(coroutine: object) -> str:
    """Return the name of the driver's routine that `coroutine` runs."""
    name: str = getattr(coroutine, "__qualname__", "coroutine")
    return name


class Waiter(Protocol):
    """Somebody who can be parked and woken, once."""

    def wake(self, value: object) -> None:
        """Go on, with `value` as the result of the await."""
        ...


class Trap:
    """One suspension point; a subclass says what it waits for, in `park`.

    No abstract class: every step of a coroutine asks whether it has got a trap, which would be dearer to tell of one.
    """

    __slots__ = ()

    def __await__(self) -> Generator["Trap", Any, Any]:
        return (yield self)

    def park(self, waiter: Waiter) -> None:
        """Keep `waiter` until what it waits for has happened."""
        raise NotImplementedError


class Delay(Trap):
    """Wait for `ns` of virtual time: a timer whose expiry resumes the coroutine; IRQL <= DISPATCH."""

    __slots__ = ("_kernel", "_ns")

    def __init__(self, kernel: Kernel, ns: int) -> None:
        self._kernel = kernel
        self._ns = ns

    def park(self, waiter: Waiter) -> None:
        """Wake `waiter` when the time has passed."""
        self._kernel.call_at(self._kernel.local_time() + self._ns, lambda: waiter.wake(None))


def sleep(kernel: Kernel, ns: int) -> Delay:
    """Wait for `ns` of virtual time as a thread does (`NdisMSleep`); below DISPATCH_LEVEL only."""
    cpu = kernel.current
    if cpu is not None and cpu.irql >= DISPATCH:
        raise RuleViolation("irql-msleep", f"sleeping needs an IRQL below DISPATCH_LEVEL, not {irql_name(cpu.irql)}")
    return Delay(kernel, ns)


class Signal(Trap):
    """A value that one coroutine waits for and somebody else sets, usually a DPC.

    It is set at most once; awaiting it after that gives the `value` at once.
    """

    __slots__ = ("_waiter", "is_set", "value")

    def __init__(self) -> None:
        self.is_set = False
        self.value: object = None
        self._waiter: Waiter | None = None

    def __repr__(self) -> str:
        return f"<Signal {'set' if self.is_set else 'awaited' if self._waiter else 'idle'}>"

    def __await__(self) -> Generator[Trap, Any, Any]:
        if self.is_set:
            return self.value
        return (yield self)

    def park(self, waiter: Waiter) -> None:
        """Keep the one waiter."""
        if self._waiter is not None:
            raise RuleViolation("signal-two-waiters", "a signal already has a coroutine waiting for it; it takes one")
        self._waiter = waiter

    def set(self, value: object = None) -> None:
        """Set the value and wake the waiter; setting it twice is an error."""
        if self.is_set:
            raise RuleViolation("signal-set-twice", "a signal is set once; make a new one for the next wait")
        self.is_set = True
        self.value = value
        if self._waiter is not None:
            self._waiter.wake(value)


class Fiber:
    """A driver coroutine stepped by the kernel, from its first step to its return.

    A subclass says what its end means, in `returned` and `raised`; they run
    on the CPU and at the IRQL of the last step. It is also what waits in its
    CPU's DPC queue while it is to be resumed at DISPATCH_LEVEL.
    """

    __slots__ = ("_coroutine", "_cpu", "_value", "done", "irql", "queued", "suspended")

    def __init__(self, coroutine: DriverCoroutine, cpu: Cpu) -> None:
        self._coroutine = coroutine
        self._cpu = cpu
        self._value: object = None
        self.irql = cpu.irql
        self.queued = False
        self.suspended = False
        self.done = False

    def __repr__(self) -> str:
        state = "done" if self.done else f"suspended at {irql_name(self.irql)}" if self.suspended else "running"
        return f"<{type(self).__name__} {self.name} {state}>"

    @property
    def name(self) -> str:
        """The name of the driver's routine."""
        return routine_name(self._coroutine)

    @property
    def coroutine(self) -> DriverCoroutine:
        """The coroutine."""
        return self._coroutine

    @property
    def actor(self) -> str:
        """Whose coroutine it is, for a report."""
        return self._cpu.name

    def returned(self, value: object) -> None:
        """The coroutine returned `value`."""
        raise NotImplementedError

    def raised(self, error: BaseException) -> None:
        """The coroutine raised `error`."""
        raise NotImplementedError

    def step(self) -> bool:
        """Run the coroutine until it waits or ends; returns whether it has ended."""
        if self.done:
            # It was closed while it waited in a queue.
            return True
        self.suspended = False
        try:
            trap = self._coroutine.send(self._value)
            if self._cpu.locks:
                self._refuse("irql-await", f"suspended while holding {self._cpu.locks[-1].name}; release it before")
            elif isinstance(trap, Trap):
                self.irql = self._cpu.irql
                self.suspended = True
                trap.park(self)
                return False
            else:
                self._refuse(
                    "irql-await",
                    f"awaited {type(trap).__name__}, which only asyncio can resume; "
                    "an entry point that may pend awaits what ndis gives it",
                )
        except StopIteration as end:
            self.done = True
            self.returned(end.value)
        except driver_errors() as error:
            self.done = True
            self.suspended = False
            # Where it still waits, it ends now and on its CPU, not when Python collects it.
            with contextlib.suppress(*DRIVER_ERRORS):
                self._coroutine.close()
            self.raised(error)
        return True

    # What is run of it as a DPC.
    routine = step

    def wake(self, value: object) -> None:
        """Queue the coroutine to resume at the IRQL and on the CPU where it suspended."""
        if self.done:
            return
        self._value = value
        if self.irql >= DISPATCH:
            self._cpu.queue_dpc(self)
        else:
            self._cpu.queue_thread(self._resume_thread)

    def close(self) -> None:
        """End the coroutine where it is suspended; it is never resumed."""
        self.done = True
        self.suspended = False
        self._coroutine.close()

    def where(self) -> str:
        """Return the place at which the coroutine is suspended, as `file:line in function`: the innermost that awaits."""
        innermost: object = self._coroutine
        while isinstance(waits_for := getattr(innermost, "cr_await", None), CoroutineType):
            innermost = waits_for
        frame = getattr(innermost, "cr_frame", None)
        if frame is None:
            return f"{self.name} (ended)"
        return f"{frame.f_code.co_filename}:{frame.f_lineno} in {routine_name(innermost)}"

    def _resume_thread(self) -> None:
        if self._cpu.irql != PASSIVE:
            raise InternalError(f"{self!r} was resumed as a thread above PASSIVE_LEVEL")
        self.routine()

    def _refuse(self, rule: str, text: str) -> None:
        """Raise a violation inside the coroutine, where the driver awaited."""
        self._coroutine.throw(self._cpu.kernel.refusal(rule, self.actor, f"{self.name} {text}"))
        raise RuleViolation(rule, f"{self.name} {text}, and went on after being told")
