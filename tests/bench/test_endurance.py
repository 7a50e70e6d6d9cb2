"""Faults at full load, at moments that seeds choose: nothing is lost, nothing is kept, nothing comes back twice."""

from typing import Final

import pytest

from ndisemu import Status, run
from ndisemu.bench.endurance import Fault, endure

SEEDS: Final = 100
AT_A_TIME: Final = 10
ABORTED: Final = {
    Fault.NONE: None,
    Fault.RESET: Status.REQUEST_ABORTED,
    Fault.PROTOCOL_RESET: Status.REQUEST_ABORTED,
    Fault.SURPRISE_REMOVAL: Status.NOT_ACCEPTED,
}


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SEEDS, AT_A_TIME))
@pytest.mark.parametrize("fault", [Fault.RESET, Fault.PROTOCOL_RESET, Fault.SURPRISE_REMOVAL])
def test_a_fault_at_full_load_loses_nothing(fault: Fault, first: int) -> None:
    """Every packet comes back exactly once, every buffer comes home, the books balance, no rule is broken."""
    for seed in range(first, first + AT_A_TIME):
        outcome = run(endure(seed, fault, frames=400))
        assert outcome.wrong == (), f"seed {seed}"
        aborted = ABORTED[fault]
        # At full load there is always something in the card: a fault that met nothing would prove nothing.
        assert aborted is not None
        assert outcome.ends.get(aborted, 0) > 0, f"seed {seed}"


def test_without_a_fault_everything_gets_across() -> None:
    """The load itself loses nothing."""
    outcome = run(endure(3, Fault.NONE, frames=500))
    assert (outcome.wrong, outcome.ends, outcome.received) == ((), {Status.SUCCESS: 1000}, 1000)


def test_an_endurance_run_can_be_repeated() -> None:
    """The same seed gives the same outcome, and another one another."""
    outcomes = [run(endure(seed, Fault.RESET, frames=500)) for seed in (5, 5, 6)]
    assert outcomes[0] == outcomes[1] != outcomes[2]
