"""`ndisemu`: the group of verbs, and the exit code of every way in which one can end."""

import errno
import io
import os
import sys
from importlib import import_module
from typing import Final

import click

from ndisemu import __version__
from ndisemu.cli.output import drop_the_rest, for_a_reader
from ndisemu.errors import InternalError, UsageError

# Exit codes: the user's mistake, our defect, an interrupt. A verb's own are 0, 1 and 124.
USAGE: Final = 2
DEFECT: Final = 3
INTERRUPTED: Final = 130

# Each verb is the `command` of the module of its name.
VERBS: Final = {
    "bench": "Measure frames per CPU second, and latency under load",
    "explain": "Explain a rule, with a driver that breaks it and one that keeps it",
    "list": "List drivers, rules, OIDs, statuses, counters and faults by name",
    "nbllog": "Show the life of one packet, list or request in a finished run",
    "pending": "Show who held what in a finished run",
    "run": "Run a scenario and say whether it went as expected",
    "validate": "Check a scenario without running it, or importing its drivers",
}

# What a stream says that takes no more: a full disk or quota, a lost terminal. Files of a run are named instead.
_NO_MORE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class Verbs(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs."""
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"ndisemu.cli.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run a verb, for as long as somebody reads what it prints."""
        with for_a_reader():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(VERBS.items()))


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ndisemu")
def ndisemu() -> None:
    """An executable NDIS: run network drivers against a virtual card, repeatably."""


def main() -> None:
    """Run the command and exit as documented: 0 pass, 1 fail, 2 usage, 3 defect, 124 time limit, 130 interrupted."""
    _prepare_streams()
    try:
        sys.exit(ndisemu.main(prog_name="ndisemu", standalone_mode=False))
    except UsageError as error:
        click.echo(error, err=True)
        sys.exit(USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last place where a defect can be told from a result
        if isinstance(error, OSError) and error.filename is None and error.errno in _NO_MORE:
            click.echo(f"the output cannot be written: {error.strerror}", err=True)
            drop_the_rest()
            sys.exit(USAGE)
        _report_defect(error)
        sys.exit(DEFECT)


def _prepare_streams() -> None:
    """Let no character and no closed stream keep a result from being told."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


def _report_defect(error: Exception) -> None:
    import traceback

    kind = "" if isinstance(error, InternalError) else " (unforeseen)"
    traceback.print_exception(error)
    click.echo(f"this is a defect of ndisemu{kind}: please report it with the lines above", err=True)
