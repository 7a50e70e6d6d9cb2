"""What one call of the bench command has found, as one JSON document that can be read again.

Beside the sections it has the machine, for figures of two machines say
nothing about a change of the program, and the rate of a fixed loop, which
lets them be compared by ratio all the same.
"""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, TypeAdapter, ValidationError

from ndisemu import __version__
from ndisemu.bench.section import Section
from ndisemu.errors import UsageError

SCHEMA_VERSION: Final = 1
# What can make a difference to figures, or to how they are shown.
LIBRARIES: Final = ("aiofiles", "click", "jinja2", "matplotlib", "pydantic", "PyYAML", "rich", "structlog", "uvloop")
CPU_ACCOUNT: Final = Path("/proc/cpuinfo")
MAPPINGS: Final = Path("/proc/self/maps")


@dataclass(frozen=True, slots=True)
class Machine:
    """What figures were measured on: system, processor, and versions of Python, of ndisemu and of the libraries.

    One version of Python is slower where its interpreter is in a shared library: then `python` says so.
    """

    platform: str
    cpu: str
    cores: int
    python: str
    ndisemu: str
    libraries: Mapping[str, str]

    def differences(self, other: "Machine") -> tuple[str, ...]:
        """Say in which respects the other is a different machine; another ndisemu and other libraries are none."""
        pairs = {
            "platform": (self.platform, other.platform),
            "CPU": (self.cpu, other.cpu),
            "cores": (self.cores, other.cores),
            "Python": (self.python, other.python),
        }
        return tuple(f"{what}: {theirs}, now {ours}" for what, (ours, theirs) in pairs.items() if ours != theirs)


@dataclass(frozen=True, slots=True)
class Document:
    """Sections in the order in which they were measured; `calibration` is in steps per CPU second."""

    machine: Machine
    calibration: Annotated[int, Field(gt=0)]
    sections: tuple[Section, ...]
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        """Return it as JSON, each target with whether it holds."""
        told = asdict(self)
        for section, each in zip(self.sections, told["sections"], strict=True):
            for target, entry in zip(section.targets, each["targets"], strict=True):
                entry["holds"] = target.holds
        first = ("schema_version", "machine", "calibration", "sections")
        return json.dumps({key: told[key] for key in first}, indent=2)


def read_document(path: Path) -> Document:
    """Read what an earlier call of the command wrote.

    Raises:
        UsageError: The file cannot be read, or is something else.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    try:
        document = TypeAdapter(Document).validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "the text"
        raise UsageError(
            f"{path} is no result of `ndisemu bench --json`: {place}: {first['msg'].rstrip('.').lower()}"
        ) from error
    if document.schema_version != SCHEMA_VERSION:
        raise UsageError(
            f"{path} has the schema version {document.schema_version}; this ndisemu reads {SCHEMA_VERSION}"
        )
    return document


def this_machine() -> Machine:
    """Describe the machine that this runs on."""
    return Machine(
        platform=f"{platform.system()} {platform.machine()}",
        cpu=_cpu_model(CPU_ACCOUNT),
        cores=os.cpu_count() or 1,
        python=f"{platform.python_implementation()} {platform.python_version()}{_how_built(MAPPINGS)}",
        ndisemu=__version__,
        libraries=_versions(),
    )


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _how_built(mappings: Path) -> str:
    """Say that this Python's interpreter is in a shared library, where Linux says so."""
    try:
        return " (shared library)" if "/libpython" in mappings.read_text(encoding="utf-8", errors="replace") else ""
    except OSError:
        return ""


def _cpu_model(account: Path) -> str:
    """Return what Linux calls the processor; elsewhere what Python knows of it."""
    try:
        lines = account.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or "unknown")
