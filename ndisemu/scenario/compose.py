"""From YAML text to a tree of nodes.

The composer consumes the parser's events instead of PyYAML's nodes. That is
quick, needs no recursion, and lets a hostile file be refused while it is still
being read: nesting, and the number of values once aliases stand for copies,
are bounded.

A file may use a part of YAML 1.2: maps with text keys, lists, and scalars of
the core schema. A syntax error ends the reading; a duplicate key, a tag or a
merge key is reported beside whatever else is wrong.

Not here: tags and merge keys (refused, with a way to do without) and several
documents in one file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol

import yaml

from ndisemu.errors import Problem, ScenarioError
from ndisemu.scenario import scalars
from ndisemu.scenario.document import Document, Node, Place

MAX_DEPTH: Final = 64
"""The deepest nesting of lists and maps; the language itself needs eight levels."""

MAX_NODES: Final = 1_000_000
"""How many values a document may hold once every alias stands for a copy."""

# PyYAML's wheels hold the C parser; the parser in Python says the same, slowly, and looks into what is nested too
# deeply for the other one, so that the place can be told.
_LOADERS: Final = (getattr(yaml, "CSafeLoader", yaml.SafeLoader), yaml.SafeLoader)
_TOO_DEEP: Final = "exceeded maximum nesting depth"

_HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mapping values are not allowed in this context": "the keys of a map all start in one column, "
        "and text with ': ' in it must be quoted",
        "found unexpected end of stream": "a quote is never closed",
        "found a tab character where an indentation space is expected": "indent with spaces",
        "found unknown escape character": "write the backslash twice, or use single quotes",
        "did not find expected node content": "a value is missing, or a bracket is never closed",
        "did not find expected ',' or ']'": "a list in brackets ends with ']'",
        "did not find expected ',' or '}'": "a map in braces ends with '}'",
        "did not find expected '-' indicator": "the items of a list all start with '- ' in one column",
        "did not find expected key": "the keys of a map all start in one column",
        "did not find expected <document start>": "nothing may follow the end of the document",
    }
)


def compose(text: str, origin: Place) -> Document:
    """Read one YAML document that begins at `origin`."""
    for loader in _LOADERS:
        composer = _Composer(origin)
        root = None
        try:
            root = composer.run(text, loader)
        except ScenarioError as error:
            composer.problems += error.problems
        if not composer.too_deep:
            break
    return Document(root, tuple(composer.problems))


class _Mark(Protocol):
    """A place as the parser counts it, from 0; the C parser has a class of its own for it."""

    index: int
    line: int
    column: int


@dataclass(slots=True)
class _Level:
    """A list or map that is still open.

    In a map, `key` is the key whose value comes next and `known` is true; a value whose
    key was refused has `key` None and is dropped.
    """

    node: Node
    items: "list[Node]" = field(default_factory=list)
    entries: "dict[str, Node]" = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    known: bool = False
    key: str | None = None


class _Composer:
    """Builds the tree, one event after the other; `levels` is what is open, outermost first.

    `too_deep` says that the parser gave up before it came to our own limit.
    """

    __slots__ = ("anchors", "levels", "origin", "problems", "root", "text", "too_deep")

    def __init__(self, origin: Place) -> None:
        self.origin = origin
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node] = {}
        self.levels: list[_Level] = []
        self.root: Node | None = None
        self.text = ""
        self.too_deep = False

    def run(self, text: str, loader: type[yaml.SafeLoader]) -> Node:
        self.text = text
        if (wrong := scalars.unprintable(text)) is not None:
            problem = f"character U+{ord(text[wrong]):04X} cannot stand in YAML; quoted, it is written as an escape"
            raise ScenarioError([self.origin.after(text[:wrong]).problem(problem)])
        try:
            for event in yaml.parse(text, Loader=loader):
                self._event(event)
        except yaml.MarkedYAMLError as error:
            self.too_deep = error.problem == _TOO_DEEP
            raise ScenarioError([self._syntax(error)]) from None
        except yaml.YAMLError as error:
            raise ScenarioError([self.origin.problem(f"not valid YAML: {error}")]) from None
        return self.root or Node(self.origin, None)

    def _event(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise ScenarioError([self._at(event).problem("a second document starts here, where only one is read")])

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        place = self._at(event)
        self._refuse_tag(event, place)
        if self._awaits_key():
            self._remember(event.anchor, Node(place, event.value))
            self._key(event, place)
            return
        try:
            value = event.value if event.style else scalars.resolve(event.value)
        except ValueError as error:
            raise ScenarioError([place.problem(str(error))]) from None
        node = Node(place, value)
        self._remember(event.anchor, node)
        self._attach(node)

    def _key(self, event: yaml.ScalarEvent, place: Place) -> None:
        level = self.levels[-1]
        key: str = event.value
        level.known, level.key = True, None
        if key == "<<" and not event.style:
            level.node.partial = True
            self.problems.append(place.problem("merge key '<<' is not read; write the keys out, or alias a whole map"))
        elif (first := level.keys.get(key)) is not None:
            where = f"line {first.line}, column {first.column}"
            self.problems.append(place.problem(f"key {key!r} is given twice; the first is at {where}"))
        else:
            level.keys[key] = place
            level.key = key

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        place = self._at(event)
        if len(self.levels) == MAX_DEPTH:
            raise ScenarioError([place.problem(f"nested deeper than {MAX_DEPTH} levels, the most that are read")])
        self._refuse_tag(event, place)
        if self._awaits_key():
            self._refuse_key(place, "a map or list")
        level = _Level(Node(place, None))
        if isinstance(event, yaml.MappingStartEvent):
            level.node.value, level.node.keys = level.entries, level.keys
        else:
            level.node.value = level.items
        self._remember(event.anchor, level.node)
        self.levels.append(level)

    def _end(self) -> None:
        node = self.levels.pop().node
        if self.levels and isinstance(self.levels[-1].node.value, dict) and not self.levels[-1].known:
            # It was a key, and refused as such when it began; its value comes next.
            self.levels[-1].known, self.levels[-1].key = True, None
        else:
            self._attach(node)

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = self._at(event)
        if self._awaits_key():
            self._refuse_key(place, "an alias")
            self.levels[-1].known, self.levels[-1].key = True, None
            return
        target = self.anchors.get(str(event.anchor))
        if target is None:
            raise ScenarioError([place.problem(f"alias '*{event.anchor}' has no anchor '&{event.anchor}' before it")])
        if any(level.node is target for level in self.levels):
            raise ScenarioError([place.problem(f"alias '*{event.anchor}' stands inside the value that it repeats")])
        self._attach(target)

    def _attach(self, node: Node) -> None:
        if not self.levels:
            self.root = node
            return
        level = self.levels[-1]
        if isinstance(level.node.value, dict):
            if level.key is not None:
                level.entries[level.key] = node
            level.known, level.key = False, None
        else:
            level.items.append(node)
        level.node.size += node.size
        if level.node.size > MAX_NODES:
            text = f"more than {MAX_NODES} values, counting what aliases repeat; that is the most that are read"
            raise ScenarioError([level.node.place.problem(text)])

    def _awaits_key(self) -> bool:
        return bool(self.levels) and isinstance(self.levels[-1].node.value, dict) and not self.levels[-1].known

    def _refuse_key(self, place: Place, what: str) -> None:
        self.levels[-1].node.partial = True
        self.problems.append(place.problem(f"a key must be text, not {what}"))

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, place: Place) -> None:
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.problems.append(place.problem(f"tag {tag!r} is not read; quote a value to make it text"))

    def _remember(self, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self.anchors[anchor] = node

    def _at(self, event: yaml.Event) -> Place:
        return self._place(event.start_mark)

    def _place(self, mark: _Mark | None) -> Place:
        if mark is None or mark.index >= len(self.text):
            # The parser says that the end of a text is on a line of its own.
            return self.origin.after(self.text)
        first = self.origin.column if mark.line == 0 else 1
        return Place(self.origin.file, self.origin.line + mark.line, first + mark.column)

    def _syntax(self, error: yaml.MarkedYAMLError) -> Problem:
        mark = error.problem_mark
        place = self._place(mark)
        text = f"not valid YAML: {error.problem}"
        if error.context_mark is not None and (began := self._place(error.context_mark)) != place:
            text += f" {error.context} from line {began.line}, column {began.column}"
        hint = _HINTS.get(str(error.problem))
        if error.problem == "found character that cannot start any token" and mark is not None:
            hint = _quoting(self.text[mark.index : mark.index + 1])
        return place.problem(f"{text}; {hint}" if hint else text)


def _quoting(character: str) -> str:
    if character == "\t":
        return "indent with spaces, not with tabs"
    return f"text that begins with {character!r} must be quoted"
