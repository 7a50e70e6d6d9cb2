"""The objects of a finished run: who held what at some time, and the life of one packet, list, request or block.

A run with `--out` writes down in `objects.jsonl` each call over the border
between drivers and NDIS, with what it was about and whose that was before
and after. What is away from whoever had it first is pending.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ndisemu.errors import UsageError

FILE: Final = "objects.jsonl"

Record = dict[str, Any]


class ObjectLog:
    """Turns the records of a ledger into lines."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write

    def note(self, record: Record) -> None:
        """Write one record."""
        self._write(json.dumps(record, separators=(",", ":")).encode() + b"\n")


@dataclass(frozen=True, slots=True)
class Held:
    """An object that is away from home: who has it, since when (ns), and by which call."""

    item: str
    owner: str
    since: int
    call: str
    home: str


@dataclass(frozen=True, slots=True)
class Step:
    """One call in the life of an object; `owner` had it before, and `then` after the call."""

    time: int
    cpu: str
    irql: int
    call: str
    who: str
    owner: str
    then: str


def read(directory: Path) -> list[Record]:
    """Return the records of a run.

    Raises:
        UsageError: The directory holds none, or the file is no such file.
    """
    path = directory / FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(f"{path} cannot be read: {reason}; `ndisemu run --out DIR` writes it") from error
    records = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{path}:{number}:1: this is no line of JSON") from error
        if not isinstance(record, dict) or not {"n", "t", "owners"} <= record.keys():
            raise UsageError(f"{path}:{number}:1: this is no record of a call, which has n, t and owners")
        records.append(record)
    return records


def pending(records: Iterable[Record], at: int | None = None) -> list[Held]:
    """Return what was away from its first owner at a time (None: at the end), longest away first."""
    home: dict[str, str] = {}
    held: dict[str, Held] = {}
    calls: dict[int, Record] = {}
    for record in records:
        if at is not None and record["t"] > at:
            break
        begun = record if "items" in record else calls.get(record["n"])
        if begun is None:
            continue
        calls[record["n"]] = begun
        for item, owner in _pairs(begun["items"], record["owners"]):
            home.setdefault(item, owner)
            if owner == home[item]:
                held.pop(item, None)
            elif item not in held or held[item].owner != owner:
                held[item] = Held(item, owner, record["t"], begun["call"], home[item])
    return sorted(held.values(), key=lambda one: one.since)


def life(records: Sequence[Record], name: str) -> list[Step]:
    """Return the calls that were about one object, in order; `name` may leave out the host where that is clear.

    Raises:
        UsageError: There is no such object, or there are several.
    """
    known = dict.fromkeys(item for record in records for item in record.get("items", ()))
    found = [item for item in known if name in (item, item.partition("/")[2], item.partition(" (")[0])]
    if not found:
        sent = (item for item in known if item.partition("/")[2].startswith(("packet#", "nbl#")))
        example = next(sent, next(iter(known), "a/packet#0"))
        raise UsageError(f"no call was about {name}; objects are called as in {example}")
    if len(found) > 1:
        raise UsageError(f"{name} can be {', '.join(found)}; name one of them")
    return list(_steps(records, found[0]))


def _steps(records: Sequence[Record], item: str) -> Iterator[Step]:
    after: dict[int, Sequence[str]] = {record["n"]: record["owners"] for record in records if "items" not in record}
    for record in records:
        if item not in record.get("items", ()):
            continue
        owners = dict(_pairs(record["items"], record["owners"]))
        then = dict(_pairs(record["items"], after[record["n"]] if record["n"] in after else record["owners"]))
        yield Step(record["t"], record["cpu"], record["irql"], record["call"], record["who"], owners[item], then[item])


def _pairs(items: Sequence[str], owners: Sequence[str]) -> Iterable[tuple[str, str]]:
    return zip(items, owners if len(owners) == len(items) else [*owners] * len(items), strict=True)
