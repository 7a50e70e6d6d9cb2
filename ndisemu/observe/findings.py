"""What went wrong, as a person reads it: the rule, who, when and where, what happened, and what led there."""

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
        console.print(f"and {format_count(lost)} more violations")
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
    for place in finding["stack"][:_PLACES]:
        console.print(Text(f"    at {place}", style="dim"), soft_wrap=True)
    if finding["history"]:
        console.print(Text(f"    {finding['about']}:", style="dim"))
        for line in finding["history"][-_PAST:]:
            console.print(Text(f"      {line}", style="dim"), soft_wrap=True)
    if finding["trace"]:
        trace = "\n".join(f"    {line}" for line in finding["trace"].splitlines())
        console.print(Text(trace, style="dim"), soft_wrap=True)


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
