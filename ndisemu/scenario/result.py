"""The result of a run, as plain data: what `result.json` holds and the table shows."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from ndisemu import __version__
from ndisemu.drivers.protocols import Flow
from ndisemu.kernel import Finding
from ndisemu.ndis import Status
from ndisemu.scenario.counters import Counters, books, percentile
from ndisemu.scenario.names import SEND_FAILURES
from ndisemu.scenario.schema import Expectation, Scenario
from ndisemu.scenario.trouble import Applied

SCHEMA_VERSION: Final = 1

Result = dict[str, Any]


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
    failures: Mapping[str, Mapping[Status, int]],
    flows: Sequence[Flow],
    faults: Sequence[Applied],
    findings: Sequence[Finding],
    findings_lost: int,
) -> Result:
    """Put a run's outcome together, judge its books and expectations, and give the verdict."""
    all_books = [book for name, counters in nics.items() for book in books(name, counters)]
    totals = {
        "violations": len(findings) + findings_lost,
        "books.unbalanced": sum(not book["balanced"] for book in all_books),
        "virtual_time_ns": virtual_time,
    }
    values = totals | {f"{name}.{key}": value for name, counters in nics.items() for key, value in counters.items()}
    for name in nics:
        values |= {f"{name}.{SEND_FAILURES}{status}": failures[name].get(status, 0) for status in Status}
    expectations = [_judge(expectation, values.get(expectation.that)) for expectation in scenario.expect]
    passed = not totals["violations"] and not totals["books.unbalanced"] and all(one["holds"] for one in expectations)
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
        "nics": {name: _nested(counters, failures[name]) for name, counters in nics.items()},
        "flows": [_flow(flow) for flow in flows],
        "faults": [asdict(fault) for fault in faults],
        "books": all_books,
        "violations": [asdict(finding) for finding in findings],
        "violations_not_listed": findings_lost,
        "expectations": expectations,
    }


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


def _nested(counters: Counters, failures: Mapping[Status, int]) -> dict[str, object]:
    """Return `sends.failed` and its like as maps within maps; failed sends also by their status."""
    nested: dict[str, object] = {"sends": {"failures": {str(status): count for status, count in failures.items()}}}
    for name, value in counters.items():
        group, _, rest = name.partition(".")
        if rest:
            inner = nested.setdefault(group, {})
            if isinstance(inner, dict):
                inner[rest] = value
        else:
            nested[group] = value
    return nested
