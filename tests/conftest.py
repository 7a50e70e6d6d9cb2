"""What holds for every test: no test is skipped in silence, and properties repeat.

`NDISEMU_NO_SKIP=1`, which continuous integration sets, turns each skipped test or module into a failure: a
machine that can run everything must. Under `CI` hypothesis draws the same examples in every run.
"""

import gc
import os
from collections.abc import Generator

import hypothesis
import pytest

hypothesis.settings.register_profile("dev", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure that gives its reason; an expected failure is not a skip."""
    if os.environ.get("NDISEMU_NO_SKIP") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}\nA skip is a failure here, because NDISEMU_NO_SKIP=1 is set"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Refuse the skip of a test; outermost, so that expected failures are marked already."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse the skip of a whole module."""
    report = yield
    _refuse_skip(report)
    return report


def pytest_collection_finish() -> None:
    """Take thousands of collected tests out of the garbage collector's sight; it would go through them again and again."""
    gc.collect()
    gc.freeze()
