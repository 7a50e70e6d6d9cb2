"""Sections on a terminal: rows, targets with the figure reached beside each, and the notes; readable in 80 columns.

Import it only where a table is wanted: it is what loads rich.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ndisemu.bench.document import Document, Machine
from ndisemu.bench.section import Section, Target
from ndisemu.units import format_count

# Up to how many characters what a row is of stays on one line.
LONGEST_CASE: Final = 24


def show(document: Document, console: Console) -> None:
    """Print every section, and what it was measured on."""
    for section in document.sections:
        show_section(section, console)
        console.print()
    list_sentences(about(document), console)


def show_section(section: Section, console: Console) -> None:
    """Print one section."""
    table = new_table(section.title)
    for column in section.columns:
        words = [value for row in section.rows if isinstance(value := row[column.key], str)]
        # What is long has to give way to figures.
        whole = not words or (column.role == "case" and max(map(len, words)) <= LONGEST_CASE)
        table.add_column(column.heading, justify="left" if words else "right", no_wrap=whole)
    for row in section.rows:
        table.add_row(*(Text(column.show(row[column.key])) for column in section.columns))
    console.print(table)
    console.print()
    if section.targets:
        console.print(_targets(section.targets))
        console.print()
    list_sentences(section.notes, console)


def new_table(title: str) -> Table:
    """Return an empty table as all of them look."""
    return Table(
        title=Text(title),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
    )


def list_sentences(sentences: Iterable[str], console: Console) -> None:
    """Print sentences as a list."""
    below = Table.grid(padding=(0, 1))
    for sentence in sentences:
        below.add_row("-", Text(sentence))
    console.print(below)


def about(document: Document) -> tuple[str, ...]:
    """Say what a document was measured on."""
    return (
        machine_named(document.machine),
        f"Calibration: {format_count(document.calibration)} steps of a fixed loop per CPU second",
    )


def machine_named(machine: Machine) -> str:
    """Name a machine."""
    cores = f"{machine.cores} core" if machine.cores == 1 else f"{machine.cores} cores"
    return f"{machine.cpu}, {cores}, {machine.platform}, {machine.python}, ndisemu {machine.ndisemu}"


def _targets(targets: Sequence[Target]) -> Table:
    table = new_table("Targets")
    table.add_column("of")
    table.add_column("reached", justify="right", no_wrap=True)
    table.add_column("target", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for target in targets:
        reached, limit, verdict = target.show()
        table.add_row(Text(target.what), reached, limit, Text(verdict, style="green" if target.holds else "bold red"))
    return table
