"""What went wrong, as data: who, what, when, where, and what would have been right."""

import os
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# The packages that call drivers; their frames at the top of a traceback tell a driver's author nothing.
_OURS: Final = tuple(f"{Path(__file__).parents[1] / name}{os.sep}" for name in ("kernel", "ndis", "verifier"))


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule or stopped adapter.

    `time` is virtual nanoseconds; `cpu` is empty and `irql` 0 when no virtual
    CPU was running; `trace` is the driver's own traceback where there is one;
    `state` is the actor's where it has one, as an adapter has.
    """

    rule: str
    actor: str
    text: str
    time: int
    cpu: str
    irql: int
    trace: str = ""
    state: str = ""


def driver_trace(error: BaseException) -> str:
    """Return the traceback of `error` as Python prints it, from the first frame that is the driver's."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace or error.__traceback__)).rstrip()
