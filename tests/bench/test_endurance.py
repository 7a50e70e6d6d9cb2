"""Faults at full load, at moments that seeds choose: nothing is lost, nothing is kept, nothing comes back twice."""

from typing import Final

import pytest

from ndisemu import Status, run
from ndisemu.bench.endurance import CASES, Fault, endure
from ndisemu.machine import FAULTS
from ndisemu.verifier import EVERYTHING

SEEDS: Final = range(12)
STRUCK: Final = [(driver, fault) for driver, faults in CASES.items() for fault in faults if fault is not Fault.NONE]
# How sends end in a reset of NDIS 5.1 and of NDIS 6, and where the card is gone.
ABORTED: Final = {
    Fault.RESET: (Status.REQUEST_ABORTED, Status.RESET_IN_PROGRESS),
    Fault.PROTOCOL_RESET: (Status.REQUEST_ABORTED,),
    Fault.SURPRISE_REMOVE: (Status.NOT_ACCEPTED,),
}


@pytest.mark.slow
@pytest.mark.parametrize(("driver", "fault"), STRUCK, ids=str)
def test_a_fault_at_full_load_loses_nothing(driver: str, fault: Fault) -> None:
    """Every packet comes back exactly once, every buffer comes home, the books balance, no rule is broken."""
    for seed in SEEDS:
        # Each order of events with and without the rules, which take as long as all the rest.
        outcome = run(endure(seed, driver, fault, frames=400, verify=EVERYTHING if seed % 4 < 2 else None))
        assert outcome.wrong == (), f"seed {seed}"
        # At full load there is always something in the card: a fault that met nothing would prove nothing.
        assert outcome.met > 0, f"seed {seed}"
        aborted = ABORTED.get(fault)
        assert aborted is None or any(status in outcome.ends for status in aborted), f"seed {seed}"


def test_a_pause_fails_no_send() -> None:
    """What was begun is completed as sent, and protocols wait with the rest."""
    outcome = run(endure(4, "ring6", Fault.PAUSE, frames=500))
    assert (outcome.wrong, outcome.ends) == ((), {Status.SUCCESS: 1000})


@pytest.mark.parametrize("driver", CASES)
def test_without_a_fault_everything_gets_across(driver: str) -> None:
    """The load itself loses nothing."""
    outcome = run(endure(3, driver, Fault.NONE, frames=500))
    assert (outcome.wrong, outcome.ends, outcome.received) == ((), {Status.SUCCESS: 1000}, 1000)


def test_an_endurance_run_can_be_repeated() -> None:
    """The same seed gives the same outcome, and another one another."""
    outcomes = [run(endure(seed, "ring", Fault.RESET, frames=500)) for seed in (5, 5, 6)]
    assert outcomes[0] == outcomes[1] != outcomes[2]


def test_faults_are_those_of_machines() -> None:
    """But for two at once, what a protocol does, and nothing at all, each is a word that a scenario may say, too."""
    others = {fault.value for fault in (Fault.NONE, Fault.PROTOCOL_RESET, Fault.PAUSE_AND_RESET)}
    assert {fault.value for fault in Fault} - {*FAULTS} == others
