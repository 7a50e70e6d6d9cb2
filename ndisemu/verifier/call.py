"""One call over the border between a driver and NDIS, as rules see it."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ndisemu.kernel import Cpu, Held
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.data.request import OidRequest
from ndisemu.ndis.ddi import Contract, Kind
from ndisemu.ndis.resources import SharedMemory

# What has an owner and a history.
TRACKED: Final = (Packet, NetBufferList, OidRequest, SharedMemory)


class Call:
    """A call of a library routine, or of a driver's entry point.

    `name` is the routine's in the DDK. `who` makes the call or is entered:
    the adapter, or a protocol's binding. `dpc`, `irql` and `locks` are those of
    `cpu` at the beginning; without a CPU `irql` is None. `result` is what it has returned
    and `error` what it has raised. The ledger notes its `time` (virtual ns) and `number`, and the driver's `stack` where
    that is wanted.
    """

    __slots__ = ("_items", "arguments", "contract", "cpu", "dpc", "error", "irql", "locks", "name", "number", "places", "result", "stack",
                 "time", "who")  # fmt: skip

    def __init__(
        self, contract: Contract, who: Any, cpu: Cpu | None, arguments: Sequence[Any], places: Mapping[str, int]
    ) -> None:
        self.contract = contract
        self.name = contract.name
        self.time = 0
        self.number = 0
        self.stack: tuple[str, ...] = ()
        self.who = who
        self.cpu = cpu
        self.dpc: object | None = None if cpu is None else cpu.running_dpc
        self.irql: int | None = None if cpu is None else cpu.irql
        self.locks: tuple[Held, ...] = () if cpu is None or not cpu.locks else tuple(cpu.locks)
        self.arguments = arguments
        self.places = places
        self.result: Any = None
        self._items: tuple[Any, ...] | None = None
        self.error: BaseException | None = None

    def __repr__(self) -> str:
        return f"<Call {self.name} of {self.who.name}>"

    def concern(self, item: object | None) -> None:
        """Note what the call is about where its arguments do not say so."""
        if item is not None:
            self._items = (item,)

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

    @property
    def items(self) -> tuple[Any, ...]:
        """The packets, lists, requests or blocks that the call is about."""
        found = self._items
        if found is None:
            found = self._items = _tracked(self.arguments)
        return found or ((self.result,) if isinstance(self.result, TRACKED) else ())


def _tracked(arguments: Sequence[Any]) -> tuple[Any, ...]:
    for argument in arguments:
        if isinstance(argument, TRACKED):
            return (argument,)
        if isinstance(argument, tuple | list | deque) and argument and isinstance(argument[0], TRACKED):
            return tuple(argument)
    return ()
