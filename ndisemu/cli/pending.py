"""`ndisemu pending RUN`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from ndisemu.observe.listing import show
from ndisemu.observe.objects import pending, read
from ndisemu.units import format_time, parse_duration


@click.command("pending", short_help="Show who held what in a finished run")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--at", metavar="TIME", help="At this time of the run, such as 1.5ms; without, at its end.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as one JSON document instead of a table.")
def command(run: Path, *, at: str | None, as_json: bool) -> None:
    """Show which packets, lists, requests and blocks were away from their owners in RUN, a directory of `run --out`."""
    held = pending(read(run), None if at is None else parse_duration(at))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in held], indent=2))
    elif not held:
        click.echo("nothing was pending")
    else:
        show(
            [
                {"object": one.item, "since": format_time(one.since), "by": one.call, "held by": one.owner}
                for one in held
            ],
            sys.stdout,
        )
