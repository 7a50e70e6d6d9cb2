"""`ndisemu explain RULE`."""

import json
import sys
from dataclasses import asdict

import click

from ndisemu.observe.explaining import show_rule
from ndisemu.scenario.explanation import explain


@click.command("explain", short_help="Explain a rule")
@click.argument("rule")
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as one JSON document.")
def command(rule: str, *, as_json: bool) -> None:
    """Say what RULE asks of a driver and why, with a driver that breaks it and one that keeps it."""
    found = explain(rule)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
        return
    paragraphs = {"": found.says, "Why: ": found.why, "Not checked: ": found.unchecked}
    code = {"A driver that breaks it": found.wrong, "Its mended twin": found.right}
    show_rule(found.id, paragraphs, found.fields, code, sys.stdout)
