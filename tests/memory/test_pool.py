"""Claims about pools: who has what, what is left, and what was never given back."""

import pytest
from hypothesis import given, strategies as st

from ndisemu.errors import RuleViolation
from ndisemu.memory import Pool


class Packet:
    """The least that a pool can hold."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.owner: object | None = None

    def __repr__(self) -> str:
        return f"packet#{self.number}"


@pytest.fixture
def pool() -> Pool[Packet]:
    """Give a pool of three packets."""
    return Pool("packets", "app", [Packet(number) for number in range(3)])


def test_objects_are_lent_in_the_order_they_were_made(pool: Pool[Packet]) -> None:
    """A fresh pool lends its first object first, and each knows to whom."""
    lent = [pool.allocate("nic0") for _ in range(3)]
    assert lent == list(pool)
    assert [packet.owner for packet in pool] == ["nic0"] * 3


def test_an_exhausted_pool_lends_nothing(pool: Pool[Packet]) -> None:
    """When all are out there is None, until one comes back."""
    first, *_ = [pool.allocate("nic0") for _ in range(3)]
    assert pool.allocate("nic0") is None
    assert first is not None
    pool.free(first, "nic0")
    assert pool.allocate("nic1") is first


def test_the_leak_list_is_what_is_out_in_the_order_it_was_made(pool: Pool[Packet]) -> None:
    """Everything lent and not freed is a leak; a fresh pool has none."""
    assert pool.leaks() == []
    lent = [pool.allocate("nic0") for _ in range(3)]
    assert lent[1] is not None
    pool.free(lent[1], "nic0")
    assert pool.leaks() == [lent[0], lent[2]]


def test_freeing_twice_is_refused(pool: Pool[Packet]) -> None:
    """The second free of an object changes nothing."""
    packet = pool.allocate("nic0")
    assert packet is not None
    pool.free(packet, "nic0")
    with pytest.raises(RuleViolation, match="nic0 frees packet#0 into packets, but it is free already") as caught:
        pool.free(packet, "nic0")
    assert caught.value.rule == "mem-double-free"
    assert pool.free_count == 3


def test_freeing_what_another_has_is_refused(pool: Pool[Packet]) -> None:
    """Only who was lent an object can give it back."""
    packet = pool.allocate("nic0")
    assert packet is not None
    with pytest.raises(RuleViolation, match="nic1 frees packet#0 into packets, but it is owned by nic0"):
        pool.free(packet, "nic1")
    assert pool.leaks() == [packet]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), max_size=60))
def test_free_and_lent_are_always_the_whole_pool(steps: list[tuple[bool, int]]) -> None:
    """Whatever is lent and taken back, every object is either free or on the leak list, and none is lent twice."""
    pool = Pool("packets", "app", [Packet(number) for number in range(5)])
    out: list[Packet] = []
    for lend, which in steps:
        if lend:
            packet = pool.allocate(which)
            assert (packet is None) == (len(out) == 5)
            if packet is not None:
                assert packet not in out
                out.append(packet)
        elif out:
            packet = out.pop(which % len(out))
            assert packet.owner is not None
            pool.free(packet, packet.owner)
        assert pool.free_count == 5 - len(out)
        assert pool.leaks() == sorted(out, key=lambda packet: packet.number)


def test_the_status_line_counts_what_is_free(pool: Pool[Packet]) -> None:
    """A pool's repr says how many of its objects are free."""
    pool.allocate("nic0")
    assert repr(pool) == "<Pool packets of app: 2 of 3 free>"
