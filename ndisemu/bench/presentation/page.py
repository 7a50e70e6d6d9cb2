"""One self-contained HTML page, and the charts as files; with jinja2 and matplotlib, which are an extra.

Import it only where a page is wanted. Charts are inlined as SVG, so the page
needs nothing beside it.
"""

from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup

from ndisemu.bench.document import Document
from ndisemu.bench.presentation.charts import Drawing, draw
from ndisemu.bench.presentation.table import about
from ndisemu.errors import UsageError

TEMPLATE: Final = "page.html.j2"
PAGE: Final = "bench.html"
RESULT: Final = "bench.json"


def write_out(document: Document, directory: Path) -> None:
    """Write the page, the JSON and each chart as SVG and PNG into `directory`, which exists.

    Raises:
        UsageError: A file cannot be written.
    """
    drawn = {section.name: [draw(chart) for chart in section.charts] for section in document.sections}
    files = {PAGE: render(document, drawn).encode(), RESULT: document.to_json().encode() + b"\n"}
    for name, drawings in drawn.items():
        for number, drawing in enumerate(drawings, 1):
            files[f"{name}-{number}.svg"] = drawing.svg.encode()
            files[f"{name}-{number}.png"] = drawing.png
    for file, content in files.items():
        try:
            (directory / file).write_bytes(content)
        except OSError as error:
            raise UsageError(f"{directory / file} cannot be written: {error.strerror}") from error


def render(document: Document, drawn: dict[str, list[Drawing]]) -> str:
    """Return the page; `drawn` has the charts of each section by its name."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("ndisemu.bench", "presentation"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    inline = {name: [_inline(drawing) for drawing in drawings] for name, drawings in drawn.items()}
    page = templates.get_template(TEMPLATE)
    return page.render(document=document, about=about(document), drawn=inline)


def _inline(drawing: Drawing) -> Markup:
    """Return an SVG without what stands before its element; it is our own and needs no escaping."""
    return Markup(drawing.svg[drawing.svg.index("<svg") :])  # noqa: S704
