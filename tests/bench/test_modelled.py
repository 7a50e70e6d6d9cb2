"""Two hosts that talk in modelled time."""

from dataclasses import replace

import pytest

from ndisemu.bench import modelled
from ndisemu.bench.modelled import DRIVERS, Outcome, Setup, talk
from ndisemu.errors import InternalError
from ndisemu.kernel import Costs
from ndisemu.units import MILLISECOND

SHORT = Setup("ring", duration=MILLISECOND)


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_figures_are_the_same_every_time(driver: str) -> None:
    """They are virtual: goodput, shares of each CPU, interrupts and latencies."""
    setup = replace(SHORT, driver=driver, offered=300_000)
    assert talk(setup) == talk(setup)


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_what_is_offered_arrives_where_there_is_time_for_it(cpus: int) -> None:
    """Both directions, shared out among the senders, but for what is on its way at the end."""
    outcome = talk(replace(SHORT, cpus=cpus, offered=100_000))
    assert outcome.goodput == pytest.approx(200_000, rel=0.05)
    assert len(outcome.idle) == len(outcome.waiting) == cpus


@pytest.mark.parametrize(("duplex", "goodput"), [(True, 2), (False, 1)])
def test_where_work_costs_nothing_the_wire_is_the_limit(goodput: int, *, duplex: bool) -> None:
    """1 488 095 frames a second each way; no CPU is busy."""
    outcome = talk(replace(SHORT, costs=Costs(), duplex=duplex, burst=64))
    assert outcome.goodput == pytest.approx(goodput * 1_488_095, rel=0.02)
    assert outcome.idle == (1, 1)


def test_shares_add_up() -> None:
    """A CPU is idle, waiting or at work; with interrupts far apart it is mostly idle."""
    outcome = talk(replace(SHORT, driver="legacy", offered=200_000))
    assert all(0 <= wait <= 1 - idle <= 1 for wait, idle in zip(outcome.waiting, outcome.idle, strict=True))


def test_a_run_in_which_a_rule_was_broken_has_no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused with what was found."""

    class Broken(DRIVERS["ring"][0]):  # type: ignore[misc]  # one of several classes
        def send_packets(self, packets: object) -> object:
            return "nonsense"

    monkeypatch.setitem(modelled.DRIVERS, "ring", (Broken, DRIVERS["ring"][1]))
    with pytest.raises(InternalError, match="MiniportSendPackets returned 'nonsense'"):
        talk(SHORT)


def test_an_outcome_is_plain_data() -> None:
    """Rates and shares, and a sorted list of latencies."""
    outcome = talk(replace(SHORT, offered=50_000))
    assert isinstance(outcome, Outcome)
    assert list(outcome.latencies) == sorted(outcome.latencies)
    assert outcome.interrupts > 0
