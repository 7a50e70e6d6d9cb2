"""The result of a run as a person reads it: one screen of 80 columns.

What matters most stands last, where a terminal shows it: the verdict. The
report reads the plain data of `result.json` and nothing else.
"""

import sys
from collections.abc import Iterable
from typing import Any, Final, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ndisemu.observe.console import Paper
from ndisemu.observe.findings import print_findings
from ndisemu.units import format_count, format_time

# Between two columns of a table.
GAP: Final = 3

# The rows of the first table, and where a NIC's number for each is found; without a second key, it is all of them.
_ROWS: Final = (
    ("sends submitted", "sends", "submitted"),
    ("  completed", "sends", "completed"),
    ("  failed", "sends", "failed"),
    ("  cancelled", "sends", "cancelled"),
    ("frames out", "wire", "frames_out"),
    ("frames in", "wire", "frames_in"),
    ("  indicated", "receives", "indicated"),
    ("  dropped", "drops", ""),
    ("receive buffers", "buffers", "pool"),
    ("  in the ring", "buffers", "ring"),
    ("  lent", "buffers", "lent"),
    ("interrupts", "interrupts", ""),
)

_SWITCH_ROWS: Final = (
    ("frames in", "frames_in", ""),
    ("  forwarded", "forwarded", ""),
    ("  flooded", "flooded", ""),
    ("frames out", "frames_out", ""),
    ("dropped", "drops", ""),
    ("addresses learned", "learned", ""),
)

Rows = tuple[tuple[str, str, str], ...]
Nics = dict[str, dict[str, Any]]


def render(result: dict[str, Any], file: TextIO = sys.stdout) -> None:
    """Print the tables, what went wrong, and the verdict."""
    console = Paper(file)
    console.print(Text(f"{result['scenario']['name']}", style="bold"))
    console.print(
        f"seed {result['seed']}, {result['clock']} clock, {result['build']} build, "
        f"{format_time(result['virtual_time_ns'])} until {_ending(result['ended'])}"
    )
    tables = [_counts("NICs", _ROWS, some) for some in _side_by_side(result["nics"], _ROWS, console.width)]
    switches = _side_by_side(result["switches"], _SWITCH_ROWS, console.width)
    tables += [_counts("Switches", _SWITCH_ROWS, some) for some in switches]
    if result["cpus"]:
        tables.append(_processors(result["cpus"]))
    if result["flows"]:
        tables += [_flows(result["flows"]), _latencies(result["flows"])]
    for table in tables:
        console.print()
        console.print(table)
    console.print()
    _faults(console, result["faults"])
    _failures(console, result)
    _verdict(console, result)


def _ending(ended: str) -> str:
    return {
        "idle": "nothing was left to do",
        "duration": "the duration had passed",
        "failed": "it failed",
        "limited": "its time limit was up",
    }.get(ended, f"it was {ended}")


def _table(title: str, labels: Iterable[str]) -> Table:
    """Return an empty table: names to the left, numbers to the right; what is too wide is folded, never cut."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False)
    table.add_column("", overflow="fold")
    for label in labels:
        table.add_column(label, justify="right", overflow="fold")
    return table


def _side_by_side(nics: Nics, rows: Rows, width: int) -> list[Nics]:
    """Return the NICs or switches in groups that fit into one table each."""
    groups: list[Nics] = []
    left = 0
    for name, nic in nics.items():
        numbers = (_number(nic[group], key) for _, group, key in rows)
        needed = max(len(name), *(len(format_count(number)) for number in numbers)) + GAP
        if needed > left or not groups:
            groups.append({})
            left = width - max(len(label) for label, _, _ in rows) - GAP
        groups[-1][name] = nic
        left -= needed
    return groups


def _counts(title: str, rows: Rows, nics: Nics) -> Table:
    table = _table(title, nics)
    for label, group, key in rows:
        values = [_number(nic[group], key) for nic in nics.values()]
        if any(values) or not label.startswith("  "):
            table.add_row(label, *(format_count(value) for value in values))
    return table


def _number(part: int | dict[str, int], key: str) -> int:
    if isinstance(part, int):
        return part
    return part[key] if key else sum(part.values())


def _processors(cpus: dict[str, dict[str, int]]) -> Table:
    """Show what each processor did with its modelled time, in shares of the run."""
    table = _table("Processors", ("busy", "waiting", "idle", "interrupts", "DPCs"))
    for name, cpu in cpus.items():
        whole = max(cpu["busy_ns"] + cpu["idle_ns"], 1)
        waiting = cpu["lock_wait_ns"]
        shares = (f"{part / whole:.1%}" for part in (cpu["busy_ns"] - waiting, waiting, cpu["idle_ns"]))
        table.add_row(name, *shares, format_count(cpu["interrupts"]), format_count(cpu["dpcs"]))
    return table


def _flows(flows: list[dict[str, Any]]) -> Table:
    labels = {"sent": "sent", "delivered": "intact", "altered": "altered", "late": "late", "lost": "lost"}
    table = _table("Frames", labels)
    for flow in flows:
        table.add_row(flow["name"], *(format_count(flow[key]) for key in labels.values()))
    if len(flows) > 1:
        table.add_section()
        table.add_row("all", *(format_count(sum(flow[key] for flow in flows)) for key in labels.values()))
    return table


def _latencies(flows: list[dict[str, Any]]) -> Table:
    table = _table("From send to receive", ("median", "p99", "max"))
    for flow in flows:
        times = [format_time(flow["latency_ns"][key]) if flow["intact"] else "-" for key in ("median", "p99", "max")]
        table.add_row(flow["name"], *times)
    return table


def _faults(console: Console, faults: list[dict[str, Any]]) -> None:
    """Print in one line what was done to the cards, repetitions with the time of the first."""
    counted: dict[tuple[str, str], tuple[int, int]] = {}
    for fault in faults:
        key = fault["do"], fault["nic"]
        first, times = counted.get(key, (fault["time"], 0))
        counted[key] = first, times + 1
    said = [
        f"{do} on {nic} {f'{format_count(times)} times from' if times > 1 else 'at'} {format_time(first)}"
        for (do, nic), (first, times) in counted.items()
    ]
    if said:
        console.print(Text(f"faults: {', '.join(said)}"))


def _failures(console: Console, result: dict[str, Any]) -> None:
    """Print what went wrong, with the driver's own traceback."""
    for name, nic in result["nics"].items():
        for status, count in nic["sends"]["failures"].items():
            console.print(f"{name}: {format_count(count)} sends failed with {status}")
    for name, part in [*result["nics"].items(), *result["switches"].items()]:
        for reason, count in part["drops"].items():
            if count:
                console.print(f"{name}: {format_count(count)} frames dropped: {reason}")
    for book in result["books"]:
        if not book["balanced"]:
            console.print(
                Text(f"books: {book['nic']}: {book['identity']}: {book['left']} is not {book['right']}", style="red")
            )
    print_findings(console, result["violations"], result["violations_not_listed"])


def _verdict(console: Console, result: dict[str, Any]) -> None:
    for expectation in result["expectations"]:
        holds = expectation["holds"]
        found = "" if holds else f", but it is {expectation['value']}"
        console.print(
            Text("ok    " if holds else "FAILED", style="green" if holds else "red"), expectation["that"] + found
        )
    balanced = sum(book["balanced"] for book in result["books"])
    console.print(f"books balanced: {balanced} of {len(result['books'])}, trace {result['trace_sha256'][:16]}")
    if result["passed"]:
        _hint(console, result)
    console.print(Text("passed", style="bold green") if result["passed"] else Text("failed", style="bold red"))


def _hint(console: Console, result: dict[str, Any]) -> None:
    """Say that a run has passed only because nothing was expected of its frames."""
    wrong = {"altered": "corrupt", "late": "late", "lost": "intact"}
    expected = " ".join(expectation["that"] for expectation in result["expectations"])
    counts = {word: sum(flow[word] for flow in result["flows"]) for word in wrong}
    if any(flow["intact"] for flow in result["flows"]):
        # Some are where something has happened.
        del counts["lost"]
    told = [
        f"{format_count(counts[word])} {word}"
        for word, name in wrong.items()
        if counts.get(word) and name not in expected
    ]
    if told:
        console.print(Text(f"frames {', '.join(told)}; nothing is expected of them", style="yellow"))
