"""Sections on a terminal."""

from io import StringIO

from rich.console import Console

from ndisemu.bench import Load, Options
from ndisemu.bench.conditions import conditions
from ndisemu.bench.document import Document
from ndisemu.bench.presentation.table import show
from ndisemu.bench.rates import columns, loads, rows
from ndisemu.bench.section import Section
from ndisemu.bench.send import targets
from tests.bench.conftest import document, figure, section


def shown(found: Document, width: int = 80) -> list[str]:
    """Give the lines that are printed on a terminal of this width."""
    out = StringIO()
    show(found, Console(file=out, width=width))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_section_has_its_rows_targets_and_notes() -> None:
    """Numbers in their form, nothing for None, the verdict beside each target."""
    lines = shown(document())
    assert lines[0] == "What send found"
    assert [line.split() for line in lines[3:5]] == [
        ["1", "ring", "2", "000"], ["2", "ring", "1", "234", "567", "50.0%"],
    ]  # fmt: skip
    text = "\n".join(" ".join(line.split()) for line in lines)
    assert "ring, burst 1 2 000 at least 1 000 frames/CPU s reached" in text
    assert "idle NICs 0.25 at most 1 % reached" in text
    assert "- Measured <well>" in text


def test_a_missed_target_is_shown_as_missed() -> None:
    """In capitals, with the figure reached."""
    assert any("999" in line and line.endswith("MISSED") for line in shown(document(section(999))))


def test_a_section_without_targets_has_no_table_of_them() -> None:
    plain = Section("x", "Plain", section(1).columns, section(1).rows)
    assert not any("Targets" in line for line in shown(document(plain)))


def test_the_machine_stands_at_the_end() -> None:
    """What it was measured on, and how fast that is."""
    last = " ".join(shown(document())[-3:])
    assert "Some CPU <tm>, 2 cores, Linux x86_64, CPython 3.11.7, ndisemu 0.1.0" in last
    assert "12 000 000 steps of a fixed loop per CPU second" in last


def test_markup_in_a_text_is_text() -> None:
    """Brackets are not taken for colours."""
    odd = Section("x", "A [bold]title[/bold]", section(1).columns, section(1).rows, notes=("[red]note[/red]",))
    text = "\n".join(shown(document(odd)))
    assert "A [bold]title[/bold]" in text
    assert "- [red]note[/red]" in text


def test_the_largest_rates_fit_into_80_columns() -> None:
    """A measurement of two drivers loses no character on a small terminal, and wraps only sentences."""
    options = Options(bursts=(1, 64), drivers=("ring", "ring6"), frames=10**9)
    figures = [figure(load, 9_876_543) for load in loads(options)]
    wide = Section("send", "Rates", columns(options), rows(figures), (), targets(figures), conditions(figures, "Path"))
    lines = shown(document(wide))
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    row = next(line for line in lines if line.lstrip().startswith("64") and "ring6" in line)
    assert row.endswith("100.0%")
    assert Load(64, 64, 10**9) in [found.load for found in figures]
