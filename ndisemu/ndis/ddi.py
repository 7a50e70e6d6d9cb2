"""The contract of each NDIS routine, declared once beside its Python name.

`@ddi` stores the DDK name, the IRQL at which the routine is called or may be
called, and what kind of entry point it is; it returns the function
untouched, so a contract costs nothing until somebody asks for it. Docs,
registration checks and verifiers all read the same declaration.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

from ndisemu.errors import RuleViolation

F = TypeVar("F", bound=Callable[..., object])
_ATTRIBUTE: Final = "__ddi__"


class Kind(Enum):
    """What an entry point may do with time.

    A PEND entry may suspend, which is NDIS_STATUS_PENDING. NDIS waits for the
    end of a PASSIVE one, which may await anything. An IMMEDIATE one returns at
    once and is a plain function. A CALL is a library routine that drivers call.
    """

    PEND = "may pend"
    PASSIVE = "PASSIVE_LEVEL only"
    IMMEDIATE = "immediate"
    CALL = "library routine"


@dataclass(frozen=True, slots=True)
class Contract:
    """What is declared of one routine; `irql` reads `<= DISPATCH` or `== PASSIVE`, `source` names the document."""

    name: str
    irql: str
    kind: Kind
    source: str


def ddi(name: str, *, irql: str, kind: Kind, source: str) -> Callable[[F], F]:
    """Declare that the decorated function is the routine `name` of the DDK."""

    def declare(function: F) -> F:
        setattr(function, _ATTRIBUTE, Contract(name, irql, kind, source))
        return function

    return declare


def contract(function: object) -> Contract | None:
    """Return what is declared of `function`, or None."""
    found = getattr(function, _ATTRIBUTE, None)
    return found if isinstance(found, Contract) else None


def declarations(cls: type) -> dict[str, tuple[Contract, Callable[..., object]]]:
    """Return the contracts of a class and the functions that carry them, by Python name, in the order of declaration."""
    found = {}
    for base in reversed(cls.__mro__):
        for name, member in vars(base).items():
            declared = contract(member)
            if declared is not None:
                found[name] = declared, member
    return found


def contracts(cls: type) -> dict[str, Contract]:
    """Return the contracts of a class by Python name, in the order of declaration."""
    return {name: declared for name, (declared, _) in declarations(cls).items()}


def check_immediate(name: str, routine: Callable[..., object]) -> None:
    """Refuse a coroutine where the DDK's routine `name` returns at once, such as a timer's."""
    if inspect.iscoroutinefunction(routine):
        raise RuleViolation(
            "entry-async",
            f"{routine.__qualname__} is a {name} routine, which returns at once and must be a plain def, not async",
        )


def _where(routine: Callable[..., object]) -> str:
    code = inspect.unwrap(routine).__code__
    return f"{code.co_filename}:{code.co_firstlineno}"


def check_entry_points(driver: type) -> None:
    """Refuse a driver class whose immediate entry points are coroutines, or any of them generators; done at registration."""
    for name, declared in contracts(driver).items():
        entry = getattr(driver, name)
        if declared.kind is not Kind.CALL and (inspect.isgeneratorfunction(entry) or inspect.isasyncgenfunction(entry)):
            kinds = "a plain def" if declared.kind is Kind.IMMEDIATE else "a plain def or an async def"
            raise RuleViolation(
                "entry-async",
                f"{driver.__name__}.{name} is {declared.name} and has a yield in it ({_where(entry)}), so a call makes a generator and runs "
                f"nothing; it must be {kinds} without",
            )
        if declared.kind is Kind.IMMEDIATE and inspect.iscoroutinefunction(getattr(driver, name)):
            raise RuleViolation(
                "entry-async",
                f"{driver.__name__}.{name} is {declared.name}, which returns at once and must be a plain def, not async",
            )
