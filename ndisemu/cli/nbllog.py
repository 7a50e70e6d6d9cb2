"""`ndisemu nbllog RUN ID`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from ndisemu.observe.listing import show
from ndisemu.observe.objects import life, read
from ndisemu.units import format_time


@click.command("nbllog", short_help="Show the life of one packet in a finished run")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("name", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as one JSON document instead of a table.")
def command(run: Path, name: str, *, as_json: bool) -> None:
    """Show every call that was about ID, such as packet#12 or a/packet#12, in RUN, a directory of `run --out`."""
    steps = life(read(run), name)
    if as_json:
        click.echo(json.dumps([asdict(step) for step in steps], indent=2))
    else:
        show(
            [{"time": format_time(step.time), "call": step.call, "by": step.who, "then": step.then} for step in steps],
            sys.stdout,
        )
