"""Interrupt request levels: what may run on a CPU, and what may interrupt it.

Code at level n is interrupted only by work above n. PASSIVE and APC are
threads, which may wait; DISPATCH is where DPCs run and nothing may wait;
device levels lie above. Values as in `wdm.h`; the emulator gives a line
`DEVICE` unless told otherwise.
"""

from enum import IntEnum
from typing import Final


class Irql(IntEnum):
    """The levels by name; any integer between DISPATCH and HIGH is a device level."""

    PASSIVE = 0
    APC = 1
    DISPATCH = 2
    DEVICE = 5
    HIGH = 15


# Plain integers for the hot path: reading an enum member costs several times
# as much on Python 3.11.
PASSIVE: Final = 0
DISPATCH: Final = 2


def irql_name(level: int) -> str:
    """Return `DISPATCH_LEVEL` and the like; a device level reads `DIRQL 5`."""
    if level in {Irql.PASSIVE, Irql.APC, Irql.DISPATCH, Irql.HIGH}:
        return f"{Irql(level).name}_LEVEL"
    return f"DIRQL {level}"
