"""The ledger: who has had a packet, list, request or block of memory, and by which calls it came there.

A call over the border is noted once, with all that it was about; the history
of one object is looked up in the notes when somebody asks, which is when a
rule has been broken. So a burst costs one note, whatever it holds.

Levels are those of the NDIS debugger extension (`TrackNblOwner`): nothing,
the last owner, what is out and who has it, the whole history, and that with
the driver's stack at each call.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from ndisemu.kernel import Kernel, driver_stack, irql_name
from ndisemu.units import format_time
from ndisemu.verifier.call import Call

# How many notes are kept for histories; at two for each burst that is some seconds of a busy NIC.
NOTES: Final = 4096
# How many lines of history a report shows.
SHOWN: Final = 12


class Track(IntEnum):
    """How much is remembered."""

    OFF = 0
    OWNER = 1
    LEAKS = 2
    HISTORY = 3
    STACKS = 4


@dataclass(frozen=True, slots=True)
class Note:
    """One call: when, where, who, and about what. Time is in virtual ns."""

    time: int
    cpu: str
    irql: int
    who: str
    call: str
    items: tuple[Any, ...]
    stack: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f" on {self.cpu} at {irql_name(self.irql)}" if self.cpu else ""
        return f"{format_time(self.time)}{where}: {self.call}, {self.who}"


class Ledger:
    """The notes of one emulation; `listener` is given each, to write it down."""

    def __init__(self, kernel: Kernel, track: Track) -> None:
        self._kernel = kernel
        self._track = track
        self._notes: deque[Note] = deque(maxlen=NOTES)
        self._last: dict[Any, Note] = {}
        self.listener: Callable[[Note], None] | None = None

    @property
    def on(self) -> bool:
        """Whether calls are to be noted."""
        return self._track > Track.OFF

    def note(self, call: Call) -> None:
        """Note a call, if it is about anything that has a history."""
        items = call.items
        if not items:
            return
        cpu = call.cpu
        stack = driver_stack() if self._track >= Track.STACKS else ()
        now = self._kernel.local_time()
        name = "" if cpu is None else cpu.name
        note = Note(now, name, call.irql or 0, call.who.name, call.name, items, stack)
        if self._track >= Track.HISTORY:
            self._notes.append(note)
        else:
            self._last.update(dict.fromkeys(items, note))
        if self.listener is not None:
            self.listener(note)

    def history(self, item: object) -> tuple[str, ...]:
        """Return what is known of an object's past, oldest first, a line for each call."""
        lines: list[str] = []
        for note in self._of(item):
            lines.append(str(note))
            lines += (f"    {line}" for line in note.stack)
        return tuple(lines[-SHOWN:])

    def _of(self, item: object) -> Iterator[Note]:
        if self._track >= Track.HISTORY:
            return (note for note in self._notes if any(one is item for one in note.items))
        last = self._last.get(item)
        return iter(() if last is None else (last,))
