"""The ledger: who has had a packet, list, request or block of memory, and by which calls it came there.

A call over the border is noted once, with all that it was about; the history
of one object is looked up in the notes when somebody asks, which is when a
rule has been broken. So a burst costs one note, whatever it holds.

Levels are those of the NDIS debugger extension (`TrackNblOwner`): nothing,
the last owner, what is out and who has it, the whole history, and that with
the driver's stack at each call.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from ndisemu.kernel import Kernel, driver_stack, irql_name
from ndisemu.ndis import Adapter, OidRequest
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
    """One call: its number, when, where, who, and about what. Time is in virtual ns."""

    number: int
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


Record = dict[str, Any]
"""What is written down of a call: see `Ledger.listener`."""


class Ledger:
    """The notes of one emulation.

    `listener` is given a record of each call as it begins: its number `n`,
    time `t`, `cpu`, `irql`, `who`, `call`, the names of its `items` and their
    `owners`; and one as it ends, of its number, time, and the owners then.
    Where all items have one owner, `owners` has one name.
    """

    def __init__(self, kernel: Kernel, track: Track) -> None:
        self._kernel = kernel
        self._track = track
        self._notes: deque[Note] = deque(maxlen=NOTES)
        self._last: dict[Any, Note] = {}
        self._names: dict[Any, str] = {}
        self._count = 0
        self.listener: Callable[[Record], None] | None = None

    @property
    def on(self) -> bool:
        """Whether calls are to be noted."""
        return self._track > Track.OFF

    def note(self, call: Call) -> None:
        """Note a call that begins, if it is about anything that has a history."""
        items = call.items
        if not items:
            return
        cpu = call.cpu
        stack = driver_stack() if self._track >= Track.STACKS else ()
        now = self._kernel.local_time()
        name = "" if cpu is None else cpu.name
        self._count += 1
        note = Note(self._count, now, name, call.irql or 0, call.who.name, call.name, items, stack)
        if self._track >= Track.HISTORY:
            self._notes.append(note)
        else:
            self._last.update(dict.fromkeys(items, note))
        if self.listener is not None:
            call.note = note
            self.listener(
                {
                    "n": note.number, "t": now, "cpu": name, "irql": note.irql, "who": note.who, "call": note.call,
                    "items": [self.name_of(item, call) for item in items], "owners": _owners(items),
                }
            )  # fmt: skip

    def settle(self, call: Call) -> None:
        """Write down whose the items of a noted call are, now that it has come back."""
        note: Note | None = call.note
        if note is not None and self.listener is not None:
            self.listener({"n": note.number, "t": self._kernel.local_time(), "owners": _owners(note.items)})

    def name_of(self, item: Any, call: Call) -> str:
        """Return what an item is called: its host and what it calls itself, with a number where that is not its own."""
        name = self._names.get(item)
        if name is None:
            adapter = call.who if isinstance(call.who, Adapter) else call.who.adapter
            own = repr(item)
            name = own if "#" in own else f"{type(item).__name__}#{len(self._names)} ({own})"
            name = self._names[item] = f"{adapter.library.name}/{name}"
        return name

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


def _owners(items: Sequence[Any]) -> list[str]:
    owners = [_owner(item) for item in items]
    return owners[:1] if owners.count(owners[0]) == len(owners) else owners


def _owner(item: Any) -> str:
    if isinstance(item, OidRequest):
        return "the miniport" if item.pended and item.status is None else "its requester"
    owner = getattr(item, "owner", None)
    return "nobody" if owner is None else owner.name if isinstance(owner, Adapter) else repr(owner)
