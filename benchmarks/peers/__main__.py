"""Measure all peers and print what was found."""

import json
from dataclasses import asdict

import click
from rich.console import Console

from benchmarks.peers.catalogue import OFFERS, SIZES
from benchmarks.peers.measure import measure
from benchmarks.peers.section import section
from ndisemu.bench.presentation.table import show_section


@click.command
@click.option("--runs", type=click.IntRange(min=1), default=5, show_default=True, help="Runs per figure.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object instead of a table.")
def main(runs: int, as_json: bool) -> None:  # noqa: FBT001  click passes options by name
    """Let ndisemu and its peers carry frames in turn, and put their rates beside each other."""
    found = section(measure(OFFERS, SIZES, runs))
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
    else:
        show_section(found, Console(highlight=False))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.peers")
