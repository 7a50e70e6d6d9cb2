"""Multipacket sends in modelled time."""

from itertools import pairwise

from ndisemu.bench import Options
from ndisemu.bench.multipacket import ARRAYS, multipacket


def test_arrays_share_what_a_call_costs() -> None:
    """The longer the array the more frames a second, down to what each takes by itself; twice as many at the least."""
    section = multipacket(Options())
    assert section.name == "multipacket"
    for driver in ("ring", "ring6"):
        rates = [row[driver] for row in section.rows]
        assert all(isinstance(rate, int) for rate in rates)
        assert all(shorter <= longer * 1.01 for shorter, longer in pairwise(rates))  # type: ignore[operator]
    assert [row["array"] for row in section.rows] == list(ARRAYS)
    assert section.targets[0].holds
    assert section.targets[0].reached > 2
