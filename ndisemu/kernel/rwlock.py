"""The reader/writer lock of NDIS 6.20: many may read at once, one may write.

Taking it raises the CPU to DISPATCH_LEVEL, and gives the state of this one
taking, which remembers the old IRQL; releasing that state restores it. A CPU
may take the lock again that it holds, but not to write what it already
reads: it would wait for its own reading to end.

As with spin locks, plain code is atomic against other CPUs here, so nobody
ever waits, and a lock found taken is a deadlock. Not here: the modelled time for which writers keep others waiting;
a taking costs what that of a spin lock does.

Source: NDIS reference 3.3.
"""

from types import TracebackType
from typing import ClassVar, Self

from ndisemu.errors import RuleViolation
from ndisemu.kernel.cpu import Cpu
from ndisemu.kernel.finding import caller_of, shown
from ndisemu.kernel.irql import DISPATCH, irql_name
from ndisemu.kernel.kernel import Kernel


class LockState:
    """`LOCK_STATE_EX`: one taking of a lock on one CPU; as a context it ends with `with`."""

    __slots__ = ("cpu", "lock", "old_irql", "taken", "write")

    held_rule: ClassVar[str] = "rwlock-balanced"

    def __init__(self, lock: "RwLock", cpu: Cpu, old_irql: int, *, write: bool) -> None:
        self.lock = lock
        self.cpu = cpu
        self.old_irql = old_irql
        self.write = write
        # Where, in the checked build: two calls below the driver.
        self.taken = caller_of(2) if cpu.kernel.historian is not None else None

    def __repr__(self) -> str:
        return f"<LockState of {self.lock.name} for {'writing' if self.write else 'reading'} on {self.cpu.name}>"

    @property
    def name(self) -> str:
        """The lock's name."""
        return self.lock.name

    @property
    def actor(self) -> str:
        """Whose lock it is."""
        return self.lock.actor

    def abandon(self) -> None:
        """Take the lock from code that has ended with it, as nobody else can give it back."""
        self.lock.states.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lock.release(self)


class RwLock:
    """`NDIS_RW_LOCK_EX`; `states` are its takings that are not over, in their order."""

    __slots__ = ("_kernel", "actor", "name", "states")

    def __init__(self, kernel: Kernel, name: str = "lock", actor: str = "") -> None:
        self._kernel = kernel
        self.name = name
        self.actor = actor or name
        self.states: list[LockState] = []

    def __repr__(self) -> str:
        return f"<RwLock {self.name}: {self.states or 'free'}>"

    def acquire_read(self, *, at_dispatch: bool = False) -> LockState:
        """Take the lock to read (`NdisAcquireRWLockRead`, IRQL <= DISPATCH).

        `at_dispatch` is NDIS_RWL_AT_DISPATCH_LEVEL: the caller knows its level, which is left as it is.
        """
        cpu = self._enter(at_dispatch=at_dispatch)
        if self.states and self.states[0].write:
            self._refuse_if_held(cpu)
        return self._take(cpu, write=False)

    def acquire_write(self, *, at_dispatch: bool = False) -> LockState:
        """Take the lock to write (`NdisAcquireRWLockWrite`, IRQL <= DISPATCH)."""
        cpu = self._enter(at_dispatch=at_dispatch)
        mine = [state for state in self.states if state.cpu is cpu]
        if mine and not mine[0].write:
            raise RuleViolation(
                "rwlock-no-upgrade",
                f"{self.name} is taken on {cpu.name} to write while it reads; it would wait for ever, "
                "so release it first and look again",
            )
        if self.states:
            self._refuse_if_held(cpu)
        return self._take(cpu, write=True)

    def release(self, state: LockState) -> None:
        """Give one taking back and restore its IRQL (`NdisReleaseRWLock`, IRQL == DISPATCH)."""
        cpu = self._kernel.current
        if cpu is None:
            raise RuleViolation("call-no-cpu", f"{self.name} is released by driver code on a virtual CPU")
        if type(state) is LockState and state.cpu is not cpu:
            text = (
                f"{self.name} was taken on {state.cpu.name} and is released on {cpu.name}; release it where it is taken"
            )
            raise RuleViolation("rwlock-same-cpu", text)
        if all(state is not mine for mine in self.states):
            text = (
                f"{self.name} is released on {cpu.name} with {shown(state)}, a state that is over, or none of this lock; "
                "each taking is released once, with what it has given"
            )
            raise RuleViolation("rwlock-balanced", text)
        if cpu.locks[-1] is not state:
            raise RuleViolation(
                "spin-lifo", f"{self.name} is released before {cpu.locks[-1].name}, which was taken later"
            )
        if cpu.irql != DISPATCH:
            text = f"{self.name} is released at {irql_name(cpu.irql)}; it is held, and released, at DISPATCH_LEVEL"
            raise RuleViolation("spin-release-irql", text)
        cpu.locks.pop()
        self.states.remove(state)
        cpu.irql = state.old_irql
        cpu.preempt()

    def _enter(self, *, at_dispatch: bool) -> Cpu:
        """Return the CPU that takes the lock, where it may."""
        cpu = self._kernel.current
        if cpu is None:
            raise RuleViolation("call-no-cpu", f"{self.name} is taken by driver code on a virtual CPU")
        if cpu.irql > DISPATCH:
            text = f"{self.name} can be taken at DISPATCH_LEVEL or below, not at {irql_name(cpu.irql)}"
            raise RuleViolation("irql-synch", text)
        if at_dispatch and cpu.irql != DISPATCH:
            text = f"{self.name} is taken as if at DISPATCH_LEVEL, at {irql_name(cpu.irql)}; leave that flag out"
            raise RuleViolation("irql-at-dpc-lock", text)
        cpu.preempt()
        return cpu

    def _refuse_if_held(self, cpu: Cpu) -> None:
        """Refuse a taking while another CPU holds the lock, whose code cannot go on before this one's ends."""
        holder = next((state.cpu.name for state in self.states if state.cpu is not cpu), None)
        if holder is not None:
            text = f"{self.name} is taken on {cpu.name} while {holder} holds it; it would spin for ever"
            raise RuleViolation("spin-recursive", text)

    def _take(self, cpu: Cpu, *, write: bool) -> LockState:
        state = LockState(self, cpu, cpu.irql, write=write)
        if cpu.costs is not None:
            cpu.charge(cpu.costs.lock)
        self.states.append(state)
        cpu.locks.append(state)
        cpu.irql = DISPATCH
        return state
