"""The table of IRQLs against the routines, both ways, and what its words admit."""

from types import ModuleType
from typing import Final

import pytest

from ndisemu.ndis.ddi import Contract, Kind, contracts
from ndisemu.verifier import by_id
from ndisemu.verifier.irqltable import ADMITTED, Row, rows
from ndisemu.verifier.rule import V5, Model
from tests.contracts import ddi_co, ddi_co6, ddi_v5, ddi_v6

GENERATIONS: Final[dict[ModuleType, Model]] = {ddi_v5: V5, ddi_co: V5, ddi_v6: Model.NDIS6, ddi_co6: Model.NDIS6}

# Where the table asks for another level than the declaration, and why it does.
SERIALIZED: Final = (
    "the declaration is for both kinds of 5.x driver; of a serialized one NDIS asks for the lock's level"
)
DIFFERS: Final = {
    ("NdisMSendComplete", Model.SERIALIZED): SERIALIZED,
    ("NdisMIndicateReceivePacket", Model.SERIALIZED): SERIALIZED,
    ("NdisMIndicateStatus", Model.SERIALIZED): SERIALIZED,
    ("NdisMIndicateStatusComplete", Model.SERIALIZED): SERIALIZED,
    ("NdisMQueryInformationComplete", Model.SERIALIZED): SERIALIZED,
    ("NdisMSetInformationComplete", Model.SERIALIZED): SERIALIZED,
    ("NdisFreeSpinLock", Model.NDIS6): "the declaration is for all generations; NDIS 6 frees locks at any level",
    ("NdisInitializeEvent", Model.NDIS6): "the declaration is for all generations; NDIS 6 makes events at any level",
}

# Each routine of each kind of driver, as what drivers see declares it.
DECLARED: Final[dict[tuple[str, Model], Contract]] = {
    (known.name, model): known
    for generation, models in GENERATIONS.items()
    for face in generation.FACES
    for known in contracts(face).values()
    for model in models
}


def row_of(routine: str, model: Model) -> list[Row]:
    """Return the rows of a routine for one kind of driver, of which there should be one."""
    return [row for row in rows() if row.routine == routine and row.models & model]


@pytest.mark.parametrize(("routine", "model"), DECLARED, ids=str)
def test_every_routine_has_one_row_that_agrees_with_its_declaration(routine: str, model: Model) -> None:
    """The level is that of the declaration, or is known to differ; what is entered is no call."""
    known = DECLARED[routine, model]
    (row,) = row_of(routine, model)
    assert (row.irql != known.irql) is ((routine, model) in DIFFERS)
    assert (row.rule == "irql-entry") is (known.kind is not Kind.CALL)


def test_every_row_has_a_routine_and_a_rule() -> None:
    """Nothing is in the table that no driver could call or be entered by, and a call elsewhere breaks a rule."""
    routines = dict.fromkeys(routine for routine, _ in DECLARED)
    assert [row.routine for row in rows() if row.routine not in routines] == []
    assert [row.rule for row in rows() if row.rule not in by_id()] == []


@pytest.mark.parametrize(
    ("words", "admitted"),
    [
        ("== PASSIVE", {0}), ("< DISPATCH", {0, 1}), ("<= DISPATCH", {0, 1, 2}), ("== DISPATCH", {2}),
        ("== DIRQL", {3, 5, 15}), ("<= DIRQL", {0, 1, 2, 3, 5, 15}), ("any", {0, 1, 2, 3, 5, 15}),
    ],
)  # fmt: skip
def test_the_words_of_the_table_admit_just_these_levels(words: str, admitted: set[int]) -> None:
    """They mean what they say."""
    assert {level for level in (0, 1, 2, 3, 5, 15) if level in ADMITTED[words]} == admitted
