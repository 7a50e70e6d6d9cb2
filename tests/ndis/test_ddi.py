"""The contract beside each routine: stored, free of charge, found again, and checked at registration."""

from collections.abc import Iterator

import pytest

from ndisemu.errors import RuleViolation
from ndisemu.ndis.ddi import Contract, Kind, check_entry_points, contract, contracts, ddi


class Base:
    """Two entry points, one of them immediate."""

    @ddi("MiniportA", irql="<= DISPATCH", kind=Kind.PEND, source="here")
    def a(self) -> int:
        """Do A."""
        return 1

    @ddi("MiniportB", irql="== DIRQL", kind=Kind.IMMEDIATE, source="there")
    def b(self) -> int:
        """Do B."""
        return 2

    def c(self) -> int:
        """Do what no document describes."""
        return 3


def test_a_contract_is_stored_and_the_function_untouched() -> None:
    """Declaring costs a call nothing: the function is the same object."""

    def routine() -> int:
        return 5

    declared = ddi("NdisX", irql="any", kind=Kind.CALL, source="here")(routine)
    assert declared is routine
    assert contract(routine) == Contract("NdisX", "any", Kind.CALL, "here")


@pytest.mark.parametrize("thing", [Base.c, 5, None, Base])
def test_what_is_not_declared_has_no_contract(thing: object) -> None:
    """Anything else has none."""
    assert contract(thing) is None


def test_something_else_under_the_same_name_is_no_contract() -> None:
    """Only what the decorator stored counts."""

    def routine() -> None: ...

    routine.__dict__["__ddi__"] = "NdisX"
    assert contract(routine) is None


def test_a_class_has_the_contracts_of_its_bases() -> None:
    """By Python name, in the order of declaration, also where a driver overrides without declaring again."""

    class Driver(Base):
        def b(self) -> int:
            return 4

    assert {name: found.name for name, found in contracts(Driver).items()} == {"a": "MiniportA", "b": "MiniportB"}
    assert list(contracts(Base)) == ["a", "b"]


def test_an_entry_that_may_pend_may_be_async() -> None:
    """Registration accepts a coroutine there, and a plain function everywhere."""

    class Driver(Base):
        async def a(self) -> int:  # type: ignore[override]  # which a driver may
            return 1

    check_entry_points(Base)
    check_entry_points(Driver)


@pytest.mark.parametrize("name", ["a", "b"])
def test_no_entry_may_be_a_generator(name: str) -> None:
    """A call of one would run nothing; the refusal says where its yield is to be found."""

    def entry(_self: Base) -> Iterator[int]:
        yield 1

    driver = type("Driver", (Base,), {name: entry})
    with pytest.raises(RuleViolation, match=rf"entry-async: Driver\.{name} is .* has a yield in it \(.*test_ddi.py:"):
        check_entry_points(driver)


def test_an_immediate_entry_must_be_plain() -> None:
    """Registration refuses a coroutine there, by the driver's name and the DDK's."""

    class Driver(Base):
        async def b(self) -> int:  # type: ignore[override]  # that is the mistake
            return 2

    with pytest.raises(RuleViolation, match=r"entry-async: Driver\.b is MiniportB, which returns at once"):
        check_entry_points(Driver)
