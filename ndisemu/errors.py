"""The four families of error, by whose mistake it is.

The user's (`UsageError`, with `ScenarioError` below it) ends a command with
exit code 2, the driver's (`RuleViolation`) and a stopped adapter
(`BugCheck`) with 1, ours (`InternalError`) with 3. A message says who did
what, in which state, at what virtual time, and what would have been right;
it is sentence case without a full stop.
"""

from collections.abc import Sequence
from dataclasses import dataclass


class NdisemuError(Exception):
    """Everything this project raises on purpose."""


class UsageError(NdisemuError):
    """The user's mistake: a bad argument, file or value."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a file: where it is, what it is, and what would be right.

    `line` and `column` count from 1, as editors do.
    """

    file: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.text}"


class ScenarioError(UsageError):
    """Every mistake found in one scenario file, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class RuleViolation(NdisemuError):
    """A driver broke a rule; the call that broke it was refused and changed nothing.

    `rule` is the id of the rule in the catalogue, such as `send-double-complete`.
    `about` is the packet or other object concerned. `finding` is its record, where it was recorded when it was refused: a
    driver that catches the error has broken the rule all the same.
    """

    def __init__(self, rule: str, text: str, finding: object | None = None, about: object = None) -> None:
        self.finding = finding
        self.about = about
        self.rule = rule
        self.text = text
        super().__init__(f"{rule}: {text}")


class Unfinished(RuleViolation):
    """A driver's routine that somebody waits for has not come to its end; its cause is what has passed through the driver's code.

    It is overdue, was cancelled by itself, or has raised what only who awaits it may raise.
    """


def rule_of(error: BaseException) -> str:
    """Return the rule that a driver has broken by raising: its own, where it is a refusal that it has let pass."""
    return error.rule if isinstance(error, RuleViolation) else "bugcheck"


def failure_of(routine: str, error: BaseException) -> str:
    """Say how a driver's routine has failed: what it raised, or why it has not come to its end."""
    return f"{routine} {error.text if isinstance(error, Unfinished) else raised_by(error)}"


def raised_by(error: BaseException) -> str:
    """Say what was raised, as far as it can say that itself."""
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - an error of a driver's own may be unable to say what it is
        said = "(it cannot be shown)"
    return f"raised {type(error).__name__}" + (f": {said}" if said else "")


class BugCheck(NdisemuError):
    """A driver had to be stopped; `cause` is what it raised, with the driver's traceback.

    `actor` is the adapter that was concerned, and `driver` the driver's class as a scenario names it, where they are known.
    """

    def __init__(self, text: str, cause: BaseException | None = None, *, actor: str = "", driver: str = "") -> None:
        self.cause = cause
        self.actor = actor
        self.driver = driver
        super().__init__(text)


class InternalError(NdisemuError):
    """A defect of ndisemu itself: please report it."""
