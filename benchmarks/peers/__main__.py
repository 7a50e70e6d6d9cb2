"""Measure all peers and print what was found."""

import json
from dataclasses import asdict

import click

from benchmarks.peers.catalogue import OFFERS, SIZES
from benchmarks.peers.measure import measure
from benchmarks.peers.section import section
from ndisemu.bench.section import Column, Section, Value


@click.command
@click.option("--runs", type=click.IntRange(min=1), default=5, show_default=True, help="Runs per figure.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object instead of a table.")
def main(runs: int, as_json: bool) -> None:  # noqa: FBT001  click passes options by name
    """Let ndisemu and its peers carry frames in turn, and put their rates beside each other."""
    found = section(measure(OFFERS, SIZES, runs))
    click.echo(json.dumps(asdict(found), indent=2) if as_json else as_text(found))


def as_text(found: Section) -> str:
    """Return a section as plain lines: rows, targets, notes."""
    cells = [
        [column.heading for column in found.columns],
        *([_shown(column, row[column.key]) for column in found.columns] for row in found.rows),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rows = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
    targets = [
        f"{'reached' if target.holds else 'MISSED'}: {target.reached:,.0f} of {target.limit:,.0f} {target.unit}, "
        f"{target.what}"
        for target in found.targets
    ]
    return "\n".join([found.title, *rows, *targets, *(f"- {note}" for note in found.notes)])


def _shown(column: Column, value: Value) -> str:
    return "" if value is None else f"{value:{column.form}}"


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.peers")
