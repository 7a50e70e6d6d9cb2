"""The names that a scenario may use, against what they stand for."""

import pytest

from ndisemu.machine import faults
from ndisemu.scenario import names


def test_every_fault_has_a_name_and_every_name_a_fault() -> None:
    """What a scenario may ask for is what a machine can do."""
    assert sorted(names.FAULTS) == sorted(faults.FAULTS)


@pytest.mark.parametrize("word", names.FAULTS)
def test_a_fault_that_can_be_timed_has_an_end(word: str) -> None:
    """`for` is admitted where the machine can undo the fault, and nowhere else."""
    assert bool(names.FAULTS[word].end) == (faults.FAULTS[word].end is not None)
