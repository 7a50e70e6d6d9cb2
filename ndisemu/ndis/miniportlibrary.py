"""The calls that are the same for miniports of every generation: registers, locks, events and time.

Every call is a preemption point, needs a virtual CPU to be running driver
code, and is refused once the adapter has halted or failed.

Not here: what the DDK gave another name or another contract in NDIS 6; see
`v5.library` and `v6.library`.

Source: NDIS reference 3.1, 3.3 and 5.10.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from ndisemu.errors import RuleViolation
from ndisemu.kernel import DISPATCH, Cpu, Delay, Event, SpinLock, Timer, sleep
from ndisemu.ndis.allocation import Allocation
from ndisemu.ndis.ddi import Kind, check_immediate, ddi
from ndisemu.ndis.resources import SharedMemory
from ndisemu.ndis.status import Status

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter

_SOURCE = "NDIS reference 3.1"


class RegisterSpace:
    """A card's registers, mapped (`NdisMMapIoSpace`); each access is a preemption point."""

    # A watcher may stand before the methods of one space.
    __slots__ = ("__dict__", "_adapter", "_kernel", "_read", "_write")

    def __init__(self, adapter: "Adapter") -> None:
        self._adapter = adapter
        self._kernel = adapter.kernel
        self._read: Callable[[int], int] = adapter.device.registers.mmio_read
        self._write: Callable[[int, int], None] = adapter.device.registers.mmio_write
        adapter.resources.unmaps.append(self._unmap)

    @ddi("NdisReadRegisterUlong", irql="any", kind=Kind.CALL, source=_SOURCE)
    def read(self, offset: int) -> int:
        """Read the 32-bit register at `offset`."""
        cpu = self._kernel.current or self._adapter.running_cpu("NdisReadRegisterUlong")
        read = self._read
        value = read(offset)
        cpu.preempt()
        return value

    @ddi("NdisWriteRegisterUlong", irql="any", kind=Kind.CALL, source=_SOURCE)
    def write(self, offset: int, value: int) -> None:
        """Write the 32-bit register at `offset`."""
        cpu = self._kernel.current or self._adapter.running_cpu("NdisWriteRegisterUlong")
        write = self._write
        write(offset, value)
        cpu.preempt()

    def _unmap(self) -> None:
        # In the place of the card's own methods, so that access to a live card needs no check.
        self._read = self._write = self._gone

    def _gone(self, offset: int, _value: int = 0) -> NoReturn:
        raise after_halt("Register access", self._adapter)


class BaseMiniportLibrary(ABC):
    """The calls of one adapter's miniport that no generation has changed."""

    def __init__(self, adapter: "Adapter") -> None:
        self._adapter = adapter

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._adapter.name}>"

    @ddi("NdisMMapIoSpace", irql="== PASSIVE", kind=Kind.CALL, source=_SOURCE)
    def map_io_space(self) -> RegisterSpace:
        """Map the card's registers."""
        self._claim("NdisMMapIoSpace")
        return RegisterSpace(self._adapter)

    @ddi("NdisAllocateSpinLock", irql="any", kind=Kind.CALL, source="NDIS reference 5.10")
    def allocate_spin_lock(self, name: str = "lock") -> SpinLock:
        """Make a spin lock."""
        self._enter("NdisAllocateSpinLock")
        return SpinLock(self._adapter.kernel, f"{self._adapter.name} {name}", self._adapter.name)

    @ddi("NdisFreeSpinLock", irql="== PASSIVE", kind=Kind.CALL, source="NDIS reference 5.10")
    def free_spin_lock(self, lock: SpinLock) -> None:
        """End the use of a spin lock, which nobody holds."""
        self._enter("NdisFreeSpinLock")
        lock.free()

    @ddi("NDIS_RAISE_IRQL_TO_DISPATCH", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.10")
    def raise_irql(self) -> int:
        """Raise to DISPATCH_LEVEL; returns the level to lower to again, before the code returns."""
        return self._enter("NDIS_RAISE_IRQL_TO_DISPATCH").raise_irql(DISPATCH)

    @ddi("NDIS_LOWER_IRQL", irql="any", kind=Kind.CALL, source="NDIS reference 5.10")
    def lower_irql(self, level: int) -> None:
        """Lower to the level that `raise_irql` has returned."""
        self._enter("NDIS_LOWER_IRQL").lower_irql(level)

    @ddi("NdisInitializeEvent", irql="== PASSIVE", kind=Kind.CALL, source=_SOURCE)
    def initialize_event(self, name: str = "event") -> Event:
        """Make an event that PASSIVE_LEVEL code can wait for."""
        self._enter("NdisInitializeEvent")
        return Event(self._adapter.kernel, f"{self._adapter.name} {name}")

    @ddi("NdisMSleep", irql="< DISPATCH", kind=Kind.CALL, source=_SOURCE)
    def sleep(self, ns: int) -> Delay:
        """Await this to let `ns` nanoseconds pass, as a thread."""
        self._enter("NdisMSleep")
        return sleep(self._adapter.kernel, ns)

    @ddi("NdisGetCurrentSystemTime", irql="any", kind=Kind.CALL, source="NDIS reference 4.2 (TimeToSend)")
    def system_time(self) -> int:
        """Return the virtual time in nanoseconds, as the CPU that asks has it."""
        self._enter("NdisGetCurrentSystemTime")
        return self._adapter.kernel.local_time()

    @ddi("NdisStallExecution", irql="any", kind=Kind.CALL, source=_SOURCE)
    def stall(self, ns: int) -> None:
        """Keep the CPU busy for `ns` nanoseconds of modelled time, at most 50 µs."""
        if not 0 <= ns <= 50_000:
            raise RuleViolation("irql-stall", f"NdisStallExecution takes at most 50 us, not {ns} ns; use a timer")
        self._enter("NdisStallExecution").stall(ns)

    # What calls of one name in 5.x and another in 6 do alike.

    def _make_timer(self, routine: Callable[[], None], name: str, entry: str) -> Timer:
        """Make a timer of the adapter, whose `routine` is its miniport's `entry`, at DISPATCH_LEVEL."""
        check_immediate("timer", routine)
        adapter = self._adapter

        def expired() -> None:
            if adapter.alive:
                adapter.call(entry, routine)
            elif adapter.startable:
                timer.cancel()
                adapter.report("timer-halt", f"{timer!r} was set after {adapter.halt_entry}; {entry} was not called")

        timer = Timer(adapter.cpu, expired, name=f"{adapter.name} {name}")
        adapter.resources.timers.append(timer)
        return timer

    @ddi("NdisMResetComplete", irql="<= DISPATCH", kind=Kind.CALL, source="NDIS reference 5.7")
    def reset_complete(self, status: Status, *, addressing_reset: bool = False) -> None:
        """Complete the pending reset; with `addressing_reset` NDIS sets filters and addresses again."""
        self._enter("NdisMResetComplete")
        self._adapter.resetting.call.complete_reset(status, addressing_reset=addressing_reset)

    def _start_allocation(
        self, length: int, *, cached: bool, alignment: int, context: object, purpose: str, level: int, halting: bool
    ) -> Allocation:
        """Begin to allocate shared memory, which is delivered at IRQL `level`; refused at once while it is `halting`."""
        adapter = self._adapter
        allocation = Allocation(
            adapter,
            length,
            cached=cached,
            context=context,
            allocate=lambda: adapter.resources.allocate_shared(
                length, cached=cached, alignment=alignment, purpose=purpose
            ),
            deliver=adapter.allocate_complete,
            level=level,
        )
        if halting:
            allocation.refuse()
        else:
            allocation.start()
        return allocation

    def _check_inside(self, shared: SharedMemory, offset: int, length: int) -> None:
        """Refuse to describe bytes outside of shared memory."""
        if not 0 <= offset <= offset + length <= shared.length:
            raise RuleViolation(
                "shm-overrun",
                f"{length} bytes at {offset} do not lie inside the {shared.block}, {shared.length} bytes",
            )

    def _enter(self, call: str) -> Cpu:
        """Let the call in: the adapter is alive, and a CPU runs it; then let interrupts in."""
        adapter = self._adapter
        if not adapter.alive:
            raise after_halt(call, adapter)
        cpu = adapter.kernel.current or adapter.running_cpu(call)
        cpu.preempt()
        return cpu

    @abstractmethod
    def _claim(self, call: str) -> None:
        """Let a resource-claiming call in, which the adapter's attributes must precede."""


def after_halt(call: str, adapter: "Adapter") -> RuleViolation:
    """Return the violation of a call that comes before the adapter initializes, or after it has halted."""
    return RuleViolation(
        "st-after-halt",
        f"{call} was called for {adapter.name} in state {adapter.state.current.value}; "
        "nothing of a driver may run before its adapter initializes, or after it has halted",
    )
