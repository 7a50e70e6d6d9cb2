"""`ndisemu bench`: how many frames per CPU second the whole path carries."""

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from ndisemu.bench import Build, Driver

# Shorter frames could not be told apart, longer ones exceed the MTU; longer bursts would put more in flight.
_SIZES: Final = (18, 1514)
_BURSTS: Final = (1, 128)

_Callback = Callable[[click.Context, click.Parameter, str], tuple[int, ...]]


def _numbers(low: int, high: int) -> _Callback:
    """Return the reader of an option that takes numbers from `low` to `high` with commas between them."""

    def read(_context: click.Context, _option: click.Parameter, text: str) -> tuple[int, ...]:
        numbers = []
        for part in text.split(","):
            if not part.strip().isdecimal() or not low <= int(part) <= high:
                raise click.BadParameter(f"{part.strip()!r} is not a whole number from {low} to {high}")
            numbers.append(int(part))
        return tuple(dict.fromkeys(numbers))

    return read


@click.command("bench")
@click.option("--sizes", callback=_numbers(*_SIZES), default="64,1500", show_default=True, metavar="BYTES,...",
              help="Frame sizes as given to NDIS, without FCS.")  # fmt: skip
@click.option("--bursts", callback=_numbers(*_BURSTS), default="1,8,64", show_default=True, metavar="PACKETS,...",
              help="Packets per send.")  # fmt: skip
@click.option("--runs", type=click.IntRange(min=1), default=5, show_default=True, help="Runs per figure.")
@click.option("--frames", type=click.IntRange(min=1), default=100_000, show_default=True, help="Frames per run.")
@click.option("--build", type=click.Choice(["free", "checked"]), default="free", show_default=True,
              help="free: nobody watches; checked: the probe's events are counted.")  # fmt: skip
@click.option("--driver", "drivers", type=click.Choice(["ring", "ring6", "legacy"]), multiple=True, default=["ring"],
              show_default=True, help="Reference miniport on both hosts; give several to compare them.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list of figures instead of a table.")
def command(
    sizes: tuple[int, ...],
    bursts: tuple[int, ...],
    runs: int,
    frames: int,
    build: "Build",
    drivers: "tuple[Driver, ...]",
    as_json: bool,  # noqa: FBT001  click passes options by name
) -> None:
    """Measure how many frames per CPU second go from one host's protocol to another's.

    Two hosts with a reference miniport and the whole card each, every frame
    compared on arrival; median and spread of several runs.
    """
    from ndisemu.bench import Load, measure

    loads = [
        Load(size, burst, frames, build, driver)
        for size in sizes
        for burst in bursts
        for driver in dict.fromkeys(drivers)
    ]
    figures = measure(loads, runs, progress=_progress if _on_terminal() else None)
    if as_json:
        click.echo(json.dumps([figure.row() for figure in figures], indent=2))
        return
    from ndisemu.bench.table import show

    show(figures)


def _on_terminal() -> bool:
    return sys.stderr.isatty()


def _progress(done: int, total: int) -> None:
    """Keep one line of a terminal up to date, and leave it empty."""
    text = f"run {done} of {total}"
    click.echo(f"\r{' ' * len(text)}\r" if done == total else f"\r{text}", nl=False, err=True)
