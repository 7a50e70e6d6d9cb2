"""`ndisemu validate FILE`."""

from pathlib import Path

import click

from ndisemu.errors import ScenarioError
from ndisemu.scenario.load import load


@click.command("validate", short_help="Check a scenario")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--set", "changes", multiple=True, metavar="PATH=VALUE", help="Change a value first: hosts.a.cpus=2.")
def command(files: tuple[Path, ...], *, changes: tuple[str, ...]) -> None:
    """Check the scenarios in FILES; every mistake is printed as file:line:column, and nothing is run or imported."""
    problems = []
    for file in files:
        try:
            scenario = load(file, changes)
        except ScenarioError as error:
            problems.extend(error.problems)
        else:
            click.echo(f"{file}: {scenario.name}: no mistakes found")
    if problems:
        raise ScenarioError(problems)
