"""Imports only go down: the layers of the project, proved from its source.

Every import counts, at the top of a module, inside a function, or by
`import_module` with a literal name. `LAYER` is the whole truth: a package
that is not in it fails until someone decides where it belongs.

The root package is the face of `machine` and `__main__` that of `cli`, so
they may import what those may, and importing them is importing those.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2] / "ndisemu"

LAYER: Final[Mapping[str, int]] = {
    "errors": 0,
    "units": 0,
    "probe": 0,
    "kernel": 1,
    "memory": 2,
    "frame": 2,
    "link": 3,
    "hw": 4,
    "ndis": 4,
    "drivers": 5,
    "verifier": 5,
    "observe": 5,
    "guest": 5,
    "machine": 6,
    "scenario": 7,
    "bench": 7,
    "testing": 8,
    "cli": 9,
}

FACES: Final[Mapping[str, str]] = {"": "machine", "__main__": "cli"}

# A driver sees NDIS and its own card's registers, as a real one does; what it needs of the kernel, NDIS exports.
DRIVERS_IMPORT: Final = ("drivers", "ndis", "frame", "errors", "units", "probe", "hw.registers")


def module_name(root: Path, path: Path) -> str:
    """Give a module's name below the root package: "" for the root itself, "hw.registers" for hw/registers.py."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package(module: str) -> str:
    """Give the name in `LAYER` that answers for a module."""
    first = module.split(".", maxsplit=1)[0]
    return FACES.get(first, first)


def resolve(node: ast.ImportFrom, module: str, *, is_package: bool) -> str:
    """Give the absolute name of what a `from ... import` imports from."""
    if node.level == 0:
        return node.module or ""
    parts = ["ndisemu", *filter(None, module.split("."))]
    base = parts[: len(parts) - node.level + is_package]
    return ".".join([*base, *filter(None, [node.module])])


def imported(path: Path, module: str) -> Iterator[tuple[int, str]]:
    """Give the line and absolute dotted name of everything a module imports, as deep as the text goes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(names=names):
                origin = resolve(node, module, is_package=path.name == "__init__.py")
                yield from ((node.lineno, f"{origin}.{alias.name}") for alias in names)
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield node.lineno, name
            case _:
                pass


def target(root: Path, name: str) -> str | None:
    """Give the module below the root that an absolute name reaches, or None for somebody else's."""
    first, *parts = name.split(".")
    if first != root.name:
        return None
    while parts and not (root.joinpath(*parts).is_dir() or root.joinpath(*parts).with_suffix(".py").is_file()):
        # The rest are names inside a module; but a layer that is not built yet is still a layer.
        if len(parts) == 1 and package(parts[0]) in LAYER:
            break
        parts.pop()
    return ".".join(parts)


def is_allowed(mine: str, theirs: str) -> bool:
    """Tell whether one package may import a module of another."""
    package_of_theirs = package(theirs)
    if mine == "drivers":
        return any(theirs == name or theirs.startswith(f"{name}.") for name in DRIVERS_IMPORT)
    # The error families lie below everything, also below their own layer.
    return package_of_theirs in (mine, "errors") or LAYER[package_of_theirs] < LAYER[mine]


def violations(root: Path) -> list[str]:
    """Give every import that does not go down, one line of text for each."""
    found = []
    for path in sorted(root.rglob("*.py")):
        module = module_name(root, path)
        mine = package(module)
        place = f"{root.name}/{path.relative_to(root).as_posix()}"
        if mine not in LAYER:
            found.append(f"{place}: {mine} has no layer; give it one in LAYER")
            continue
        for line, name in imported(path, module):
            theirs = target(root, name)
            if theirs is None:
                continue
            if package(theirs) not in LAYER:
                found.append(f"{place}:{line}: imports {name}, which has no layer; give it one in LAYER")
            elif not is_allowed(mine, theirs):
                found.append(f"{place}:{line}: {mine} (layer {LAYER[mine]}) may not import {name}")
    return found


def test_imports_only_go_down() -> None:
    """A module imports only its own package and packages of lower layers, and a driver only what a driver sees."""
    assert violations(ROOT) == []


def tree(tmp_path: Path, files: Mapping[str, str]) -> Path:
    """Write a small package named as ours and give its directory."""
    root = tmp_path / "ndisemu"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("kernel/cpu.py", "from ndisemu.ndis import status"),
        ("kernel/cpu.py", "from .. import ndis"),
        ("kernel/cpu.py", "from ..ndis.status import Status"),
        ("kernel/__init__.py", "from ..ndis import Status"),
        ("kernel/cpu.py", "def late():\n    import ndisemu.hw.registers"),
        ("kernel/cpu.py", "import importlib\nimportlib.import_module('ndisemu.machine')"),
        ("kernel/cpu.py", "from ndisemu import Emulation"),
        ("kernel/cpu.py", "import ndisemu"),
        ("hw/tx.py", "from ndisemu.ndis.status import Status"),
        ("ndis/adapter.py", "from ndisemu.hw import registers"),
        ("frame/ethernet.py", "from ndisemu.memory import mdl"),
        ("errors.py", "from ndisemu.units import parse_duration"),
        ("ndis/adapter.py", "from ndisemu.verifier.rules import Rule"),
        ("observe/report.py", "from ndisemu.verifier.rules import Rule"),
        ("drivers/ring.py", "from ndisemu.kernel.lock import SpinLock"),
        ("drivers/ring.py", "from ndisemu.hw import tx"),
        ("drivers/ring.py", "from ndisemu.memory import pool"),
        ("machine/host.py", "from ndisemu.scenario import load"),
        ("__init__.py", "from ndisemu.scenario import load"),
        ("scenario/load.py", "from ndisemu.bench import throughput"),
        ("testing/plugin.py", "from ndisemu.__main__ import main"),
        ("surprise/box.py", "import os"),
        ("cli/main.py", "from ndisemu.surprise import box"),
    ],
)
def test_an_import_that_does_not_go_down_is_found(tmp_path: Path, name: str, text: str) -> None:
    """Up, sideways, late, relative, dynamic or unknown: the proof sees it."""
    root = tree(tmp_path, {"hw/registers.py": "", "hw/tx.py": "", "surprise/box.py": "", name: text})
    assert [line for line in violations(root) if line.startswith(f"ndisemu/{name}:")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("units.py", "from ndisemu.errors import UsageError"),
        ("kernel/cpu.py", "from . import dpc\nfrom ..errors import BugCheck\nimport asyncio.events"),
        ("ndis/v5/miniport.py", "from ..status import Status\nfrom ndisemu.kernel.lock import SpinLock"),
        ("ndis/v5/__init__.py", "from .miniport import Miniport\nfrom ..adapter import Adapter"),
        ("drivers/ring.py", "from ndisemu.ndis import v5\nfrom ndisemu.hw.registers import CTRL"),
        ("drivers/ring.py", "from ndisemu.hw import registers\nfrom ndisemu.drivers.rings import Ring"),
        ("__init__.py", "from ndisemu.machine.emulation import Emulation\nfrom . import errors"),
        ("scenario/load.py", "import ndisemu\nfrom ndisemu import Emulation"),
        ("__main__.py", "from ndisemu.cli.main import main"),
    ],
)
def test_an_import_that_goes_down_is_allowed(tmp_path: Path, name: str, text: str) -> None:
    """One's own package, what lies below, and other people's packages are no violation."""
    assert violations(tree(tmp_path, {"hw/registers.py": "", "cli/main.py": "", name: text})) == []


def test_an_empty_tree_breaks_no_layer(tmp_path: Path) -> None:
    """Packages that do not exist yet are no violation."""
    assert violations(tree(tmp_path, {"__init__.py": ""})) == []
