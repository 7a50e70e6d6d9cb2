"""The declared contracts against the documents, both ways: names and IRQLs as the DDK has them, none missing.

The tables of each generation (`ddi_v5` and so on) are transcribed from NDIS reference 1 to 3, not from the code. A
routine of theirs that is not built yet has no row; a row without code, and code without a row, fail.
"""

import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Final

import pytest

from ndisemu.ndis.ddi import Contract, Kind, contract
from tests.contracts import ddi_co, ddi_co6, ddi_v5, ddi_v6

GENERATIONS: Final = (ddi_v5, ddi_v6, ddi_co, ddi_co6)


def methods(generation: ModuleType) -> Iterator[tuple[str, object]]:
    """Give every public method of what drivers see, by its dotted name."""
    for face in generation.FACES:
        for name, member in vars(face).items():
            if inspect.isfunction(member) and not name.startswith("_"):
                yield f"{face.__name__}.{name}", member


def declared(generation: ModuleType) -> list[tuple[str, Contract]]:
    """Give the contracts of a generation's faces by dotted name."""
    return [(name, found) for name, method in methods(generation) if (found := contract(method)) is not None]


def rows(table: str) -> dict[str, str]:
    """Read a table: what stands behind each name."""
    return {name: " ".join(rest) for name, *rest in map(str.split, table.strip().splitlines())}


def said(found: Contract) -> str:
    """Say a contract as the tables do."""
    return found.irql if found.kind is Kind.CALL else f"{found.irql} {found.kind.value}"


DECLARED: Final = [
    pytest.param(generation, found, id=name) for generation in GENERATIONS for name, found in declared(generation)
]
ROWS: Final = [
    pytest.param(generation, name, id=f"{generation.__name__.rpartition('_')[2]}-{name}")
    for generation in GENERATIONS
    for name in (*rows(generation.ENTRIES), *rows(generation.CALLS))
]
FACES: Final = [
    pytest.param(generation, face, id=face.__name__) for generation in GENERATIONS for face in generation.FACES
]


@pytest.mark.parametrize("generation", GENERATIONS, ids=lambda generation: generation.__name__)
def test_every_public_method_declares_its_contract_or_is_an_exception(generation: ModuleType) -> None:
    """What a driver supplies or calls is a routine of the DDK; what is not, says why."""
    undeclared = [name for name, method in methods(generation) if contract(method) is None]
    assert sorted(undeclared) == sorted(name for names in generation.EXCEPTIONS.values() for name in names)


@pytest.mark.parametrize(("generation", "found"), DECLARED)
def test_a_declared_contract_is_the_documents(generation: ModuleType, found: Contract) -> None:
    """Name, IRQL and kind agree with the tables, and the source is named."""
    table = generation.CALLS if found.kind is Kind.CALL else generation.ENTRIES
    assert rows(table).get(found.name) == said(found)
    assert found.source.startswith(("NDIS reference ", "seed "))


@pytest.mark.parametrize(("generation", "name"), ROWS)
def test_every_row_is_found_in_the_code(generation: ModuleType, name: str) -> None:
    """Nothing is in the tables that drivers could not use; a routine has one place on each side of NDIS."""
    faces = [place.split(".")[0] for place, found in declared(generation) if found.name == name]
    assert 1 <= len(faces) == len(dict.fromkeys(faces))
    assert len(faces) == 1 or name in generation.ON_BOTH_SIDES


@pytest.mark.parametrize(("generation", "face"), FACES)
def test_every_face_has_contracts(generation: ModuleType, face: type) -> None:
    """No class is listed in vain, and a name stands for one method of it."""
    mine = [found.name for place, found in declared(generation) if place.startswith(f"{face.__name__}.")]
    assert 1 <= len(mine) == len(dict.fromkeys(mine))
