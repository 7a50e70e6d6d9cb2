"""Whether what a table names as evidence is there: a test, as `path::name`, or a file, by its path."""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


@cache
def functions_in(path: str) -> frozenset[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def missing(shown_by: Iterable[str]) -> list[str]:
    """Return what is named and is not there."""
    return [name for name in shown_by if not is_there(name)]


def is_there(shown_by: str) -> bool:
    """Whether a file is there, and the test in it, if one is named."""
    path, _, name = shown_by.partition("::")
    return (ROOT / path).is_file() and (not name or name in functions_in(path))
