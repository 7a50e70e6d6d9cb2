"""What went wrong, as data: who, what, when, where, and what would have been right."""

import traceback
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule or stopped adapter.

    `time` is virtual nanoseconds; `cpu` is empty and `irql` 0 when no virtual
    CPU was running; `trace` is the driver's own traceback where there is one.
    """

    rule: str
    actor: str
    text: str
    time: int
    cpu: str
    irql: int
    trace: str = ""


def driver_trace(error: BaseException) -> str:
    """Return the traceback of `error` as Python prints it."""
    return "".join(traceback.format_exception(error)).rstrip()
