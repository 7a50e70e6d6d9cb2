"""A rule and its drivers as a person reads them, in 80 columns."""

from collections.abc import Mapping
from typing import TextIO

from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from ndisemu.observe.console import Paper


def show_rule(
    name: str, paragraphs: Mapping[str, str], fields: Mapping[str, str], code: Mapping[str, str], file: TextIO
) -> None:
    """Print a rule: its name, its paragraphs under their headings, its short facts, and pieces of Python."""
    console = Paper(file)
    console.print(Text(name, style="bold"))
    for heading, paragraph in paragraphs.items():
        if paragraph:
            console.print()
            console.print(Text(f"{heading}{paragraph}"))
    console.print()
    facts = Table.grid(padding=(0, 2))
    for heading, said in fields.items():
        facts.add_row(Text(heading, style="dim"), Text(said))
    console.print(facts)
    for heading, source in code.items():
        if source:
            console.print()
            console.print(Text(heading, style="bold"))
            console.print(Syntax(source, "python", theme="ansi_dark", background_color="default", word_wrap=True))
