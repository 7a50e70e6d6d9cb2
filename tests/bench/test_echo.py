"""Mode `echo`: latency over load in virtual time."""

from dataclasses import replace
from typing import Final

import pytest

from ndisemu.bench import BUILDS, Build, Driver, Options, echo as mode
from ndisemu.bench.echo import DELAY, SHARES, Case, Echo, echo, exchange
from ndisemu.bench.measure import percentile
from ndisemu.bench.options import DRIVERS
from ndisemu.drivers.protocols import Reflector
from ndisemu.errors import InternalError
from tests.bench.conftest import RIG

CASE: Final = Case(64, "ring", 0.1, 200, "free")


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("size", [18, 64, 1514])
def test_a_lonely_exchange_takes_two_frames_on_the_wire_and_two_delays(size: int, driver: Driver, build: Build) -> None:
    """Preamble, frame and FCS at a gigabit, there and back: nothing else takes virtual time."""
    on_wire = (8 + max(size, 60) + 4) * 8
    assert exchange(Case(size, driver, 0.01, 1, build)).latencies == (2 * (on_wire + DELAY),)


def test_latency_grows_with_load_and_never_falls_below_the_wire() -> None:
    """The closer to the capacity, the longer requests wait for the wire."""
    medians = [percentile(exchange(replace(CASE, share=share, count=500)).latencies, 500) for share in SHARES]
    assert medians == sorted(medians)
    assert medians[-1] > medians[0] > 2 * DELAY


def test_a_request_that_has_to_wait_for_a_packet_counts_from_when_it_was_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a single packet requests queue at the sender, and their latency says so."""
    usual = max(exchange(replace(CASE, share=0.9)).latencies)
    monkeypatch.setattr("ndisemu.drivers.protocols.exchange.WINDOW", 1)
    assert max(exchange(replace(CASE, share=0.9)).latencies) >= usual


def test_the_load_is_the_share_of_what_the_link_carries() -> None:
    """A tenth of the capacity is a request in the time of ten, gaps between frames counted."""
    assert CASE.interval == pytest.approx((8 + 64 + 4 + 12) * 8 * 10)


def test_a_run_repeats_to_the_nanosecond() -> None:
    assert exchange(CASE).latencies == exchange(CASE).latencies


def test_runs_that_differ_have_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Virtual time is the same in every run, or something is wrong."""
    runs = iter(range(100))
    monkeypatch.setattr(mode, "exchange", lambda _case: Echo(1, (next(runs),), RIG))
    with pytest.raises(InternalError, match="different latencies"):
        echo(Options(sizes=(64,), drivers=("ring",), runs=2, frames=5))


def test_an_answer_that_is_wrong_spoils_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replies are compared byte for byte."""

    class Mumbling(Reflector):
        def answer(self, frames: object) -> None:
            assert isinstance(frames, list)
            super().answer([frame[:-1] + bytes([frame[-1] ^ 1]) for frame in frames])

    monkeypatch.setattr(mode, "Reflector", Mumbling)
    with pytest.raises(InternalError, match="1 altered"):
        exchange(replace(CASE, count=1))


def test_the_section_has_a_row_for_each_load_and_a_chart_for_each_size() -> None:
    """Percentiles rise along a row; exchanges per CPU second are what a later measurement compares."""
    found = echo(Options(sizes=(64, 1500), drivers=("ring6",), runs=1, frames=100))
    assert [row["load"] for row in found.rows] == list(SHARES) * 2
    keys = [column.key for column in found.columns]
    assert all(row.keys() >= set(keys) for row in found.rows)
    for row in found.rows:
        times = [row[key] for key in keys if key.endswith("_ns")]
        assert times == sorted(times, key=lambda value: value if isinstance(value, int) else -1)
    assert [column.key for column in found.columns if column.role == "rate"] == ["exchanges_per_cpu_s"]
    assert [list(chart.lines) for chart in found.charts] == [["p50", "p90", "p99", "p99.9"]] * 2
    assert any("Poisson" in note for note in found.notes)
