"""Write measured figures into docs/performance.md: its tables between their markers, and the charts that it shows.

A table stands between `<!-- name -->` and `<!-- /name -->`, where `name` is a
section of the result or a table of `TABLES`. Nothing else of the page is
touched, so what is written around the tables must hold whatever they say.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import click
from pydantic import TypeAdapter

from ndisemu.bench.document import Document, read_document
from ndisemu.bench.presentation.table import about
from ndisemu.bench.section import Section, Target, Value
from ndisemu.errors import UsageError

PAGE: Final = Path("docs/performance.md")
MARKED: Final = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- /\2 -->\n)", re.DOTALL)
NUMBER: Final = re.compile(r"[\d .]*%?")
CHART: Final = re.compile(r"\((performance/(\w+)-(\d+)\.svg)\)")
# The offered load and the interrupt interval of which the page shows all rows; the charts show the rest.
FULL_LOAD: Final = 1_488_095
MODERATED_LOAD: Final = 100_000

Row = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured: the document of `ndisemu bench`, and the sections of programs beside it, all by name."""

    document: Document
    sections: Mapping[str, Section]

    def table(self, name: str) -> str:
        """Return the table for a marker.

        Raises:
            UsageError: Nothing of that name was measured.
        """
        if name == "machine":
            return "".join(f"- {sentence}\n" for sentence in about(self.document))
        if name not in self.sections:
            raise UsageError(f"The page has a table {name!r}, and what was measured are {', '.join(self.sections)}")
        return TABLES.get(name, whole)(self.sections[name])


def read(bench: Path, others: Iterable[Path]) -> Result:
    """Read the result of `ndisemu bench all --json`, and those of programs that print one section."""
    document = read_document(bench)
    sections = [*document.sections, *(TypeAdapter(Section).validate_json(path.read_bytes()) for path in others)]
    return Result(document, {section.name: section for section in sections})


def rewrite(page: str, result: Result) -> str:
    """Return the page with its tables made from `result`."""
    return MARKED.sub(lambda found: f"{found[1]}\n{result.table(found[2])}\n{found[3]}", page)


def charts(page: str, result: Result) -> Mapping[str, str]:
    """Draw the charts that the page shows; returns each as SVG under the path by which the page names it."""
    # Only who wants charts needs matplotlib.
    from ndisemu.bench.presentation.charts import draw

    shown = CHART.findall(page)
    return {path: draw(result.sections[name].charts[int(number) - 1]).svg for path, name, number in shown}


def whole(section: Section) -> str:
    """Return the rows of a section as it shows them, and its targets."""
    headings = [column.heading for column in section.columns]
    return _table(headings, ([column.show(row[column.key]) for column in section.columns] for row in section.rows)) + (
        _targets(section.targets)
    )


def _only(keep: Callable[[Row], bool], *keys: str) -> Callable[[Section], str]:
    """Return what shows the rows that `keep` admits, without the columns of these keys."""

    def shown(section: Section) -> str:
        columns = tuple(column for column in section.columns if column.key not in keys)
        return whole(replace(section, columns=columns, rows=tuple(filter(keep, section.rows))))

    return shown


def _beside(across: str, *values: str) -> Callable[[Section], str]:
    """Return what shows one row for each case but `across`, whose values each have a column of these keys."""

    def shown(section: Section) -> str:
        columns = {column.key: column for column in section.columns}
        cases = [key for key in columns if key in {"size", "burst", "what"}]
        names = list(dict.fromkeys(str(row[across]) for row in section.rows))
        shown_of = {name: [key for key in values if _has(section, across, name, key)] for name in names}
        headings = [columns[key].heading for key in cases] + [
            f"{name}, {columns[key].heading}" for name in names for key in shown_of[name]
        ]
        found: dict[tuple[str, ...], dict[str, Row]] = {}
        for row in section.rows:
            case = tuple(columns[key].show(row[key]) for key in cases)
            found.setdefault(case, {})[str(row[across])] = row
        lines = (
            [*case, *(columns[key].show(rows.get(name, {}).get(key)) for name in names for key in shown_of[name])]
            for case, rows in found.items()
        )
        return _table(headings, lines) + _targets(section.targets)

    return shown


def _has(section: Section, across: str, name: str, key: str) -> bool:
    return any(row[across] == name and row[key] is not None for row in section.rows)


def _peers(section: Section) -> str:
    """Return a row for each peer: its rate at each size, how many times as fast ndisemu is, and what a frame does."""
    rates = {(row["peer"], row["size"]): row for row in section.rows if row["frames_per_cpu_s"] is not None}
    columns = {column.key: column for column in section.columns}
    sizes = sorted({int(row["size"] or 0) for row in rates.values()})
    lines = []
    for name, row in {row["peer"]: row for row in section.rows}.items():
        line = [str(name)]
        for size, key in ((size, key) for size in sizes for key in ("frames_per_cpu_s", "ndisemu_times_as_fast")):
            line.append(columns[key].show(rates.get((name, size), {}).get(key)))
        lines.append([*line, str(row["does"] or row["state"])])
    headings = [text for size in sizes for text in (f"{size} B", "ndisemu, times")]
    return _table(["", *headings, "what a frame goes through"], lines) + _targets(section.targets)


def _targets(targets: Sequence[Target]) -> str:
    if not targets:
        return ""
    return "\n" + _table(["target", "reached", "limit", ""], ([target.what, *target.show()] for target in targets))


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; its columns of numbers are aligned to the right."""
    lines = [list(row) for row in rows]
    rules = ["---:" if _numeric(line[place] for line in lines) else "---" for place in range(len(headings))]
    words = [heading.replace("-\n", "-").replace("\n", " ") for heading in headings]
    return "".join(f"| {' | '.join(line)} |\n" for line in (words, rules, *lines))


def _numeric(cells: Iterable[str]) -> bool:
    return all(NUMBER.fullmatch(cell) for cell in cells)


TABLES: Final[Mapping[str, Callable[[Section], str]]] = {
    "send": _beside("driver", "frames_per_cpu_s", "spread", "share"),
    "receive": _beside("driver", "frames_per_cpu_s", "share"),
    "duplex": _only(lambda row: row["offered"] == FULL_LOAD, "offered"),
    "moderation": _only(lambda row: row["offered"] == MODERATED_LOAD, "offered"),
    "echo": _only(lambda row: row["driver"] == "ring", "driver"),
    "footprint": _beside("driver", "python_bytes", "shared_bytes"),
    "peers": _peers,
}
"""The tables that are more or less than their sections."""


@click.command
@click.argument("bench", type=click.Path(exists=True, path_type=Path))
@click.argument("others", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--page", type=click.Path(exists=True, path_type=Path), default=PAGE, show_default=True, help="The page.")
def main(bench: Path, others: Sequence[Path], page: Path) -> None:
    """Write the figures of BENCH, a result of `ndisemu bench all`, and of OTHERS, from programs beside it, into the page."""
    result = read(bench, others)
    text = page.read_text(encoding="utf-8")
    drawn = charts(text, result)
    page.write_text(rewrite(text, result), encoding="utf-8")
    for path, svg in drawn.items():
        (page.parent / path).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.page")
