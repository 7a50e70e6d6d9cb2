"""The ledger: who has had a packet, list, request or block of memory, and by which calls it came there.

Calls over the border are kept, each with all that it was about; the history
of one object is looked up among them when somebody asks, which is when a
rule has been broken. So a burst costs as much as one packet.

Levels are those of the NDIS debugger extension (`TrackNblOwner`): nothing,
the last call about each object, that only as long as it is not where it
belongs, the whole history, and that with the driver's stack at each call.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from typing import Any, Final

from ndisemu.kernel import Kernel, driver_stack, irql_name
from ndisemu.ndis import Adapter, OidRequest
from ndisemu.ndis.binding import BaseBinding
from ndisemu.units import format_time
from ndisemu.verifier.call import Call

# How many calls are kept for histories; at eight for each burst that is hundreds of bursts.
CALLS: Final = 4096
# Of how many objects the last call is kept, where no more is.
OBJECTS: Final = 65_536
# How many lines of history a report shows.
SHOWN: Final = 12


class Track(IntEnum):
    """How much is remembered."""

    OFF = 0
    OWNER = 1
    LEAKS = 2
    HISTORY = 3
    STACKS = 4


Record = dict[str, Any]
"""What is written down of a call: see `Ledger.listen`."""


class Ledger:
    """The calls of one emulation.

    `on` says that calls are to be noted, `settles` that somebody wants to know how they have ended.
    """

    def __init__(self, kernel: Kernel, track: Track) -> None:
        self._kernel = kernel
        self.on = track > Track.OFF
        self.settles = track is Track.LEAKS
        # Looked up once: on an enumeration of Python 3.11 a member costs 70 ns, and this is asked with each call.
        self._keeps_all, self._keeps_stacks = track >= Track.HISTORY, track is Track.STACKS
        self._calls: deque[Call] = deque(maxlen=CALLS)
        self._last: dict[Any, Call] = {}
        self._names: dict[Any, str] = {}
        self._count = 0
        self._listener: Callable[[Record], None] | None = None

    def listen(self, listener: Callable[[Record], None]) -> None:
        """Tell `listener` of all calls from now on.

        It is given a record of each call as it begins: its number `n`, time
        `t`, `cpu`, `irql`, `who`, `call`, the names of its `items` and their
        `owners`; and one as it ends, of its number, time, and the owners
        then. Where all items have one owner, `owners` has one name.
        """
        self._listener = listener
        self.settles = True

    def note(self, call: Call) -> None:
        """Note a call that begins, if it is about anything that has a history."""
        items = call.items
        if not items:
            return
        call.time = self._kernel.local_time()
        call.stack = driver_stack() if self._keeps_stacks else ()
        if self._keeps_all:
            self._calls.append(call)
        else:
            self._keep_last(items, call)
        if self._listener is not None:
            self._count += 1
            call.number = self._count
            self._listener(self._record(call))

    def settle(self, call: Call) -> None:
        """Write down whose the items of a noted call are, now that it has come back; those that are home make no leak."""
        if self.settles and call.error is None:
            for item in call.items:
                if call.name == "NdisMFreeSharedMemory" or _is_home(item):
                    self._last.pop(item, None)
        if self._listener is not None and call.number:
            self._listener({"n": call.number, "t": self._kernel.local_time(), "owners": _owners(call.items)})

    def _keep_last(self, items: Sequence[Any], call: Call) -> None:
        """Keep a call as the last one of its items; the object that has moved least recently is forgotten first."""
        last = self._last
        for item in items:
            last.pop(item, None)
            last[item] = call
        while len(last) > OBJECTS:
            del last[next(iter(last))]

    def _record(self, call: Call) -> Record:
        return {
            "n": call.number,
            "t": call.time,
            "cpu": "" if call.cpu is None else call.cpu.name,
            "irql": call.irql or 0,
            "who": call.who.name,
            "call": call.name,
            "items": [self.name_of(item, call) for item in call.items],
            "owners": _owners(call.items),
        }

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
        for call in self._about(item):
            lines.append(_line(call))
            lines += (f"    {line}" for line in call.stack)
        return tuple(lines[-SHOWN:])

    def _about(self, item: object) -> Iterator[Call]:
        if self._keeps_all:
            return (call for call in self._calls if any(one is item for one in call.items))
        last = self._last.get(item)
        return iter(() if last is None else (last,))


def _is_home(item: Any) -> bool:
    """Whether an object is with whoever has made it."""
    if isinstance(item, OidRequest):
        return not item.pended or item.status is not None
    return isinstance(getattr(item, "owner", None), Adapter | BaseBinding)


def _line(call: Call) -> str:
    where = "" if call.cpu is None else f" on {call.cpu.name} at {irql_name(call.irql or 0)}"
    return f"{format_time(call.time)}{where}: {call.name}, {call.who.name}"


def _owners(items: Sequence[Any]) -> list[str]:
    owners = [_owner(item) for item in items]
    return owners[:1] if owners.count(owners[0]) == len(owners) else owners


def _owner(item: Any) -> str:
    if isinstance(item, OidRequest):
        return "the miniport" if item.pended and item.status is None else "its requester"
    owner = getattr(item, "owner", None)
    return "nobody" if owner is None else owner.name if isinstance(owner, Adapter) else repr(owner)
