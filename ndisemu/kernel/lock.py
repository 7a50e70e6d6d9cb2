"""Spin locks, as NDIS has them, and the asynchronous turn.

Acquiring a `SpinLock` raises the CPU to DISPATCH_LEVEL and remembers the old
IRQL in the lock; releasing restores it. So locks are released in the
reverse order of taking, are not recursive, and must never be held across an
await: the next piece of code on this CPU would run with it. Plain code is
atomic against other CPUs here, so a lock found taken is a deadlock, not a
wait; what contention costs is modelled (`contention`).

A `Turn` is not an NDIS object: it orders coroutines, first come first
served, and may be held across awaits.
"""

from collections import deque
from collections.abc import Awaitable, Generator
from types import TracebackType
from typing import Any, ClassVar, Final

from ndisemu.errors import RuleViolation
from ndisemu.kernel.contention import Contended
from ndisemu.kernel.cpu import Cpu
from ndisemu.kernel.finding import Place, caller_of
from ndisemu.kernel.irql import DISPATCH, irql_name
from ndisemu.kernel.kernel import Kernel
from ndisemu.kernel.traps import Signal


class SpinLock(Contended):
    """`NDIS_SPIN_LOCK`; `with lock:` is NdisAcquireSpinLock and NdisReleaseSpinLock.

    `owner` is the CPU that holds it, `actor` whose lock it is, `taken` the
    place where it was last taken, in the checked build. A lock that is freed
    is not taken any more.
    """

    __slots__ = ("_dpr", "_freed", "_kernel", "_old_irql", "actor", "name", "owner", "taken")

    held_rule: ClassVar[str] = "spin-held-at-return"

    def __init__(self, kernel: Kernel, name: str = "lock", actor: str = "") -> None:
        super().__init__()
        self._kernel = kernel
        self.name = name
        self.actor = actor or name
        self.owner: Cpu | None = None
        self.taken: Place | None = None
        self._old_irql = 0
        self._dpr = False
        self._freed = False

    def __repr__(self) -> str:
        return f"<SpinLock {self.name} {f'held by {self.owner.name}' if self.owner else 'free'}>"

    def acquire(self) -> None:
        """Raise to DISPATCH_LEVEL and take the lock (`NdisAcquireSpinLock`, IRQL <= DISPATCH)."""
        kernel = self._kernel
        cpu = kernel.current
        if cpu is None or cpu.irql > DISPATCH:
            raise self._wrong_place(cpu, "irql-synch", "can be taken at DISPATCH_LEVEL or below")
        cpu.preempt()
        if self.owner is not None or self._freed:
            raise self._untakeable(cpu)
        if kernel.timed:
            self.enter(cpu)
        else:
            self.since = kernel.now
        self.owner = cpu
        cpu.locks.append(self)
        self._old_irql, cpu.irql = cpu.irql, DISPATCH
        self._dpr = False
        if kernel.historian is not None:
            self.taken = caller_of(0)

    def release(self) -> None:
        """Give the lock back and restore the IRQL it was taken at (`NdisReleaseSpinLock`)."""
        kernel = self._kernel
        cpu = kernel.current
        if cpu is None or self.owner is not cpu or self._dpr or cpu.locks[-1] is not self or cpu.irql != DISPATCH:
            raise self._wrong_release(cpu, dpr=False)
        cpu.locks.pop()
        self.owner = None
        if kernel.timed:
            self.leave(cpu)
        cpu.irql = self._old_irql
        if cpu.lines or cpu.dpcs:
            cpu.preempt()

    def dpr_acquire(self) -> None:
        """Take the lock without touching the IRQL (`NdisDprAcquireSpinLock`, IRQL == DISPATCH)."""
        cpu = self._kernel.current
        if cpu is None or cpu.irql != DISPATCH:
            raise self._wrong_place(cpu, "irql-at-dpc-lock", "needs DISPATCH_LEVEL for the Dpr variant")
        cpu.preempt()
        if self.owner is not None or self._freed:
            raise self._untakeable(cpu)
        if self._kernel.timed:
            self.enter(cpu)
        else:
            self.since = self._kernel.now
        self.owner = cpu
        cpu.locks.append(self)
        self._dpr = True
        if self._kernel.historian is not None:
            self.taken = caller_of(0)

    def dpr_release(self) -> None:
        """Give back a lock taken with `dpr_acquire` (`NdisDprReleaseSpinLock`)."""
        cpu = self._kernel.current
        if cpu is None or self.owner is not cpu or not self._dpr or cpu.locks[-1] is not self or cpu.irql != DISPATCH:
            raise self._wrong_release(cpu, dpr=True)
        cpu.locks.pop()
        self.owner = None
        if self._kernel.timed:
            self.leave(cpu)
        if cpu.lines or cpu.dpcs:
            cpu.preempt()

    def free(self) -> None:
        """End its use, while nobody holds it (`NdisFreeSpinLock`)."""
        if self._freed or self.owner is not None:
            state = f"{self.owner.name} holds it" if self.owner else "it is freed already"
            raise RuleViolation(
                "spin-free-held", f"{self.name} is freed while {state}; free it once, after its last use"
            )
        self._freed = True

    __enter__ = acquire

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def abandon(self) -> None:
        """Take the lock from code that has ended with it, as nobody else can give it back."""
        self.owner = None

    def _wrong_place(self, cpu: Cpu | None, rule: str, right: str) -> RuleViolation:
        if cpu is None:
            text = f"{self.name} is taken by driver code on a virtual CPU, and none is running"
            return RuleViolation("call-no-cpu", text)
        return RuleViolation(rule, f"{self.name} {right}, not at {irql_name(cpu.irql)}")

    def _untakeable(self, cpu: Cpu) -> RuleViolation:
        if self._freed:
            text = f"{self.name} is taken on {cpu.name} after it was freed; allocate it anew, or free it later"
            return RuleViolation("spin-free-held", text)
        holder = self.owner.name if self.owner else "nobody"
        text = f"{self.name} is taken on {cpu.name} while {holder} holds it; it would spin for ever"
        return RuleViolation("spin-recursive", text)

    def _wrong_release(self, cpu: Cpu | None, *, dpr: bool) -> RuleViolation:
        """Say which of the ways to release a lock wrongly this is."""
        if cpu is None:
            return self._wrong_place(cpu, "", "")
        if self.owner is not cpu:
            holder = self.owner.name if self.owner else "nobody"
            return RuleViolation(
                "spin-release-unowned", f"{self.name} is released on {cpu.name} while {holder} holds it"
            )
        if self._dpr is not dpr:
            taken, given = ("Dpr", "plain") if self._dpr else ("plain", "Dpr")
            text = f"{self.name} was taken with the {taken} call and released with the {given} one"
            return RuleViolation("spin-variant-mismatch", text)
        if cpu.locks[-1] is not self:
            later = cpu.locks[-1].name
            return RuleViolation("spin-lifo", f"{self.name} is released before {later}, which was taken later")
        text = f"{self.name} is released at {irql_name(cpu.irql)}; it is held, and released, at DISPATCH_LEVEL"
        return RuleViolation("spin-release-irql", text)


class Turn:
    """An asynchronous first-come-first-served turn: `async with turn:`.

    It keeps coroutines of one driver in the order of their calls, across
    awaits. Taking a free turn suspends nobody. A coroutine that is closed or
    cancelled while it waits loses its place, and the turn passes it by.
    """

    __slots__ = ("_waiting", "taken")

    def __init__(self) -> None:
        self.taken = False
        self._waiting: deque[Signal] = deque()

    def __repr__(self) -> str:
        return f"<Turn {'taken' if self.taken else 'free'}, {len(self._waiting)} waiting>"

    def __aenter__(self) -> Awaitable[None]:
        if self.taken:
            return self._wait()
        self.taken = True
        return _AT_ONCE

    def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Awaitable[None]:
        self._pass_on()
        return _AT_ONCE

    async def _wait(self) -> None:
        signal = Signal()
        self._waiting.append(signal)
        try:
            await signal
        except BaseException:
            if signal.is_set:
                self._pass_on()
            else:
                self._waiting.remove(signal)
            raise

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.popleft().set()
        else:
            self.taken = False


class _AtOnce:
    """What is awaited where nothing has to be waited for: cheaper than a coroutine that returns."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield


_AT_ONCE: Final = _AtOnce()
