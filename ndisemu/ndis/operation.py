"""An operation of a driver that may pend, and is completed exactly once.

Reset, pause, restart, transfer of data, activation of a VC: the entry point
returns a final status, or PENDING and later calls the matching completion.
The machine of an operation is `TRANSITIONS`; a completion that comes when
none is owed is refused and changes nothing.

Not here: sends, which are completed packet by packet (`sendbook`), and
requests, which have a queue (`requests`).

Source: NDIS reference 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from types import MappingProxyType
from typing import Final

from ndisemu.errors import RuleViolation
from ndisemu.ndis.call import Driver
from ndisemu.ndis.status import Status


class Phase(Enum):
    """Where an operation is."""

    IDLE = "idle"
    ENTERED = "entered"
    PENDING = "pending"


class Step(Enum):
    """What moves it on."""

    ENTER = "the call"
    PEND = "PENDING"
    END = "its completion"


TRANSITIONS: Final[Mapping[Phase, Mapping[Step, Phase]]] = MappingProxyType(
    {
        Phase.IDLE: {Step.ENTER: Phase.ENTERED},
        Phase.ENTERED: {Step.PEND: Phase.PENDING, Step.END: Phase.IDLE},
        Phase.PENDING: {Step.END: Phase.IDLE},
    }
)


@dataclass(frozen=True, slots=True)
class Naming:
    """What an operation is called: its entry point, its completion, and the rule that it is completed once.

    `answers` are the final statuses its entry point may give, or None if any will do; `status_rule` is the rule that
    it does, where that has a name of its own.
    """

    entry: str
    completion: str
    rule: str
    answers: tuple[Status, ...] | None = None
    status_rule: str = ""


class Operation:
    """One operation, made once and entered again and again; `ended` is told each final status."""

    __slots__ = ("_driver", "_ended", "_ended_by_call", "_naming", "_phase", "_turn")

    def __init__(self, driver: Driver, naming: Naming, ended: Callable[[Status], None]) -> None:
        self._driver = driver
        self._naming = naming
        self._ended = ended
        self._phase = Phase.IDLE
        # Which call it is: one that ended before it returned may have been followed by another.
        self._turn = 0
        # Which of them the driver has last ended by the completion.
        self._ended_by_call = 0

    def __repr__(self) -> str:
        return f"<Operation {self._naming.entry} of {self._driver.name}: {self._phase.value}>"

    @property
    def owed(self) -> bool:
        """Whether the driver still owes its end."""
        return self._phase is not Phase.IDLE

    def enter(self, routine: Callable[[], object]) -> None:
        """Call the entry point, at the current IRQL."""
        self._move(Step.ENTER)
        self._turn += 1
        self._driver.enter(routine, partial(self._returned, self._turn), self._raised)

    def complete(self, status: Status) -> None:
        """The driver calls the completion, from anywhere, also before its entry point has returned."""
        naming, name = self._naming, self._driver.name
        if self._phase is Phase.IDLE:
            raise self._driver.kernel.refusal(
                naming.rule,
                name,
                f"{name} called {naming.completion} while no {naming.entry} is pending; complete each exactly once",
            )
        if type(status) is not Status or status is Status.PENDING:
            raise self._driver.kernel.refusal(
                naming.status_rule or naming.rule,
                name,
                f"{name} called {naming.completion} with {status!r}; a completion has a final status",
            )
        self._ended_by_call = self._turn
        self._end(status)

    def abandon(self, status: Status) -> None:
        """End it in the place of a dead driver."""
        if self.owed:
            self._end(status)

    def _returned(self, turn: int, value: object, *, suspended: bool) -> None:
        if turn != self._turn or self._phase is Phase.IDLE:
            # It was ended before the entry point returned, and that end is what counts.
            if self._ended_by_call == turn and type(value) is Status and value is not Status.PENDING:
                naming = self._naming
                self._driver.report(
                    naming.rule,
                    f"{naming.entry} ended with {value}, and {naming.completion} had been called before; "
                    "after that the entry point returns NDIS_STATUS_PENDING",
                )
            return
        if value is Status.PENDING and not suspended:
            self._move(Step.PEND)
            return
        answers = self._naming.answers
        if type(value) is Status and value is not Status.PENDING and (answers is None or value in answers):
            self._end(value)
            return
        allowed = "a final status" if answers is None else " or ".join(map(str, answers))
        self._driver.report(
            self._naming.status_rule or self._naming.rule,
            f"{self._naming.entry} ended with {value!r}; it ends with {allowed}",
        )
        self._end(Status.FAILURE if answers is None else answers[0])

    def _raised(self, error: BaseException) -> None:
        self._driver.bug_check(self._naming.entry, error)
        self.abandon(Status.FAILURE)

    def _end(self, status: Status) -> None:
        self._move(Step.END)
        self._ended(status)

    def _move(self, step: Step) -> None:
        after = TRANSITIONS[self._phase].get(step)
        if after is None:
            raise RuleViolation("st-illegal", f"{self!r} does not accept {step.value}")
        self._phase = after
