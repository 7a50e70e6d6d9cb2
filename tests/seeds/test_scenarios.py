"""The scenarios for the original documents: each passes, can fail, and together they use whatever can go wrong."""

from functools import cache
from pathlib import Path
from typing import Final

import pytest

import ndisemu
from ndisemu.scenario.load import load
from ndisemu.scenario.names import FAULTS
from ndisemu.scenario.result import Result
from ndisemu.scenario.run import Options, run

PLACE: Final = Path(__file__).parents[2] / "scenarios" / "seeds"
FILES: Final = sorted(path.name for path in PLACE.glob("*.yaml"))


@cache
def result_of(name: str, *overrides: str) -> Result:
    """Run a scenario, once; nobody changes the result."""
    return ndisemu.run(run(load(PLACE / name, overrides), Options()))


@pytest.mark.parametrize("name", FILES)
def test_a_scenario_passes(name: str) -> None:
    """Every expectation holds, no rule is broken, the books balance, and nothing is left to do."""
    result = result_of(name)
    assert result["passed"], (result["violations"], [one for one in result["expectations"] if not one["holds"]])
    assert result["ended"] == "idle"


@pytest.mark.parametrize("name", FILES)
def test_a_scenario_says_which_sentence_it_shows(name: str) -> None:
    """Its first lines quote the document whose number it bears, and its name has the number, too."""
    number = name.partition("-")[0]
    story = (PLACE / name).read_text(encoding="utf-8").partition("version: 1")[0]
    assert f"Seed {number}:" in story
    assert load(PLACE / name).name.startswith(f"seed {number}: ")


@pytest.mark.parametrize(
    "name", [name for name in FILES if load(PLACE / name).faults], ids=lambda name: name.removesuffix(".yaml")
)
def test_without_its_faults_a_scenario_is_another_one(name: str) -> None:
    """What it expects is what the faults bring about: without them some of it does not hold."""
    assert not result_of(name, "faults=[]")["passed"]


def test_every_fault_word_is_used() -> None:
    """What can be done to a NIC is done in one of them."""
    done = {fault.do for name in FILES for fault in load(PLACE / name).faults}
    assert done >= {*FAULTS}
