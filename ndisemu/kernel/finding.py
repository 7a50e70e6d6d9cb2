"""What went wrong, as data: who, what, when, where, and what would have been right."""

import os
import re
import sys
import traceback
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Final, NamedTuple

from ndisemu.errors import NdisemuError, Unfinished

# The packages that call drivers; their frames at the top of a traceback tell a driver's author nothing.
_OURS: Final = tuple(
    f"{Path(__file__).parents[1] / name}{os.sep}" for name in ("kernel", "memory", "hw", "link", "ndis", "verifier")
)
# Where an object is in this process, as Python shows it; `bytes at` an address are memory of a host.
_ADDRESS: Final = re.compile(r"(?<!bytes) at 0x[0-9a-fA-F]+(?=>|, file )")
# How many characters of a driver's own a report has, at most.
LONGEST_TEXT: Final = 1000
LONGEST_OBJECT: Final = 200
LONGEST_TRACE: Final = 20_000
# What runs drivers; whose frames lie below these is no driver.
_BASE: Final = (f"kernel{os.sep}kernel.py", f"kernel{os.sep}passive.py")


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule or stopped adapter.

    `time` is virtual nanoseconds; `cpu` is empty and `irql` 0 when no virtual
    CPU was running; `trace` is the driver's own traceback where there is one;
    `state` is the actor's where it has one, as an adapter has, and `driver`
    its class. `stack` are the driver's places that led there, innermost
    first. `about` is the object concerned and `history` what is known of its
    past, oldest first.
    """

    rule: str
    actor: str
    text: str
    time: int
    cpu: str
    irql: int
    trace: str = ""
    state: str = ""
    driver: str = ""
    about: str = ""
    stack: tuple[str, ...] = ()
    history: tuple[str, ...] = ()


def shown(value: object) -> str:
    """Show an object that a driver has made, which may be unable to show itself; the same in every run."""
    try:
        return plain(repr(value), LONGEST_OBJECT)
    except Exception:  # noqa: BLE001 - it may raise anything
        return f"an object of {type(value).__name__} that cannot be shown"


def plain(text: str, longest: int) -> str:
    """Return a driver's text as it can stand in a report: no addresses of this process, no control characters, not endless."""
    text = _ADDRESS.sub("", text)
    if not text.isprintable():
        text = "".join(character if character.isprintable() or character == "\n" else "?" for character in text)
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text)} characters)"


def driver_name(driver: object) -> str:
    """Return the class of a driver as a scenario would name it."""
    return f"{type(driver).__module__}:{type(driver).__qualname__}"


def driver_trace(error: BaseException) -> str:
    """Return the traceback of `error` as Python prints it, from the first frame that is the driver's."""
    if isinstance(error, Unfinished):
        # Nothing of the driver's is left to be seen where it has swallowed what passed through it.
        if error.__cause__ is None:
            return ""
        error = error.__cause__
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    # Where a call was refused, or cut short, what NDIS did with it tells nothing either.
    depth = _depth(trace) if isinstance(error, NdisemuError) or not isinstance(error, Exception) else None
    lines = traceback.format_exception(type(error), error, trace or error.__traceback__, limit=depth or None)
    return plain("".join(lines).rstrip(), LONGEST_TRACE)


def _depth(trace: TracebackType | None) -> int:
    """Return how many frames of a traceback there are down to the last that is a driver's; 0 if none is."""
    depth = frames = 0
    while trace is not None:
        frames += 1
        if is_driver_code(trace.tb_frame.f_code.co_filename):
            depth = frames
        trace = trace.tb_next
    return depth


@cache
def is_driver_code(file: str) -> bool:
    """Whether code of this file is a driver's: not of the packages that call drivers, nor what runs those."""
    return not file.startswith(_OURS)


class Place(NamedTuple):
    """A line of a program that runs, which becomes text when somebody wants to read it."""

    code: CodeType
    line: int

    def __str__(self) -> str:
        return f"{self.code.co_filename}:{self.line} in {self.code.co_qualname}"


def caller_of(depth: int) -> Place:
    """Return the line that called the function `depth` levels above the one that asks."""
    frame = sys._getframe(depth + 2)
    return Place(frame.f_code, frame.f_lineno)


def beginning(routine: object) -> tuple[str, ...]:
    """Return where a routine of a driver begins, as a stack of that one place; nothing for what has no code of its own."""
    code = getattr(getattr(routine, "__func__", routine), "__code__", None)
    return (str(Place(code, code.co_firstlineno)),) if isinstance(code, CodeType) else ()


def driver_stack() -> tuple[str, ...]:
    """Return where the driver code is that led to the caller: `file:line in function`, innermost first; else nothing."""
    places = []
    frame: FrameType | None = sys._getframe(2)
    # A refusal is reported from where drivers are run from, too.
    while frame is not None and frame.f_code.co_filename.endswith(_BASE):
        frame = frame.f_back
    while frame is not None and not frame.f_code.co_filename.endswith(_BASE):
        if is_driver_code(frame.f_code.co_filename):
            places.append(f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}")
        frame = frame.f_back
    return tuple(places) if frame is not None else ()
