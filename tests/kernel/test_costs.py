"""Cost tables: what they sum up, and what they charge where."""

from dataclasses import astuple, fields

from hypothesis import given, strategies as st

from ndisemu.kernel import MEASURED, Costs


@given(st.integers(0, 1000), st.integers(1, 9), st.integers(1, 9))
def test_a_slower_machine_takes_longer_for_everything(cost: int, numerator: int, denominator: int) -> None:
    """A table times a factor has each of its figures times that factor, in whole nanoseconds."""
    table = Costs(**{one.name: cost + place for place, one in enumerate(fields(Costs))})
    assert astuple(table.times(numerator, denominator)) == tuple(
        figure * numerator // denominator for figure in astuple(table)
    )


def test_a_table_without_figures_costs_nothing() -> None:
    """Every kind of work is free by default."""
    assert set(astuple(Costs())) == {0}
    assert Costs().send(64) == Costs().receive(64) == Costs().completion(64) == Costs().submission(64) == 0


def test_frames_share_what_a_call_costs() -> None:
    """A call is paid once, each of its frames by itself."""
    table = Costs(send_call=1000, send_frame=10, complete_frame=20, receive_frame=30, protocol_frame=40)
    assert [table.send(count) for count in (1, 64)] == [1010, 1640]
    assert (table.completion(3), table.receive(3), table.submission(3)) == (60, 90, 120)


def test_the_measured_table_has_the_published_figures() -> None:
    """Click's Table I, the interrupt of Aron and Druschel, and McKenney's lock; only protocols are left out."""
    assert (MEASURED.send_frame, MEASURED.complete_frame, MEASURED.receive_frame) == (161, 351, 528 + 90)
    assert (MEASURED.isr, MEASURED.lock, MEASURED.protocol_frame) == (4450, 164, 0)
