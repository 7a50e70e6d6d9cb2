"""The habits of the house, checked on the source: prose, sizes, exports, state, and where time comes from.

A habit is a function from one parsed module to the lines that break it; `HABITS` lists them all. One test holds
the project to them, and small modules written for the purpose prove that each can be broken.
"""

import ast
import re
import symtable
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2] / "ndisemu"

MODULE_LINES: Final = 400
FUNCTION_LINES: Final = 60

UNFINISHED: Final = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

DISPLAYS: Final = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
STATEFUL: Final = re.compile(
    r"list|dict|set|bytearray|deque|defaultdict|OrderedDict|Counter|ChainMap|Weak\w+|count|cycle|Random|\w*Queue"
)
MUTATOR: Final = re.compile(r"add|append|clear|discard|extend|insert|pop|popitem|remove|setdefault|sort|update")

CLOCKS: Final = re.compile(
    r"time\.((time|monotonic|perf_counter|process_time|clock_gettime)(_ns)?|sleep|localtime|gmtime|ctime|strftime)"
    r"|datetime\.(datetime|date)\.(now|utcnow|today)"
)
# Where real time is the subject: the real-time loop, the watchdog, the benchmarks and the command.
READS_CLOCKS: Final = ("kernel/pump.py", "kernel/loop.py", "kernel/watchdog.py", "bench/", "cli/")
CHANCE: Final = re.compile(r"random\.(?!Random$)\w+|os\.(urandom|getrandom)|uuid\.uuid[14]|secrets\.\w+")


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the package: where it is, its path below the root, its text and its syntax tree."""

    file: Path
    path: str
    text: str
    tree: ast.Module


Findings = Iterator[tuple[int, str]]


def has_docstring(module: Module) -> Findings:
    """Every module says what it is."""
    if not ast.get_docstring(module.tree):
        yield 1, "the module has no docstring"


def is_short(module: Module) -> Findings:
    """Modules and functions have a length that can be read at once."""
    if (lines := len(module.text.splitlines())) > MODULE_LINES:
        yield 1, f"the module has {lines} lines, more than {MODULE_LINES}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield node.lineno, f"{node.name} has {lines} lines, more than {FUNCTION_LINES}"


def is_finished(module: Module) -> Findings:
    """Nothing is marked as work for later."""
    for number, line in enumerate(module.text.splitlines(), 1):
        if mark := UNFINISHED.search(line):
            yield number, f"{mark[0]} marks unfinished work"


def offers_names(module: Module, defined: list[str]) -> bool:
    """Tell whether a package has names for others: it imports some of ours, or defines public ones."""
    from_us = (
        node.level > 0 or (node.module or "").split(".", maxsplit=1)[0] == "ndisemu"
        for node in module.tree.body
        if isinstance(node, ast.ImportFrom)
    )
    return any(from_us) or any(not name.startswith("_") for name in defined)


def has_all(module: Module) -> Findings:
    """A package that offers names lists them in `__all__`, and what it lists is there."""
    if module.file.name != "__init__.py":
        return
    symbols = symtable.symtable(module.text, module.path, "exec").get_symbols()
    defined = [symbol.get_name() for symbol in symbols if symbol.is_assigned() and not symbol.is_imported()]
    there = [*defined, *(symbol.get_name() for symbol in symbols if symbol.is_imported())]
    there += [file.stem for file in module.file.parent.iterdir()]
    lists = [(node.lineno, value) for node in module.tree.body for name, value in assigned(node) if name == "__all__"]
    if not lists and offers_names(module, defined):
        yield 1, "the package offers names and has no __all__"
    for line, value in lists:
        names = list(ast.literal_eval(value))
        yield from ((line, f"__all__ lists {name}, which is not there") for name in names if name not in there)
        yield from ((line, f"__all__ lists {name} twice") for name in dict.fromkeys(names) if names.count(name) > 1)


def at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Give the statements that run when a module is imported, also those inside its if, try, for and with."""
    for statement in body:
        yield statement
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for block in (statement, *getattr(statement, "handlers", ())):
                for part in ("body", "orelse", "finalbody"):
                    yield from at_import(getattr(block, part, []))


def assigned(statement: ast.stmt) -> list[tuple[str, ast.expr]]:
    """Give the plain names that a statement assigns, each with its value."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            return [(target.id, value) for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            return [(name, value)]
        case _:
            return []


def can_change(value: ast.expr) -> bool:
    """Tell whether a value is a container or generator that can change: written out, or made by a call."""
    match value:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return STATEFUL.fullmatch(name) is not None
        case _:
            return isinstance(value, DISPLAYS)


def is_table(statement: ast.stmt, name: str, value: ast.expr) -> bool:
    """Tell whether a container is a table: ALL_CAPS, Final, and filled where it is written."""
    is_final = isinstance(statement, ast.AnnAssign) and "Final" in ast.unparse(statement.annotation)
    is_empty = ast.unparse(value) in ("[]", "{}")
    return is_final and name.isupper() and isinstance(value, DISPLAYS) and not is_empty


def changed(node: ast.AST) -> list[str]:
    """Give the names of what a piece of code rebinds globally, fills, empties or reorders."""
    match node:
        case ast.Global(names=names):
            return names
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
            return [name]
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if MUTATOR.fullmatch(method):
            return [name]
        case _:
            return []


def has_no_state(module: Module) -> Findings:
    """Two emulations in one process never meet: a module holds tables nobody changes, and no other container."""
    mine = []
    for statement in at_import(module.tree.body):
        for name, value in assigned(statement):
            mine.append(name)
            if name != "__all__" and can_change(value) and not is_table(statement, name, value):
                yield statement.lineno, f"{name} is state of the module; only a filled ALL_CAPS Final table may be"
    for node in ast.walk(module.tree):
        for name in changed(node):
            if isinstance(node, ast.Global) or (name in mine and name.isupper()):
                yield getattr(node, "lineno", 1), f"{name} belongs to the module, and this changes it"


def origins(tree: ast.Module) -> dict[str, str]:
    """Give what each imported name stands for, as an absolute dotted name."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                names |= {alias.asname or alias.name: alias.name for alias in aliases}
            case ast.ImportFrom(module=str(origin), level=0, names=aliases):
                names |= {alias.asname or alias.name: f"{origin}.{alias.name}" for alias in aliases}
            case _:
                pass
    return names


def dotted(node: ast.AST, names: dict[str, str]) -> str:
    """Give the absolute dotted name an expression stands for, "" if it stands for none."""
    match node:
        case ast.Name(id=name):
            return names.get(name, "")
        case ast.Attribute(value=value, attr=attr) if base := dotted(value, names):
            return f"{base}.{attr}"
        case _:
            return ""


def is_repeatable(module: Module) -> Findings:
    """Time comes from the kernel's clock and chance from a seeded generator, so that a run can be repeated."""
    names = origins(module.tree)
    for node in ast.walk(module.tree):
        name = dotted(node, names)
        if CLOCKS.fullmatch(name) and not module.path.startswith(READS_CLOCKS):
            yield getattr(node, "lineno", 1), f"{name} is the wall clock; the kernel's clock says what time it is"
        if CHANCE.fullmatch(name):
            yield getattr(node, "lineno", 1), f"{name} is not seeded; draw from a random.Random that is passed in"
        match node:
            case ast.Call(func=function, args=[], keywords=[]) if dotted(function, names) == "random.Random":
                yield node.lineno, "random.Random() without a seed differs from run to run"
            case _:
                pass


HABITS: Final[tuple[Callable[[Module], Findings], ...]] = (
    has_docstring,
    is_short,
    is_finished,
    has_all,
    has_no_state,
    is_repeatable,
)


def findings(root: Path) -> list[str]:
    """Give every line below a root that breaks a habit, as text that says where and what."""
    found = []
    for file in sorted(root.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        module = Module(file, file.relative_to(root).as_posix(), text, ast.parse(text))
        found += [f"{module.path}:{line}: {what}" for habit in HABITS for line, what in habit(module)]
    return found


def test_the_project_keeps_the_habits_of_the_house() -> None:
    """No module of the project breaks a habit."""
    assert findings(ROOT) == []


def write(root: Path, name: str, text: str) -> None:
    """Write one documented module."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'"""A module."""\n{text}\n', encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "text", "finding"),
    [
        ("a.py", "X = 1\n" * 399, "a.py:1: the module has 401 lines, more than 400"),
        ("a.py", "def f():\n" + "    pass\n" * 60, "a.py:2: f has 61 lines, more than 60"),
        ("a.py", "X = 1  # FIXME: two", "a.py:2: FIXME marks unfinished work"),
        ("p/__init__.py", "from .b import c", "p/__init__.py:1: the package offers names and has no __all__"),
        ("p/__init__.py", "def f(): ...", "p/__init__.py:1: the package offers names and has no __all__"),
        ("p/__init__.py", '__all__ = ["c"]', "p/__init__.py:2: __all__ lists c, which is not there"),
        ("p/__init__.py", 'import c\n__all__ = ["c", "c"]', "p/__init__.py:3: __all__ lists c twice"),
        ("a.py", "seen = {}", "a.py:2: seen is state of the module"),
        ("a.py", "SEEN: Final = []", "a.py:2: SEEN is state of the module"),
        ("a.py", "SEEN = [1]", "a.py:2: SEEN is state of the module"),
        ("a.py", "if 1:\n    q = c.deque()", "a.py:3: q is state of the module"),
        ("a.py", "T: Final = {1: 2}\ndef f():\n    T[3] = 4", "a.py:4: T belongs to the module, and this changes it"),
        ("a.py", "T: Final = [1]\ndef f():\n    T.pop()", "a.py:4: T belongs to the module, and this changes it"),
        ("a.py", "n = 0\ndef f():\n    global n\n    n = 1", "a.py:4: n belongs to the module, and this changes it"),
        ("a.py", "import time as t\nNOW = t.monotonic_ns()", "a.py:3: time.monotonic_ns is the wall clock"),
        (
            "a.py",
            "from datetime import datetime\nNOW = datetime.now(None)",
            "a.py:3: datetime.datetime.now is the wall clock",
        ),
        ("bench/a.py", "from random import randint\nN = randint(1, 6)", "bench/a.py:3: random.randint is not seeded"),
        (
            "a.py",
            "import random\ndef f():\n    return random.Random()",
            "a.py:4: random.Random() without a seed differs from run to run",
        ),
    ],
)
def test_a_broken_habit_is_found(tmp_path: Path, name: str, text: str, finding: str) -> None:
    """Each habit can be broken, and the finding says where and what."""
    write(tmp_path, name, text)
    assert [line[: len(finding)] for line in findings(tmp_path)] == [finding]


def test_a_module_without_a_docstring_is_found(tmp_path: Path) -> None:
    """A module that does not say what it is breaks a habit, even when it is empty."""
    (tmp_path / "a.py").touch()
    assert findings(tmp_path) == ["a.py:1: the module has no docstring"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p/__init__.py", ""),
        ("p/__init__.py", 'from .b import c\n__all__ = ["c"]'),
        ("p/__init__.py", 'def f(): ...\n__all__ = ("f", "__init__")'),
        ("a.py", "TABLE: Final[Mapping[int, int]] = {1: 2}\nPAIR: Final = (1, 2)\nNAMES = frozenset({1})"),
        ("a.py", "def f():\n    seen = {}\n    seen[1] = 2\n    return seen"),
        ("cli/a.py", "import time\nNOW = time.monotonic()"),
        ("kernel/loop.py", "import time\nNOW = time.monotonic()"),
        ("a.py", "import random\ndef f(seed):\n    return random.Random(seed).random()"),
        ("a.py", "def f(loop, time):\n    return loop.time() + time.time()"),
    ],
)
def test_a_kept_habit_is_not_found(tmp_path: Path, name: str, text: str) -> None:
    """What only resembles a broken habit is left alone."""
    write(tmp_path, name, text)
    assert findings(tmp_path) == []
