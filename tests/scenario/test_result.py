"""The result: expectations are judged, the verdict follows from everything, and it is plain data."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from ndisemu.drivers.protocols import Flow
from ndisemu.kernel import Finding
from ndisemu.ndis import Status
from ndisemu.scenario.load import load
from ndisemu.scenario.names import NIC_COUNTERS
from ndisemu.scenario.result import Result, make_result
from ndisemu.scenario.trouble import Applied

Write = Callable[[str | bytes], Path]

TEXT: Final = """\
version: 1
name: judged
hosts: {{a: {{nics: {{eth0: {{}}}}}}}}
expect: {expect}
"""
FINDING: Final = Finding("bugcheck", "a.eth0", "it raised", 5, "a.cpu0", 2)


@pytest.fixture
def judged(write: Write) -> Callable[..., Result]:
    """Return a function that makes a result with expectations and facts."""

    def make(expect: str = "[]", **facts: Any) -> Result:
        counters = dict.fromkeys(NIC_COUNTERS, 0) | facts.pop("counters", {})
        usual: dict[str, Any] = {
            "seed": 7, "clock": "virtual", "build": "checked", "ended": "idle", "virtual_time": 1_000,
            "trace_sha256": "00", "nics": {"a.eth0": counters}, "failures": {"a.eth0": {}}, "switches": {}, "flows": [],
            "cpus": {}, "faults": [], "findings": [], "findings_lost": {},
        }  # fmt: skip
        return make_result(load(write(TEXT.format(expect=expect))), **(usual | facts))

    return make


@pytest.mark.parametrize(
    ("comparison", "holds"),
    [
        ("equals: 5", True), ("equals: 4", False), ("equals: 5.0", True),
        ("at_least: 5", True), ("at_least: 6", False), ("at_least: 4.9", True),
        ("at_most: 5", True), ("at_most: 4", False), ("at_most: 5.1", True),
    ],
)  # fmt: skip
def test_an_expectation_is_compared_with_its_counter(
    judged: Callable[..., Result], comparison: str, *, holds: bool
) -> None:
    """The verdict on an expectation is the comparison's, its value is told, and the run passes only with it."""
    result = judged(f"[{{that: a.eth0.interrupts, {comparison}}}]", counters={"interrupts": 5})
    assert [(one["value"], one["holds"]) for one in result["expectations"]] == [(5, holds)]
    assert result["passed"] is holds


@pytest.mark.parametrize(("counter", "value"), [("violations", 3), ("books.unbalanced", 1), ("virtual_time_ns", 1_000)])
def test_numbers_of_the_whole_run_can_be_expected(judged: Callable[..., Result], counter: str, value: int) -> None:
    """Violations count also where they are not listed any more, and unbalanced books by identity."""
    result = judged(
        f"[{{that: {counter}, equals: {value}}}]",
        findings=[FINDING],
        findings_lost={FINDING.rule: 2},
        counters={"sends.submitted": 1},
    )
    assert result["expectations"] == [{"that": f"{counter} = {value}", "value": value, "holds": True}]


@pytest.mark.parametrize(
    ("facts", "passed"),
    [
        ({}, True),
        ({"ended": "duration"}, True),
        ({"ended": "interrupted"}, False),
        ({"ended": "failed"}, False),
        ({"findings": [FINDING]}, False),
        ({"findings_lost": {FINDING.rule: 1}}, False),
        ({"findings_lost": {"rx-resources-recovery": 1}}, True),
        ({"counters": {"sends.submitted": 1}}, False),
        ({"counters": {"sends.submitted": 1, "sends.failed": 1}}, True),
        ({"nics": {}, "failures": {}}, True),
    ],
)
def test_a_run_passes_only_if_it_ended_well_with_balanced_books_and_no_violation(
    judged: Callable[..., Result], facts: dict[str, Any], *, passed: bool
) -> None:
    """Without any expectation, the end, the books and the rules still decide."""
    assert judged(**facts)["passed"] is passed


def test_an_expectation_about_what_was_never_built_fails(judged: Callable[..., Result]) -> None:
    """Where a machine could not be built its numbers are missing, which is no zero."""
    result = judged("[{that: a.eth0.interrupts, equals: 0}]", nics={}, failures={}, ended="failed")
    assert result["expectations"] == [{"that": "a.eth0.interrupts = 0", "value": None, "holds": False}]


@pytest.mark.parametrize(("status", "value"), [(Status.INVALID_LENGTH, 3), (Status.REQUEST_ABORTED, 0)])
def test_failed_sends_can_be_expected_by_their_status(
    judged: Callable[..., Result], status: Status, value: int
) -> None:
    """Every status has a number; of one that no send ended with, it is 0."""
    result = judged(
        f"[{{that: a.eth0.sends.failures.{status}, equals: {value}}}]",
        failures={"a.eth0": {Status.INVALID_LENGTH: 3}},
    )
    assert [(one["value"], one["holds"]) for one in result["expectations"]] == [(value, True)]


def test_a_result_lists_the_faults(judged: Callable[..., Result]) -> None:
    """In the order in which they happened, as plain data; they fail nothing by themselves."""
    result = judged(faults=[Applied(5, "a.eth0", "link_down"), Applied(9, "a.eth0", "link_up")])
    assert result["faults"] == [
        {"time": 5, "nic": "a.eth0", "do": "link_down"},
        {"time": 9, "nic": "a.eth0", "do": "link_up"},
    ]
    assert result["passed"]


def test_a_result_is_plain_data(judged: Callable[..., Result]) -> None:
    """It is the same after a journey through JSON, with findings, flows and failed sends in it."""
    flow = Flow("a.eth0 to b.eth0")
    flow.enter([b"x"], 0)
    result = judged(
        findings=[FINDING],
        flows=[flow],
        failures={"a.eth0": {Status.INVALID_LENGTH: 3}},
        counters={"sends.submitted": 3, "sends.failed": 3},
    )
    assert json.loads(json.dumps(result)) == result
    assert result["schema_version"] == 1
    assert result["nics"]["a.eth0"]["sends"]["failures"] == {"NDIS_STATUS_INVALID_LENGTH": 3}
    assert result["violations"][0]["text"] == "it raised"
    assert (result["flows"][0]["sent"], result["flows"][0]["lost"]) == (1, 1)


def test_a_result_says_what_ran(judged: Callable[..., Result]) -> None:
    """Name, file and hash of the scenario are in it, and the path of the user's disk is not."""
    result = judged()
    assert (result["scenario"]["name"], result["scenario"]["file"]) == ("judged", "s.yaml")
    assert len(result["scenario"]["sha256"]) == 64
    assert result["versions"].keys() == {"ndisemu", "python"}
