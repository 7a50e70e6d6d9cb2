"""Figures get into the page, and nothing else of it changes."""

import json
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from benchmarks import layers, page
from ndisemu.bench import Load
from ndisemu.bench.document import Document
from ndisemu.bench.modes import MODES
from ndisemu.bench.section import Column, Section
from ndisemu.errors import UsageError
from tests.bench.conftest import document, section

ROOT: Final = Path(__file__).parents[2]
TEXT: Final = """# Speed

Before.

<!-- storm -->
stale
<!-- /storm -->

![A chart](performance/storm-1.svg)

<!-- machine -->
<!-- /machine -->
After, and a <!-- remark -->.
"""
MADE: Final = """# Speed

Before.

<!-- storm -->

| burst | driver | frames/CPU s | of <ring> |
| ---: | --- | ---: | ---: |
| 1 | ring | 2 000 |  |
| 2 | ring | 1 234 567 | 50.0% |

| target | reached | limit |  |
| --- | ---: | --- | --- |
| ring, burst 1 | 2 000 | at least 1 000 frames/CPU s | reached |
| idle NICs | 0.25 | at most 1 % | reached |

<!-- /storm -->

![A chart](performance/storm-1.svg)

<!-- machine -->

- Some CPU <tm>, 2 cores, Linux x86_64, CPython 3.11.7, ndisemu 0.1.0
- Calibration: 12 000 000 steps of a fixed loop per CPU second

<!-- /machine -->
After, and a <!-- remark -->.
"""
PAGE: Final = ROOT / page.PAGE


def result(*sections: Section) -> page.Result:
    """Make a result of these sections."""
    return page.Result(document(), {each.name: each for each in sections})


def test_the_program_changes_the_tables_and_nothing_else(tmp_path: Path) -> None:
    """Tables come from the document, the chart beside the page, and a second time changes nothing."""
    (tmp_path / "bench.json").write_text(document(section(2000, 1_234_567, name="storm")).to_json(), encoding="utf-8")
    (tmp_path / "page.md").write_text(TEXT, encoding="utf-8")
    (tmp_path / "performance").mkdir()
    words = [str(tmp_path / "bench.json"), "--page", str(tmp_path / "page.md")]
    for _ in range(2):
        assert CliRunner().invoke(page.main, words, catch_exceptions=False).exit_code == 0
        assert (tmp_path / "page.md").read_text(encoding="utf-8") == MADE
    assert [path.name for path in (tmp_path / "performance").iterdir()] == ["storm-1.svg"]


def test_sections_of_other_programs_are_read_beside_the_document(tmp_path: Path) -> None:
    """A section for itself is found by its name."""
    (tmp_path / "bench.json").write_text(document().to_json(), encoding="utf-8")
    (tmp_path / "other.json").write_text(json.dumps(asdict(section(5, name="layers"))), encoding="utf-8")
    found = page.read(tmp_path / "bench.json", [tmp_path / "other.json"])
    assert isinstance(found.document, Document)
    assert list(found.sections) == ["send", "layers"]


def test_a_table_of_what_was_not_measured_is_refused() -> None:
    """The mistake names the table, and what there is."""
    with pytest.raises(UsageError, match="The page has a table 'storm', and what was measured are send, echo"):
        page.rewrite(TEXT, result(section(1), section(2, name="echo")))


def test_drivers_stand_beside_each_other() -> None:
    """One row for a case, and no column of what a driver never has."""
    columns = (
        Column("size", "size", role="case"),
        Column("driver", "driver", role="case"),
        Column("frames_per_cpu_s", "rate", ",d"),
        Column("share", "of ring", ".0%"),
    )
    rows = [
        {"size": size, "driver": driver, "frames_per_cpu_s": rate, "share": share}
        for size, driver, rate, share in ((64, "ring", 2000, None), (64, "ring6", 1000, 0.5), (99, "ring", 3000, None))
    ]
    told = page.TABLES["receive"](Section("receive", "", columns, tuple(rows)))
    assert told.splitlines() == [
        "| size | ring, rate | ring6, rate | ring6, of ring |",
        "| ---: | ---: | ---: | ---: |",
        "| 64 | 2 000 | 1 000 | 50% |",
        "| 99 | 3 000 |  |  |",
    ]


def test_a_peer_has_one_row_with_its_sizes() -> None:
    """What was not measured at a size is left empty, and a missing peer says why."""
    columns = tuple(
        Column(key, key, form) for key, form in (("frames_per_cpu_s", ",d"), ("ndisemu_times_as_fast", ".1f"))
    )
    keys = ("peer", "size", "frames_per_cpu_s", "ndisemu_times_as_fast", "does", "state")
    rows = [
        dict(zip(keys, values, strict=True))
        for values in (
            ("us", 64, 3000, None, "all", "measured"),
            ("us", 1500, 1500, None, "all", "measured"),
            ("slow", 64, 1000, 3.0, "little", "published"),
            ("far", None, None, None, None, "skipped: it is far away"),
        )
    ]
    told = page.TABLES["peers"](Section("peers", "", columns, tuple(rows)))
    assert told.splitlines() == [
        "|  | 64 B | ndisemu, times | 1500 B | ndisemu, times | what a frame goes through |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
        "| us | 3 000 |  | 1 500 |  | all |",
        "| slow | 1 000 | 3.0 |  |  | little |",
        "| far |  |  |  |  | skipped: it is far away |",
    ]


def test_the_page_has_a_table_for_every_mode_and_small_charts() -> None:
    """What is measured is shown, and each chart that the page names is there, with less than 100 kB."""
    text = PAGE.read_text(encoding="utf-8")
    tables = [found[2] for found in page.MARKED.finditer(text)]
    assert sorted(tables) == sorted([*MODES, "machine", "peers", "layers"])
    shown = [PAGE.parent / path for path, _, _ in page.CHART.findall(text)]
    assert shown
    assert sorted(shown) == sorted((PAGE.parent / "performance").iterdir())
    assert [path for path in shown if path.stat().st_size >= 100_000] == []


def test_layers_add_up_and_leave_no_timer() -> None:
    """The parts of a load are its whole, and every file of the package has a layer."""
    found = layers.section([Load(64, 64, 60_000)])
    costs = {row["layer"]: int(row["ring, burst 64"] or 0) for row in found.rows}
    whole = costs.pop("all")
    assert whole > 0
    assert abs(sum(costs.values()) - whole) <= len(costs)
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)
    assert layers.layer_of(None) == "other"
