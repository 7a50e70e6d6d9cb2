"""Claims about a switch's memory of addresses: what it holds, and for how long."""

import pytest

from ndisemu.link import AddressTable


def test_what_was_heard_is_known_at_the_port_where_it_was_heard_last() -> None:
    """An address has one port, and the other ports' addresses outlive one that is forgotten."""
    table = AddressTable(ageing=100, most=8)
    for address, port in ((b"a", 1), (b"b", 2), (b"a", 2), (b"c", 1)):
        table.learn(address, port, 0)
    assert [table.find(address) for address in (b"a", b"b", b"c", b"d")] == [2, 2, 1, None]
    table.forget(2)
    assert [table.find(address) for address in (b"a", b"b", b"c")] == [None, None, 1]
    assert (repr(table), table.learned) == ("<AddressTable 1/8 addresses>", 3)


@pytest.mark.parametrize(
    ("first", "last", "lasts", "known"), [(0, 99, True, 1), (99, 100, False, 1), (100, 105, True, None)]
)
def test_an_address_is_forgotten_when_its_time_is_over(first: int, last: int, lasts: bool, known: int | None) -> None:
    """`lasts` forgets what is too old at the first moment, and says whether something will be until the last."""
    table = AddressTable(ageing=100, most=8)
    table.learn(b"a", 1, 0)
    assert table.lasts(first, last) is lasts
    assert table.find(b"a") == known


def test_what_is_heard_again_is_kept() -> None:
    """The time counts from when an address was heard last."""
    table = AddressTable(ageing=100, most=8)
    for when in (0, 60, 120):
        table.learn(b"a", 1, when)
    assert table.lasts(219, 219)
    assert table.find(b"a") == 1
    assert table.lasts(220, 220)
    assert table.find(b"a") is None


def test_what_is_learned_on_the_way_may_not_last_either() -> None:
    """Even of an empty table nothing can be said for longer than the ageing time."""
    table = AddressTable(ageing=100, most=8)
    assert table.lasts(0, 99)
    assert not table.lasts(0, 100)
