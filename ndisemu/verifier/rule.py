"""What a rule is: a sentence that must hold, why, for whom, and how a breach of it is seen.

A rule is a small class; its docstring is what it says. Most watch: their
methods are told of the calls between drivers and NDIS, before and after, and
of the moments at which books are made up. Some are kept by NDIS itself, which
refuses the call in every build (`Refused`); their classes say what they are,
and watch no more than what NDIS does not see. A rule never changes anything.

There is one object of each rule for each adapter under watch, so what a rule
remembers it remembers in its own attributes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias, TypeVar

if TYPE_CHECKING:
    from ndisemu.verifier.watch import Watch

F = TypeVar("F", bound=Callable[..., object])
_INTERESTS: Final = "__interests__"


class Model(Flag):
    """The kinds of driver that rules tell apart."""

    SERIALIZED = auto()
    DESERIALIZED = auto()
    NDIS6 = auto()
    CIRCUITS = auto()


V5: Final = Model.SERIALIZED | Model.DESERIALIZED
ANY: Final = V5 | Model.NDIS6
EVERY: Final = ANY | Model.CIRCUITS


class Moment(Enum):
    """When a rule is told of something.

    BEFORE and AFTER a call: of a library routine, or of an entry point. An
    entry point is over for the rule when control is back at NDIS; where it
    has suspended, it has returned PENDING. Its ENDED is when it is really
    over. QUIET is when nothing is left to do, HALTED after a halt has
    returned, WIRE when the card sends, PLACED when it has put
    frames where its driver finds them, TOUCHED when a field is read or set.
    """

    BEFORE = "before"
    AFTER = "after"
    ENDED = "ended"
    QUIET = "quiet"
    HALTED = "halted"
    WIRE = "wire"
    PLACED = "placed"
    TOUCHED = "touched"


@dataclass(frozen=True, slots=True)
class Code:
    """The bug check that Windows makes of a breach: its code, and what its parameters say."""

    number: int
    name: str
    parameters: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} (0x{self.number:X}{''.join(f', {parameter}' for parameter in self.parameters)})"


Interest: TypeAlias = tuple[str, Moment, tuple[str, ...]]
"""A method that is told something: its name, of what moment, and of which routines or fields."""


class Rule:
    """One rule, for one adapter under watch.

    `id` is its name in the catalogue, `models` whose rule it is, `source`
    where it is written, `why` what happens to those who break it.
    `microsoft` is its name in Microsoft's verifiers, where it has one there.
    An `advisory` rule only warns. `code` is what Windows stops with. A rule
    `of_ndis` is one that no driver can break: an obligation of NDIS itself.
    """

    id: ClassVar[str]
    models: ClassVar[Model]
    source: ClassVar[str]
    why: ClassVar[str]
    advisory: ClassVar[bool] = False
    of_ndis: ClassVar[bool] = False
    microsoft: ClassVar[str] = ""
    code: ClassVar[Code | None] = None
    _declared: ClassVar[Sequence[Interest]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # Once for each class, and not for each adapter.
        cls._declared = tuple(
            (name, moment, names) for name in dir(cls) for moment, names in getattr(getattr(cls, name), _INTERESTS, ())
        )

    def __init__(self, watch: "Watch") -> None:
        self.watch = watch

    def broken(self, text: str, about: object = None, by: str = "", stack: tuple[str, ...] | None = None) -> None:
        """Report a breach: `text` says who did what and what would have been right, `about` is the object.

        `by` is the name of the binding whose protocol has broken it; without, it was the miniport.
        `stack` is where it was done, if that is not below the look.
        """
        self.watch.report(self, text, about, by, stack)

    @classmethod
    def interests(cls) -> Sequence[Interest]:
        """Return which methods are told something."""
        return cls._declared

    @classmethod
    def says(cls) -> str:
        """Return what the rule says, as one paragraph."""
        return " ".join((cls.__doc__ or "").split())


class Refused(Rule):
    """A rule that NDIS keeps itself, in every build: a call that breaks it is refused, what is not done is missed."""


def before(*names: str) -> Callable[[F], F]:
    """Tell the method of each of these DDK routines before it runs: of library calls and of entry points."""
    return _interest(Moment.BEFORE, names)


def after(*names: str) -> Callable[[F], F]:
    """Tell the method of these routines after control has come back; `call.result` is PENDING where one has suspended."""
    return _interest(Moment.AFTER, names)


def ended(*names: str) -> Callable[[F], F]:
    """Tell the method of these entry points when they are really over, with what they returned in `call.result`."""
    return _interest(Moment.ENDED, names)


def quiet(method: F) -> F:
    """Tell the method when nothing is left to do."""
    return _interest(Moment.QUIET, ())(method)


def halted(method: F) -> F:
    """Tell the method after the adapter has halted."""
    return _interest(Moment.HALTED, ())(method)


def wire(method: F) -> F:
    """Tell the method of the frames that the card sends, a burst at a time."""
    return _interest(Moment.WIRE, ())(method)


def placed(method: F) -> F:
    """Tell the method of the frames that the card gives its driver, a burst at a time."""
    return _interest(Moment.PLACED, ())(method)


def touched(*fields: str) -> Callable[[F], F]:
    """Tell the method of driver code that reads or sets these fields, such as `Packet.oob` (`touch.Touch`)."""
    return _interest(Moment.TOUCHED, fields)


def _interest(moment: Moment, names: tuple[str, ...]) -> Callable[[F], F]:
    def declare(method: F) -> F:
        setattr(method, _INTERESTS, (*getattr(method, _INTERESTS, ()), (moment, names)))
        return method

    return declare
