"""`ndisemu run FILE`."""

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

import click
import structlog

from ndisemu.cli.drive import drive
from ndisemu.cli.logs import configure
from ndisemu.cli.output import for_a_reader
from ndisemu.cli.progress import Progress
from ndisemu.errors import UsageError
from ndisemu.kernel import Ending
from ndisemu.machine import Emulation
from ndisemu.observe.report import render
from ndisemu.scenario.build import Plan
from ndisemu.scenario.load import load
from ndisemu.scenario.result import FailOn, Result
from ndisemu.scenario.run import Options, run
from ndisemu.units import SECOND, format_time, parse_duration
from ndisemu.verifier import Track, Verification, choose


@click.command("run", short_help="Run a scenario")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--seed", type=click.IntRange(min=0), help="Use this seed instead of the scenario's.")
@click.option("--clock", type=click.Choice(["virtual", "real"]), help="Use this clock instead of the scenario's.")
@click.option("--set", "changes", multiple=True, metavar="PATH=VALUE", help="Change a value: hosts.a.cpus=2.")
@click.option("--out", type=click.Path(path_type=Path), help="Write result, events and capture into this directory.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document instead of a table.")
@click.option(
    "--free", is_flag=True, help="The free build: without the rules that only watch. What is refused stays refused."
)
@click.option("--rules", default="all", metavar="RULES", help="Rules to check: ids or groups, a minus takes away.")
@click.option(
    "--track",
    type=click.Choice([level.name.lower() for level in Track]),
    default="history",
    help="How much of the past of packets, lists and requests to remember.",
)
@click.option("--touch", is_flag=True, help="Check the rules that watch single fields, too; fields are slow then.")
@click.option(
    "--fail-on",
    type=click.Choice(["violation", "warning", "never"]),
    default="violation",
    help="What of the findings makes the run fail: violations, warnings too, or none.",
)
@click.option("--verbose", is_flag=True, help="Say on stderr what is being done.")
@click.option("--wall-limit", metavar="DURATION", help="Stop after this much real time, such as 30s (exit code 124).")
def command(
    file: Path,
    *,
    seed: int | None,
    clock: str | None,
    changes: tuple[str, ...],
    out: Path | None,
    as_json: bool,
    free: bool,
    rules: str,
    track: str,
    touch: bool,
    fail_on: FailOn,
    verbose: bool,
    wall_limit: str | None,
) -> None:
    """Run the scenario in FILE and say whether it went as expected.

    A scenario may name drivers of its own, which are Python code: running a foreign
    scenario is running foreign code.
    """
    configure(verbose=verbose)
    log = structlog.get_logger()
    limit = None if wall_limit is None else _limit(wall_limit)
    overrides = [*changes]
    if seed is not None:
        overrides.append(f"seed={seed}")
    if clock is not None:
        overrides.append(f"clock={clock}")
    scenario = load(file, overrides)
    verify = None if free else Verification(choose(rules), Track[track.upper()], touch)
    log.info("running", scenario=str(file), seed=scenario.seed, clock=scenario.clock)
    # What a driver prints must not get into the result.
    with Progress() as progress, redirect_stdout(sys.stderr):
        ending = Ending(limit)

        def watch(plan: Plan, emulation: Emulation) -> None:
            ending.watch(emulation.kernel)
            progress.watch(plan, emulation)

        options = Options(out=out, verify=verify, fail_on=fail_on, watch=watch)
        outcome = drive(run(scenario, options), clock=scenario.clock, ending=ending)
    if out is not None:
        log.info("written", directory=str(out))
    with for_a_reader():
        _tell(outcome.result, as_json=as_json)
    sys.exit(outcome.exit_code)


def _tell(result: Result, *, as_json: bool) -> None:
    """Print the result."""
    if as_json:
        log = structlog.get_logger()
        for finding in result["violations"]:
            log.warning(finding["rule"], actor=finding["actor"], at=format_time(finding["time"]), text=finding["text"])
        click.echo(json.dumps(result, indent=2))
    else:
        render(result, sys.stdout)


def _limit(text: str) -> int:
    """Read a wall-clock limit, which the timer counts in a signed 32-bit number of seconds."""
    limit = parse_duration(text)
    if not 0 < limit < 2**31 * SECOND:
        raise UsageError(f"--wall-limit must be above 0 and below 68 years, not {text}")
    return limit
