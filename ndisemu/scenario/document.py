"""A YAML document as a tree of nodes that know their line and column.

The nodes outlive the reading: a mistake that shows only later, when values are
compared with each other, is still reported where it was written. Aliases are
shared, not copied, so a tree is never larger than its text.

Not here: how text becomes nodes (see `compose`).
"""

from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

from ndisemu.errors import Problem, ScenarioError
from ndisemu.scenario.scalars import Scalar

MAX_BYTES: Final = 8 * 1024 * 1024
"""The longest file that is read."""

Plain: TypeAlias = "Scalar | dict[str, Plain] | list[Plain]"
"""A document without its places."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: a file, and a line and column that count from 1."""

    file: str
    line: int
    column: int

    def problem(self, text: str) -> Problem:
        """State that something is wrong here."""
        return Problem(self.file, self.line, self.column, text)

    def after(self, text: str) -> "Place":
        """Return where one is behind `text`, which begins here."""
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        first = self.column if len(lines) == 1 else 1
        return Place(self.file, self.line + len(lines) - 1, first + len(lines[-1]))


_NO_KEYS: Final[Mapping[str, Place]] = MappingProxyType({})


@dataclass(slots=True, eq=False)
class Node:
    """One value, its place, and for a map the places of its keys.

    `size` counts, while the document is composed, the node and all below it, aliases
    as if copied. `partial` says that a problem already reported has taken keys away, so that no one need
    complain about missing ones. Aliases share nodes: change none that is read.
    """

    place: Place
    value: "Scalar | dict[str, Node] | list[Node]"
    keys: Mapping[str, Place] = field(default_factory=lambda: _NO_KEYS)
    size: int = 1
    partial: bool = False

    def child(self, step: str | int) -> "Node | None":
        """Return what is under a key of a map or at an index of a list, or None."""
        if isinstance(self.value, dict):
            return self.value.get(step) if isinstance(step, str) else None
        if isinstance(self.value, list) and isinstance(step, int) and 0 <= step < len(self.value):
            return self.value[step]
        return None

    def entries(self) -> "Mapping[str, Node]":
        """Return the entries of a map; of anything else, none."""
        return self.value if isinstance(self.value, dict) else {}

    def items(self) -> "list[Node]":
        """Return the items of a list; of anything else, none."""
        return self.value if isinstance(self.value, list) else []

    def plain(self) -> Plain:
        """Return the value without places, with aliases copied."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def below(node: Node, *steps: str) -> Node:
    """Return what is at a path, or an empty node where nothing is."""
    for step in steps:
        node = node.child(step) or Node(node.place, None)
    return node


@dataclass(frozen=True, slots=True)
class Document:
    """What a text holds (`root` is None where it cannot be read) and what is wrong with it."""

    root: Node | None
    problems: tuple[Problem, ...]


def decode(data: bytes, file: str) -> str:
    """Turn the bytes of a file into text.

    Raises:
        ScenarioError: They are too many or not UTF-8; it names the place of the first wrong byte.
    """
    start = Place(file, 1, 1)
    if len(data) > MAX_BYTES:
        raise ScenarioError([start.problem(f"the file is longer than {MAX_BYTES >> 20} MiB, the most that is read")])
    data = data.removeprefix(BOM_UTF8)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        text = f"byte 0x{data[error.start]:02x} is not UTF-8, the encoding that a scenario must have"
        raise ScenarioError([start.after(before).problem(text)]) from None
