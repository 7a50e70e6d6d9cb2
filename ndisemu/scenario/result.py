"""The result of a run, as plain data: what `result.json` holds and the table shows."""

import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, Literal, TypeAlias

from ndisemu import __version__
from ndisemu.drivers.protocols import Flow
from ndisemu.kernel import Finding
from ndisemu.ndis import Status
from ndisemu.scenario.counters import Counters, books, percentile, switch_books
from ndisemu.scenario.names import SEND_FAILURES, VIOLATIONS
from ndisemu.scenario.schema import Expectation, Scenario
from ndisemu.scenario.trouble import Applied
from ndisemu.verifier import by_id

SCHEMA_VERSION: Final = 1

Result = dict[str, Any]
FailOn: TypeAlias = Literal["violation", "warning", "never"]
"""What of the findings makes a run fail: violations, warnings too, or none."""


def make_result(
    scenario: Scenario,
    *,
    seed: int,
    clock: str,
    build: str,
    ended: str,
    virtual_time: int,
    trace_sha256: str,
    nics: Mapping[str, Counters],
    cpus: Mapping[str, Counters],
    failures: Mapping[str, Mapping[Status, int]],
    switches: Mapping[str, Counters],
    flows: Sequence[Flow],
    faults: Sequence[Applied],
    findings: Sequence[Finding],
    findings_lost: Mapping[str, int],
    fail_on: FailOn = "violation",
) -> Result:
    """Put a run's outcome together, judge its books and expectations, and give the verdict."""
    all_books = [book for name, counters in nics.items() for book in books(name, counters)]
    all_books += [book for name, counters in switches.items() for book in switch_books(name, counters)]
    found = Counter(finding.rule for finding in findings) + Counter(findings_lost)
    warnings = sum(count for rule, count in found.items() if is_advisory(rule))
    totals = {
        "violations": found.total() - warnings,
        "warnings": warnings,
        "books.unbalanced": sum(not book["balanced"] for book in all_books),
        "virtual_time_ns": virtual_time,
    }
    parts = {**nics, **switches, **cpus}
    values = totals | {f"{name}.{key}": value for name, counters in parts.items() for key, value in counters.items()}
    for name in nics:
        values |= {f"{name}.{SEND_FAILURES}{status}": failures[name].get(status, 0) for status in Status}
    values |= {f"{VIOLATIONS}{rule}": count for rule, count in found.items()}
    expectations = [_judge(one, values.get(one.that, _usual(one.that))) for one in scenario.expect]
    faulty = _unexpected(scenario.expect, found, fail_on)
    passed = not faulty and not totals["books.unbalanced"] and all(one["holds"] for one in expectations)
    return {
        "schema_version": SCHEMA_VERSION,
        "scenario": {"name": scenario.name, "file": scenario.path.name, "sha256": scenario.source_sha256},
        "seed": seed,
        "clock": clock,
        "build": build,
        "versions": {"ndisemu": __version__, "python": platform.python_version()},
        "ended": ended,
        "passed": passed and ended in {"idle", "duration"},
        "virtual_time_ns": virtual_time,
        "trace_sha256": trace_sha256,
        "nics": {name: _of_nic(counters, failures[name]) for name, counters in nics.items()},
        "switches": {name: _nested(counters) for name, counters in switches.items()},
        "cpus": {name: counters for name, counters in cpus.items() if _has_costs(scenario, name)},
        "flows": [_flow(flow) for flow in flows],
        "faults": [asdict(fault) for fault in faults],
        "books": all_books,
        "violations": [_finding(finding) for finding in findings],
        "violations_not_listed": sum(findings_lost.values()),
        "expectations": expectations,
    }


def _unexpected(expected: Sequence[Expectation], rules: Iterable[str], fail_on: FailOn) -> bool:
    """Whether a rule was broken that makes a run fail, and of which the scenario says nothing."""
    named = [expectation.that for expectation in expected]
    if "violations" in named or fail_on == "never":
        return False
    return any(f"{VIOLATIONS}{rule}" not in named for rule in rules if fail_on == "warning" or not is_advisory(rule))


def _usual(name: str) -> int | None:
    """The value of a number that no result lists: a rule that nobody broke."""
    return 0 if name.startswith(VIOLATIONS) else None


def _finding(finding: Finding) -> dict[str, object]:
    lists = {"stack": list(finding.stack), "history": list(finding.history)}
    return {"advisory": is_advisory(finding.rule), **asdict(finding), **lists}


def is_advisory(rule_id: str) -> bool:
    """Whether a rule only warns."""
    rule = by_id().get(rule_id)
    return rule is not None and rule.advisory


def _has_costs(scenario: Scenario, cpu: str) -> bool:
    """Whether the work of a processor takes modelled time; without, there is nothing to tell of it."""
    return scenario.costs_of(scenario.hosts[cpu.partition(".")[0]]) is not None


def _judge(expectation: Expectation, value: int | None) -> dict[str, object]:
    return {
        "that": str(expectation),
        "value": value,
        "holds": value is not None and expectation.holds(value),
    }


def _flow(flow: Flow) -> dict[str, object]:
    latencies = sorted(flow.latencies.items())
    return {
        "name": flow.name,
        "sent": flow.sent,
        "intact": flow.intact,
        "altered": flow.altered,
        "late": flow.late,
        "lost": flow.lost,
        "unexpected": flow.unexpected,
        "latency_ns": {
            "median": percentile(latencies, 500),
            "p99": percentile(latencies, 990),
            "max": percentile(latencies, 1000),
        },
    }


def _of_nic(counters: Counters, failures: Mapping[Status, int]) -> dict[str, Any]:
    """Return a NIC's counters; failed sends also by their status."""
    nested = _nested(counters)
    nested["sends"] = {"failures": {str(status): count for status, count in failures.items()}} | nested["sends"]
    return nested


def _nested(counters: Counters) -> dict[str, Any]:
    """Return `sends.failed` and its like as maps within maps."""
    nested: dict[str, Any] = {}
    for name, value in counters.items():
        group, _, rest = name.partition(".")
        if rest:
            nested.setdefault(group, {})[rest] = value
        else:
            nested[group] = value
    return nested
