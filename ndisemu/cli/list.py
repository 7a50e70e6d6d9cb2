"""`ndisemu list TOPIC`."""

import json
import sys

import click

from ndisemu.observe.listing import show
from ndisemu.scenario.reference import TOPICS, topics


@click.command("list", short_help="List names")
@click.argument("topic", required=False, type=click.Choice(list(TOPICS)))
@click.option("--json", "as_json", is_flag=True, help="Print the rows as one JSON document instead of a table.")
def command(topic: str | None, *, as_json: bool) -> None:
    """List drivers, rules, OIDs, statuses, counters or faults by name; without a TOPIC, what can be listed."""
    if as_json:
        click.echo(json.dumps(topics() if topic is None else TOPICS[topic].rows(), indent=2))
    else:
        show(topics() if topic is None else TOPICS[topic].table(), sys.stdout)
