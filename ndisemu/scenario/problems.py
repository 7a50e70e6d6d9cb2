"""What the schema refuses, in words and with its place.

The validator reports a path of keys and a code for each mistake. Here the path
is walked through the nodes to a line and column, and the code becomes a
sentence that begins with the key as the user wrote it and ends with what would
be right.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ndisemu.errors import Problem
from ndisemu.scenario.document import Node, Place
from ndisemu.scenario.schema import PARTS
from ndisemu.scenario.words import described, either, listed, meant, quoted

_EXAMPLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "version": "version: 1",
        "name": "name: two hosts, one cable",
        "hosts": "hosts: {a: {nics: {eth0: {}}}}",
        "nics": "nics: {eth0: {}}",
        "class": "class: my_drivers:MyMiniport",
        "between": "between: [a.eth0, b.eth0]",
        "kind": "kind: generator or kind: replay",
        "from": "from: a.eth0",
        "to": "to: b.eth0",
        "frames": "frames: 1000",
        "size": "size: 1514",
        "file": "file: captures/web.pcapng",
        "at": "at: 500ms",
        "on": "on: a.eth0",
        "do": "do: link_down",
        "interfaces": "interfaces: all",
        "that": "that: violations",
    }
)
_WANTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "int_type": "a whole number",
        "string_type": "text",
        "tuple_type": "a list",
        "dict_type": "a map",
        "model_type": "a map",
        "model_attributes_type": "a map",
    }
)
_KEY: Final = "[key]"

Steps = tuple[str | int, ...]


def explain(error: ValidationError, root: Node) -> list[Problem]:
    """Return one problem for each mistake that the schema found in a document."""
    found = (_explained(details, root) for details in error.errors(include_url=False))
    return [problem for problem in found if problem is not None]


def dotted(steps: Sequence[str | int]) -> str:
    """Write a path as `--set` takes it, as in `links.0.rate`."""
    return ".".join(str(step) for step in steps)


def _explained(details: ErrorDetails, root: Node) -> Problem | None:
    kind, path = details["type"], _written(details["loc"])
    if kind == "union_tag_not_found":
        kind, path = "missing", (*path, "kind")
    elif kind == "union_tag_invalid":
        path = (*path, "kind")
    if kind == "missing":
        return _missing(path, root)
    if kind == "extra_forbidden":
        return _key_place(path, root).problem(_unknown(path, details["loc"]))
    if path[-1:] == (_KEY,):
        return _key_place(path[:-1], root).problem(_bad_name(str(path[-2]), details))
    node, steps = _walk(path, root)
    return node.place.problem(_sentence(kind, details, _subject(steps), node))


def _written(loc: Steps) -> Steps:
    """Return a path of the validator without the kinds that it puts behind the index of a flow."""
    return (*loc[:2], *loc[3:]) if loc[:1] == ("traffic",) else loc


def _walk(path: Steps, root: Node) -> tuple[Node, Steps]:
    """Return the node at a path, or the last one on the way, and the path to it."""
    node = root
    for depth, step in enumerate(path):
        below = node.child(step)
        if below is None:
            return node, path[:depth]
        node = below
    return node, path


def _key_place(path: Steps, root: Node) -> Place:
    node, _ = _walk(path[:-1], root)
    return node.keys.get(str(path[-1]), node.place)


def _subject(path: Steps) -> str:
    """Return the key that a sentence is about; names and indexes say little without their path."""
    if not path:
        return "a scenario"
    named = isinstance(path[-1], int) or path[-2:-1] in {("hosts",), ("nics",)}
    return dotted(path) if named else str(path[-1])


def _missing(path: Steps, root: Node) -> Problem | None:
    node, steps = _walk(path[:-1], root)
    if node.partial:
        return None
    key = str(path[-1])
    where = f" in {dotted(steps)}" if steps else ""
    example = f", such as `{_EXAMPLES[key]}`" if key in _EXAMPLES else ""
    return node.place.problem(f"missing key {key!r}{where}{example}")


def _unknown(path: Steps, loc: Steps) -> str:
    *above, key = path
    legal = _legal_keys(loc[:-1])
    where = f"in {dotted(above)}" if above else "at the top of the scenario"
    return f"unknown key {quoted(str(key))} {where}{meant(str(key), legal) or f'; the keys here are {listed(legal)}'}"


def _legal_keys(loc: Steps) -> list[str]:
    for pattern, part in PARTS.items():
        if len(pattern) == len(loc) and all(want in ("*", step) for want, step in zip(pattern, loc, strict=True)):
            return [field.alias or name for name, field in part.model_fields.items()]
    return []


def _bad_name(name: str, details: ErrorDetails) -> str:
    usual = (
        "cannot be the name of a host or NIC, which begins with a letter from a to z "
        "and goes on with those, digits, '_' and '-'"
    )
    return f"{quoted(name)} {details.get('ctx', {}).get('text', usual)}"


def _sentence(kind: str, details: ErrorDetails, subject: str, node: Node) -> str:
    context, value = details.get("ctx", {}), details["input"]
    if kind == "refusal":
        return f"{subject} {context['text']}"
    if kind == "remark":
        return f"{subject}: {context['text']}"
    if kind in _WANTED:
        first = "" if details["loc"] else " that begins with `version: 1`"
        return f"{subject} must be {_WANTED[kind]}{first}, not {described(value)}"
    if kind in {"literal_error", "union_tag_invalid"}:
        return f"{subject} must be {_choices(str(context.get('expected', context.get('expected_tags'))), node)}"
    return f"{subject}: {details['msg']}, not {described(value)}"


def _choices(expected: str, node: Node) -> str:
    words = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
    value = node.value
    near = meant(value, words) if isinstance(value, str) else ""
    return f"{either(words)}, not {described(value)}{near}"
