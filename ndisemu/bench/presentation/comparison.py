"""A comparison with an earlier result on a terminal."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from ndisemu.bench.compare import TOLERANCE, Compared
from ndisemu.bench.presentation.table import list_sentences, new_table


def show_comparison(compared: Compared, earlier: Path, console: Console) -> None:
    """Print each change beside what it is of, and what follows; `earlier` is the file it was compared with."""
    for name, changes in compared.changes.items():
        table = new_table(f"{name}, compared with {earlier}")
        headings = [heading for heading, _ in changes[0].case]
        for heading in (*headings, f"then, {changes[0].column.heading}", "now", "change"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("verdict")
        for change in changes:
            flagged = change.fell and not compared.differences
            table.add_row(
                *(Text(value) for _, value in change.case),
                *(change.column.show(value) for value in (change.before, change.after)),
                f"{change.ratio:+.1%}",
                Text("REGRESSION" if flagged else "", style="bold red"),
            )
        console.print(table)
        console.print()
    list_sentences(sentences(compared), console)


def sentences(compared: Compared) -> list[str]:
    """Say what follows from the comparison."""
    said = [f"The calibrating loop's own rate has changed by {compared.calibration:+.1%}; no rate is scaled by that"]
    if compared.unmatched:
        said.append(
            f"Rates measured now that the earlier result has not, or from other builds, bursts or numbers of frames: {compared.unmatched}"
        )
    if not compared.changes:
        said.append("Nothing could be compared")
    elif compared.differences:
        said.append(f"Another machine, so this only informs ({'; '.join(compared.differences)})")
    elif compared.regressions:
        rates = "1 rate" if compared.regressions == 1 else f"{compared.regressions} rates"
        said.append(f"{rates} fell by more than {TOLERANCE:.0%} on the same machine")
    else:
        said.append(f"No rate fell by more than {TOLERANCE:.0%} on the same machine")
    return said
