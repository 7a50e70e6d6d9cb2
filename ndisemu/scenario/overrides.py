"""`--set a.b=c`: changes to a scenario from the command line.

A change replaces nodes of the document before anything is checked, so what it
sets is checked as if it had been written in the file, and a mistake is
reported at its line and column of the changes: the first one is line 1.

What is above the last step of a path must be in the document. So a slip of the
pen is found, and never adds a host.
"""

from collections.abc import Sequence
from typing import Final

from ndisemu.errors import Problem, ScenarioError
from ndisemu.scenario.compose import compose
from ndisemu.scenario.document import Node, Place
from ndisemu.scenario.words import listed, nearest, quoted

FILE: Final = "--set"
"""What stands for the name of a file in problems of overrides."""


def override(root: Node, changes: Sequence[str]) -> tuple[Node, list[Problem]]:
    """Return the document with changes such as `links.0.rate=10Gbit/s`, and what is wrong with them."""
    problems: list[Problem] = []
    for line, change in enumerate(changes, start=1):
        origin = Place(FILE, line, 1)
        path, equals, text = change.partition("=")
        if not equals:
            problems.append(
                origin.problem(f"{quoted(change)} sets nothing; write a.b=c, such as links.0.rate=10Gbit/s")
            )
            continue
        value = compose(text, origin.after(f"{path}="))
        problems.extend(value.problems)
        if value.root is None:
            continue
        try:
            root = _replaced(root, path.split("."), 0, origin, value.root)
        except ScenarioError as error:
            problems.extend(error.problems)
    return root, problems


def _replaced(node: Node, steps: Sequence[str], depth: int, place: Place, value: Node) -> Node:
    """Return a copy of a node in which the path from `steps[depth]` on leads to a value; `place` is that step's."""
    step, last = steps[depth], depth == len(steps) - 1
    if isinstance(node.value, dict):
        if not last and step not in node.value:
            raise _unknown(node, steps[:depth], step, place)
        below = value if last else _replaced(node.value[step], steps, depth + 1, place.after(f"{step}."), value)
        keys = {**node.keys, step: place} if last else node.keys
        return Node(node.place, {**node.value, step: below}, keys, partial=node.partial)
    if isinstance(node.value, list) and node.value:
        index = _index(node.value, steps[:depth], step, place)
        below = value if last else _replaced(node.value[index], steps, depth + 1, place.after(f"{step}."), value)
        return Node(node.place, [*node.value[:index], below, *node.value[index + 1 :]])
    what = (
        f"{quoted('.'.join(steps[:depth]))} is neither a map nor a list with items" if depth else "the file is no map"
    )
    raise ScenarioError([place.problem(f"{what}, so nothing in it can be set")])


def _index(items: Sequence[Node], above: Sequence[str], step: str, place: Place) -> int:
    if step.isascii() and step.isdecimal() and len(step) < 10 and int(step) < len(items):
        return int(step)
    path, last = ".".join(above), len(items) - 1
    wanted = f"0 to {last}" if last else "only 0"
    raise ScenarioError([place.problem(f"{quoted(step)} is no index of {quoted(path)}, which has {wanted}")])


def _unknown(node: Node, above: Sequence[str], step: str, place: Place) -> ScenarioError:
    present, path = node.entries(), ".".join([*above, step])
    near = nearest(step, present)
    rest = f"; the keys there are {listed(present)}" if present else ""
    if near is not None:
        rest = f" (did you mean {'.'.join([*above, near])!r}?)"
    return ScenarioError([place.problem(f"nothing is at {quoted(path)}, so nothing in it can be set{rest}")])
