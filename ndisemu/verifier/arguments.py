"""What a routine takes: its own type hints, made into a test of what a driver hands over.

Hints that say nothing at run time (a forward reference, a type variable) admit everything.
"""

import inspect
import types
from collections import deque
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final, get_args, get_origin

from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.packet import Packet

Test = Callable[[Any], bool]
# What everybody reads of packets and lists.
_FIELDS: Final = {Packet: ("owner", "status", "window", "oob"), NetBufferList: ("owner", "status", "buffers", "sent")}
_READ: Final = {kind: attrgetter(*fields) for kind, fields in _FIELDS.items()}
_CALLABLE: Final[object] = get_origin(Callable[[], None])
# Hints that admit everything.
_ANYTHING: Final[tuple[object, ...]] = (inspect.Parameter.empty, object)


def maimed(items: Sequence[Any]) -> tuple[Any, str] | None:
    """Return the first packet or list that has lost a field, and which; None if all are whole."""
    if not items:
        return None
    kind = type(items[0])
    if kind not in _READ:
        # A driver may have a class of its own.
        bases = [base for base in kind.__mro__ if base in _READ]
        if not bases:
            return None
        kind = bases[0]
    try:
        # One pass in C over a burst (`ndisemu bench verifier`).
        deque(map(_READ[kind], items), maxlen=0)
    except AttributeError:
        return next((item, field) for item in items for field in _FIELDS[kind] if not hasattr(item, field))
    return None


def tests(routine: Callable[..., object]) -> list[tuple[str, Test, str]]:
    """Return what is to be tested of the arguments of a bound routine: name, test, and what is right, in order."""
    found = []
    for parameter in inspect.signature(routine).parameters.values():
        test = _test(parameter.annotation)
        if test is not None and parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            found.append((parameter.name, test, _said(parameter.annotation)))
    return found


def _test(hint: Any) -> Test | None:
    """Return the test for one hint; None where it admits everything."""
    if hint is None:
        return lambda value: value is None
    if get_origin(hint) is types.UnionType:
        choices = [_test(choice) for choice in get_args(hint)]
        known = [choice for choice in choices if choice is not None]
        return (lambda value: any(test(value) for test in known)) if len(known) == len(choices) else None
    origin = get_origin(hint)
    if origin is not None and inspect.isclass(origin):
        if origin is Sequence or (issubclass(origin, Sequence) and origin is not tuple):
            return _sequence_test(get_args(hint))
        return callable if origin is _CALLABLE else lambda value: isinstance(value, origin)
    if inspect.isclass(hint) and hint not in _ANYTHING:
        return lambda value: isinstance(value, hint)
    return None


def _sequence_test(arguments: tuple[Any, ...]) -> Test:
    each = _test(arguments[0]) if arguments else None
    element = arguments[0] if arguments else None

    def test(value: Any) -> bool:
        if not isinstance(value, Sequence) or isinstance(value, str):
            return False
        # A burst is mostly of one class: one comparison in C for all of it.
        if each is None or {*map(type, value)} == {element}:
            return True
        return all(map(each, value))

    return test


def _said(hint: Any) -> str:
    """Say a hint as people read it: without modules."""
    if get_origin(hint) is types.UnionType:
        return " or ".join(_said(choice) for choice in get_args(hint))
    if get_origin(hint) is not None and get_args(hint):
        return f"{_name(get_origin(hint))} of {_said(get_args(hint)[0])}"
    return _name(hint)


def _name(hint: Any) -> str:
    return "None" if hint is type(None) or hint is None else getattr(hint, "__name__", str(hint))
