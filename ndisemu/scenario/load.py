"""From a path to a scenario, or to every mistake in the file at once.

Each stage goes on as far as the one before allows: only text that cannot be
read at all keeps the values from being checked, and a wrong value does not
keep the names from being compared.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from ndisemu.errors import Problem, ScenarioError
from ndisemu.scenario.checks import check
from ndisemu.scenario.compose import compose
from ndisemu.scenario.document import MAX_BYTES, Node, Place, decode
from ndisemu.scenario.overrides import override
from ndisemu.scenario.problems import explain
from ndisemu.scenario.schema import Scenario


def load(path: Path, overrides: Sequence[str] = ()) -> Scenario:
    """Read a scenario and check all of it; `overrides` are changes such as `hosts.a.cpus=2`.

    Captures that it names are read to their end to see whether they can be; driver
    classes that it names are not imported.

    Raises:
        ScenarioError: It cannot be read, or holds mistakes; the error holds them all.
    """
    start = Place(str(path), 1, 1)
    data = _read(path, start)
    document = compose(decode(data, start.file), start)
    if document.root is None:
        raise ScenarioError(document.problems)
    root, wrong_changes = override(document.root, overrides)
    scenario, wrong_values = _validate(root)
    problems = [*document.problems, *wrong_changes, *wrong_values, *check(root, path.parent)]
    if problems or scenario is None:
        raise ScenarioError(problems)
    return scenario.located(path, _hash(data, overrides))


def _read(path: Path, start: Place) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ScenarioError([start.problem("there is no such file")]) from None
    except OSError as error:
        raise ScenarioError([start.problem(f"the file cannot be read: {error.strerror}")]) from None
    except ValueError as error:
        raise ScenarioError([start.problem(f"this is not a possible file name: {error}")]) from None


def _validate(root: Node) -> tuple[Scenario | None, list[Problem]]:
    try:
        return Scenario.model_validate(root.plain()), []
    except ValidationError as error:
        return None, explain(error, root)


def _hash(data: bytes, overrides: Sequence[str]) -> str:
    digest = sha256(data)
    for change in overrides:
        digest.update(b"\0" + change.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
