"""The page, and what is written beside it."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from ndisemu.bench.document import read_document
from ndisemu.bench.presentation.page import write_out
from ndisemu.errors import UsageError
from tests.bench.conftest import document, section

VOID = ("meta", "br", "link", "img")


class Reader(HTMLParser):
    """Notes the words of each kind of element, what is left open, and what would be loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: dict[str, list[str]] = {}
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [
            value or "" for name, value in attrs if name in {"src", "href"} and not (value or "#").startswith("#")
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.words.setdefault(self.open[-1], []).append(data.strip())


def read_page(directory: Path) -> Reader:
    """Read the page in a directory."""
    reader = Reader()
    reader.feed((directory / "bench.html").read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


def test_the_directory_has_page_result_and_charts(tmp_path: Path) -> None:
    """Each chart in both formats, named after its section."""
    written = document(section(1, 2), section(3, 4, name="echo"))
    write_out(written, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "bench.html", "bench.json", "echo-1.png", "echo-1.svg", "send-1.png", "send-1.svg",
    ]  # fmt: skip
    assert read_document(tmp_path / "bench.json") == written


def test_the_page_shows_all_and_loads_nothing(tmp_path: Path) -> None:
    """Titles, rows, targets with verdicts, notes and charts are in it; angle brackets of texts are text."""
    write_out(document(section(999, 2), section(3, name="echo")), tmp_path)
    page = read_page(tmp_path)
    assert page.words["h2"] == ["What send found", "What echo found"]
    assert page.words["th"][-1] == "of <ring>"
    assert page.words["li"] == ["Measured <well>"] * 2
    assert {"999", "at least 1 000 frames/CPU s", "MISSED", "reached", "50.0%", "ring"} <= {*page.words["td"]}
    assert "A <chart>" in page.words["text"]
    assert page.loads == []


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "bench.html").mkdir()
    with pytest.raises(UsageError, match=r"bench\.html cannot be written: Is a directory"):
        write_out(document(), tmp_path)
