"""The scenarios that come with the project: each is valid, passes, and tells the truth in its first lines.

Those for the original documents are in `tests/seeds`.
"""

from functools import cache
from pathlib import Path
from typing import Final

import pytest

import ndisemu
from ndisemu.scenario.load import load
from ndisemu.scenario.result import Result
from ndisemu.scenario.run import Options, run

SCENARIOS: Final = Path(__file__).parents[2] / "scenarios"
FILES: Final = sorted(path.relative_to(SCENARIOS).as_posix() for path in SCENARIOS.glob("*.yaml"))


@cache
def result_of(name: str) -> Result:
    """Run a shipped scenario, once; nobody changes the result."""
    return ndisemu.run(run(load(SCENARIOS / name), Options()))


def test_there_are_the_scenarios_that_the_documents_name() -> None:
    """The list is not empty, and has the quickstart and the mixture of protocols."""
    assert {"quickstart.yaml", "mixed.yaml", "mixed-jumbo.yaml", "throughput.yaml"} <= {*FILES}


@pytest.mark.parametrize("name", FILES)
def test_a_shipped_scenario_passes(name: str) -> None:
    """It runs to its end, holds what it expects, breaks no rule, and its books balance."""
    result = result_of(name)
    assert result["passed"], result["violations"]
    assert result["ended"] == "idle"
    assert result["expectations"]


@pytest.mark.parametrize("name", FILES)
def test_a_shipped_scenario_begins_with_its_story(name: str) -> None:
    """The first lines are a comment that tells what is to be seen."""
    lines = (SCENARIOS / name).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert lines.index("version: 1") >= 2


def test_the_quickstart_delivers_every_frame_unaltered_and_in_order() -> None:
    """1 500 frames are sent and 1 500 arrive: none altered, none late, none lost, none invented."""
    flows = result_of("quickstart.yaml")["flows"]
    assert [flow["sent"] for flow in flows] == [1237, 263]
    assert sum(flow["intact"] for flow in flows) == 1500
    assert [flow[key] for flow in flows for key in ("altered", "late", "lost", "unexpected")] == [0] * 8
    assert max(flow["latency_ns"]["max"] for flow in flows) == 1_630_000


def test_a_jumbo_is_refused_by_name_and_everything_else_arrives() -> None:
    """With an MTU of 1500 the jumbo fails with NDIS_STATUS_INVALID_LENGTH, and 54 frames of 55 are delivered."""
    result = result_of("mixed.yaml")
    assert result["nics"]["a.eth0"]["sends"]["failures"] == {"NDIS_STATUS_INVALID_LENGTH": 1}
    assert (result["flows"][0]["intact"], result["flows"][0]["lost"], result["flows"][0]["altered"]) == (54, 1, 0)


def test_over_jumbo_frames_all_of_the_mixture_arrives() -> None:
    """With an MTU of 9000 all 55 frames are delivered, the jumbo with them."""
    result = result_of("mixed-jumbo.yaml")
    assert result["nics"]["a.eth0"]["sends"]["failures"] == {}
    assert (result["flows"][0]["intact"], result["flows"][0]["lost"]) == (55, 0)
