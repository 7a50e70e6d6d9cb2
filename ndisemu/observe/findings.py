"""What went wrong, as a person reads it: the rule, who, when and where, what happened, and what led there."""

import os
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from ndisemu.units import format_count, format_time

# How much of a driver's stack, and of an object's past, is shown; `result.json` has all of it.
_PLACES: Final = 2
_PAST: Final = 4
_LEVELS: Final = ("PASSIVE_LEVEL", "APC_LEVEL", "DISPATCH_LEVEL")

Record = dict[str, Any]


def print_findings(console: Console, findings: list[Record], lost: int) -> None:
    """Print findings, those of one rule from one place together, and how many more there were."""
    for finding, times in _counted(findings):
        _print(console, finding, times)
    if lost:
        console.print(f"and {format_count(lost)} more findings")
    if findings:
        console.print(Text(f"more about a rule: ndisemu explain {findings[0]['rule']}", style="dim"))


def _print(console: Console, finding: Record, times: int) -> None:
    where = f" on {finding['cpu']} at {_level(finding['irql'])}" if finding["cpu"] else ""
    where += f" in state {finding['state']}" if finding["state"] else ""
    where += f" ({format_count(times)} times)" if times > 1 else ""
    kind, style = ("warning: ", "yellow") if finding.get("advisory") else ("", "red")
    console.print(
        Text(f"{kind}{finding['rule']}: {finding['actor']} at {format_time(finding['time'])}{where}:", style=style),
        Text(finding["text"]),
    )
    _print_lines(console, [f"    at {_from_here(place)}" for place in finding["stack"][:_PLACES]])
    if finding["history"]:
        _print_lines(console, [f"    {finding['about']}:", *(f"      {line}" for line in finding["history"][-_PAST:])])
    _print_lines(console, [f"    {line}" for line in _from_here(finding["trace"]).splitlines()])


def _print_lines(console: Console, lines: Iterable[str]) -> None:
    """Print lines as they are, wrapped under themselves where the console is too narrow for one."""
    for line in lines:
        if len(line) > console.width and not line.strip(" ^~"):
            # What it points at is wrapped, and no longer above it.
            continue
        indent = " " * (len(line) - len(line.lstrip()))
        for part in textwrap.wrap(line, console.width, subsequent_indent=f"{indent}  ", drop_whitespace=False) or [""]:
            console.print(Text(part.rstrip(), style="dim"), soft_wrap=True)


def _from_here(text: str) -> str:
    """Name the files below the present directory as they are named from there."""
    try:
        here = f"{Path.cwd()}{os.sep}"
    except OSError:
        # A driver may have removed it.
        return text
    return text.removeprefix(here).replace(f'File "{here}', 'File "')


def _level(irql: int) -> str:
    return _LEVELS[irql] if irql < len(_LEVELS) else f"DIRQL {irql}"


def _counted(findings: list[Record]) -> list[tuple[Record, int]]:
    """Put findings of one rule together that come from one place of a driver, or say the same: the first, and how many."""
    counted: dict[tuple[str, str, str], tuple[Record, int]] = {}
    for finding in findings:
        key = finding["rule"], finding["actor"], (finding["stack"] or [finding["text"]])[0]
        first, times = counted.get(key, (finding, 0))
        counted[key] = first, times + 1
    return list(counted.values())
