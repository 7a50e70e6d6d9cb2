"""`ndisemu bench [MODE]`: what the machine below this Python can carry, and how long a frame takes."""

import os
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from ndisemu.bench.modes import MODES, perform
from ndisemu.bench.options import DRIVERS, Build, Driver, Options
from ndisemu.cli.output import for_a_reader
from ndisemu.errors import UsageError

if TYPE_CHECKING:
    from ndisemu.bench.document import Document

ALL: Final = "all"
USUAL: Final = Options()
# Shorter frames could not be told apart, longer ones exceed the MTU; longer bursts would put more in flight.
SIZES: Final = (18, 1514)
BURSTS: Final = (1, 128)
# What the page is made with, and what brings it.
PAGE_NEEDS: Final = ("jinja2", "matplotlib")
EXTRA: Final = "pip install -e '.[charts]' in the folder of the project"

# Like any other mistake in what was asked for: a gate that compares nothing must not be taken for one that is open.
NOTHING_COMPARED: Final = 2

T = TypeVar("T")
Reader = Callable[[click.Context, click.Parameter, str], tuple[T, ...]]


def _list(read_one: Callable[[str], T]) -> Reader[T]:
    """Return the reader of an option that takes values with commas between them."""

    def read(_context: click.Context, _option: click.Parameter, text: str) -> tuple[T, ...]:
        return tuple(dict.fromkeys(read_one(part.strip()) for part in text.split(",")))

    return read


def _number(low: int, high: int) -> Callable[[str], int]:
    """Return the reader of a number from `low` to `high`."""

    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise click.BadParameter(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return read


def _driver(text: str) -> Driver:
    if text not in DRIVERS:
        raise click.BadParameter(f"{text!r} is not one of {', '.join(DRIVERS)}")
    return text


def _directory(_context: click.Context, _option: click.Parameter, text: str | None) -> Path | None:
    if text == "":
        raise click.BadParameter("it names no directory; the one you are in is `.`")
    return None if text is None else Path(text)


def _joined(values: Sequence[object]) -> str:
    return ",".join(map(str, values))


def _modes() -> str:
    """List the modes for the help, each with what its function says of itself."""
    said = {name: (mode.__doc__ or "").partition("\n")[0] for name, mode in MODES.items()}
    said[ALL] = "Measure in every mode."
    return "\b\nModes:\n" + "\n".join(f"  {name:<13}{text.rstrip('.')}" for name, text in said.items())


@click.command("bench", epilog=_modes())
@click.argument("mode", type=click.Choice([*MODES, ALL]), default="send", metavar="[MODE]")
@click.option("--sizes", callback=_list(_number(*SIZES)), default=_joined(USUAL.sizes), show_default=True,
              metavar="BYTES,...", help="Frame sizes as given to NDIS, without FCS.")  # fmt: skip
@click.option("--bursts", callback=_list(_number(*BURSTS)), default=_joined(USUAL.bursts), show_default=True,
              metavar="FRAMES,...", help="Frames per send.")  # fmt: skip
@click.option("--drivers", callback=_list(_driver), default=_joined(USUAL.drivers), show_default=True,
              metavar="NAME,...", help=f"Reference miniports to compare, of {', '.join(DRIVERS)}; "
              "ring6-lists is ring6 with each burst in one list.")  # fmt: skip
@click.option("--free/--checked", default=True, show_default=True,
              help="free: nobody watches; checked: the probe's events are counted.")  # fmt: skip
@click.option("--runs", type=click.IntRange(min=1), default=USUAL.runs, show_default=True, help="Runs per figure.")
@click.option("--frames", type=click.IntRange(min=1), default=USUAL.frames, show_default=True, help="Frames per run.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of tables.")
@click.option("--out", callback=_directory, metavar="DIRECTORY", help="Write charts and a page into this directory.")
@click.option("--compare", "earlier", type=click.Path(path_type=Path), metavar="FILE",
              help="Compare with an earlier JSON document; exit with 1 if a rate fell by more than a tenth, "
              "with 2 if nothing could be compared.")  # fmt: skip
def command(
    mode: str,
    *,
    sizes: tuple[int, ...],
    bursts: tuple[int, ...],
    drivers: tuple[Driver, ...],
    free: bool,
    runs: int,
    frames: int,
    as_json: bool,
    out: Path | None,
    earlier: Path | None,
) -> None:
    """Measure what is carried per CPU second, and latency in virtual time, in one of the modes below or in all."""
    from ndisemu.bench.document import read_document

    before = None if earlier is None else read_document(earlier)
    if out is not None:
        _prepare(out)
    build: Build = "free" if free else "checked"
    options = Options(sizes, bursts, drivers, build, runs, frames)
    line = _ProgressLine()
    try:
        document = perform([*MODES] if mode == ALL else [mode], options, line.tell)
    finally:
        line.clear()
    _present(document, as_json=as_json, out=out)
    if earlier is not None and before is not None:
        sys.exit(_compare(document, before, earlier, as_json=as_json))


def _prepare(out: Path) -> None:
    """Refuse before the measuring what could not be written after it."""
    # They are looked for and not imported: the collector would go through all that they bring during the runs.
    missing = [name for name in PAGE_NEEDS if find_spec(name) is None]
    if missing:
        raise UsageError(f"--out needs {' and '.join(missing)} for charts and page; to install: {EXTRA}")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out} cannot be made: {error.strerror}") from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise UsageError(f"{out} cannot be written into: Permission denied")


def _present(document: "Document", *, as_json: bool, out: Path | None) -> None:
    """Print the document, and write what was asked for."""
    with for_a_reader():
        if as_json:
            click.echo(document.to_json())
        else:
            from ndisemu.bench.presentation.table import show
            from ndisemu.observe.console import Paper

            show(document, Paper(sys.stdout))
    if out is not None:
        from ndisemu.bench.presentation.page import write_out

        write_out(document, out)


def _compare(document: "Document", before: "Document", earlier: Path, *, as_json: bool) -> int:
    """Print the comparison, beside a JSON document on stderr; returns the exit code."""
    from ndisemu.bench.compare import compare
    from ndisemu.bench.presentation.comparison import show_comparison
    from ndisemu.observe.console import Paper

    compared = compare(document, before)
    with for_a_reader():
        show_comparison(compared, earlier, Paper(sys.stderr if as_json else sys.stdout))
    if not compared.changes:
        return NOTHING_COMPARED
    return int(compared.regressions > 0)


def _on_terminal() -> bool:
    return sys.stderr.isatty()


class _ProgressLine:
    """One line of a terminal that is kept up to date, and left empty."""

    def __init__(self) -> None:
        self._shown = ""

    def tell(self, mode: str, done: int, total: int) -> None:
        """Show how far a mode is."""
        if _on_terminal():
            self.clear()
            self._shown = f"{mode}: run {done} of {total}"
            click.echo(self._shown, nl=False, err=True)

    def clear(self) -> None:
        """Empty the line."""
        if self._shown:
            click.echo(f"\r{' ' * len(self._shown)}\r", nl=False, err=True)
            self._shown = ""
