"""The documents tell the truth: every program, scenario and command in them works as it stands there."""

import ast
import asyncio
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

import ndisemu
from ndisemu.ndis.v5 import Miniport, MiniportLibrary
from ndisemu.scenario.load import load
from ndisemu.scenario.run import Options, run
from tests.contracts import ddi_v5, ddi_v6

ROOT: Final = Path(__file__).parents[1]
DOCUMENTS: Final = ("README.md", "CONTRIBUTING.md", "docs/porting.md", "docs/performance.md", "docs/rules.md")
FENCE: Final = re.compile(r"^(?:<!-- (\S+) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE: Final = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
TARGET: Final = re.compile(r"^([a-z-]+):", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a document: its language ("" for none), its text, where it stands, and what file it quotes."""

    document: str
    line: int
    language: str
    text: str
    quoted: str | None

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def blocks() -> list[Block]:
    """Give all fenced blocks of all documents."""
    found = []
    for document in DOCUMENTS:
        text = (ROOT / document).read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(document, line, match[2], match[3], match[1]))
    return found


BLOCKS: Final = tuple(blocks())
QUOTES: Final = tuple(block for block in BLOCKS if block.quoted)
CODE: Final = tuple(block for block in BLOCKS if block.language == "python" and not block.quoted)
PROGRAMS: Final = tuple(block for block in CODE if "import " in block.text)
EXCERPTS: Final = tuple(block for block in CODE if "import " not in block.text)
SCENARIOS: Final = tuple(block for block in BLOCKS if block.language == "yaml")
COMMANDS: Final = tuple(
    pytest.param([line.split(" #")[0].split() for line in block.text.splitlines() if line.strip()], id=str(block))
    for block in BLOCKS
    if block.language in {"sh", ""}
)


def test_every_block_is_of_a_kind_that_is_tried() -> None:
    """No block escapes because its language is new, and there are some of each kind."""
    assert {block.language for block in BLOCKS} <= {"python", "yaml", "sh", ""}
    assert PROGRAMS
    assert EXCERPTS
    assert QUOTES
    assert SCENARIOS
    assert len(COMMANDS) >= 5


def executed(block: Block, runner: str, tmp_path: Path) -> str:
    """Run a program as a process of its own, with another runner in the place of `ndisemu.run`; return what it prints."""
    text = block.text.replace("ndisemu.run(main())", f"{runner}(main())")
    assert block.text.count("ndisemu.run(main())") == 1
    if runner != "ndisemu.run":
        text = f"import {runner.partition('.')[0]}\n{text}"
    (tmp_path / "program.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "program.py"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("block", PROGRAMS, ids=str)
def test_a_program_does_the_same_whenever_it_is_run(block: Block, tmp_path: Path) -> None:
    """It ends well, and prints the same twice."""
    assert executed(block, "ndisemu.run", tmp_path) == executed(block, "ndisemu.run", tmp_path)


def test_the_readme_s_program_does_the_same_in_virtual_and_real_time(tmp_path: Path) -> None:
    """It prints the same under `ndisemu.run`, asyncio's loop and uvloop, but for how many nanoseconds passed."""
    block = next(block for block in PROGRAMS if block.document == "README.md")
    virtual = executed(block, "ndisemu.run", tmp_path)
    assert virtual.startswith("NDIS_STATUS_SUCCESS b'hello' after ")
    for runner in ("asyncio.run", "uvloop.run"):
        real = executed(block, runner, tmp_path)
        assert re.sub(r"\d+ ns", "", real) == re.sub(r"\d+ ns", "", virtual)


@pytest.mark.parametrize("block", EXCERPTS, ids=str)
def test_an_excerpt_compiles_and_names_real_entry_points_and_calls(block: Block) -> None:
    """Its class derives from what there is, its methods are entry points, and its NDIS calls are in the library."""
    tree = ast.parse(block.text)
    methods = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    calls = [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self.ndis"
    ]
    assert [ast.unparse(base) for node in tree.body if isinstance(node, ast.ClassDef) for base in node.bases] == [
        "v5.Miniport"
    ]
    assert methods
    assert calls
    assert [name for name in methods if not hasattr(Miniport, name)] == []
    assert [name for name in calls if not hasattr(MiniportLibrary, name)] == []


@pytest.mark.parametrize("block", QUOTES, ids=str)
def test_what_is_quoted_stands_in_the_file_just_so(block: Block) -> None:
    """Methods side by side in a document are those of the drivers, to the letter."""
    assert block.quoted is not None
    assert textwrap.indent(block.text, "    ") in (ROOT / block.quoted).read_text(encoding="utf-8")


def test_the_names_of_both_generations_are_in_their_contracts() -> None:
    """In the porting page's table, the first column has routines of NDIS 5.1, the second of NDIS 6."""
    text = (ROOT / "docs" / "porting.md").read_text(encoding="utf-8")
    table = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(table) >= 10
    for place, generation in enumerate((ddi_v5, ddi_v6)):
        known = {row.split()[0] for part in (generation.ENTRIES, generation.CALLS) for row in part.strip().splitlines()}
        told = [name for row in table for name in INLINE.findall(row[place])]
        assert [name for name in told if name not in known] == []


@pytest.mark.parametrize("block", SCENARIOS, ids=str)
def test_a_scenario_passes_as_it_stands(block: Block, tmp_path: Path) -> None:
    """It runs, and what it expects comes true."""
    (tmp_path / "s.yaml").write_text(block.text, encoding="utf-8")
    result = ndisemu.run(run(load(tmp_path / "s.yaml"), Options(out=tmp_path / "out")))
    assert result["passed"]
    assert result["expectations"]


def is_make(words: list[str]) -> bool:
    """A target of the Makefile; running it here would be running ourselves."""
    targets = TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8"))
    return words[0] == "make" and all("=" in word or word in targets for word in words[1:])


def is_install(words: list[str]) -> bool:
    """Installing the project; that it can be installed is how this suite got its environment."""
    return words == ["pip", "install", "."] and (ROOT / "pyproject.toml").exists()


def is_measuring(words: list[str]) -> bool:
    """Measuring takes minutes: there is such a program or mode, and it has the options; `>` and what follows is the shell's."""
    asked = words[: words.index(">")] if ">" in words else words
    program = asked[: 4 if asked[:4] == ["python", "-m", "ndisemu", "bench"] else 3]
    if program[-1] != "bench" and not program[-1].startswith("benchmarks."):
        return False
    done = subprocess.run(
        [sys.executable, *program[1:], "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    named = [word for word in asked if word.startswith("--")]
    if program[-1] == "bench":
        named += [word for word in asked[4:5] if not word.startswith("--")]
    return done.returncode == 0 and all(re.search(rf"(?<![\w-]){word}(?![\w-])", done.stdout) for word in named)


def works(words: list[str], place: Path) -> bool:
    """Run `python -m ndisemu` in a directory that has the scenarios."""
    if words[:3] != ["python", "-m", "ndisemu"]:
        return False
    if not (place / "scenarios").exists():
        (place / "scenarios").symlink_to(ROOT / "scenarios")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *words[1:]], cwd=place, env=environment, capture_output=True, timeout=60, check=False
    )
    return done.returncode == 0


@pytest.mark.parametrize("commands", COMMANDS)
def test_commands_work_as_they_stand_one_after_the_other(commands: list[list[str]], tmp_path: Path) -> None:
    """`make` has the target, the project can be installed, a benchmark is there, or the command ends with 0."""
    for words in commands:
        assert is_make(words) or is_install(words) or is_measuring(words) or works(words, tmp_path), " ".join(words)


def test_the_quickstart_leaves_the_files_that_are_promised(tmp_path: Path) -> None:
    """The README names the files of the run directory."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert works(["python", "-m", "ndisemu", "run", "scenarios/quickstart.yaml", "--out", "out/quickstart"], tmp_path)
    for path in (tmp_path / "out" / "quickstart").iterdir():
        assert f"`{path.name}`" in text


def inline(document: str) -> list[str]:
    text = FENCE.sub("", (ROOT / document).read_text(encoding="utf-8"))
    return INLINE.findall(text)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_is_named_is_there(document: str) -> None:
    """A path with a suffix below one of our directories leads to a file."""
    paths = [
        word for word in inline(document) if re.fullmatch(r"(ndisemu|tests|scenarios|benchmarks)/[\w/.-]+\.\w+", word)
    ]
    assert [path for path in paths if not (ROOT / path).is_file()] == []


def test_every_option_that_is_named_is_an_option() -> None:
    """What the README and the page on speed say of `run` and `bench` is what their `--help` says."""
    lines = [[sys.executable, "-m", "ndisemu", verb, "--help"] for verb in ("run", "bench")]
    told = "".join(
        subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout for line in lines
    )
    words = inline("README.md") + inline("docs/performance.md")
    options = [match[0] for word in words if (match := re.match(r"--[a-z-]+", word))]
    assert len(options) >= 6
    assert [option for option in options if option not in told] == []


def test_time_that_is_promised_to_be_free_is_free() -> None:
    """`asyncio.sleep(3600)` takes no time under `ndisemu.run`, as the README says."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        before = loop.time()
        await asyncio.sleep(3600)
        return loop.time() - before

    assert ndisemu.run(main()) == 3600


Check = Callable[[list[str]], bool]


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (is_make, "make test PYTHON=python3.13", "make tset"),
        (is_install, "pip install .", "pip install ndisemu"),
        (is_measuring, "python -m ndisemu bench duplex --json", "python -m ndisemu bench duplexe --json"),
        (is_measuring, "python -m benchmarks.peers --json > a.json", "python -m benchmarks.peers --jso > a.json"),
        (is_measuring, "python -m benchmarks.layers", "python -m benchmarks.layer"),
    ],
)
def test_a_wrong_command_would_be_found(check: Check, good: str, bad: str) -> None:
    """The recognition of commands can fail."""
    assert check(good.split())
    assert not check(bad.split())
