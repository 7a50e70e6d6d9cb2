"""The kernel of the emulation: clock, IRQLs, CPUs, DPCs, interrupts, timers, locks and waits.

Plain synchronous code on integer nanoseconds, drained by an asyncio loop
(`loop` under virtual time, `pump` under real time). It knows drivers only as
callables and coroutines, and knows no card and no NDIS.
"""

from ndisemu.kernel.blame import DRIVER_ERRORS, driver_errors
from ndisemu.kernel.clock import Alarm, Calendar
from ndisemu.kernel.contention import Contended
from ndisemu.kernel.costs import MEASURED, Costs
from ndisemu.kernel.cpu import Cpu, Held
from ndisemu.kernel.dpc import Dpc, Importance
from ndisemu.kernel.ending import Abandoned, DriverBlocks, Ending
from ndisemu.kernel.event import Event
from ndisemu.kernel.finding import Finding, beginning, driver_name, driver_stack, is_driver_code, shown
from ndisemu.kernel.interrupt import InterruptLine, Server
from ndisemu.kernel.irp import IoTarget, Irp, IrpState, Major, NtStatus
from ndisemu.kernel.irql import DISPATCH, PASSIVE, Irql, irql_name
from ndisemu.kernel.kernel import Kernel
from ndisemu.kernel.lock import SpinLock, Turn
from ndisemu.kernel.loop import VirtualLoop, run
from ndisemu.kernel.passive import run_in_time, run_passive
from ndisemu.kernel.pump import RealTimePump
from ndisemu.kernel.rwlock import LockState, RwLock
from ndisemu.kernel.strategy import Replay, SeededRandom, Strategy
from ndisemu.kernel.timer import Timer
from ndisemu.kernel.traps import Delay, Fiber, Signal, Trap, Waiter, sleep
from ndisemu.kernel.watchdog import DriverSpins, Watchdog
from ndisemu.kernel.workitem import WorkItem

__all__ = [
    "DISPATCH",
    "DRIVER_ERRORS",
    "MEASURED",
    "PASSIVE",
    "Abandoned",
    "Alarm",
    "Calendar",
    "Contended",
    "Costs",
    "Cpu",
    "Delay",
    "Dpc",
    "DriverBlocks",
    "DriverSpins",
    "Ending",
    "Event",
    "Fiber",
    "Finding",
    "Held",
    "Importance",
    "InterruptLine",
    "IoTarget",
    "Irp",
    "IrpState",
    "Irql",
    "Kernel",
    "LockState",
    "Major",
    "NtStatus",
    "RealTimePump",
    "Replay",
    "RwLock",
    "SeededRandom",
    "Server",
    "Signal",
    "SpinLock",
    "Strategy",
    "Timer",
    "Trap",
    "Turn",
    "VirtualLoop",
    "Waiter",
    "Watchdog",
    "WorkItem",
    "beginning",
    "driver_errors",
    "driver_name",
    "driver_stack",
    "irql_name",
    "is_driver_code",
    "run",
    "run_in_time",
    "run_passive",
    "shown",
    "sleep",
]
