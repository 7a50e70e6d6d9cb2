"""Rows of words as a table of 80 columns, for people."""

import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ndisemu.observe.console import Paper


def show(rows: Sequence[Mapping[str, str]], file: TextIO = sys.stdout) -> None:
    """Print rows that have the same headings; what is too wide is folded, never cut."""
    console = Paper(file)
    table = Table(box=SIMPLE_HEAD, show_edge=False)
    headings = list(rows[0]) if rows else [""]
    # The last one is text; where there are many columns the one before it is, too.
    words = 2 if len(headings) > 3 else 1
    for heading in headings[:-words]:
        table.add_column(heading, no_wrap=True)
    for heading in headings[-words:]:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row.values()))
    console.print(table)
