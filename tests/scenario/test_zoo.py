"""The mistakes of real drivers: each is found in the driver that makes it, and not in its mended twin."""

from functools import cache
from pathlib import Path
from typing import Final

import pytest

import ndisemu
from ndisemu.scenario.load import load
from ndisemu.scenario.result import Result
from ndisemu.scenario.run import Options, run
from ndisemu.verifier import EVERYTHING

PLACE: Final = Path(__file__).parents[2] / "scenarios" / "zoo"
FILES: Final = sorted(path.name for path in PLACE.glob("*.yaml"))
BUGS: Final = sorted({name.rpartition("-")[0] for name in FILES})
SOURCE: Final = "# Source: "


@cache
def result_of(name: str) -> Result:
    """Run a scenario with every rule on, once; nobody changes the result."""
    return ndisemu.run(run(load(PLACE / name, ()), Options(verify=EVERYTHING)))


@pytest.mark.parametrize("name", FILES)
def test_a_scenario_behaves_as_it_says(name: str) -> None:
    """Its expectations hold, and no rule is broken that they do not name."""
    result = result_of(name)
    assert result["passed"], (result["violations"], [one for one in result["expectations"] if not one["holds"]])


@pytest.mark.parametrize("bug", BUGS)
def test_a_mistake_is_shown_and_mended(bug: str) -> None:
    """Both have the same traffic and faults, and differ in the driver and in what is expected: of the twin, no violation."""
    buggy, mended = (load(PLACE / f"{bug}-{kind}.yaml", ()) for kind in ("buggy", "mended"))
    assert (buggy.traffic, buggy.faults) == (mended.traffic, mended.faults)
    assert buggy.hosts != mended.hosts
    assert buggy.expect != mended.expect
    assert not [one for one in mended.expect if one.that.startswith("violations.")]


@pytest.mark.parametrize("name", FILES)
def test_a_scenario_tells_its_story_and_whose_it_is(name: str) -> None:
    """A report that anybody can read is named."""
    story = (PLACE / name).read_text(encoding="utf-8").partition("version: 1")[0]
    assert SOURCE in story
    assert "#" in story.partition(SOURCE)[2]
    assert len(story.split()) > 30
