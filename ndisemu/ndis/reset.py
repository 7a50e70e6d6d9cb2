"""Reset: how NDIS brings an adapter back that has hung, or that a protocol wants to be reset.

From the moment somebody asks, new work is refused with RESET_IN_PROGRESS. A
DPC then announces the reset and calls MiniportReset, never on the stack of
who has asked. A serialized 5.x miniport forgets its packets and NDIS
completes them; any other completes its own before it completes the reset.
Afterwards NDIS sets again what the miniport has lost, says that the reset is
over, and answers who has asked.

MiniportReset(Ex) returns a status, or a status and AddressingReset; a status
alone means that the driver has restored its addresses itself. The adapter's
state does not change: reset is orthogonal to it.

Source: NDIS reference 5.7.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ndisemu.kernel import Dpc, Event, Signal, WorkItem, run_passive
from ndisemu.ndis.operation import Naming, Operation
from ndisemu.ndis.states import Machine
from ndisemu.ndis.status import Status
from ndisemu.units import format_time

if TYPE_CHECKING:
    from ndisemu.ndis.adapter import Adapter


ResetResult = Status | tuple[Status, bool]


class Stage(Enum):
    """How far a reset is."""

    NONE = "no reset"
    ASKED = "asked for"
    RESETTING = "in the miniport"
    RESTORING = "restoring"


class Turn(Enum):
    """What moves it on."""

    ASK = "a reset"
    ENTER = "MiniportReset"
    RESET = "the end of MiniportReset"
    OVER = "the end of the reset"


STAGES: Final[Mapping[Stage, Mapping[Turn, Stage]]] = MappingProxyType(
    {
        Stage.NONE: {Turn.ASK: Stage.ASKED},
        Stage.ASKED: {Turn.ENTER: Stage.RESETTING, Turn.OVER: Stage.NONE},
        Stage.RESETTING: {Turn.RESET: Stage.RESTORING, Turn.OVER: Stage.NONE},
        Stage.RESTORING: {Turn.OVER: Stage.NONE},
    }
)
# After these the adapter may be reset again; after any other it is left alone.
_GOOD: Final = (Status.SUCCESS, Status.SOFT_ERRORS, Status.RESET_IN_PROGRESS)


class ResetCall(Operation):
    """The call of MiniportReset; `addressing_reset` is its second result."""

    __slots__ = ("addressing_reset",)

    def __init__(self, adapter: "Adapter", ended: Callable[[Status], None]) -> None:
        super().__init__(
            adapter,
            Naming(
                adapter.reset_entry, "NdisMResetComplete", "st-reset-complete-unexpected", status_rule="st-reset-status"
            ),
            ended,
        )
        self.addressing_reset = False

    def complete_reset(self, status: Status, *, addressing_reset: bool) -> None:
        """The miniport completes what was pending (`NdisMResetComplete`)."""
        if self.owed:
            self.addressing_reset = addressing_reset
        self.complete(status)

    def _returned(self, turn: int, value: object, *, suspended: bool) -> None:
        addressing = False
        if isinstance(value, tuple) and len(value) == 2:
            value, addressing = value
        if self.owed and value is not Status.PENDING:
            self.addressing_reset = bool(addressing)
        super()._returned(turn, value, suspended=suspended)


class Reset:
    """The resets of one adapter; `count` is how many were asked for, `failing` that the last one has failed.

    `why` is what a hang check has found that wanted the one that is in progress, empty where somebody else has asked.
    """

    __slots__ = (
        "_adapter",
        "_asking",
        "_dpc",
        "_over",
        "_patience",
        "_stage",
        "call",
        "count",
        "failing",
        "status",
        "why",
    )

    def __init__(self, adapter: "Adapter") -> None:
        self._adapter = adapter
        self._stage: Machine[Stage, Turn] = Machine(f"reset of {adapter.name}", Stage.NONE, STAGES)
        self._dpc = Dpc(self._enter, name=f"{adapter.name} reset", cpu=adapter.cpu)
        self._patience = adapter.kernel.alarm(self._give_up)
        self._over = Event(adapter.kernel, f"{adapter.name} reset over")
        self._asking: Callable[[Status], object] | None = None
        self.call = ResetCall(adapter, self._reset)
        self.count = 0
        self.failing = False
        self.status = Status.SUCCESS
        self.why = ""

    def __repr__(self) -> str:
        return repr(self._stage)

    @property
    def in_progress(self) -> bool:
        """Whether a reset was asked for and is not over."""
        return self._stage.current is not Stage.NONE

    # Who asks.

    def ask(self, answer: Callable[[Status], object] | None = None) -> Status:
        """Begin a reset, at IRQL <= DISPATCH; PENDING means that `answer` will be told the final status."""
        adapter = self._adapter
        if self.in_progress:
            return Status.RESET_IN_PROGRESS
        if not adapter.running or adapter.refusal is not None:
            return adapter.refusal or Status.ADAPTER_NOT_READY
        self._stage.apply(Turn.ASK)
        self._asking = answer
        self.why = ""
        self._over.reset()
        self.count += 1
        adapter.hang.forget()
        adapter.look()
        self._dpc.queue(adapter.cpu)
        return Status.PENDING

    def hung(self, why: str) -> None:
        """A hang check has found something; an adapter that failed its last reset is left alone."""
        if not self.failing:
            adapter = self._adapter
            if (note := adapter.kernel.probe.event) is not None:
                note("hang", adapter.name, 1, why)
            if self.ask() is Status.PENDING:
                self.why = why

    async def asked(self) -> Status:
        """Reset and wait for the end, at PASSIVE_LEVEL."""
        ended = Signal()
        status = self.ask(ended.set)
        if status is Status.PENDING:
            status = await ended
        return status

    async def over(self) -> None:
        """Wait until no reset is in progress, in an asyncio task."""
        while self.in_progress:
            await run_passive(self._over.wait, self._adapter.cpu)

    def abandon(self) -> None:
        """The adapter is dead, and so is its reset."""
        self._dpc.remove()
        self.call.abandon(Status.FAILURE)
        if self.in_progress:
            self._end(Status.FAILURE)

    # The sequence.

    def _enter(self) -> None:
        """Announce, and call MiniportReset, at DISPATCH_LEVEL."""
        adapter = self._adapter
        if (note := adapter.kernel.probe.event) is not None:
            note("reset", adapter.name, 1, "")
        adapter.indications.announce(Status.RESET_START)
        self._stage.apply(Turn.ENTER)
        self._patience.set(adapter.kernel.local_time() + adapter.hang.patience)
        self.call.addressing_reset = False
        self.call.enter(adapter.enter_reset)

    def _reset(self, status: Status) -> None:
        """MiniportReset has ended: take what the miniport has forgotten, and restore at PASSIVE_LEVEL."""
        adapter = self._adapter
        self.status = status
        if adapter.running:
            adapter.abort_for_reset()
        if not adapter.running or adapter.removed:
            self._end(status)
            return
        self._stage.apply(Turn.RESET)
        self.failing = status not in _GOOD
        if self.failing and status is not Status.NOT_RESETTABLE:
            text = f"{adapter.reset_entry} ended with {status}; the adapter is kept, and hang checks reset it no more"
            adapter.report("st-reset-failed", text)
        if self.call.addressing_reset:
            adapter.requests.filters.forget()
        WorkItem(adapter.cpu, self._restore, self._not_restored, name=f"{adapter.name} restore").queue()

    async def _restore(self) -> None:
        """Set again whatever the miniport has lost, or was not told meanwhile; then the reset is over."""
        adapter = self._adapter
        wake_up = adapter.power.restoring() if self.call.addressing_reset else []
        for request in chain(adapter.requests.filters.restoring(), wake_up):
            if self._stage.current is Stage.RESTORING:
                status = await adapter.request(request)
                if status is not Status.SUCCESS and adapter.running and not adapter.removed:
                    adapter.report("st-reset-addressing", f"the {request!r} after a reset ended with {status}")
        if self._stage.current is Stage.RESTORING:
            self._end(self.status)

    def _not_restored(self, error: BaseException) -> None:
        self._adapter.bug_check("the restoring after MiniportReset", error)

    def _end(self, status: Status) -> None:
        """Let work in again, say so, and answer who has asked."""
        adapter = self._adapter
        self._patience.cancel()
        self._stage.apply(Turn.OVER)
        adapter.look()
        adapter.indications.announce(Status.RESET_END)
        if (note := adapter.kernel.probe.event) is not None:
            note("reset complete", adapter.name, 1, status.name)
        asking, self._asking = self._asking, None
        if asking is not None:
            asking(status)
        self._over.set()
        adapter.resume()

    def _give_up(self) -> None:
        """Nobody waits for ever."""
        adapter = self._adapter
        if adapter.running and self.in_progress:
            adapter.stop(
                "st-reset-pending-lost",
                f"{adapter.reset_entry} was not completed in {format_time(adapter.hang.patience)}; call NdisMResetComplete, once",
            )
