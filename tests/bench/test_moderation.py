"""Interrupt moderation in modelled time."""

import pytest

from ndisemu.bench import Options, moderation as module
from ndisemu.bench.moderation import moderation
from ndisemu.units import MICROSECOND


def test_a_longer_interval_costs_latency_and_saves_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupts come no more often than the interval admits; frames wait for them, and the CPU is idle meanwhile."""
    monkeypatch.setattr(module, "LOADS", (100_000,))
    monkeypatch.setattr(module, "INTERVALS", (0, 50 * MICROSECOND, 200 * MICROSECOND))
    section = moderation(Options())
    assert section.name == "moderation"
    assert [row["itr"] for row in section.rows] == [0, 50, 200]
    never, often, seldom = section.rows
    for key in ("median", "p99", "idle"):
        assert never[key] < often[key] < seldom[key]  # type: ignore[operator]  # all are numbers
    assert never["interrupts"] > often["interrupts"] > seldom["interrupts"]  # type: ignore[operator]
    assert seldom["interrupts"] == pytest.approx(5000, rel=0.1)
