"""One call over the border between a driver and NDIS, as rules see it."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ndisemu.kernel import Cpu, Held
from ndisemu.ndis import contents
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Contract, Kind
from ndisemu.ndis.resources import SharedMemory

# What has an owner and a history.
TRACKED: Final = (Packet, NetBufferList, OidRequest, SharedMemory)
_ARRAYS: Final = (tuple, list, deque)


class Call:
    """A call of a library routine, or of a driver's entry point.

    `name` is the routine's in the DDK. `who` makes the call or is entered:
    the adapter, or a protocol's binding. `dpc`, `irql` and `locks` are those of
    `cpu` at the beginning; without a CPU `irql` is None. `items` are the packets, lists, requests or blocks that
    it is about. `result` is what it has returned
    and `error` what it has raised. The ledger notes its `time` (virtual ns) and `number`, and the driver's `stack` where
    that is wanted.
    """

    __slots__ = ("_frames", "_shortest", "arguments", "contract", "cpu", "dpc", "error", "irql", "items", "locks", "name", "number", "places", "result", "stack",
                 "time", "who")  # fmt: skip

    time: int
    stack: tuple[str, ...]

    def __init__(
        self, contract: Contract, who: Any, cpu: Cpu | None, arguments: Sequence[Any], places: Mapping[str, int]
    ) -> None:
        self.contract = contract
        self.name = contract.name
        self.number = 0
        self.who = who
        self.cpu = cpu
        self.dpc: object | None = None
        self.irql: int | None = None
        self.locks: tuple[Held, ...] = ()
        if cpu is not None:
            self.dpc, self.irql = cpu.running_dpc, cpu.irql
            if cpu.locks:
                self.locks = tuple(cpu.locks)
        self.arguments = arguments
        self.places = places
        self.result: Any = None
        self.error: BaseException | None = None
        self.items = _tracked(arguments)
        self._frames: list[bytes] | None = None
        self._shortest: int | None = None

    def __repr__(self) -> str:
        return f"<Call {self.name} of {self.who.name}>"

    def concern(self, item: object) -> None:
        """Note what the call is about where its arguments do not say so, if that is anything that has a history."""
        if issubclass(type(item), TRACKED):
            self.items = (item,)

    @property
    def held(self) -> str:
        """The names of the locks that its CPU held when it began; nothing if it held none."""
        return " and ".join(lock.name for lock in self.locks)

    @property
    def is_entry(self) -> bool:
        """Whether a driver was entered, and did not call."""
        return self.contract.kind is not Kind.CALL

    def argument(self, name: str, default: Any = None) -> Any:
        """Return an argument by its Python name; `default` where it was not given."""
        place = self.places.get(name)
        return default if place is None or place >= len(self.arguments) else self.arguments[place]

    def frames(self) -> list[bytes] | None:
        """Return copies of the frames that the call is about, made once; None where a driver has maimed one.

        They are kept until the call has ended (`ended`).
        """
        if self._frames is None:
            read = contents.read_lists if "NetBufferList" in self.name else contents.read
            try:
                self._frames = read(self.items)
            except (AttributeError, TypeError, ValueError):
                # What cannot be read is for other rules.
                return None
        return self._frames

    def shortest(self) -> int:
        """Return the length of the shortest of those frames, of which there must be one."""
        if self._shortest is None:
            self._shortest = min(map(len, self.frames() or (b"",)))
        return self._shortest

    def take_frames(self, outer: "Call") -> None:
        """Take the copies of a call about the same items, under which nobody has had those since."""
        self._frames = outer.frames()

    def ended(self) -> None:
        """Forget the copies: the ledger keeps calls for long, and their frames would be more than the caches hold."""
        self._frames = None


def _tracked(arguments: Sequence[Any]) -> tuple[Any, ...]:
    # By their types: an object of a driver's may lie about its class.
    for argument in arguments:
        kind = type(argument)
        # What it mostly is first: to ask for a subclass costs as much as all the rest.
        if kind in TRACKED:
            return (argument,)
        if kind is tuple or kind is list or issubclass(kind, _ARRAYS):
            if argument and (type(argument[0]) in TRACKED or issubclass(type(argument[0]), TRACKED)):
                return tuple(argument)
        elif issubclass(kind, TRACKED):
            return (argument,)
    return ()
