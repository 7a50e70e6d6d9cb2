"""What a routine takes: its own type hints, made into a test of what a driver hands over.

Hints that say nothing at run time (a forward reference, a type variable) admit everything.
"""

import inspect
import operator
import types
from collections import deque
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple, get_args, get_origin

from ndisemu.kernel import shown
from ndisemu.ndis.data.nbl import NetBufferList
from ndisemu.ndis.data.packet import Packet
from ndisemu.ndis.data.request import OidRequest
from ndisemu.verifier.call import TRACKED

Test = Callable[[Any], bool]
# What everybody reads of packets and lists.
_FIELDS: Final = {Packet: ("owner", "status", "window", "oob"), NetBufferList: ("owner", "status", "frame", "_buffers")}
_READ: Final[dict[type[Any], Callable[[Any], object]]] = {kind: attrgetter(*fields) for kind, fields in _FIELDS.items()}
_CALLABLE: Final[object] = get_origin(Callable[[], None])
# What an array mostly is; to ask an abstract class costs ten times as much.
USUAL: Final = (tuple, list)
# How what is one of a kind is hashed and compared.
_BY_IDENTITY: Final[tuple[object, object]] = (object.__hash__, object.__eq__)
# Hints that admit everything.
_ANYTHING: Final[tuple[object, ...]] = (inspect.Parameter.empty, object)


def kind_of(items: Sequence[Any]) -> type[Any]:
    """Return the class that all items are of; object where there are several."""
    if len(items) == 1:
        return type(items[0])
    kinds = {*map(type, items)}
    return kinds.pop() if len(kinds) == 1 else object


def maimed(items: Sequence[Any], kind: type[Any]) -> tuple[Any, str] | None:
    """Return the first packet or list that cannot be looked at, and what is wrong with it; None if all are whole.

    `kind` is what `kind_of` has found.
    """
    read = _READ.get(kind)
    if read is not None:
        try:
            # One pass in C over a burst (`ndisemu bench verifier`).
            read(items[0]) if len(items) == 1 else deque(map(read, items), maxlen=0)
        except AttributeError:
            pass
        else:
            return None
    return next(((item, wrong) for item in items if (wrong := _wrong(item))), None)


def _wrong(item: Any) -> str:
    """Say what is wrong with one packet or list, which may be of a class of the driver's own; nothing if it is whole."""
    kind: type[Any] = type(item)
    known = next((base for base in kind.__mro__ if base in _FIELDS), None)
    if known is None:
        return ""
    if (getattr(kind, "__hash__", None), getattr(kind, "__eq__", None)) != _BY_IDENTITY:
        return "compares by value; there is one of each, whatever is in it"
    for field in _FIELDS[known]:
        try:
            getattr(item, field)
        except Exception:  # noqa: BLE001 - a property of a driver's own may raise anything
            return f"has no field {field.lstrip('_')} any more; leave it as it is"
    return ""


def spoilt(items: Sequence[Any]) -> tuple[Any, str] | None:
    """Look into items over which a rule has failed; returns the first that holds what no driver may put there, and what.

    It costs too much to look into everything before.
    """
    for item in items:
        try:
            if isinstance(item, OidRequest):
                _read_request(item)
            elif isinstance(item, Packet):
                _read_packet(item)
            elif isinstance(item, NetBufferList):
                if not len(item.buffers):
                    return item, "has no NET_BUFFER any more; leave its chain as it is"
                _read_list(item)
        except Exception as error:  # noqa: BLE001 - whatever a driver has put there
            return item, f"cannot be read any more ({shown(error)})"
    return None


def _read_request(request: OidRequest) -> None:
    memoryview(request.data)
    operator.index(request.needed)


def _read_packet(packet: Packet) -> None:
    packet.read()
    operator.index(packet.length)
    operator.index(packet.number)


def _read_list(nbl: NetBufferList) -> None:
    operator.index(nbl.buffers[0].data_offset)
    for buffer in nbl.buffers:
        buffer.read()
        operator.index(buffer.length)


class Wanted(NamedTuple):
    """What is tested of one argument: its place and name, the test, and what is right.

    Where that is a sequence of what has a history, `kind` is the class of its elements.
    """

    place: int
    name: str
    test: Test
    right: str
    kind: type | None


def tests(signature: inspect.Signature) -> list[Wanted]:
    """Return what is to be tested of the arguments of a routine, in order."""
    found = []
    for place, parameter in enumerate(signature.parameters.values()):
        test = _test(parameter.annotation)
        if test is not None and parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            hint = parameter.annotation
            found.append(Wanted(place, parameter.name, test, _said(hint), _kind_in(hint)))
    return found


def _test(hint: Any) -> Test | None:
    """Return the test for one hint; None where it admits everything."""
    if hint is None:
        return lambda value: value is None
    if get_origin(hint) is types.UnionType:
        return _union_test(get_args(hint))
    origin = get_origin(hint)
    if origin is not None and inspect.isclass(origin):
        if origin is Sequence or (issubclass(origin, Sequence) and origin is not tuple):
            return _sequence_test(get_args(hint))
        return callable if origin is _CALLABLE else lambda value: isinstance(value, origin)
    if inspect.isclass(hint) and hint not in _ANYTHING:
        return lambda value: isinstance(value, hint)
    return None


def _kind_in(hint: Any) -> type | None:
    """Return the class of the elements where a hint admits a sequence of what has a history."""
    if get_origin(hint) is types.UnionType:
        return next(filter(None, map(_kind_in, get_args(hint))), None)
    kind = get_args(hint)[0] if get_origin(hint) is Sequence else None
    return kind if kind in TRACKED else None


def _union_test(choices: Sequence[Any]) -> Test | None:
    """Return the test for one of several hints: classes first, all in one look."""
    classes = tuple(choice for choice in choices if inspect.isclass(choice) and get_origin(choice) is None)
    others = [_test(choice) for choice in choices if choice not in classes]
    known = [other for other in others if other is not None]
    if len(known) < len(others) or any(one in _ANYTHING for one in classes):
        return None
    if not known:
        return lambda value: isinstance(value, classes)
    if len(known) == 1:
        (other,) = known
        return lambda value: isinstance(value, classes) or other(value)
    return lambda value: isinstance(value, classes) or any(test(value) for test in known)


def _sequence_test(arguments: tuple[Any, ...]) -> Test:
    each = _test(arguments[0]) if arguments else None
    element = arguments[0] if arguments else None

    def test(value: Any) -> bool:
        if type(value) not in USUAL and (not isinstance(value, Sequence) or isinstance(value, str)):
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
