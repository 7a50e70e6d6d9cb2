"""Single fields under watch: which driver reads or sets them, and of what.

A packet or list that crosses the border for the first time changes its class
to one whose watched fields are properties; it stays the same object with the
same slots, and only `type(packet) is Packet` is no longer true. That makes a field seven times as slow, so it is a level
of its own (`Verification.touch`), and only fields that a rule asks for are watched.

Who touches is found on the stack: the innermost code that is no part of
ndisemu, and the miniport or protocol that it works for: the nearest `self`
that is one, up to the entry point through which NDIS has called it, or to the
CPU that has turned to it. What a packet's own
methods do, such as `fill`, is done by whoever has called them.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from ndisemu.kernel import is_driver_code
from ndisemu.ndis import data
from ndisemu.ndis.binding import BaseBinding
from ndisemu.ndis.data.mdl import Mdl
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.netbuffer import NetBuffer
from ndisemu.ndis.data.packet import OobBlock, Packet

# Where the methods of what is watched are.
_METHODS: Final = str(Path(data.__file__).parent)
# Where code begins that has nothing to do with what is below it on the stack: a DPC, a thread, an interrupt.
_TURNS: Final = ("Cpu._drain", "Cpu._take_turn", "Cpu._deliver")
# How many buffers of a packet are watched; a chain that a driver has made may have no end.
_LONGEST_CHAIN: Final = 64
# What can be watched, by the name that a rule gives it.
CLASSES: Final[Mapping[str, type]] = {cls.__name__: cls for cls in (Packet, OobBlock, NetBufferList, NetBuffer, Mdl)}


@dataclass(frozen=True, slots=True)
class Touch:
    """One access: `field` is as in `Packet.status`, `item` the packet or list that it belongs to.

    `driver` is the miniport or protocol object whose code it was, None where that cannot be told. `value` is what is
    set; reads have None.
    """

    item: Any
    field: str
    driver: Any
    write: bool
    value: Any = None


class TouchLevel:
    """The watched fields of one emulation; `tell` is told each access by driver code.

    `entered` says which driver NDIS has entered in a frame of the stack, None where it is no such frame.
    """

    def __init__(
        self,
        fields: Iterable[str],
        drivers: Sequence[object],
        entered: Callable[[FrameType], object | None],
        tell: Callable[[Touch], None],
    ) -> None:
        self._drivers = drivers
        self._entered = entered
        self._tell = tell
        self._owners: dict[Any, Any] = {}
        by_class: dict[type, list[str]] = {}
        for field in dict.fromkeys(fields):
            kind, _, name = field.partition(".")
            by_class.setdefault(CLASSES[kind], []).append(name)
        self._classes = {cls: self._watched(cls, names) for cls, names in by_class.items()}

    def show(self, items: Iterable[Any]) -> None:
        """Watch the fields of items that have crossed the border, and of their parts, from now on."""
        for item in items:
            for part in _parts(item):
                swapped = self._classes.get(type(part))
                if swapped is not None:
                    self._owners[part] = item
                    part.__class__ = swapped

    def _watched(self, cls: type, names: Iterable[str]) -> type:
        body: dict[str, Any] = {name: self._property(f"{cls.__name__}.{name}", getattr(cls, name)) for name in names}
        return type(
            cls.__name__, (cls,), {"__slots__": (), "__doc__": cls.__doc__, "__module__": cls.__module__, **body}
        )

    def _property(self, field: str, slot: Any) -> property:
        def read(part: Any) -> Any:
            self._note(part, field, sys._getframe(1), write=False)
            return slot.__get__(part)

        def write(part: Any, value: Any) -> None:
            self._note(part, field, sys._getframe(1), write=True, value=value)
            slot.__set__(part, value)

        def delete(part: Any) -> None:
            self._note(part, field, sys._getframe(1), write=True)
            slot.__delete__(part)

        return property(read, write, delete)

    def _note(self, part: Any, field: str, frame: FrameType | None, *, write: bool, value: Any = None) -> None:
        while frame is not None and frame.f_code.co_filename.startswith(_METHODS):
            frame = frame.f_back
        # A copy that a driver has made has not crossed the border.
        if frame is not None and part in self._owners and is_driver_code(frame.f_code.co_filename):
            self._tell(Touch(self._owners[part], field, self._whose(frame), write, value))

    def _whose(self, frame: FrameType | None) -> Any:
        """Return the driver that code works for; None below the place where a CPU has turned to it from something else."""
        while frame is not None and frame.f_code.co_qualname not in _TURNS:
            worker = frame.f_locals.get("self")
            if isinstance(worker, BaseBinding):
                # It runs a timer of its protocol's.
                worker = worker.protocol
            if any(worker is driver for driver in self._drivers):
                return worker
            entered = self._entered(frame)
            if entered is not None:
                return entered
            frame = frame.f_back
        return None


def _parts(item: Any) -> Iterator[Any]:
    """Give a packet or list, and what it consists of, as far as a driver has left that alone."""
    yield item
    if isinstance(item, Packet):
        yield getattr(item, "oob", None)
        buffer = getattr(item, "head", None)
        for _ in range(_LONGEST_CHAIN):
            if buffer is None:
                break
            yield buffer
            buffer = getattr(buffer, "next", None)
    elif isinstance(item, NetBufferList):
        for buffer in getattr(item, "buffers", ()):
            yield buffer
            yield from getattr(buffer, "mdls", ())
