"""Whose mistake it is that something was raised: the driver's whose code was called, or nobody's.

A driver may raise anything, also what is no `Exception`. What ends a program
or a task from outside passes through its code, too, and is not its own.
"""

import signal
import sys
from typing import Final

from ndisemu.kernel.ending import Abandoned, DriverBlocks, Ending
from ndisemu.kernel.watchdog import DriverSpins

# What ends a driver's routine that was awaited: what it has raised, as `passive` says it, and what stops it.
DRIVER_ERRORS: Final = (Exception, SystemExit, DriverSpins, DriverBlocks)


def driver_errors() -> tuple[type[BaseException], ...]:
    """Return what to catch of a driver's routine that was called: all that it has raised itself.

    As in `except driver_errors() as error`, which Python evaluates only when there is an error. Where awaiting a routine
    has raised, it may have been cancelled or closed from outside: there `DRIVER_ERRORS` are its own.
    """
    return () if is_interrupt(sys.exception()) else (BaseException,)


def is_interrupt(error: BaseException | None) -> bool:
    """Whether an error is the user's Ctrl-C; where that raises no plain KeyboardInterrupt, a driver has raised it."""
    return isinstance(error, KeyboardInterrupt) and (isinstance(error, Abandoned) or not is_heard_in_order())


def is_heard_in_order() -> bool:
    """Whether Ctrl-C is heard by an `Ending`, which asks the loop; other handlers may cancel a task in the middle of a step."""
    return isinstance(getattr(signal.getsignal(signal.SIGINT), "__self__", None), Ending)
