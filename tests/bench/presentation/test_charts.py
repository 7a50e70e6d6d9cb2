"""Charts in both formats."""

from xml.etree import ElementTree as ET

import pytest

from ndisemu.bench.presentation.charts import draw
from ndisemu.bench.section import Chart

MANY = Chart("Many <lines>", "x & more", "y", {f"line {n}": ((1, n), (2, 2 * n)) for n in range(9)})


@pytest.mark.parametrize(("log_x", "log_y"), [(False, False), (True, False), (True, True)])
def test_an_svg_has_every_word_as_text(log_x: bool, log_y: bool) -> None:
    """Title, axes and lines can be read and searched, whatever the scales."""
    lines = {"ring": ((1.0, 10.0), (64.0, 1e6)), "ring6": ((1.0, 20.0), (8.0, 1e3))}
    drawn = draw(Chart("Rate", "burst", "frames", lines, logarithmic_x=log_x, logarithmic_y=log_y))
    root = ET.fromstring(drawn.svg)  # noqa: S314  it is our own
    words = {"".join(element.itertext()).strip() for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Rate", "burst", "frames", "ring", "ring6", "1", "8", "64"} <= words


@pytest.mark.parametrize(("largest", "words"), [(2.0, {"0", "0.5", "2"}), (2e6, {"0", "500 k", "2 M"})])
def test_numbers_on_an_axis_are_short(largest: float, words: set[str]) -> None:
    """Small ones are written out, large ones by their magnitude, on either axis."""
    svg = draw(Chart("", "", "", {"line": ((0.0, 0.0), (largest / 4, largest / 4), (largest, largest))})).svg
    assert [word for word in sorted(words) if svg.count(f">{word}<") != 2] == []


def test_a_png_is_one() -> None:
    assert draw(MANY).png.startswith(b"\x89PNG\r\n\x1a\n")


def test_the_same_figures_make_the_same_drawing() -> None:
    """No date and no chance is in it."""
    assert draw(MANY) == draw(MANY)


def test_more_lines_than_styles_are_all_drawn() -> None:
    """Styles repeat; names do not."""
    svg = draw(MANY).svg
    assert [number for number in range(9) if f">line {number}<" not in svg] == []
